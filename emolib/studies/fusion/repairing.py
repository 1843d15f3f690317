"""Pairing again: how much a fused number owes to who met whom, and what pairing by label alone would claim."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emolib.core.errors import BadSet
from emolib.studies.fusion.pairing import Paired, TrialScores, label_paired, trial_keys, virtual_subjects

FORBIDDEN = 1e6  # cost of two people who must not meet; all others cost less than 1


def repaired(sources: Sequence[TrialScores], corpora: Sequence[str], n_virtual: int, seed: int) -> Paired:
    """`label_paired` with the folds of every corpus in random order, so that other people meet too.

    `corpora` (n_modalities,) names each source's: sources of one corpus stay together, so that nobody is
    tested in one modality and validates in another. Raises BadParameter, BadSet.
    """
    names = list(dict.fromkeys(corpora))
    rngs = [np.random.default_rng([seed, names.index(corpus)]) for corpus in corpora]
    shuffled = [_folds_shuffled(source, rng) for source, rng in zip(sources, rngs, strict=True)]
    return label_paired(shuffled, n_virtual, seed)


def strangers(sources: Sequence[TrialScores], seed: int) -> Paired:
    """Same-person scores paired by label among strangers: test with test, val with val.

    There are as many virtual subjects as people tested; each has every modality from another person, drawn at
    random. Its val trials are those of the folds that test these people, without these people, so that nobody
    who is tested helps to learn its weights. Only trials that all modalities have. Raises BadSet where someone
    is tested in several folds, or too few people are left.
    """
    sources, rng = whole(sources), np.random.default_rng(seed)
    people, fold = _tested(sources[0])
    chosen = _strangers(_validates(sources[0], people, fold), len(sources), rng)
    decks = [
        [_rows(source, people[p], fold[p], people[chosen[:, v]]) for v, p in enumerate(of_modality)]
        for source, of_modality in zip(sources, chosen, strict=True)
    ]
    return virtual_subjects(sources, decks, rng)


def whole(sources: Sequence[TrialScores]) -> list[TrialScores]:
    """The sources without trials that a modality misses. Raises BadSet if no trial is left."""
    keys = [trial_keys(source) for source in sources]
    common = set(keys[0]).intersection(*keys[1:])
    if {part for _, part, _, _ in common} != {"val", "test"}:
        names = ", ".join(source.modality for source in sources)
        raise BadSet(
            f"Got no val or no test trial that has all of {names}, expected both: fuse fewer of them."
        )
    kept = [np.array([key in common for key in of_source]) for of_source in keys]
    return [_part(source, rows) for source, rows in zip(sources, kept, strict=True)]


def _part(source, rows) -> TrialScores:
    names = ("y", "subject", "trial", "fold", "part", "scores")
    return replace(source, **{name: getattr(source, name)[rows] for name in names})


def _folds_shuffled(source, rng) -> TrialScores:
    folds, where = np.unique(source.fold, return_inverse=True)
    return replace(source, fold=rng.permutation(len(folds))[where])


def _tested(source) -> tuple[np.ndarray, np.ndarray]:
    """People tested and the fold that does, (n_people,) each. Raises BadSet if there are several of it."""
    test = source.part == "test"
    people, first, where = np.unique(source.subject[test], return_index=True, return_inverse=True)
    fold = source.fold[test]
    twice = fold != fold[first][where]
    if twice.any():
        raise BadSet(
            f"Subject {source.subject[test][twice][0]} is tested in several folds, expected one: strangers "
            "are paired where every person is in one fold, so not under the leaky protocol."
        )
    return people, fold[first]


def _validates(source, people, fold) -> np.ndarray:
    """Who is val in the fold that tests a person, (n_people, n_subjects) bool; people tested come first."""
    val = source.part == "val"
    subjects = np.concatenate([people, np.setdiff1d(source.subject[val], people)])
    of_fold = [np.isin(subjects, source.subject[val & (source.fold == f)]) for f in fold]
    return np.array(of_fold)


def _strangers(validates, n_modalities, rng) -> np.ndarray:
    """A person for each modality of each virtual subject, (n_modalities, n_people), no person twice in either.

    A random assignment for one modality after the other, among people whom the virtual subject does not have
    and with whom every modality keeps someone to validate on.
    """
    from scipy.optimize import linear_sum_assignment

    chosen = [rng.permutation(len(validates))]
    for _ in range(1, n_modalities):
        allowed = _may_join(validates, chosen)
        rows, people = linear_sum_assignment(np.where(allowed, rng.random(allowed.shape), FORBIDDEN))
        if not allowed[rows, people].all():
            raise BadSet(
                f"{len(validates)} people tested are too few for {n_modalities} strangers each with val people "
                "beside them, expected more: test or validate on more people."
            )
        chosen.append(people)
    return np.array(chosen)


def _may_join(validates, chosen) -> np.ndarray:
    """Which person may join which virtual subject, (n_people, n_people) bool, given those chosen before."""
    n = len(validates)
    others = np.ones(validates.shape, dtype=bool)  # subjects whom the virtual subject does not have
    for people in chosen:
        others[np.arange(n), people] = False
    allowed = others[:, :n] & (others.astype(int) @ validates.T.astype(int) > 0)
    for people in chosen:
        left = validates[people] & others
        allowed &= left.sum(axis=1, keepdims=True) > left[:, :n]
    return allowed


def _rows(source, person, fold, tested) -> np.ndarray:
    """Rows of a person's test trials, and of the val trials of that fold without the people tested."""
    test = (source.part == "test") & (source.subject == person)
    val = (source.part == "val") & (source.fold == fold) & ~np.isin(source.subject, tested)
    return np.flatnonzero(test | val)
