"""From trials to the EmotionSet of a task, and from that to an .npz and back."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib.core.errors import BadRecording, BadSet
from emolib.core.windows import Spool
from emolib.datasets import labels
from emolib.datasets.base import COPY, KNOWN, EmotionSet, Trial
from emolib.signals.readers import same_rate

ARRAYS = ("X", "y", "subject", "trial", "split", "classes", "sfreq")
RECORDINGS = ("kind", "channels")
KEPT, WINDOWS, COPIES = "trials kept", "windows kept", "windows of copies, which only train"
NO_DATA = np.empty(0, np.float32)  # in a trial whose windows are made, to free its memory


def emotion_set(trials: Iterable[Trial], task: str, front_end: Callable) -> tuple[EmotionSet, Counter]:
    """Labelled windows of the trials that the task has a class for, and counts of what was kept and what was dropped.

    `front_end(data, sfreq, kind)` gives the Windows of a trial. Raises UnmappedLabel, BadRecording with the trial's
    name, and BadSet where a class or a second subject is missing, or trials differ in their kind or channels.
    """
    counts, parts, spool = Counter({KEPT: 0, WINDOWS: 0}), [], Spool()
    for trial in trials:
        target = labels.target(trial.corpus, task, trial)
        if target is None:
            counts[f"dropped: {trial.label}: no class in this task"] += 1
            continue
        try:
            windows = front_end(trial.data, trial.sfreq, trial.kind)
        except BadRecording as error:
            raise BadRecording(f"{trial.corpus} {trial.trial}: {error}") from error
        n_windows = len(windows.X)
        if trial.split.startswith(COPY):
            counts[COPIES] += n_windows
        else:
            counts.update({KEPT: int(n_windows > 0), WINDOWS: n_windows})
            counts.update({f"dropped: window: {reason}": n for reason, n in windows.dropped.items()})
        if n_windows:
            spool.add(windows.X)
            parts.append((windows.start_s, target, replace(trial, data=NO_DATA), windows.measures))
    if not parts:
        raise BadSet(f"No window left of {task}: {dict(counts)}; check task and window_s.")
    starts, targets, kept, measures = zip(*parts, strict=True)
    for name in RECORDINGS:
        found = sorted({getattr(trial, name) for trial in kept})
        if len(found) > 1:
            raise BadSet(f"Trials differ in their {name} ({found[0]}, {found[1]}): load them apart.")
    _check_rates(kept)
    lengths = [len(start_s) for start_s in starts]

    def per_window(values: Iterable) -> np.ndarray:
        return np.repeat(np.array(list(values)), lengths)

    classes = labels.classes(kept[0].corpus, task)
    columns = {name: per_window(getattr(trial, name) for trial in kept) for name in ("subject", "trial", "split")}
    columns |= {"y": per_window(map(classes.index, targets)), "start_s": np.concatenate(starts)}
    if all(math.isfinite(trial.session_s) for trial in kept):
        columns["session_s"] = per_window(trial.session_s for trial in kept) + columns["start_s"]
    if all(trial.stimulus for trial in kept):
        columns["stimulus"] = per_window(trial.stimulus for trial in kept)
    if all(found is not None for found in measures):
        columns["measures"] = np.concatenate(measures)
    recorded = {name: getattr(kept[0], name) for name in ("sfreq", *RECORDINGS)}
    return EmotionSet(spool.array(), classes=classes, **columns, **recorded).check_trainable(), counts


def _check_rates(trials: Iterable[Trial]) -> None:
    """Raise BadSet, with the rates and trials, for signals of several rates: a device reads them at one."""
    by_rate = {}
    for trial in trials:
        if trial.kind:  # speech has one rate; pictures stand alone
            rate = next((hz for hz in by_rate if same_rate(trial.sfreq, hz)), trial.sfreq)
            by_rate.setdefault(rate, []).append(trial.trial)
    if len(by_rate) > 1:
        found = "; ".join(f"{hz:g} Hz in {len(names)} trials, such as {names[0]}" for hz, names in by_rate.items())
        raise BadSet(f"Trials differ in their rate ({found}): resample them to one, or load them apart.")


def table(counts: Counter) -> pd.DataFrame:
    """Columns what, count; what was dropped comes last, by its reason."""
    rows = sorted(counts.items(), key=lambda row: row[0] if row[0].startswith("dropped") else "")
    return pd.DataFrame(rows, columns=["what", "count"])


def to_arrays(data: EmotionSet) -> dict[str, np.ndarray]:
    """The set for an .npz without pickles; a kind, channels, times or stimuli that its recordings lack are left out."""
    names = [*ARRAYS, *(name for name in RECORDINGS if getattr(data, name))]
    names += [name for name in KNOWN if getattr(data, name) is not None]
    return {name: np.asanyarray(getattr(data, name)) for name in names}


def from_arrays(arrays: dict[str, np.ndarray]) -> EmotionSet:
    """The set that `to_arrays` saved."""
    lists = {name: tuple(arrays[name].tolist()) for name in ("classes", "channels") if name in arrays}
    scalars = {name: arrays[name].item() for name in ("sfreq", "kind") if name in arrays}
    return EmotionSet(**{**arrays, **lists, **scalars})
