"""The leak audit: what a model could have seen in training of what it is tested on."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib.core.windows import chunks
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import PARTS, Fold
from emolib.signals.standardise import Standardiser

EXACT = "exact duplicates across sides (groups)"
NEAR = 0.999  # correlation above which windows count as copies
N_PROJECTED = 64  # dimensions of the random projection
SLACK = 2.5  # of a squared distance there
BLOCK = 1024  # windows or pairs at once
FAR = 10.0  # typical deviations of people from each other; a person in volts among others in µV is hundreds away
FEW_PEOPLE = 5  # fewer have no typical deviation
N_EXAMPLES = 3  # in the detail of a check


def audited(
    emotion_set: EmotionSet, folds: Sequence[Fold], remove_duplicates: bool, axis: int | None = None
) -> tuple[list[Fold], pd.DataFrame]:
    """The folds to use, and a table of state, fold ("" for the whole set), check, count, detail.

    A count of 0 is a check that passed. Whole set: blank windows (one value throughout), groups of exact duplicates,
    those with conflicting labels. Each fold: subjects and trials on more than one side of train, val and test; groups
    of exact duplicates across sides; pairs of near-duplicates (correlation > NEAR, not exact) across sides. Windows of
    few values may correlate like that by nature. `axis` is that of their features.

    The state is "as split". With `remove_duplicates` the folds lose the windows of train that occur, to the byte, in
    val or test, and those of val in test; they are checked again as the state "copies removed", with a row each of how
    many windows were left out. Raises BadSet if nothing is left.
    """
    group = duplicates(emotion_set.X)
    pairs = near_duplicates(emotion_set.seen(np.unique(group, return_index=True)[1]), NEAR, axis)
    names = pd.DataFrame({"trial": emotion_set.trial, "subject": emotion_set.subject})
    ids = {
        "subject on both sides": names.groupby("subject").ngroup().to_numpy(),
        "trial on both sides": names.groupby(["trial", "subject"]).ngroup().to_numpy(),
        EXACT: group,
    }
    found = [*_set_checks(emotion_set, group), *_fold_checks(emotion_set, folds, ids, pairs)]
    rows, used = [("as split", *row) for row in found], list(folds)
    if remove_duplicates:
        used = [_without_copies(fold, group) for fold in folds]
        found = _fold_checks(emotion_set, used, ids, pairs)
        for before, after in zip(folds, used, strict=True):
            n_left_out = sum(len(getattr(before, part)) - len(getattr(after, part)) for part in PARTS)
            found.append((before.name, "windows left out", n_left_out, ""))
        rows += [("copies removed", *row) for row in found]
    return used, pd.DataFrame(rows, columns=["state", "fold", "check", "count", "detail"])


def _fold_checks(emotion_set: EmotionSet, folds: Iterable[Fold], ids: dict, pairs: np.ndarray) -> list[tuple]:
    """Rows about folds: `ids` (n_windows,) by check must not cross sides, nor pairs (n_pairs, 2) of groups."""
    rows, group = [], ids[EXACT]
    for fold in folds:
        for check, of_windows in ids.items():
            across = np.flatnonzero(_sides(fold, of_windows).sum(axis=1) > 1)[:, None]
            rows.append((fold.name, check, *_described(emotion_set, of_windows, across)))
        sides = _sides(fold, group)[pairs]  # (n_pairs, 2, 3)
        is_across = sides.any(axis=2).all(axis=1) & (sides.any(axis=1).sum(axis=1) > 1)
        check = "near-duplicates across sides (pairs)"
        rows.append((fold.name, check, *_described(emotion_set, group, pairs[is_across])))
    return rows


def duplicates(X: np.ndarray) -> np.ndarray:
    """Group of each window, (n_windows,) int in order of appearance; windows of equal bytes share one."""
    windows = (window for rows in chunks(X) for window in X[rows])
    return pd.factorize(pd.Series([hashlib.sha256(window.tobytes()).digest() for window in windows]))[0]


def near_duplicates(X: np.ndarray, near: float = NEAR, axis: int | None = None) -> np.ndarray:
    """Pairs i < j, (n_pairs, 2), of windows (n_windows, …) whose Pearson correlation exceeds `near`.

    Blank windows have none. Features, along `axis` of X, are first brought to one scale. Candidates are pairs that
    lie close in a random projection to 64 dimensions, with slack that a true pair misses less than once in
    10^9 (Johnson-Lindenstrauss); each is then verified. n² cheap distances: 36,000 windows take seconds.
    """
    from scipy.sparse import triu
    from sklearn.neighbors import radius_neighbors_graph

    places = np.flatnonzero(~blank(X))
    if not len(places):
        return np.empty((0, 2), dtype=np.int64)
    scale = Standardiser.fit(X[:: 1 + len(X) // 2000], axis)  # of at most some 2000 windows
    matrix = np.random.default_rng(0).standard_normal((X[0].size, N_PROJECTED), dtype=np.float32)
    matrix /= np.float32(np.sqrt(N_PROJECTED))
    projected = np.concatenate([_unit(X[block], scale) @ matrix for block in _blocks(places)])
    close = radius_neighbors_graph(projected, np.sqrt(SLACK * 2 * (1 - near))).sorted_indices()
    found = [np.empty((0, 2), dtype=np.int64)]
    for pairs in _blocks(places[np.transpose(triu(close, 1).nonzero())]):
        a, b = (_unit(X[rows], scale) for rows in pairs.T)
        found.append(pairs[np.einsum("ij,ij->i", a, b) > near])
    return np.concatenate(found)


def blank(X: np.ndarray) -> np.ndarray:
    """Windows that hold one value throughout, (n_windows,) bool."""
    parts = (X[rows].reshape(-1, X[0].size) for rows in chunks(X))
    return np.concatenate([part.max(axis=1) == part.min(axis=1) for part in parts])


def _without_copies(fold: Fold, group: np.ndarray) -> Fold:
    held_out = np.union1d(group[fold.val], group[fold.test])
    train = fold.train[~np.isin(group[fold.train], held_out)]
    return replace(fold, train=train, val=fold.val[~np.isin(group[fold.val], group[fold.test])])


def _set_checks(emotion_set: EmotionSet, group: np.ndarray) -> list[tuple]:
    """Rows about the whole set."""
    n_labels = pd.Series(emotion_set.y).groupby(group).nunique().to_numpy()
    checks = (
        ("blank windows", np.arange(len(group)), blank(emotion_set.X)),
        ("exact duplicates (groups)", group, np.bincount(group) > 1),
        ("exact duplicates with conflicting labels (groups)", group, n_labels > 1),
    )
    return [
        ("", check, *_described(emotion_set, ids, np.flatnonzero(chosen)[:, None])) for check, ids, chosen in checks
    ]


def outliers(emotion_set: EmotionSet, axis: int | None = None) -> list[str]:
    """People whose level is far from the others': of each feature the median over windows of the mean absolute value, its distance
    from the people's median in their median absolute deviation (times 1.4826); FAR is the median over features."""
    who, people = np.unique(emotion_set.subject, return_inverse=True)
    if len(who) < FEW_PEOPLE:
        return []
    X = emotion_set.X
    over = tuple(a for a in range(1, X.ndim) if axis is None or a != axis % X.ndim)
    level = np.concatenate([abs(X[rows]).mean(axis=over).reshape(len(X[rows]), -1) for rows in chunks(X)])
    of_person = np.stack([np.median(level[people == k], axis=0) for k in range(len(who))])
    distance = abs(of_person - np.median(of_person, axis=0))
    typical = np.maximum(1.4826 * np.median(distance, axis=0), np.finfo(np.float32).tiny)
    return who[np.median(distance / typical, axis=1) > FAR].tolist()


def _sides(fold: Fold, ids: np.ndarray) -> np.ndarray:
    """In which of train, val and test an id has windows, (n_ids, 3) bool."""
    sides = np.zeros((ids.max() + 1, len(PARTS)), dtype=bool)
    for code, part in enumerate(PARTS):
        sides[ids[getattr(fold, part)], code] = True
    return sides


def _described(emotion_set: EmotionSet, ids: np.ndarray, found: np.ndarray) -> tuple[int, str]:
    """How many were found (n_found, n_ids), and the trials of the first few: "a = b; c = d"."""
    examples = []
    for wanted in found[:N_EXAMPLES]:
        trials = emotion_set.trial[np.isin(ids, wanted)]
        examples.append(" = ".join(map(str, np.unique(trials)[:N_EXAMPLES])))
    return len(found), "; ".join(examples)


def _blocks(indices: np.ndarray) -> Iterator[np.ndarray]:
    return (indices[i : i + BLOCK] for i in range(0, len(indices), BLOCK))


def _unit(X: np.ndarray, scale: Standardiser) -> np.ndarray:
    """Windows flattened, centred, of length one: (n, n_values). The product of two is their correlation."""
    flat = scale(X).reshape(len(X), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(np.float32).tiny)
