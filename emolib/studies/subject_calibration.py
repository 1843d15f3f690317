"""Subject calibration: what a short neutral baseline of each person gains on people never seen.

Everybody, in training and in test alike, first gives a baseline, and all of their windows are standardised by it. In every
arm, baseline windows neither train nor answer, so all arms answer the same windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import Experiment, model_name
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, within
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.models.training import Trainer
from emolib.signals.frontend import front_end
from emolib.signals.owner import Heard, Prior, profile_of

NONE, BASELINE, SUBJECT = "none", "baseline", "subject"
PRIOR_S = 60.0  # a baseline this long weighs as much as other people's spread; fixed before any result
ROUNDING_S = 1e-6


def baseline(
    data: EmotionSet, neutral: str, baseline_s: float, window_s: float
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Of each person the first windows of class `neutral`, until they hold baseline_s seconds of signal, (n_windows,) bool.

    First means first in the order of the set, which is that of the corpus's loader. Then which other windows share signal
    with these, (n_windows,) bool, and the people who have less. Raises BadParameter for a class that the task lacks,
    BadSet if nobody has a baseline.
    """
    if neutral not in data.classes:
        raise BadParameter(f"neutral: got {neutral!r}, expected one of the classes {', '.join(data.classes)}.")
    windows, beside, dropped = np.zeros(len(data.y), bool), np.zeros(len(data.y), bool), []
    for name in np.unique(data.subject):
        rows = np.flatnonzero((data.subject == name) & (data.y == data.classes.index(neutral)))
        trial, step_s = data.trial[rows], np.diff(data.start_s[rows], prepend=0.0)
        goes_on = np.append(False, trial[1:] == trial[:-1])[: len(trial)]  # an overlap counts once
        held_s = np.cumsum(np.where(goes_on, np.minimum(step_s, window_s), window_s))
        n = 1 + np.searchsorted(held_s, baseline_s - ROUNDING_S)
        if n > len(rows):
            dropped.append(str(name))
            continue
        windows[rows[:n]] = True
        last, later = rows[n - 1], rows[n:]
        overlaps = data.start_s[later] < data.start_s[last] + window_s - ROUNDING_S
        beside[later[(data.trial[later] == data.trial[last]) & overlaps]] = True
    if len(dropped) == len(np.unique(data.subject)):
        raise BadSet(f"Nobody has {baseline_s:g} s of {neutral}: lower baseline_s.")
    return windows, beside, dropped


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
    def load(cls, run: Run, source: Experiment, neutral: str, baseline_s: float, shorter_s: list) -> "Study":
        """The study of a source's windows and folds. Raises as `of` does, and BadParameter for stills."""
        windows = front_end(source.modality, **run.parameters_of(f"data/{source}.npz")["frontend"])
        if windows.window_s is None:
            raise BadParameter(f"modality: got {source.modality}, expected one whose windows last some time.")
        data, folds = crossval.windows_of(run, source)
        return cls.of(data, folds, neutral, [*shorter_s, baseline_s], windows.window_s, windows.feature_axis)

    @classmethod
    def of(
        cls, data: EmotionSet, folds: Sequence[Fold], neutral: str, lengths_s: list, window_s: float, axis
    ) -> "Study":
        """An arm for each length of baseline, the longest last, whose windows answer in no arm.

        People with less than that of `neutral` are left out and counted, and so are folds that then test nobody.
        Raises BadParameter for lengths that do not grow, or for folds that test people who train or stop them; BadSet if a
        fold has no window left to train or validate; and as `baseline` does.
        """
        for fold in folds:
            seen = data.subject[np.concatenate([fold.train, fold.val])]
            if len(both := np.intersect1d(seen, data.subject[fold.test])):
                raise BadParameter(
                    f"Fold {fold.name} trains and tests {', '.join(both[:3])}, expected people never seen: "
                    "take a protocol that splits people, loso for example."
                )
        if lengths_s != sorted(set(lengths_s)):
            raise BadParameter(f"Baselines of {lengths_s} s, expected shorter_s to grow up to baseline_s.")
        *shorter_s, seconds = lengths_s
        windows, beside, dropped = baseline(data, neutral, seconds, window_s)
        keep = ~np.isin(data.subject, dropped)
        answers, place = keep & ~windows & ~beside, np.cumsum(keep) - 1
        left = [within(fold, answers, place) for fold in folds if answers[fold.test].any()]
        baselines = {}
        for shorter in shorter_s:
            baselines[f"{BASELINE}_{shorter:g}s"] = (baseline(data, neutral, shorter, window_s)[0][keep], shorter)
        counts = [
            (f"dropped: people with less than {seconds:g} s of {neutral}", len(dropped), ", ".join(dropped)),
            ("dropped: windows of these people", (~keep).sum(), ""),
            (f"baseline: windows, the first {seconds:g} s of {neutral}", windows.sum(), ""),
            ("dropped: windows that share signal with the baseline", beside.sum(), ""),
            ("windows that train or answer", answers.sum(), ""),
            ("dropped: folds that nobody is left to be tested in", len(folds) - len(left), ""),
        ]
        counts = pd.DataFrame(counts, columns=["what", "count", "who"])
        baselines[BASELINE] = windows[keep], seconds
        return cls(data.part(np.flatnonzero(keep)), left, baselines, counts, axis)

    @property
    def arms(self) -> dict[str, str]:
        """What each arm calibrates by, from nothing to all windows of a person."""
        by_baseline = {name: f"baseline {seconds:g} s" for name, (_, seconds) in self.baselines.items()}
        return {NONE: "no calibration", **by_baseline, SUBJECT: "all windows of the person"}

    @cached_property
    def heard(self) -> Heard:
        """The windows, listened to once for the priors of all arms and folds."""
        return crossval.prepared(self.data, "owner", self.axis).X

    def scaled(self, arm: str, fold: Fold) -> EmotionSet:
        """The set before a fold's standardiser sees it. Nobody's windows depend on others who are tested."""
        if arm == NONE:
            return self.data
        if arm == SUBJECT:
            return crossval.prepared(self.data, SUBJECT, self.axis)
        X, subject, (baseline, seconds) = self.data.X, self.data.subject, self.baselines[arm]
        prior, scaled = Prior.fit(self.heard[fold.train], self.axis), np.empty(X.shape, np.float32)
        for name in np.unique(subject):
            rows = subject == name
            own = profile_of(X[rows & baseline], self.axis)
            shrunk = replace(prior, std=prior.within, mean_weight=0.0, spread_weight=own.n * PRIOR_S / seconds)
            scaled[rows] = shrunk.normalise(X[rows], own)
        return replace(self.data, X=scaled)

    def scores(self, run: Run, source: Experiment, trainer: Trainer) -> dict[str, np.ndarray]:
        """By arm the scores (n_rows, n_classes), each fold by its own network, in the order of
        `crossval.score_columns`. Every fold of every arm is trained; files that are current are left as they are."""
        found = {}
        with progress_bar(len(self.arms) * len(self.folds), "train", "folds") as bar:
            for arm in self.arms:
                logits = []
                for k, fold in enumerate(self.folds):
                    data, name = self.scaled(arm, fold), model_name(f"{source}/calibration-{arm}", k)
                    shown = replace(fold, name=f"{arm}, {fold.name}")
                    crossval.train_fold(run, name, trainer, data, shown, self.axis, bar)
                    trainer.model.set_weights(crossval.load_model(run, name).get_weights())
                    X = data.X[np.concatenate([fold.val, fold.test])]
                    logits.append(trainer.predict(crossval.load_standardiser(run, name)(X)))
                found[arm] = softmax(np.concatenate(logits))
        return found
