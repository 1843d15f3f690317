"""Personal calibration: what a short neutral baseline of each person gains on people never seen.

Everybody, in training and in test alike, first gives a baseline; all of their windows are standardised by it.
Baseline windows train and answer nothing, whatever the arm, so that all arms answer the same windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets import splits, windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.frontend import front_end
from emolib.signals.standardise import by_baseline, within_subject_std
from emolib.studies.subject_calibration.baseline import Baseline, check_unseen, restricted

if TYPE_CHECKING:  # imports TensorFlow
    from emolib.models.training import Trainer

NONE, BASELINE, SUBJECT = "none", "baseline", "subject"
PRIOR_S = 60.0  # a baseline this long weighs as much as other people's spread; fixed before any result


@dataclass(frozen=True, eq=False)
class Study:
    """People with a baseline and the folds of the windows that answer.

    `baselines`: of each arm that has one its windows, bool (n_windows,), and its seconds; `counts`: what
    became of people, folds and windows; `axis`: along which features differ.
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
        """Of a source's windows and folds. Raises as `of` does, and BadParameter for stills."""
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
        """An arm for each length of baseline, the longest last; windows of the longest answer in none.

        People with less than that of `neutral` are left out, and counted. Raises BadParameter for lengths
        that do not grow, and as `check_unseen` and `Baseline.of` do.
        """
        check_unseen(data, folds)
        if list(lengths_s) != sorted(set(lengths_s)):
            raise BadParameter(
                f"Baselines of {lengths_s} s, expected shorter_s to grow and stay below baseline_s."
            )
        made = [Baseline.of(data, neutral, seconds, window_s) for seconds in lengths_s]
        longest, left = made[-1], restricted(folds, made[-1])
        names = [*(f"{BASELINE}_{seconds:g}s" for seconds in lengths_s[:-1]), BASELINE]
        masks = {
            name: (one.windows[longest.keep], one.baseline_s) for name, one in zip(names, made, strict=True)
        }
        counts = longest.counts()
        counts.loc[len(counts)] = [
            "dropped: folds that nobody is left to be tested in",
            len(folds) - len(left),
            "",
        ]
        return cls(data.part(np.flatnonzero(longest.keep)), left, masks, counts, axis)

    @property
    def arms(self) -> list[str]:
        """From no calibration to all windows of a person."""
        return [NONE, *self.baselines, SUBJECT]

    def scaled(self, arm: str, fold: Fold) -> EmotionSet:
        """The set as a fold's standardiser sees it; nobody's windows depend on others who are tested."""
        if arm == NONE:
            return self.data
        if arm == SUBJECT:
            return crossval.prepared(self.data, SUBJECT, self.axis)
        X, subject, (baseline, seconds) = self.data.X, self.data.subject, self.baselines[arm]
        std = within_subject_std(X[fold.train], subject[fold.train], self.axis)
        scaled = by_baseline(X, subject, baseline, std, PRIOR_S / (PRIOR_S + seconds), self.axis)
        return replace(self.data, X=scaled)

    def train(self, run: Run, source: Experiment, trainer: "Trainer"):
        """Every fold of every arm; files that are current are left as they are."""
        for arm in self.arms:
            for k, fold in enumerate(self.folds):
                name, shown = fold_name(source, arm, k), replace(fold, name=f"{arm}, {fold.name}")
                crossval.train_fold(run, name, trainer, self.scaled(arm, fold), shown, self.axis)

    def scores(self, run: Run, source: Experiment, trainer: "Trainer") -> dict[str, np.ndarray]:
        """Of each arm (n_rows, n_classes), in the order of `crossval.score_columns`."""
        n = range(len(self.folds))
        logits = {arm: [self.logits(run, source, trainer, arm, k) for k in n] for arm in self.arms}
        return {arm: softmax(np.concatenate(of_arm)) for arm, of_arm in logits.items()}

    def logits(self, run: Run, source: Experiment, trainer: "Trainer", arm: str, k: int) -> np.ndarray:
        """Of the validation and test windows of one fold, by its own network."""
        name, fold = fold_name(source, arm, k), self.folds[k]
        trainer.model.set_weights(crossval.load_model(run, name).get_weights())
        X = self.scaled(arm, fold).X[np.concatenate([fold.val, fold.test])]
        return trainer.predict(crossval.load_standardiser(run, name)(X))


def fold_name(source: Experiment, arm: str, k: int) -> str:
    """Stem of the artifacts of an arm's fold."""
    return f"models/{source}/personal-{arm}/fold{k:02d}"


def people(
    columns: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray], level: str, classes: Sequence[str]
) -> pd.DataFrame:
    """A row per arm and person: arm, then as `metrics.per_subject` gives it."""
    tables = []
    for arm, of_arm in scores.items():
        table = metrics.per_subject(**crossval.answers(columns, of_arm, level), classes=classes)
        tables.append(table.assign(arm=arm)[["arm", *table.columns]])
    return pd.concat(tables, ignore_index=True)


def numbers(source: Experiment, table: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json from `crossval.compared`: UAR of each arm, points of baseline over none."""
    artifact, rows = f"tables/{source}-personal.csv", table.to_dict("records")
    found = {
        source.key(f"personal_{row['variant']}", "uar"): crossval.uar_entry(row, artifact) for row in rows
    }
    row = next(row for row in rows if row["variant"] == BASELINE)
    return found | {source.key("personal_gain", "points"): crossval.gained_entry(row, artifact)}
