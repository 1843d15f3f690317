"""Pairing again: how much a fused number owes to who met whom, and what pairing by label alone would claim.

Label-paired trials are paired again with other seeds. Trials of the same people are paired by label among strangers, which
shows the optimism of label pairing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from emolib.core.errors import BadSet
from emolib.core.experiment import Experiment
from emolib.evaluation import metrics
from emolib.studies.fusion.pairing import Trials, label_paired, virtual_subjects
from emolib.studies.fusion.study import Study, rule_scores

FORBIDDEN = 1e6  # cost of two people who must not meet; all others cost less than 1
NONE = pd.DataFrame(columns=["method", "kind", "n", "uar", "points", "draw"], dtype=float)


@dataclass(frozen=True)
class Redrawn:
    """UAR of every rule in a study (reference: as `measured`) and in its other pairings (draws: the same, and draw).
    own: what the study's pairing is called beside the others; note: what was done, and which pairings failed why."""

    reference: pd.DataFrame
    draws: pd.DataFrame
    own: str
    note: str

    def table(self) -> pd.DataFrame:
        """A row per rule: method, kind, uar (the study's), uar_mean, _sd, _least, _greatest over the pairings,
        change_points (mean less the study's UAR), points over the best single modality, gain_mean, _sd, …"""
        by_method, reference = self.draws.groupby("method", sort=False), self.reference.set_index("method")

        def spread(column: str, name: str) -> pd.DataFrame:
            ends = [f"{name}_{end}" for end in ("mean", "sd", "least", "greatest")]
            return by_method[column].agg(["mean", "std", "min", "max"]).set_axis(ends, axis=1)

        table = reference[["kind", "uar"]].join(spread("uar", "uar"))
        table["change_points"] = 100 * (table["uar_mean"] - table["uar"])
        return table.join(reference["points"]).join(spread("points", "gain")).reset_index()


def redraw(study: Study, n: int) -> Redrawn:
    """Other pairings of a study's scores, `n` of them, two or more; see the note for which."""
    found, paired = study.found, study.paired
    if study.pairs == "label_paired":
        corpora, n_virtual = [Experiment.parse(name).corpus for name in study.sources], len(set(paired.fold))
        draws, failed = _draws(lambda seed: paired_again(found, corpora, n_virtual, seed), study.seed, n)
        note = f"Paired by label again, {n} times: the folds of every corpus meet others, and so do their trials."
        return Redrawn(measured(paired), draws, f"as reported, seed {study.seed}", note + failed)
    whole = (paired.rows >= 0).all(axis=0)
    draws, failed = NONE, " No val trial, or no test trial, has every modality."
    if len(np.unique(paired.part[whole])) == 2:
        kept = [one.part_of(np.sort(rows[whole])) for one, rows in zip(found, paired.rows, strict=True)]
        paired = paired.part_of(whole)
        draws, failed = _draws(lambda seed: paired_strangers(kept, seed), study.seed, n)
    note = f"Not paired among strangers:{failed}"
    if len(draws):
        note = (
            "These are trials of the same people: they are not paired again. Instead their scores were paired by label "
            f"among strangers, {n} times: what label pairing would have claimed. Compared on the {paired.is_test.sum()} of "
            f"{len(study.test.y)} test trials that have every modality. A pairing keeps {draws['n'].mean():.0f} of them on "
            f"average: of each class as many as the person with the fewest has.{failed}"
        )
    return Redrawn(measured(paired), draws, "the same people", note)


def _draws(pair: Callable[[int], Trials], seed: int, n: int) -> tuple[pd.DataFrame, str]:
    """`measured` in pairings of the seeds after the study's own; how many could not be made, and the last reason."""
    tables, failed = [], []
    for i in range(1, n + 1):
        try:
            tables.append(measured(pair(seed + i)).assign(draw=i))
        except BadSet as error:
            failed.append(error)
    left_out = f" {len(failed)} of {n} pairings could not be made: {failed[-1]}" if failed else ""
    return pd.concat(tables, ignore_index=True) if tables else NONE, left_out


def measured(paired: Trials) -> pd.DataFrame:
    """A row per modality and rule: method, kind, n, uar, points over the best single modality of this pairing."""
    y, scores = paired.y[paired.is_test], rule_scores(paired)
    uars = [float(metrics.uar(metrics.confusion(y, of_rule))) for of_rule in scores.values()]
    kinds = ["single" if name in paired.modalities else "fused" for name in scores]
    table = pd.DataFrame({"method": list(scores), "kind": kinds, "n": len(y), "uar": uars})
    return table.assign(points=100 * (table.uar - table.uar[table.kind == "single"].max()))


def paired_again(sources: Sequence[Trials], corpora: Sequence[str], n_virtual: int, seed: int) -> Trials:
    """`label_paired` with the folds of every corpus in random order, so that other people meet too. Sources of one of
    the `corpora` stay together, so that nobody is tested in one modality and validates in another."""
    names, shuffled = list(dict.fromkeys(corpora)), []
    for source, corpus in zip(sources, corpora, strict=True):
        rng = np.random.default_rng([seed, names.index(corpus)])
        folds, where = np.unique(source.fold, return_inverse=True)
        shuffled.append(replace(source, fold=rng.permutation(len(folds))[where]))
    return label_paired(shuffled, n_virtual, seed)


def paired_strangers(sources: Sequence[Trials], seed: int) -> Trials:
    """Scores of the same people, who all have the same trials, paired by label among strangers.

    There are as many virtual subjects as people tested. Each has every modality from another person, drawn at random. Its
    val trials are those of the folds that test these people, without these people, so that nobody who is tested helps to
    learn its weights. Raises BadSet where someone is tested in several folds, or too few people are left.
    """
    source, rng = sources[0], np.random.default_rng(seed)
    is_test, is_val = source.is_test, ~source.is_test
    tests = set(zip(source.subject[is_test].tolist(), source.fold[is_test].tolist(), strict=True))
    people, fold = (np.array(column) for column in zip(*sorted(tests), strict=True))
    if len(set(people)) < len(people):
        raise BadSet("Someone is tested in several folds, as under the leaky protocol: expected one each.")
    subjects = np.concatenate([people, np.setdiff1d(source.subject[is_val], people)])
    validates = np.array([np.isin(subjects, source.subject[is_val & (source.fold == f)]) for f in fold])
    chosen = _chosen_strangers(validates, len(sources), rng)

    def rows(of: Trials, p: int, tested: np.ndarray) -> np.ndarray:
        """Of person p's test trials, and of the val trials of that fold without the people tested."""
        val = ~of.is_test & (of.fold == fold[p]) & ~np.isin(of.subject, tested)
        return np.flatnonzero(of.is_test & (of.subject == people[p]) | val)

    found = [
        [rows(of, p, people[chosen[:, v]]) for v, p in enumerate(own)] for of, own in zip(sources, chosen, strict=True)
    ]
    return virtual_subjects(sources, found, rng)


def _chosen_strangers(validates: np.ndarray, n_modalities: int, rng: np.random.Generator) -> np.ndarray:
    """A person for each modality of each virtual subject, (n_modalities, n_people), no person twice in either.

    A random assignment for one modality after the other. `validates` (n_people, n_subjects): who is val in the fold that
    tests a person; people tested come first.
    """
    chosen = [rng.permutation(len(validates))]
    for _ in range(1, n_modalities):
        allowed = _may_join(validates, chosen)
        rows, people = linear_sum_assignment(np.where(allowed, rng.random(allowed.shape), FORBIDDEN))
        if not allowed[rows, people].all():
            raise BadSet(f"{len(validates)} people are too few for {n_modalities} strangers each: test more.")
        chosen.append(people)
    return np.array(chosen)


def _may_join(validates, chosen) -> np.ndarray:
    """Which person may join which virtual subject, (n_people, n_people) bool, given those chosen before: one whom it
    does not have, and with whom every modality keeps someone to validate on."""
    n = len(validates)
    others = np.ones(validates.shape, dtype=bool)  # subjects whom the virtual subject does not have
    for people in chosen:
        others[np.arange(n), people] = False
    allowed = others[:, :n] & (others.astype(int) @ validates.T.astype(int) > 0)
    for people in chosen:
        left = validates[people] & others
        allowed &= left.sum(axis=1, keepdims=True) > left[:, :n]
    return allowed
