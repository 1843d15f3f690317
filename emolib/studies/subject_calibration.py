"""Subject calibration: what a short neutral baseline of each person gains on people never seen.

Everybody, in training and in test alike, first gives a baseline, and all of their windows are standardised by it. In every
arm, baseline windows neither train nor answer, so all arms answer the same windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import splits, windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, within
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.frontend import front_end
from emolib.signals.standardise import by_baseline, within_subject_std

if TYPE_CHECKING:  # imports TensorFlow
    from emolib.models.training import Trainer

NONE, BASELINE, SUBJECT = "none", "baseline", "subject"
PRIOR_S = 60.0  # a baseline this long weighs as much as other people's spread; fixed before any result
ROUNDING_S = 1e-6


@dataclass(frozen=True, eq=False)
class Baseline:
    """Which windows are a person's baseline, and which other windows share signal with it.

    `windows` and `beside` are bool (n_windows,), and so is `keep`: all windows of people with a baseline. `dropped` are
    the people who have less than `baseline_s` of `neutral`.
    """

    windows: np.ndarray
    beside: np.ndarray
    keep: np.ndarray
    dropped: list[str]

    @property
    def answers(self) -> np.ndarray:
        """Windows that train or answer, bool (n_windows,): those of people with a baseline, outside it."""
        return self.keep & ~self.windows & ~self.beside

    @classmethod
    def of(cls, data: EmotionSet, neutral: str, baseline_s: float, window_s: float) -> "Baseline":
        """Of each person the first windows of class `neutral`, until they hold baseline_s seconds of signal.

        First means first in the order of the set, which is that of the corpus's loader. Raises BadParameter for a class
        that the task lacks, BadSet if nobody has a baseline.
        """
        if neutral not in data.classes:
            raise BadParameter(
                f"neutral: got {neutral!r}, expected one of the classes {', '.join(data.classes)}: "
                "a task without a neutral state has no baseline."
            )
        windows, beside, dropped = np.zeros(len(data.y), bool), np.zeros(len(data.y), bool), []
        for name in np.unique(data.subject):
            rows = np.flatnonzero((data.subject == name) & (data.y == data.classes.index(neutral)))
            held_s = signal_s(data.trial[rows], data.start_s[rows], window_s)
            n = 1 + np.searchsorted(held_s, baseline_s - ROUNDING_S)
            if n > len(rows):
                dropped.append(str(name))
                continue
            windows[rows[:n]] = True
            last, later = rows[n - 1], rows[n:]
            overlaps = data.start_s[later] < data.start_s[last] + window_s - ROUNDING_S
            beside[later[(data.trial[later] == data.trial[last]) & overlaps]] = True
        keep = ~np.isin(data.subject, dropped)
        if not keep.any():
            raise BadSet(f"Nobody has {baseline_s:g} s of {neutral}: lower baseline_s.")
        return cls(windows, beside, keep, dropped)


def signal_s(trial: np.ndarray, start_s: np.ndarray, window_s: float) -> np.ndarray:
    """Seconds of signal in the windows up to each, (n_windows,). Overlaps count once; a trial's windows are in order."""
    step_s = np.diff(start_s, prepend=0.0)
    goes_on = np.append(False, trial[1:] == trial[:-1])[: len(trial)]
    return np.cumsum(np.where(goes_on, np.minimum(step_s, window_s), window_s))


@dataclass(frozen=True, eq=False)
class Study:
    """People with a baseline, and the folds of the windows that answer.

    `baselines`: by arm that has a baseline, its windows, bool (n_windows,), and its seconds. `counts`: what became of
    people, folds and windows. `axis`: that of the features.
    """

    data: EmotionSet
    folds: list[Fold]
    baselines: Mapping[str, tuple[np.ndarray, float]]
    counts: pd.DataFrame
    axis: int | None

    @classmethod
    def load(
        cls, run: Run, source: Experiment, neutral: str, baseline_s: float, shorter_s: Sequence[float]
    ) -> "Study":
        """The study of a source's windows and folds. Raises as `of` does, and BadParameter for stills."""
        name = f"data/{source}.npz"
        windows = front_end(source.modality, **run.parameters_of(name)["frontend"])
        if windows.window_s is None:
            raise BadParameter(f"modality: got {source.modality}, expected one whose windows last some time.")
        data = windowed.from_arrays(run.arrays(name))
        folds = splits.from_arrays(run.arrays(f"data/{source}-folds.npz"))
        return cls.of(data, folds, neutral, [*shorter_s, baseline_s], windows.window_s, windows.feature_axis)

    @classmethod
    def of(
        cls,
        data: EmotionSet,
        folds: Sequence[Fold],
        neutral: str,
        lengths_s: Sequence[float],
        window_s: float,
        axis: int | None,
    ) -> "Study":
        """An arm for each length of baseline, the longest last, whose windows answer in no arm.

        People with less than that of `neutral` are left out and counted, and so are folds that then test nobody.
        Raises BadParameter for lengths that do not grow, or for folds that test people who train or stop them; BadSet if a
        fold has no window left to train or validate; and as `Baseline.of` does.
        """
        for fold in folds:
            seen = data.subject[np.concatenate([fold.train, fold.val])]
            if len(both := np.intersect1d(seen, data.subject[fold.test])):
                raise BadParameter(
                    f"Fold {fold.name} trains and tests {', '.join(both[:3])}, expected people never seen: "
                    "take a protocol that splits people, loso for example."
                )
        if list(lengths_s) != sorted({seconds for seconds in lengths_s if seconds > 0}):
            raise BadParameter(f"Baselines of {lengths_s} s, expected shorter_s to grow up to baseline_s.")
        made = [Baseline.of(data, neutral, seconds, window_s) for seconds in lengths_s]
        longest, seconds = made[-1], lengths_s[-1]
        keep, answers, place = longest.keep, longest.answers, np.cumsum(longest.keep) - 1
        left = [within(fold, answers, place) for fold in folds if answers[fold.test].any()]
        names = [*(f"{BASELINE}_{shorter:g}s" for shorter in lengths_s[:-1]), BASELINE]
        baselines = {n: (one.windows[keep], s) for n, one, s in zip(names, made, lengths_s, strict=True)}
        few, dropped = f"people with less than {seconds:g} s of {neutral}", longest.dropped
        counts = [
            (f"dropped: {few}", len(dropped), ", ".join(dropped)),
            ("dropped: windows of these people", (~keep).sum(), ""),
            (f"baseline: windows, the first {seconds:g} s of {neutral}", longest.windows.sum(), ""),
            ("dropped: windows that share signal with the baseline", longest.beside.sum(), ""),
            ("windows that train or answer", answers.sum(), ""),
            ("dropped: folds that nobody is left to be tested in", len(folds) - len(left), ""),
        ]
        counts = pd.DataFrame(counts, columns=["what", "count", "who"])
        return cls(data.part(np.flatnonzero(keep)), left, baselines, counts, axis)

    @property
    def arms(self) -> dict[str, str]:
        """What each arm calibrates by, from nothing to all windows of a person."""
        by_baseline = {name: f"baseline {seconds:g} s" for name, (_, seconds) in self.baselines.items()}
        return {NONE: "no calibration", **by_baseline, SUBJECT: "all windows of the person"}

    def scaled(self, arm: str, fold: Fold) -> EmotionSet:
        """The set before a fold's standardiser sees it. Nobody's windows depend on others who are tested."""
        if arm == NONE:
            return self.data
        if arm == SUBJECT:
            return crossval.prepared(self.data, SUBJECT, self.axis)
        X, subject, (baseline, seconds) = self.data.X, self.data.subject, self.baselines[arm]
        std = within_subject_std(X[fold.train], subject[fold.train], self.axis)
        scaled = by_baseline(X, subject, baseline, std, PRIOR_S / (PRIOR_S + seconds), self.axis)
        return replace(self.data, X=scaled)

    def train(self, run: Run, source: Experiment, trainer: "Trainer"):
        """Train every fold of every arm. Files that are current are left as they are."""
        with progress_bar(len(self.arms) * len(self.folds), "train", "folds") as bar:
            for arm in self.arms:
                for k, fold in enumerate(self.folds):
                    name = model_name(f"{source}/calibration-{arm}", k)
                    shown = replace(fold, name=f"{arm}, {fold.name}")
                    crossval.train_fold(run, name, trainer, self.scaled(arm, fold), shown, self.axis, bar)

    def scores(self, run: Run, source: Experiment, trainer: "Trainer") -> dict[str, np.ndarray]:
        """By arm the scores (n_rows, n_classes), each fold by its own network, in the order of `crossval.score_columns`."""
        found = {}
        for arm in self.arms:
            logits = []
            for k, fold in enumerate(self.folds):
                name = model_name(f"{source}/calibration-{arm}", k)
                trainer.model.set_weights(crossval.load_model(run, name).get_weights())
                X = self.scaled(arm, fold).X[np.concatenate([fold.val, fold.test])]
                logits.append(trainer.predict(crossval.load_standardiser(run, name)(X)))
            found[arm] = softmax(np.concatenate(logits))
        return found
