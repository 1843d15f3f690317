"""Late against early fusion on the same joint trials: single branches, rules over their scores, networks of several branches.

Each answers with every branch there, or with some missing.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from emolib.core.errors import BadSet, check_names
from emolib.core.experiment import INT8, model_name
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.studies.early_fusion.networks import Network
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.fusion.pairing import COLUMNS, TrialScores, by_trial, same_trials
from emolib.studies.fusion.study import LEARNED, rule_scores, trials_of

Branches = tuple[str, ...]


def source_scores(study: JointStudy, variant: str) -> list[TrialScores]:
    """The scores of each branch's own network (a source's) on the joint trials, looked up fold by fold.

    Raises BadSet where the study tests a trial in another fold than a source did.
    """
    of = {(one.subject, one.trial): one.keys for one in study.trials}
    columns = study.score_columns()
    places = dict.fromkeys(zip(*(columns[name].tolist() for name in COLUMNS), strict=True))
    found = []
    for branch, source in study.sources.items():
        keys = {place: of[place[2:]][branch] for place in places if branch in of[place[2:]]}
        found.append(_looked_up(study, str(source), branch, keys, variant))
    return found


def _looked_up(study, source: str, branch: str, keys: Mapping[tuple, tuple], variant: str) -> TrialScores:
    """Scores of a source's trials `keys`, subject and trial, under the fold, part and name of their joint trials.

    On virtual people fold v is fold v % n_folds of the source, as `study.label_paired` dealt them.
    """
    given = trials_of(study.run, source, study.task, variant)
    at, n_folds = {key: i for i, key in enumerate(given.row_keys())}, int(given.fold.max()) + 1
    rows = {}
    for place, key in keys.items():
        fold, part = place[:2]
        row = at.get((fold % n_folds, part, *key))
        if row is None and part == "test":
            raise BadSet(
                f"Trial {key[1]} of {key[0]} is tested in fold {fold} of {study.name}, but not of {source}: expected "
                "the same folds: take protocol loso, and sources that all have something of every person."
            )
        if row is not None:
            rows[place] = row
    fold, part, subject, trial = (np.array(column) for column in zip(*rows, strict=True))
    found = given.part_of(list(rows.values()))
    return replace(found, modality=branch, subject=subject, trial=trial, fold=fold, part=part)


@dataclass(frozen=True, eq=False)
class Answers:
    """What networks say of every validation and test window: scores (n_rows, n_classes), or (n_rows, n_heads, …)."""

    study: JointStudy
    name: str
    network: Network
    scores: np.ndarray

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        return crossval.score_columns(*self.study.of(self.network.branches))

    def without(self, missing: Branches) -> "Answers":
        """The same on test windows of which these branches are missing, by the int8 files."""
        data, folds = self.study.of(self.network.branches)
        data = data.without([branch for branch in missing if branch in self.network.branches])
        scores, run = self.scores.copy(), self.study.run
        for k, fold in enumerate(folds):
            name = model_name(self.study.artifact(self.name), k)
            X = data.part(fold.test, crossval.load_standardiser(run, name)).X
            with Model(run.read(f"{name}-{INT8}.tflite")) as model:
                scores[(self.columns["fold"] == k) & (self.columns["part"] == "test")] = softmax(
                    model.predict(X)
                )
        return replace(self, scores=scores)

    @cached_property
    def present(self) -> np.ndarray:
        """Which branches each row has, (n_rows, n_branches) bool."""
        data, folds = self.study.of(self.network.branches)
        return np.concatenate([data.present[np.concatenate([fold.val, fold.test])] for fold in folds])

    @property
    def head_names(self) -> list[str]:
        """Of a network with several heads: the joint one, then that of each branch."""
        return [self.name, *(f"{self.name}/{branch}" for branch in self.network.branches)]

    def trial_scores(self, missing: Branches = ()) -> list[TrialScores]:
        """Scores by trial of the joint head, and of each branch's own where it has one and the branch is there."""
        classes = self.study.data.classes
        if not self.network.heads:
            return [by_trial(self.name, classes, self.columns, self.scores)]
        joint, *own = self.head_names
        found = [by_trial(joint, classes, self.columns, self.scores[:, 0])]
        for i, (head, branch) in enumerate(zip(own, self.network.branches, strict=True)):
            scores = np.where(self.present[:, i, None], self.scores[:, 1 + i], np.nan)
            one = by_trial(head, classes, self.columns, scores)
            found.append(_silent(one) if branch in missing else one)
        return found


def _silent(one: TrialScores) -> TrialScores:
    """The same, but a test trial has no scores: what is learned on validation people stays."""
    return replace(one, scores=np.where((one.part == "test")[:, None], np.nan, one.scores))


@dataclass(frozen=True, eq=False)
class Methods:
    """Every way to answer the joint test trials: `scores` (n_test, n_classes) by method, single branches among them."""

    y: np.ndarray
    subject: np.ndarray
    singles: Branches
    scores: Mapping[str, np.ndarray]

    @property
    def best_single(self) -> str:
        """The branch's own network with the highest test UAR."""
        return max(self.singles, key=lambda name: self.uar(name))

    def uar(self, method: str) -> float:
        return float(metrics.uar(metrics.confusion(self.y, self.scores[method])))

    def gain(self, method: str, seed: int) -> metrics.Gain:
        """Points of UAR over the best single branch, paired over subjects."""
        return metrics.paired_gain(
            self.y, self.scores[self.best_single], self.scores[method], self.subject, seed=seed
        )


def methods(
    sources: Sequence[TrialScores], answers: Sequence[Answers], rule: str, missing: Branches = ()
) -> Methods:
    """Single branches, rules over their scores, and networks, on the same test trials.

    Where branches are missing, their scores are gone and a network sees zeros in their place; a network that has no
    other branch is left out. Weights stay those learned with all branches. `rule` fuses the heads of hybrid; raises
    BadParameter for one that learns no weights.
    """
    check_names([rule], list(LEARNED), "the rules that learn weights")
    answers = [each for each in answers if set(each.network.branches) - set(missing)]
    left = tuple(one.modality for one in sources if one.modality not in missing)
    of_sources = [_silent(one) if one.modality in missing else one for one in sources]
    asked = [each.without(missing) if missing else each for each in answers]
    of_networks = [one for each in asked for one in each.trial_scores(missing)]
    every, names = same_trials([*of_sources, *of_networks]), [one.modality for one in of_sources]
    every = every.part_of(every.only(names).has_any | ~every.is_test)
    found = rule_scores(every.only(names))
    found = {name: scores for name, scores in found.items() if name not in missing}
    for each in answers:
        own = each.head_names if each.network.heads else [*names, each.name]  # no trial without anything
        answered = rule_scores(every.only(own))
        found[each.name] = answered[rule if each.network.heads else each.name]
    test = every.is_test
    return Methods(every.y[test], every.subject[test], left, found)


def methods_table(found: Methods, needs: Mapping[str, Mapping[str, float]], seed: int) -> pd.DataFrame:
    """One row per method: rule, kind, bytes, macs, n, uar, accuracy, macro_f1, best_single and points over that.

    uar and gain_points have their intervals; `needs` gives kind, bytes and macs.
    """
    rows = []
    for method, scores in found.scores.items():
        made = metrics.evaluate(found.y, scores, found.subject, seed=seed)
        uar, gain = made["uar"], found.gain(method, seed)
        own = method == found.best_single
        ends = (np.nan, np.nan, np.nan) if own else (gain.low, gain.high, gain.p)
        row = {"rule": method, **needs[method], "n": len(found.y)}
        row |= {"uar": uar.value, "uar_low": uar.low, "uar_high": uar.high}
        row |= {name: made[name].value for name in ("accuracy", "macro_f1")}
        row |= {"best_single": found.best_single, "gain_points": gain.value}
        rows.append(row | dict(zip(("gain_points_low", "gain_points_high", "p"), ends, strict=True)))
    return pd.DataFrame(rows)


def missing_subsets(branches: Sequence[str]) -> list[Branches]:
    """Every way to lose some of the branches but not all, the smallest loss first."""
    return [gone for n in range(1, len(branches)) for gone in itertools.combinations(branches, n)]


def missing_table(by_missing: Mapping[Branches, Methods], seed: int) -> pd.DataFrame:
    """One row per loss and method: missing, method, n, uar, best_left, points over the best branch left, its interval."""
    rows = []
    for gone, found in by_missing.items():
        for method in found.scores:
            gain = found.gain(method, seed)
            row = {"missing": " + ".join(gone), "n_missing": len(gone), "method": method, "n": len(found.y)}
            row |= {"uar": found.uar(method), "best_left": found.best_single, "points": gain.value}
            rows.append(row | {"points_low": gain.low, "points_high": gain.high})
    return pd.DataFrame(rows)


def worst(table: pd.DataFrame) -> pd.DataFrame:
    """Of each method the loss of one branch that leaves it least above, or most below, the best branch left."""
    one = table[(table.n_missing == 1) & (table.method != table.best_left)]
    return one.loc[one.groupby("method", sort=False).points.idxmin()]
