"""Windows of several branches that belong together: what a feature-level network trains on and answers.

A joint trial has a trial of each branch, or of some; its joint windows follow the branch with most windows, and take
from each other branch the window that begins nearest in time.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emolib.datasets import labels
from emolib.datasets.base import EmotionSet
from emolib.errors import BadSet
from emolib.sources import Source
from emolib.splits import PARTS, Fold

MISSING = -1
COLUMNS = ("y", "subject", "trial", "split", "fold")  # of joint trials and windows
Key = tuple[str, str]  # subject and trial


@dataclass(frozen=True, eq=False)
class JointTrial:
    """The trials of each branch, by their keys, that are one joint trial; its split, and fold if pairing gave one."""

    y: int
    subject: str
    trial: str
    keys: Mapping[str, Key]
    split: str = ""
    fold: int = 0


@dataclass(frozen=True, eq=False)
class JointSet:
    """Joint windows: `rows` (n, n_branches), the window in the set of each branch or MISSING. Otherwise an EmotionSet
    whose X, a dict by branch, is only made for the windows that are asked for.

    Raises BadSet where there is none.
    """

    sets: Mapping[str, EmotionSet]
    rows: np.ndarray
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray
    split: np.ndarray
    fold: np.ndarray
    classes: tuple[str, ...]

    check_trainable = EmotionSet.check_trainable

    def __post_init__(self):
        if not len(self.rows):
            raise BadSet(
                f"No joint window of {', '.join(self.sets)}: the branches share no trial of a class."
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of a window of each branch."""
        return {name: data.X.shape[1:] for name, data in self.sets.items()}

    @property
    def present(self) -> np.ndarray:
        """Which joint windows have which branch, (n, n_branches) bool."""
        return self.rows != MISSING

    def seen(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Every window of these joint windows once, by branch: what a standardiser is fitted to.

        Raises BadSet for a branch of which there is none.
        """
        found = {name: np.unique(column[column != MISSING]) for name, column in self._columns(rows)}
        for name, windows in found.items():
            if not len(windows):
                raise BadSet(f"No window of branch {name} among {len(rows)} joint windows to train on.")
        return {name: self.sets[name].X[windows] for name, windows in found.items()}

    def part(self, rows: np.ndarray, transform: Callable = lambda X: X) -> EmotionSet:
        """The joint windows `rows`, transformed by a standardiser; a branch that is missing is 0 then, the mean."""
        X = transform({name: self.sets[name].X[column] for name, column in self._columns(rows)})
        for name, column in self._columns(rows):
            X[name][column == MISSING] = 0
        columns = {name: getattr(self, name)[rows] for name in ("y", "subject", "trial", "split")}
        return EmotionSet(X=X, classes=self.classes, **columns)

    def only(self, branches: Sequence[str]) -> "JointSet":
        """The same joint windows under these branches alone; some may then have none."""
        at = [list(self.sets).index(name) for name in branches]
        return replace(self, sets={name: self.sets[name] for name in branches}, rows=self.rows[:, at])

    def without(self, branches: Sequence[str]) -> "JointSet":
        """The same joint windows where these branches are missing."""
        rows = self.rows.copy()
        rows[:, [list(self.sets).index(name) for name in branches]] = MISSING
        return replace(self, rows=rows)

    def _columns(self, rows):
        return zip(self.sets, self.rows[rows].T, strict=True)


def in_task(data: EmotionSet, source: Source, task: str) -> tuple[np.ndarray, EmotionSet]:
    """Rows of the windows whose class has a side in `task`, and these windows with that as their class.

    Raises BadParameter as `labels.marginal`.
    """
    to = labels.marginal(source.corpus, source.task, task)
    kept = np.flatnonzero(to[data.y].sum(axis=1) > 0)
    of_task = labels.classes(source.corpus, task)
    return kept, replace(data.part(kept), y=to[data.y[kept]].argmax(axis=1), classes=of_task)


def trials_of(data: EmotionSet, rows: np.ndarray | None = None) -> dict[Key, np.ndarray]:
    """The rows of each trial of a set, or of some of its rows, in order of time."""
    rows = np.arange(len(data.y)) if rows is None else rows
    found = defaultdict(list)
    for row in rows[np.argsort(times(data)[rows], kind="stable")]:
        found[str(data.subject[row]), str(data.trial[row])].append(row)
    return {key: np.array(rows) for key, rows in sorted(found.items())}


def times(data: EmotionSet) -> np.ndarray:
    """Seconds of each window in its trial, (n,). Raises BadSet where they were not kept."""
    if data.start_s is None:
        raise BadSet("Windows without start_s, expected their seconds: run 01_windows again.")
    return data.start_s


def aligned(starts: Sequence[np.ndarray]) -> np.ndarray:
    """Window of each branch for each joint window, (n, n_branches); MISSING where a branch has none.

    `starts`: seconds of the windows of each branch, (n_windows,) ascending, () for none.
    """
    clock = max(starts, key=len)
    columns = [np.abs(clock[:, None] - s[None]).argmin(axis=1) if len(s) else None for s in starts]
    return np.stack([np.full(len(clock), MISSING) if c is None else c for c in columns], axis=1)


def joined(sets: Mapping[str, EmotionSet], of: Sequence[JointTrial]) -> JointSet:
    """The joint windows of these joint trials, in their order. Raises BadSet."""
    by_key = {name: trials_of(data) for name, data in sets.items()}
    parts, lengths = [], []
    for one in of:
        windows = [by_key[name].get(one.keys.get(name), np.empty(0, int)) for name in sets]
        at = aligned([data.start_s[rows] for data, rows in zip(sets.values(), windows, strict=True)])
        columns = [rows[index] if len(rows) else index for rows, index in zip(windows, at.T, strict=True)]
        parts.append(np.stack(columns, axis=1))
        lengths.append(len(at))
    columns = {name: np.repeat(np.array([getattr(one, name) for one in of]), lengths) for name in COLUMNS}
    rows = np.concatenate(parts) if parts else np.empty((0, len(sets)), int)
    return JointSet(sets, rows, classes=next(iter(sets.values())).classes, **columns)


def check_classes(sets: Mapping[str, EmotionSet]):
    """Raise BadSet for sets whose classes are not the same in the same order."""
    (first, data), *others = sets.items()
    for name, other in others:
        if other.classes != data.classes:
            raise BadSet(
                f"{name} has classes {other.classes}, {first} {data.classes}, expected the same in the same "
                "order: choose one task for both."
            )


def label_of(data: EmotionSet, rows: np.ndarray) -> int:
    return int(data.y[rows[0]])


def same_trials(sets: Mapping[str, EmotionSet]) -> list[JointTrial]:
    """Every trial that any branch has, of the same person: as in `pairing.same_trials`.

    Raises BadSet for other classes, labels that disagree, branches that share no subject or no trial.
    """
    check_classes(sets)
    by_key = {name: trials_of(data) for name, data in sets.items()}
    _check_shared(by_key)
    found = []
    for key in sorted(set().union(*by_key.values())):
        of = {name: label_of(sets[name], keys[key]) for name, keys in by_key.items() if key in keys}
        if len(set(of.values())) > 1:
            told = ", ".join(f"{sets[name].classes[y]} in {name}" for name, y in of.items())
            raise BadSet(f"Trial {key[1]} of {key[0]} is {told}, expected one label: mend it.")
        first = next(iter(of))
        split = str(sets[first].split[by_key[first][key][0]])
        found.append(JointTrial(of[first], *key, dict.fromkeys(of, key), split))
    return found


def _check_shared(by_key):
    (first, keys), *others = by_key.items()
    for name, other in others:
        for i, what in enumerate(("subjects", "trials")):
            here, there = ({key[: i + 1] for key in found} for found in (keys, other))
            if not here & there:
                raise BadSet(
                    f"{name} and {first} share no {what} (for example {min(there)[-1]} and {min(here)[-1]}), expected the same "
                    "people and trials: pair them by label, or mend their names."
                )


def recordings(data: EmotionSet, branches: tuple[str, str], seed: int = 0) -> list[JointTrial]:
    """Two recordings of one person and label for each trial: itself, and another at random, the next in a cycle.

    Both are of one part of an official split. Raises BadSet where a person has one trial of a class only. `joined` takes the same set under both names.
    """
    by_key, groups = trials_of(data), defaultdict(list)
    for key, rows in by_key.items():
        groups[key[0], label_of(data, rows), str(data.split[rows[0]])].append(key)
    rng, found = np.random.default_rng(seed), []
    for (subject, y, split), keys in sorted(groups.items()):
        if len(keys) < 2:
            where = f" in its {split} part" if split else ""
            raise BadSet(
                f"{subject} has one trial of {data.classes[y]} only{where}, expected two recordings or more of each "
                "person and class."
            )
        order = [keys[i] for i in rng.permutation(len(keys))]
        for one, other in zip(order, [*order[1:], order[0]], strict=True):
            pair = dict(zip(branches, (one, other), strict=True))
            found.append(JointTrial(y, subject, f"{one[1]} + {other[1]}", pair, split))
    return found


def label_paired(
    sets: Mapping[str, EmotionSet],
    folds: Mapping[str, Sequence[Fold]],
    n_virtual: int = 10,
    n_train: int = 3000,
    seed: int = 0,
) -> list[JointTrial]:
    """Joint trials of strangers with the same label, of `n_virtual` virtual people; each is a fold of its own.

    Virtual person v has from each branch the test part of its fold v; of a branch with fewer folds, fold v % n_folds,
    whose test and validation trials are dealt round among the virtual people that share it. Test goes with test, val with
    val and train with train: no pair crosses the line. Of each class as many test and val trials as the branch
    with fewest has; of train in all about `n_train`, trials of the smaller branch in several pairs.

    *Optimistic*, as `pairing.label_paired` says. Raises BadSet.
    """
    check_classes(sets)
    found = []
    for v in range(n_virtual):
        for p, part in enumerate(PARTS):
            decks = {}
            for m, name in enumerate(sets):
                rng = np.random.default_rng([seed, m, p])
                decks[name] = _dealt(sets[name], folds[name], v, n_virtual, part, rng)
            rng = np.random.default_rng([seed, len(sets), p, v])
            found += _strangers(sets, decks, v, part, n_train, rng)
    return found


def _dealt(data, folds, v, n_virtual, part, rng) -> dict[int, list[Key]]:
    """The trials of virtual person v in one part, by class."""
    n_folds = len(folds)
    fold = folds[v % n_folds]
    of_class = defaultdict(list)
    for key, windows in trials_of(data, getattr(fold, part)).items():
        of_class[label_of(data, windows)].append(key)
    sharing = len(range(v % n_folds, n_virtual, n_folds))
    for y, keys in of_class.items():
        order = [keys[i] for i in rng.permutation(len(keys))]
        of_class[y] = order if part == "train" else order[v // n_folds :: sharing]
    return of_class


def _strangers(sets, decks, v, part, n_train, rng) -> list[JointTrial]:
    names, classes, found = list(sets), next(iter(sets.values())).classes, []
    for y in range(len(classes)):
        of_class = [decks[name][y] for name in names]
        fewest, most = min(map(len, of_class)), max(map(len, of_class))
        n = min(most, -(-n_train // len(classes))) if part == "train" and fewest else fewest
        drawn = [
            [keys[i] for i in np.resize(rng.permutation(len(keys)), n)] if n else [] for keys in of_class
        ]
        for keys in zip(*drawn, strict=True):
            trial = " + ".join(key[1] for key in keys)
            pair = dict(zip(names, keys, strict=True))
            subject = f"v{v:02d}" if part == "test" else " + ".join(key[0] for key in keys)
            found.append(JointTrial(y, subject, trial, pair, part, v))
    if not found:
        counts = {name: sum(map(len, deck.values())) for name, deck in decks.items()}
        raise BadSet(
            f"Virtual person {v} has no {part} trial of a class that all branches hold (trials: {counts}): choose a "
            "smaller n_virtual."
        )
    return found


def virtual_folds(data: JointSet) -> list[Fold]:
    """A fold for each virtual person of `label_paired`, of the joint windows that it was given."""
    return [
        Fold(f"v{v:02d}", *(np.flatnonzero((data.fold == v) & (data.split == part)) for part in PARTS))
        for v in np.unique(data.fold)
    ]
