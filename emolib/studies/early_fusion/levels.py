"""Late against early fusion on the same joint trials: single branches, rules over their scores, networks of several branches.

Each answers with every branch there, or with some missing.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from emolib.core.errors import BadSet, check_names
from emolib.core.experiment import INT8, model_name
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.studies.early_fusion.networks import Network
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.fusion.pairing import COLUMNS, TrialScores, by_trial, same_trials
from emolib.studies.fusion.study import GAIN, LEARNED, as_gains, rated, rule_scores, trials_of

Branches = tuple[str, ...]


def source_scores(study: JointStudy, variant: str) -> list[TrialScores]:
    """The scores of each branch's own network (a source's) on the joint trials, looked up fold by fold.

    On virtual people fold v is fold v % n_folds of the source, as `study.label_paired` dealt them. Raises BadSet where
    the study tests a trial in another fold than a source did.
    """
    of = {(one.subject, one.trial): one.keys for one in study.trials}
    columns = study.score_columns()
    places = list(dict.fromkeys(zip(*(columns[name].tolist() for name in COLUMNS), strict=True)))
    scores = []
    for branch, source in study.sources.items():
        given = trials_of(study.run, str(source), study.task, variant)
        at, n_folds, found = {key: i for i, key in enumerate(given.row_keys())}, given.fold.max() + 1, {}
        for place in places:
            (fold, part), key = place[:2], of[place[2:]].get(branch)
            if key and (fold % n_folds, part, *key) in at:
                found[place] = at[fold % n_folds, part, *key]
            elif key and part == "test":
                raise BadSet(
                    f"Trial {key[1]} of {key[0]} is tested in fold {fold} of {study.name}, but not of {source}: "
                    "expected the same folds: take protocol loso, and sources that all have something of every person."
                )
        placed = dict(zip(COLUMNS, map(np.array, zip(*found, strict=True)), strict=True))
        scores.append(replace(given.part_of(list(found.values())), modality=branch, **placed))
    return scores


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


class Methods(NamedTuple):
    """Every way to answer the joint test trials: scores (n_test, n_classes) by method, `singles` among them."""

    y: np.ndarray
    subject: np.ndarray
    scores: Mapping[str, np.ndarray]
    singles: Branches


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
    return Methods(every.y[every.is_test], every.subject[every.is_test], found, left)


def methods_table(found: Methods, needs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row per method: rule, kind, bytes, macs, n, uar, accuracy, macro_f1, best_single and points over that.

    uar and gain_points have their intervals; `needs` gives kind, bytes and macs of each.
    """
    table = as_gains(rated(*found, seed)).assign(kind=needs["kind"])
    table.insert(2, "bytes", needs["bytes"])
    table.insert(3, "macs", needs["macs"])
    table.loc[table.rule == table.best_single, GAIN[1:]] = np.nan
    return table


def missing_subsets(branches: Sequence[str]) -> list[Branches]:
    """Every way to lose some of the branches but not all, the smallest loss first."""
    return [gone for n in range(1, len(branches)) for gone in itertools.combinations(branches, n)]


def missing_table(by_missing: Mapping[Branches, Methods], seed: int) -> pd.DataFrame:
    """One row per loss and method: missing, method, n, uar, best_left, points over the best branch left, its interval."""
    parts = [
        rated(*found, seed).assign(missing=" + ".join(gone), n_missing=len(gone))
        for gone, found in by_missing.items()
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns={"best_single": "best_left"})
    points = ["points", "points_low", "points_high"]
    return table[["missing", "n_missing", "method", "n", "uar", "best_left", *points]]
