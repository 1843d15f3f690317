"""The short recording of a known, neutral state that each person gives first, among the windows of a set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolib.core.errors import BadArtifact, BadParameter, BadSet
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, within

ROUNDING_S = 1e-6


@dataclass(frozen=True, eq=False)
class Baseline:
    """Windows that are a person's baseline, and those beside them that share signal with it.

    bool (n_windows,) both, and `keep`: all windows of people with a baseline. `dropped`: people who have less
    than `baseline_s` of `neutral`.
    """

    neutral: str
    baseline_s: float
    windows: np.ndarray
    beside: np.ndarray
    keep: np.ndarray
    dropped: tuple[str, ...]

    @property
    def answers(self) -> np.ndarray:
        """Windows that train or answer, bool (n_windows,): of people with a baseline, outside it."""
        return self.keep & ~self.windows & ~self.beside

    @classmethod
    def of(cls, data: EmotionSet, neutral: str, baseline_s: float, window_s: float) -> "Baseline":
        """Of each person the first windows of class `neutral`, until they hold baseline_s seconds of signal.

        First in the order of the set, which is that of the corpus's loader.
        Raises BadParameter for a class that the task lacks or a baseline of no time, BadArtifact for windows
        without times, BadSet where nobody has a baseline.
        """
        check(data, neutral, baseline_s)
        windows, beside, dropped = np.zeros(len(data.y), bool), np.zeros(len(data.y), bool), []
        for name in np.unique(data.subject):
            rows = np.flatnonzero((data.subject == name) & (data.y == data.classes.index(neutral)))
            held_s = signal_s(data.trial[rows], data.start_s[rows], window_s)
            n = 1 + np.searchsorted(held_s, baseline_s - ROUNDING_S)
            if n > len(rows):
                dropped.append(str(name))
                continue
            windows[rows[:n]] = True
            end_s = data.start_s[rows[n - 1]] + window_s - ROUNDING_S
            later = rows[n:]
            beside[later[(data.trial[later] == data.trial[rows[n - 1]]) & (data.start_s[later] < end_s)]] = (
                True
            )
        keep = ~np.isin(data.subject, dropped)
        if not keep.any():
            raise BadSet(
                f"Nobody has {baseline_s:g} s of {neutral}, expected two people or more: lower baseline_s."
            )
        return cls(neutral, baseline_s, windows, beside, keep, tuple(dropped))

    def counts(self) -> pd.DataFrame:
        """What became of people and windows: what, count, who."""
        few = f"dropped: people with less than {self.baseline_s:g} s of {self.neutral}"
        rows = [
            (few, len(self.dropped), ", ".join(self.dropped)),
            ("dropped: windows of these people", (~self.keep).sum(), ""),
            (f"baseline: windows, the first {self.baseline_s:g} s of {self.neutral}", self.windows.sum(), ""),
            ("dropped: windows that share signal with the baseline", self.beside.sum(), ""),
            ("windows that train or answer", self.answers.sum(), ""),
        ]
        return pd.DataFrame(rows, columns=["what", "count", "who"])


def check(data: EmotionSet, neutral: str, baseline_s: float):
    """Raise BadParameter or, where windows have no times, BadArtifact."""
    if neutral not in data.classes:
        raise BadParameter(
            f"neutral: got {neutral!r}, expected one of the classes {', '.join(data.classes)}: "
            "a task without a neutral state has no baseline."
        )
    if not 0 < baseline_s < math.inf:
        raise BadParameter(f"baseline_s: got {baseline_s}, expected more than 0 seconds.")
    if data.start_s is None:
        raise BadArtifact(
            "The windows do not say when they begin, expected start_s: run 01_windows.ipynb again."
        )


def signal_s(trial: np.ndarray, start_s: np.ndarray, window_s: float) -> np.ndarray:
    """Seconds of signal in windows up to each, (n_windows,), overlaps once; a trial's windows in order."""
    step_s = np.diff(start_s, prepend=0.0)
    goes_on = np.append(False, trial[1:] == trial[:-1])[: len(trial)]
    return np.cumsum(np.where(goes_on, np.minimum(step_s, window_s), window_s))


def restricted(folds: Sequence[Fold], baseline: Baseline) -> list[Fold]:
    """The folds over the windows that answer, in a set of `baseline.keep` alone; none that tests nobody.

    Raises BadSet where a fold has no window left to train or validate.
    """
    place, answers = np.cumsum(baseline.keep) - 1, baseline.answers
    return [within(fold, answers, place) for fold in folds if answers[fold.test].any()]


def check_unseen(data: EmotionSet, folds: Sequence[Fold]):
    """Raise BadParameter where a fold tests people who train or stop it."""
    for fold in folds:
        seen = data.subject[np.concatenate([fold.train, fold.val])]
        both = np.intersect1d(seen, data.subject[fold.test])
        if len(both):
            raise BadParameter(
                f"Fold {fold.name} trains and tests {', '.join(both[:3])}, expected people never seen: "
                "take a protocol that splits people, loso for example."
            )
