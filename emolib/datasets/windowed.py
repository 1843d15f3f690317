"""From trials to the EmotionSet of a task, and to and from an .npz."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from emolib.datasets import labels
from emolib.datasets.base import EmotionSet, Trial
from emolib.errors import BadRecording, BadSet

LEFT_OUT = "no class in this task"
ARRAYS = ("X", "y", "subject", "trial", "split", "classes", "sfreq")


@dataclass
class Counts:
    """What became of the trials: kept ones, windows, and reasons for what is missing."""

    trials: int = 0
    windows: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, n: int = 1):
        self.dropped[reason] = self.dropped.get(reason, 0) + n

    def table(self) -> pd.DataFrame:
        """Columns what, count."""
        rows = [("trials kept", self.trials), ("windows kept", self.windows)]
        rows += [(f"dropped: {reason}", n) for reason, n in sorted(self.dropped.items())]
        return pd.DataFrame(rows, columns=["what", "count"])


def emotion_set(trials: Iterable[Trial], task: str, front_end: Callable) -> tuple[EmotionSet, Counts]:
    """Labelled windows of the trials that the task has a class for, and what was left out.

    Raises UnmappedLabel, BadRecording with the trial's name, and BadSet where a class or a second subject is
    missing.
    """
    counts, parts, classes, sfreq = Counts(), [], (), 0.0
    for trial in trials:
        classes = labels.classes(trial.corpus, task)
        target = labels.target(trial.corpus, task, trial)
        if target is None:
            counts.drop(f"{trial.label}: {LEFT_OUT}")
            continue
        X = _windows(trial, front_end, counts)
        if len(X):
            parts.append((X, classes.index(target), trial))
            sfreq = trial.sfreq
    if not parts:
        raise BadSet(
            f"No window left of {task}: {counts.dropped or 'no trial at all'}; check task and window_s."
        )
    X = np.concatenate([part[0] for part in parts])
    lengths = [len(part[0]) for part in parts]
    columns = ([part[1] for part in parts], *_names(parts))
    y, subject, trial, split = (np.repeat(np.array(column), lengths) for column in columns)
    return EmotionSet(X, y, subject, trial, classes, sfreq, split).check_trainable(), counts


def _windows(trial: Trial, front_end: Callable, counts: Counts) -> np.ndarray:
    try:
        windows = front_end(trial.data, trial.sfreq, trial.kind)
    except BadRecording as error:
        raise BadRecording(f"{trial.corpus} {trial.trial}: {error}") from error
    counts.trials += bool(len(windows.X))
    counts.windows += len(windows.X)
    for reason, n in windows.dropped.items():
        counts.drop(f"window: {reason}", n)
    return windows.X


def _names(parts) -> Iterator[list[str]]:
    return ([getattr(part[2], name) for part in parts] for name in ("subject", "trial", "split"))


def to_arrays(data: EmotionSet) -> dict[str, np.ndarray]:
    """The set for an .npz without pickles."""
    return {name: np.asarray(getattr(data, name)) for name in ARRAYS}


def from_arrays(arrays: dict[str, np.ndarray]) -> EmotionSet:
    """The set that `to_arrays` saved."""
    classes, sfreq = tuple(arrays["classes"].tolist()), float(arrays["sfreq"])
    return EmotionSet(**{**arrays, "classes": classes, "sfreq": sfreq})
