"""From trials to the EmotionSet of a task, and to and from an .npz."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from emolib.core.errors import BadRecording, BadSet
from emolib.core.windows import Spool
from emolib.datasets import labels
from emolib.datasets.base import COPY, EmotionSet, Trial
from emolib.signals.frontend import Windows

LEFT_OUT = "no class in this task"
ARRAYS = ("X", "y", "subject", "trial", "split", "classes", "sfreq")
RECORDINGS = ("kind", "channels")
NO_DATA = np.empty(0, np.float32)  # of a trial whose windows are made


@dataclass
class Counts:
    """What became of the trials: kept ones, windows, and reasons for what is missing."""

    trials: int = 0
    windows: int = 0
    copies: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, n: int = 1):
        self.dropped[reason] = self.dropped.get(reason, 0) + n

    def table(self) -> pd.DataFrame:
        """Columns what, count."""
        rows = [("trials kept", self.trials), ("windows kept", self.windows)]
        rows += [("windows of copies, which only train", self.copies)] * bool(self.copies)
        rows += [(f"dropped: {reason}", n) for reason, n in sorted(self.dropped.items())]
        return pd.DataFrame(rows, columns=["what", "count"])


def emotion_set(trials: Iterable[Trial], task: str, front_end: Callable) -> tuple[EmotionSet, Counts]:
    """Labelled windows of the trials that the task has a class for, and what was left out.

    Raises UnmappedLabel, BadRecording with the trial's name, and BadSet where a class or a second subject is
    missing, or trials differ in their kind or channels.
    """
    counts, parts, classes, sfreq, spool = Counts(), [], (), 0.0, Spool()
    for trial in trials:
        classes = labels.classes(trial.corpus, task)
        target = labels.target(trial.corpus, task, trial)
        if target is None:
            counts.drop(f"{trial.label}: {LEFT_OUT}")
            continue
        windows = _windows(trial, front_end, counts)
        if len(windows.X):
            spool.add(windows.X)
            parts.append((windows.start_s, classes.index(target), replace(trial, data=NO_DATA)))
            sfreq = trial.sfreq
    if not parts:
        raise BadSet(
            f"No window left of {task}: {counts.dropped or 'no trial at all'}; check task and window_s."
        )
    start_s = np.concatenate([part[0] for part in parts])
    lengths = [len(part[0]) for part in parts]
    columns = ([part[1] for part in parts], *_names(parts))
    y, subject, trial, split = (np.repeat(np.array(column), lengths) for column in columns)
    kind, channels = (_alike(parts, name) for name in RECORDINGS)
    made = EmotionSet(spool.array(), y, subject, trial, classes, sfreq, split, kind, channels, start_s)
    return made.check_trainable(), counts


def _windows(trial: Trial, front_end: Callable, counts: Counts) -> Windows:
    try:
        windows = front_end(trial.data, trial.sfreq, trial.kind)
    except BadRecording as error:
        raise BadRecording(f"{trial.corpus} {trial.trial}: {error}") from error
    if trial.split == COPY:
        counts.copies += len(windows.X)
        return windows
    counts.trials += bool(len(windows.X))
    counts.windows += len(windows.X)
    for reason, n in windows.dropped.items():
        counts.drop(f"window: {reason}", n)
    return windows


def _names(parts) -> Iterator[list[str]]:
    return ([getattr(part[2], name) for part in parts] for name in ("subject", "trial", "split"))


def _alike(parts, name: str):
    found = sorted({getattr(part[2], name) for part in parts})
    if len(found) > 1:
        raise BadSet(
            f"Trials differ in their {name} ({found[0]}, {found[1]}), expected one: load them apart."
        )
    return found[0]


def to_arrays(data: EmotionSet) -> dict[str, np.ndarray]:
    """The set for an .npz without pickles; a kind, channels or times that its recordings do not have are left out."""
    recordings = [name for name in RECORDINGS if getattr(data, name)] + ["start_s"] * (
        data.start_s is not None
    )
    return {name: np.asanyarray(getattr(data, name)) for name in (*ARRAYS, *recordings)}


def from_arrays(arrays: dict[str, np.ndarray]) -> EmotionSet:
    """The set that `to_arrays` saved."""
    lists = {name: tuple(arrays[name].tolist()) for name in ("classes", "channels") if name in arrays}
    scalars = {name: arrays[name].item() for name in ("sfreq", "kind") if name in arrays}
    return EmotionSet(**{**arrays, **lists, **scalars})
