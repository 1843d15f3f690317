"""Folds: which windows train, which stop the training, which test. Subjects are split before anything else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter, BadSet, check_options
from emolib.datasets.base import EmotionSet

PARTS = ("train", "val", "test")
MAX_FOLDS = 500
N_DRAWS = 64  # of validation subjects


@dataclass(frozen=True, eq=False)
class Fold:
    """Sorted int64 indices into an EmotionSet. Raises BadSet if a part is empty, or if a window occurs twice."""

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def __post_init__(self):
        for part in PARTS:
            indices = np.sort(np.asarray(getattr(self, part), dtype=np.int64))
            if not len(indices):
                raise BadSet(f"Fold {self.name}: no window in {part}, expected some: choose other options.")
            object.__setattr__(self, part, indices)
        if pd.Index(np.concatenate([self.train, self.val, self.test])).has_duplicates:
            raise BadSet(f"Fold {self.name}: a window is in two parts, expected train, val and test apart.")


def within(fold: Fold, kept: np.ndarray, place: np.ndarray | None = None) -> Fold:
    """The fold of its windows that are `kept`, bool (n_windows,), by their index `place` (n_windows,) in a smaller set
    where that is given. Raises BadSet if a part is left empty.
    """
    parts = [rows[kept[rows]] for rows in (fold.train, fold.val, fold.test)]
    return Fold(fold.name, *(parts if place is None else (place[rows] for rows in parts)))


def folds(emotion_set: EmotionSet, protocol: str, **options) -> list[Fold]:
    """The folds of a protocol by name: loso, grouped, official or leaky, with the options of that function.

    Copies never test or validate. They train where no window of their trial does. Raises BadParameter for an
    unknown protocol or option, BadSet for a set that the protocol cannot split.
    """
    if protocol not in PROTOCOLS:
        raise BadParameter(f"Unknown protocol {protocol!r}, expected one of {', '.join(PROTOCOLS)}.")
    split = PROTOCOLS[protocol]
    check_options(options, split, f"protocol {protocol}")
    if emotion_set.own.all():
        return split(emotion_set, **options)
    own, copies = np.flatnonzero(emotion_set.own), np.flatnonzero(~emotion_set.own)
    trial = np.char.add(np.char.add(emotion_set.subject, "/"), emotion_set.trial)
    made = []
    for fold in split(emotion_set.part(own), **options):
        train, val, test = own[fold.train], own[fold.val], own[fold.test]
        of_copies = trial[copies]
        trains = np.isin(of_copies, trial[train]) & ~np.isin(of_copies, trial[np.concatenate([val, test])])
        made.append(Fold(fold.name, np.concatenate([train, copies[trains]]), val, test))
    return made


def loso(emotion_set: EmotionSet, n_val: float = 2, seed: int = 0) -> list[Fold]:
    """Leave one subject out: one fold per subject, who is its test part; the other parts are whole subjects. `n_val`
    subjects (a share of the training subjects if below 1) stop the training. Raises BadSet, BadParameter."""
    subjects = np.unique(emotion_set.subject).tolist()
    if len(subjects) > MAX_FOLDS:
        raise BadParameter(f"loso: {len(subjects)} folds, expected {MAX_FOLDS} or fewer: use grouped.")
    return _by_subject(emotion_set, np.arange(len(subjects)), subjects, n_val, seed)


def grouped(emotion_set: EmotionSet, n_folds: int = 5, n_val: float = 0.2, seed: int = 0) -> list[Fold]:
    """k-fold over whole subjects, classes spread as evenly as subjects allow; every subject is tested once. Largest
    subjects first, each into the fold where its classes are rarest. Raises BadSet, BadParameter."""
    counts = _class_counts(emotion_set)
    if not 2 <= n_folds <= len(counts):
        raise BadParameter(f"n_folds is {n_folds}, expected 2 to {len(counts)}, the number of subjects.")
    names = [f"group{k:02d}" for k in range(n_folds)]
    return _by_subject(emotion_set, _deal(counts, n_folds, seed), names, n_val, seed)


def official(emotion_set: EmotionSet, n_val: float = 0.2, seed: int = 0) -> list[Fold]:
    """The corpus's own train, val and test; without a val, `n_val` of its subjects. Raises BadSet."""
    emotion_set.check_trainable()
    found = set(np.unique(emotion_set.split).tolist())
    if not {"train", "test"} <= found <= set(PARTS):
        raise BadSet(f"Windows are marked {sorted(found)}, expected train, test and maybe val: use loso.")
    part = np.argmax(emotion_set.split[:, None] == np.array(PARTS), axis=1)
    if "val" not in found:
        subject = np.unique(emotion_set.subject, return_inverse=True)[1]
        candidates = np.unique(subject[part == 0])
        rng = np.random.default_rng(seed)
        drawn = _draw_val(_class_counts(emotion_set), candidates, n_val, rng, "official")
        part[(part == 0) & np.isin(subject, drawn)] = 1
    return [_fold(emotion_set, "official", part)]


def leaky(emotion_set: EmotionSet, test_share: float = 0.2, seed: int = 0, n_folds: int = 1) -> list[Fold]:
    """Independent random splits of *windows*, by class: people and trials on both sides. For comparison only. Test and
    val have `test_share` of the windows each. Raises BadParameter unless 0 < test_share < 0.5."""
    emotion_set.check_trainable()
    if not 0 < test_share < 0.5:
        raise BadParameter(f"test_share is {test_share}, expected a share between 0 and 0.5.")
    made = []
    for k in range(n_folds):
        rank = rank_in_class(emotion_set.y, np.random.default_rng([seed, k]))
        place = rank / np.bincount(emotion_set.y)[emotion_set.y]  # random, within its class, in [0, 1)
        part = np.where(place < test_share, 2, np.where(place < 2 * test_share, 1, 0))
        made.append(_fold(emotion_set, f"leaky{k:02d}", part))
    return made


PROTOCOLS = {"loso": loso, "grouped": grouped, "official": official, "leaky": leaky}


def evenly(y: np.ndarray, rows: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """At most n of these rows, drawn at random, from each class of y (n_windows,) alike, in their order."""
    rank = rank_in_class(y[rows], np.random.default_rng(seed))
    return np.sort(rows[np.lexsort((y[rows], rank))[:n]])


def few(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    """At most n of these rows, drawn at random, in their order."""
    return np.sort(np.random.default_rng(seed).choice(rows, min(n, len(rows)), replace=False))


def to_arrays(made: Iterable[Fold]) -> dict[str, np.ndarray]:
    """Folds for an .npz: `part` (n_folds, n_windows) int8, 0 train, 1 val, 2 test, 3 unused; `fold` names."""
    made = list(made)
    n_windows = 1 + max(getattr(fold, part)[-1] for fold in made for part in PARTS)
    matrix = np.full((len(made), n_windows), len(PARTS), dtype=np.int8)
    for row, fold in zip(matrix, made, strict=True):
        for code, part in enumerate(PARTS):
            row[getattr(fold, part)] = code
    return {"part": matrix, "fold": np.array([fold.name for fold in made])}


def from_arrays(arrays: Mapping[str, np.ndarray]) -> list[Fold]:
    """The folds that `to_arrays` saved."""
    return [_coded(*each) for each in zip(arrays["fold"].tolist(), arrays["part"], strict=True)]


def _coded(name: str, part: np.ndarray) -> Fold:
    """The fold of codes (n_windows,), 0 train, 1 val, 2 test."""
    return Fold(name, *(np.flatnonzero(part == code) for code in range(len(PARTS))))


def _by_subject(
    emotion_set: EmotionSet, test_fold: np.ndarray, names: list[str], n_val: float, seed: int
) -> list[Fold]:
    """One fold per name; `test_fold` (n_subjects,) says in which one a subject is tested."""
    subject = np.unique(emotion_set.subject, return_inverse=True)[1]
    counts = _class_counts(emotion_set)
    made = []
    for k, name in enumerate(names):
        rest = np.flatnonzero(test_fold != k)
        drawn = _draw_val(counts, rest, n_val, np.random.default_rng([seed, k]), name)
        part = np.where(test_fold == k, 2, 0)
        part[drawn] = 1
        made.append(_fold(emotion_set, name, part[subject]))
    return made


def _fold(emotion_set: EmotionSet, name: str, part: np.ndarray) -> Fold:
    """The fold of part codes (n_windows,). Raises BadSet if a class has no training window."""
    missing = np.setdiff1d(emotion_set.y, emotion_set.y[part == 0])
    if len(missing):
        classes = ", ".join(emotion_set.classes[c] for c in missing)
        raise BadSet(f"Fold {name}: no training subject has class {classes}: try a smaller n_val.")
    return _coded(name, part)


def _draw_val(
    counts: np.ndarray, candidates: np.ndarray, n_val: float, rng: np.random.Generator, name: str
) -> np.ndarray:
    """Subjects for validation: of some random draws the first with the most classes in train and in val."""
    if n_val <= 0:
        raise BadParameter(f"n_val is {n_val}, expected a number of subjects or a share between 0 and 1.")
    n = int(n_val) if n_val >= 1 else max(1, round(n_val * len(candidates)))
    if n >= len(candidates):
        left = f"{len(candidates)} subjects are left for train and val"
        raise BadSet(f"Fold {name}: {left}, expected more than n_val = {n}: choose a smaller n_val.")
    total = counts[candidates].sum(axis=0)
    best, most = None, (-1, -1)
    for _ in range(N_DRAWS):
        drawn = rng.permutation(candidates)[:n]
        val = counts[drawn].sum(axis=0)
        covered = (np.count_nonzero(total - val), np.count_nonzero(val))
        if covered > most:
            best, most = drawn, covered
        if min(covered) == np.count_nonzero(total):
            break
    return best


def _deal(counts: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each subject (n_subjects,): least squares of class shares, greedily, ties to the smaller."""
    shares = counts / counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    filled, chosen = np.zeros((n_folds, counts.shape[1])), np.empty(len(counts), dtype=np.int64)
    for subject in order:
        cost = filled @ shares[subject]
        chosen[subject] = np.lexsort((filled.sum(axis=1), cost))[0]
        filled[chosen[subject]] += shares[subject]
    return chosen


def _class_counts(emotion_set: EmotionSet) -> np.ndarray:
    """Windows of each subject and class, (n_subjects, n_classes). Raises BadSet."""
    emotion_set.check_trainable()
    subjects, subject = np.unique(emotion_set.subject, return_inverse=True)
    counts = np.zeros((len(subjects), len(emotion_set.classes)), dtype=np.int64)
    np.add.at(counts, (subject, emotion_set.y), 1)
    return counts


def rank_in_class(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random rank of each window among those of its class, (n,), from 0."""
    shuffled = pd.Series(y)[rng.permutation(len(y))]
    return shuffled.groupby(shuffled).cumcount().sort_index().to_numpy()
