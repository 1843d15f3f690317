"""A fusion study: scores of several sources on a common task, every rule beside every source, and what devices need."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, BadSet, check_names
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import labels
from emolib.datasets.joint import MISSING
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.evaluation.fusion_weights import fitted_weights, validation_weights
from emolib.fusion import reliability
from emolib.fusion.reliability import Typicality
from emolib.fusion.scores import RULES, fuse, softmax
from emolib.models import crossval
from emolib.signals.standardise import Standardiser
from emolib.studies.fusion import pairing
from emolib.studies.fusion.pairing import COLUMNS, Trials, label_paired, same_trials

LEARNED = {"weighted": validation_weights, "fitted": fitted_weights}  # rules that learn weights
GAIN = ["points", "points_low", "points_high", "p"]


def trials_of(run: Run, name: str, task: str, variant: str, by_window: bool = False, steady: bool = False) -> Trials:
    """A source's scores by trial and fold, its classes summed into those of `task`. by_window: each window is a trial; steady:
    of its drift-free networks.

    Trials of a class that has no side in `task` are left out, and so is its share of the scores. Raises BadParameter
    for a variant without scores, and for a task that the source's classes do not determine.
    """
    source, arrays = Experiment.parse(name), run.arrays(f"scores/{name}{'-drift-free' * steady}.npz")
    variants = [key for key in arrays if arrays[key].ndim == 2]
    if variant not in variants:
        raise BadParameter(f"variant: got {variant!r}, {name} has scores of {', '.join(variants)}.")
    to = labels.marginal(source.corpus, source.task, task)
    kept = to[arrays["y"]].sum(axis=1) > 0
    columns = {k: arrays[k][kept] for k in COLUMNS} | {"y": to[arrays["y"][kept]].argmax(axis=1)}
    if by_window:
        columns["trial"] = pairing.minutes(columns["trial"], arrays["start_s"][kept])
    scores = arrays[variant][kept] @ to + 1e-7
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return Trials.of_windows(source.modality, labels.classes(source.corpus, task), columns, scores)


def learned_weights(paired: Trials, rule: str) -> dict[int, np.ndarray]:
    """Weights (n_modalities,) of each fold by a rule of LEARNED, from its val trials alone. Raises BadSet."""
    learned = {}
    for fold in np.unique(paired.fold[paired.is_test]).tolist():
        val = (paired.fold == fold) & ~paired.is_test
        if not val.any():
            raise BadSet(f"Fold {fold} has test trials but no val trial, expected both to learn weights.")
        learned[fold] = LEARNED[rule](paired.scores[:, val], paired.y[val])
    return learned


def class_shares(paired: Trials, fold: int) -> np.ndarray:
    """Class shares of a fold's val trials, (n_classes,) float64: the guess where there is nothing to answer with."""
    counts = np.bincount(paired.y[(paired.fold == fold) & ~paired.is_test], minlength=len(paired.classes))
    return counts / max(counts.sum(), 1)


def rule_scores(paired: Trials) -> dict[str, np.ndarray]:
    """Test scores (n_test, n_classes) of each modality alone, then of each rule. A rule of LEARNED uses each fold's own
    weights. A modality that is missing for a trial guesses the class shares of its fold's val trials. Raises BadSet."""
    test, folds = paired.scores[:, paired.is_test], paired.fold[paired.is_test]
    names, where = np.unique(folds, return_inverse=True)
    guess = np.array([class_shares(paired, fold) for fold in names], dtype=np.float32)[where]
    alone = np.where(np.isnan(test), guess, test)
    found = dict(zip(paired.modalities, alone, strict=True))
    found |= {rule: fuse(test, rule) for rule in RULES if rule not in LEARNED}
    for rule in LEARNED:
        found[rule] = np.empty(test.shape[1:], dtype=np.float32)
        for fold, weights in learned_weights(paired, rule).items():
            found[rule][folds == fold] = fuse(test[:, folds == fold], "weighted", weights)
    return found


def rated(y, subject, scores: Mapping, singles: Sequence[str], seed: int, compared: Collection | None = None):
    """A table with a row per method of `scores` on the same trials: method, kind (single | fused), n, uar, uar_low,
    uar_high, accuracy, macro_f1, best_single, points, points_low, points_high, p.

    The best of `singles` has the highest UAR on these trials: a choice that favours it. Points are over that
    (metrics.paired_gain), of the methods `compared`, or of all.
    """
    found = {name: metrics.evaluate(y, of_one, subject, seed=seed) for name, of_one in scores.items()}
    best, rows = max(singles, key=lambda name: found[name]["uar"].value), []
    for name, of_one in scores.items():
        row = {"method": name, "kind": "single" if name in singles else "fused", "n": len(y)}
        row |= metrics.columns_of("uar", found[name]["uar"])
        row |= {metric: found[name][metric].value for metric in ("accuracy", "macro_f1")}
        row |= {"best_single": best} | dict.fromkeys(("points", "points_low", "points_high", "p"), np.nan)
        if compared is None or name in compared:
            row |= metrics.paired_gain(y, scores[best], of_one, subject, seed=seed).columns()
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Study:
    """Trials scores of several sources, and what is reported of them; `found` are the scores before they were paired."""

    sources: tuple[str, ...]
    task: str
    pairs: str
    found: tuple[Trials, ...]
    paired: Trials
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
        seed: int,
        steady: bool = False,
    ) -> "Study":
        """Raises BadParameter for fewer than two sources and for names that do not exist, BadArtifact, BadSet."""
        if len(sources) < 2:
            raise BadParameter(f"sources: got {list(sources)}, expected two or more to fuse.")
        check_names([pairs], ["same_trials", "same_windows", "label_paired"], "the pairs of fused scores")
        found = tuple(trials_of(run, name, task, variant, pairs == "same_windows", steady) for name in sources)
        paired = label_paired(found, n_virtual, seed) if pairs == "label_paired" else same_trials(found)
        if pairs == "same_windows":  # that every sensor has
            paired = paired.part_of((paired.rows != MISSING).all(axis=0))
        return cls(tuple(sources), task, pairs, found, paired, seed)

    @cached_property
    def test(self) -> Trials:
        """The test trials."""
        return self.paired.part_of(self.paired.is_test)

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """`rule_scores` of the study."""
        return rule_scores(self.paired)

    def counts(self) -> pd.DataFrame:
        """Test trials of each class, and how many of them each modality has."""
        test = self.test
        kept = {"trials": slice(None)} | dict(zip(test.modalities, test.rows >= 0, strict=True))
        counts = {name: np.bincount(test.y[of], minlength=len(test.classes)) for name, of in kept.items()}
        return pd.DataFrame({"class": test.classes} | counts)

    def one_trial(self, rule: str, variant: str) -> pd.DataFrame:
        """Scores of the first test trial, by each modality and the rule: columns modality, variant, the classes."""
        rows = [(name, variant, *self.scores[name][0]) for name in (*self.paired.modalities, rule)]
        return pd.DataFrame(rows, columns=["modality", "variant", *self.paired.classes])

    @cached_property
    def rated(self) -> pd.DataFrame:
        """`rated` of each modality and each rule; points of the rules alone."""
        of, rules = self.test, set(self.scores) - set(self.test.modalities)
        return rated(of.y, of.subject, self.scores, of.modalities, self.seed, rules)

    def gains(self) -> pd.DataFrame:
        """A row per rule: method, best_single, n, and points over that with its interval and p."""
        fused = self.rated[self.rated.kind == "fused"].reset_index(drop=True)
        return fused[["method", "best_single", "n", *GAIN]]

    def missing_one(self, rule: str) -> pd.DataFrame:
        """A row per modality that is gone: UAR of the rule, and points over the best of those left."""
        parts = []
        for missing in self.paired.modalities:
            left = [name for name in self.paired.modalities if name != missing]
            paired = self.paired.only(left)
            one = replace(self, paired=paired.part_of(paired.has_any))
            scores = {name: one.scores[name] for name in (*left, rule)}
            found = rated(one.test.y, one.test.subject, scores, left, self.seed, [rule])
            parts.append(found[found.method == rule].assign(missing=missing))
        table = pd.concat(parts, ignore_index=True).rename(columns={"best_single": "best_left"})
        return table[["missing", "n", "uar", "best_left", *GAIN]]

    def weights(self) -> pd.DataFrame:
        """Columns rule, fold, modality, weight of the rules that learn weights."""
        rows, names = [], self.paired.modalities
        for rule in LEARNED:
            for fold, of_fold in learned_weights(self.paired, rule).items():
                rows += [(rule, fold, *of_one) for of_one in zip(names, of_fold, strict=True)]
        return pd.DataFrame(rows, columns=["rule", "fold", "modality", "weight"])


@dataclass(frozen=True, eq=False)
class Expert:
    """One fold's network of a modality, how sure its scores may be, and which windows are typical for it.

    `to_task` (n_classes, n_to) sums its classes into those of the study. `temperature` is fitted on the fold's val
    trials, `typicality` on its train windows.
    """

    file: Path
    standardiser: Standardiser
    to_task: np.ndarray
    temperature: float
    typicality: Typicality

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores (n_windows, n_to) of windows as training saw them before the standardiser."""
        with Model(self.file) as model:
            summed = softmax(model.predict(self.standardiser(X))) @ self.to_task + 1e-7  # as study.trials_of
        return summed / summed.sum(axis=1, keepdims=True)

    def statistics(self, X: np.ndarray) -> np.ndarray:
        """reliability.statistics of windows, (n_windows, 5)."""
        return reliability.statistics(self.standardiser(X))


def experts_of(run: Run, name: str, task: str, variant: str, found: Trials) -> tuple:
    """The Expert of each fold of a source, whose scores `found` are; its EmotionSet and Folds."""
    source, experts = Experiment.parse(name), []
    data, folds, _ = crossval.opened(run, source)
    to_task = labels.marginal(source.corpus, source.task, task)
    for k, fold in enumerate(folds):
        stem = model_name(name, k)
        standardiser = crossval.load_standardiser(run, stem)
        typicality = Typicality.fit(reliability.statistics(standardiser(data.X[fold.train])))
        val = (found.fold == k) & ~found.is_test
        temperature = reliability.temperature(found.scores[0, val], found.y[val])
        file = run.read(f"{stem}-{variant}.tflite")
        experts.append(Expert(file, standardiser, to_task, temperature, typicality))
    return experts, data, folds


def fusion_record(run: Run, study: Study, variant: str) -> dict:
    """What a device needs to fuse as the study does, for JSON: task, classes, sources. Each source has its to_task
    (n_classes, n_to) and a dict per fold: weight, temperature, typicality."""
    sources, weights = {}, learned_weights(study.paired, "weighted")
    for m, (name, found) in enumerate(zip(study.sources, study.found, strict=True)):
        experts, _, _ = experts_of(run, name, study.task, variant, found)
        folds = []
        for k, expert in enumerate(experts):
            if k in weights:  # of virtual people there may be more or fewer
                learned = {"temperature": expert.temperature, "typicality": expert.typicality.to_dict()}
                folds.append({"weight": float(weights[k][m]), **learned})
        sources[name] = {"to_task": experts[0].to_task.tolist(), "folds": folds}
    return {"task": study.task, "classes": list(study.paired.classes), "sources": sources}


def record_of_fold(record: dict, fold: int) -> dict:
    """The record as a bundle of one fold's models has it: of each source the dict of that fold, or of its last one."""
    sources = {
        name: {"to_task": found["to_task"], **found["folds"][min(fold, len(found["folds"]) - 1)]}
        for name, found in record["sources"].items()
    }
    return {**record, "sources": sources}
