"""A fusion study: the scores of several sources paired on a common task, and every rule beside every source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import Experiment
from emolib.datasets import labels
from emolib.evaluation import comparison, metrics
from emolib.evaluation.fusion_weights import fitted_weights, validation_weights
from emolib.fusion.scores import RULES, fuse
from emolib.studies.fusion.pairing import (
    COLUMNS,
    Paired,
    TrialScores,
    by_trial,
    label_paired,
    same_trials,
    subject_unit,
)

LEARNED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {  # rules that learn weights
    "weighted": validation_weights,
    "fitted": fitted_weights,
}
FUSED = tuple(dict.fromkeys((*RULES, *LEARNED)))  # every rule
PAIRS = ("same_trials", "label_paired")


def trials_of(run: Run, name: str, task: str, variant: str) -> TrialScores:
    """A source's scores by trial and fold, its classes summed into those of `task`.

    Trials of a class that has no side in `task` are left out. So is that class's share of the scores, which then
    sum to one again. Raises BadParameter for a variant without scores, and for a task that the source's classes do
    not determine.
    """
    source, arrays = Experiment.parse(name), run.arrays(f"scores/{name}.npz")
    variants = [key for key in arrays if arrays[key].ndim == 2]
    if variant not in variants:
        raise BadParameter(f"variant: got {variant!r}, {name} has scores of {', '.join(variants)}.")
    to = labels.marginal(source.corpus, source.task, task)
    classes = labels.classes(source.corpus, task)
    kept = to[arrays["y"]].sum(axis=1) > 0
    columns = {k: arrays[k][kept] for k in COLUMNS} | {"y": to[arrays["y"][kept]].argmax(axis=1)}
    scores = arrays[variant][kept] @ to + 1e-7
    scores /= scores.sum(axis=1, keepdims=True)
    return by_trial(source.modality, classes, columns, scores.astype(np.float32))


def learned_weights(paired: Paired, rule: str) -> dict[int, np.ndarray]:
    """Weights (n_modalities,) of each fold by a rule of LEARNED, from its val trials alone. Raises BadSet."""
    learned = {}
    for fold in np.unique(paired.fold[paired.is_test]).tolist():
        val = (paired.fold == fold) & ~paired.is_test
        if not val.any():
            raise BadSet(
                f"Fold {fold} has test trials but no val trial, expected both to learn fusion weights."
            )
        learned[fold] = LEARNED[rule](paired.scores[:, val], paired.y[val])
    return learned


def rule_scores(paired: Paired) -> dict[str, np.ndarray]:
    """Test scores (n_test, n_classes) of each modality alone, then of each rule.

    A rule of LEARNED uses each fold's own weights. A modality that is missing for a trial guesses the class shares
    of its fold's val trials. Raises BadSet.
    """
    test = paired.scores[:, paired.is_test]
    found = {
        name: np.where(np.isnan(scores), _class_shares(paired), scores)
        for name, scores in zip(paired.modalities, test, strict=True)
    }
    found |= {rule: fuse(test, rule) for rule in RULES if rule not in LEARNED}
    for rule in LEARNED:
        fused = np.empty(paired.scores.shape[1:], dtype=np.float32)
        for fold, weights in learned_weights(paired, rule).items():
            rows = paired.is_test & (paired.fold == fold)
            fused[rows] = fuse(paired.scores[:, rows], "weighted", weights)
        found[rule] = fused[paired.is_test]
    return found


def _class_shares(paired) -> np.ndarray:
    """Class shares of the val trials of each test trial's fold, (n_test, n_classes)."""
    n = len(paired.classes)
    folds, where = np.unique(paired.fold, return_inverse=True)
    val = ~paired.is_test
    counts = np.bincount(where[val] * n + paired.y[val], minlength=len(folds) * n).reshape(-1, n)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares[where[paired.is_test]].astype(np.float32)


@dataclass(frozen=True)
class Study:
    """Paired scores of several sources, and what is reported of them.

    `found` are the sources' scores before they were paired; `rule` is the one fixed beforehand.
    """

    sources: tuple[str, ...]
    task: str
    pairs: str
    n_virtual: int
    found: tuple[TrialScores, ...]
    paired: Paired
    rule: str
    seed: int

    @classmethod
    def load(
        cls,
        run: Run,
        sources: Sequence[str],
        task: str,
        pairs: str,
        n_virtual: int,
        variant: str,
        rule: str,
        seed: int,
    ) -> "Study":
        """Raises BadParameter for fewer than two sources and for names that there are not, BadArtifact, BadSet."""
        if len(sources) < 2:
            raise BadParameter(f"sources: got {list(sources)}, expected two or more to fuse.")
        if rule not in FUSED:
            raise BadParameter(f"rule: got {rule!r}, expected one of {', '.join(FUSED)}.")
        if pairs not in PAIRS:
            raise BadParameter(f"pairs: got {pairs!r}, expected {' or '.join(PAIRS)}.")
        found = [trials_of(run, name, task, variant) for name in sources]
        paired = same_trials(found) if pairs == "same_trials" else label_paired(found, n_virtual, seed)
        return cls(tuple(sources), task, pairs, n_virtual, tuple(found), paired, rule, seed)

    @property
    def y(self) -> np.ndarray:
        return self.paired.y[self.paired.is_test]

    @property
    def subject(self) -> np.ndarray:
        return self.paired.subject[self.paired.is_test]

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """Test scores (n_test, n_classes) of each modality and each rule, as `rule_scores` gives them."""
        return rule_scores(self.paired)

    def uar(self, rule: str) -> float:
        """Test UAR of a rule, or of a modality alone."""
        return float(metrics.uar(metrics.confusion(self.y, self.scores[rule])))

    def best_single(self) -> str:
        """The modality with the highest test UAR."""
        return max(self.paired.modalities, key=self.uar)

    def counts(self) -> pd.DataFrame:
        """Test trials of each class, and how many of them each modality has."""
        test = self.paired.is_test
        table = pd.DataFrame({"class": self.paired.classes})
        table["trials"] = np.bincount(self.y, minlength=len(self.paired.classes))
        for modality, scores in zip(self.paired.modalities, self.paired.scores, strict=True):
            there = ~np.isnan(scores[test]).any(axis=1)
            table[modality] = np.bincount(self.y[there], minlength=len(self.paired.classes))
        return table

    def one_trial(self, variant: str) -> pd.DataFrame:
        """Scores of the first test trial, by each modality and the reported rule: columns modality, variant, the classes."""
        named = (*self.paired.modalities, self.rule)
        rows = [(name, variant, *self.scores[name][0]) for name in named]
        return pd.DataFrame(rows, columns=["modality", "variant", *self.paired.classes])

    def table(self) -> pd.DataFrame:
        """Columns rule, kind (single | fused), n, uar, uar_low, uar_high, accuracy, macro_f1; modalities first."""
        rows = []
        for rule, scores in self.scores.items():
            found = metrics.evaluate(self.y, scores, self.subject, seed=self.seed)
            uar, kind = found["uar"], "single" if rule in self.paired.modalities else "fused"
            row = {"rule": rule, "kind": kind, "n": len(self.y)}
            row |= {"uar": uar.value, "uar_low": uar.low, "uar_high": uar.high}
            rows.append(row | {name: found[name].value for name in ("accuracy", "macro_f1")})
        return pd.DataFrame(rows)

    def per_subject(self) -> pd.DataFrame:
        """UAR of each modality and each rule (columns) for each subject (index), who may be virtual."""
        return comparison.per_subject(self.y, self.scores, self.subject, subject_unit(self.pairs))

    def gains(self) -> pd.DataFrame:
        """A row per rule: rule, best_single, n, and gain_points over that with its interval and p."""
        rules = [rule for rule in self.scores if rule not in self.paired.modalities]
        return pd.DataFrame([{"rule": rule, **self._gain(rule)} for rule in rules])

    def _gain(self, rule: str) -> dict:
        best = self.best_single()
        gain = metrics.paired_gain(self.y, self.scores[best], self.scores[rule], self.subject, seed=self.seed)
        ends = {"gain_points": gain.value, "gain_points_low": gain.low, "gain_points_high": gain.high}
        return {"best_single": best, "n": len(self.y), **ends, "p": gain.p}

    def without(self, modality: str) -> "Study":
        """The study of the other modalities, on the trials that have any of them."""
        m = self.paired.modalities.index(modality)
        sources, found, left = (
            each[:m] + each[m + 1 :] for each in (self.sources, self.found, self.paired.modalities)
        )
        paired = self.paired.only(left)
        return replace(self, sources=sources, found=found, paired=paired.part_of(paired.has_any))

    def missing_one(self) -> pd.DataFrame:
        """A row per modality that is gone: UAR of the reported rule, and gain_points over the best of those left."""
        rows = []
        for modality in self.paired.modalities:
            study = self.without(modality)
            row = {"missing": modality, "n": len(study.y), "uar": study.uar(self.rule)}
            gain = study._gain(self.rule)
            rows.append(row | {"best_left": gain.pop("best_single")} | gain)
        return pd.DataFrame(rows)

    def weights(self) -> pd.DataFrame:
        """Columns rule, fold, modality, weight of the rules that learn weights."""
        rows = [
            (rule, fold, modality, weight)
            for rule in LEARNED
            for fold, of_fold in learned_weights(self.paired, rule).items()
            for modality, weight in zip(self.paired.modalities, of_fold, strict=True)
        ]
        return pd.DataFrame(rows, columns=["rule", "fold", "modality", "weight"])

    def arrays(self) -> dict[str, np.ndarray]:
        """Test trials for an .npz: y, subject, trial, classes and the scores of every rule."""
        columns = {"y": self.y, "subject": self.subject, "trial": self.paired.trial[self.paired.is_test]}
        scores = {f"scores_{rule}": scores for rule, scores in self.scores.items()}
        return {**columns, "classes": np.array(self.paired.classes), **scores}
