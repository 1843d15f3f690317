"""Windows of several modalities that belong together: what an early-fusion network trains on and answers.

Each input of the network is a branch. A joint trial has a trial of each branch, or of some. Its joint windows follow the
branch with most windows, and take from each other branch the window that begins nearest in time.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.experiment import Experiment
from emolib.datasets import labels
from emolib.datasets.base import EmotionSet

MISSING = -1
COLUMNS = ("y", "subject", "trial", "split", "fold")  # of joint trials and windows
Key = tuple[str, str]  # subject and trial


@dataclass(frozen=True, eq=False)
class JointTrial:
    """The trials of the branches that belong together, by branch; their split, and fold if pairing gave one."""

    y: int
    subject: str
    trial: str
    keys: Mapping[str, Key]
    split: str = ""
    fold: int = 0


@dataclass(frozen=True, eq=False)
class JointSet:
    """Joint windows, like an EmotionSet by branch; `rows` (n, n_branches) is the window in each set, or MISSING."""

    sets: Mapping[str, EmotionSet]
    rows: np.ndarray
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray
    split: np.ndarray
    fold: np.ndarray
    classes: tuple[str, ...]

    check_trainable, own = EmotionSet.check_trainable, EmotionSet.own

    def __post_init__(self):
        if not len(self.rows):
            raise BadSet(f"No joint window of {', '.join(self.sets)}: the branches share no trial.")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of a window of each branch."""
        return {name: data.X.shape[1:] for name, data in self.sets.items()}

    @property
    def present(self) -> np.ndarray:
        """Which joint windows have which branch, (n, n_branches) bool."""
        return self.rows != MISSING

    def seen(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Every window in these joint windows once, by branch, for a standardiser. Raises BadSet for none."""
        found = {name: np.unique(column[column != MISSING]) for name, column in self._columns(rows)}
        for name, windows in found.items():
            if not len(windows):
                raise BadSet(f"No window of branch {name} among {len(rows)} joint windows to train on.")
        return {name: self.sets[name].X[windows] for name, windows in found.items()}

    def part(self, rows: np.ndarray, transform: Callable = lambda X: X) -> EmotionSet:
        """The joint windows `rows`, transformed by a standardiser; a missing branch is then 0, its mean."""
        X = transform({name: self.sets[name].X[column] for name, column in self._columns(rows)})
        for name, column in self._columns(rows):
            X[name][column == MISSING] = 0
        y, subject, trial, split = (column[rows] for column in (self.y, self.subject, self.trial, self.split))
        return EmotionSet(X, y, subject, trial, self.classes, split=split)

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


def in_task(data: EmotionSet, source: Experiment, task: str) -> tuple[np.ndarray, EmotionSet]:
    """Rows of the windows that have a class in `task`, without copies, and these windows with that class."""
    to = labels.marginal(source.corpus, source.task, task)
    kept = np.flatnonzero((to[data.y].sum(axis=1) > 0) & data.own)
    of_task = labels.classes(source.corpus, task)
    return kept, replace(data.part(kept), y=to[data.y[kept]].argmax(axis=1), classes=of_task)


def trials_of(data: EmotionSet, rows: np.ndarray | None = None) -> dict[Key, np.ndarray]:
    """By subject and trial the rows of its windows in order of time; of all windows of a set, or of `rows`."""
    rows = np.arange(len(data.y)) if rows is None else rows
    found = defaultdict(list)
    for row in rows[np.argsort(data.start_s[rows], kind="stable")]:
        found[str(data.subject[row]), str(data.trial[row])].append(row)
    return {key: np.array(rows) for key, rows in sorted(found.items())}


def together(windows: Sequence[np.ndarray], start_s: Sequence[np.ndarray]) -> np.ndarray:
    """The joint windows of one joint trial, (n, n_branches): rows of each branch's set; MISSING where it has none.
    `windows`: the trial's rows of each branch in order of time, () for none; `start_s`: seconds of all of its set."""
    starts = [seconds[rows] for rows, seconds in zip(windows, start_s, strict=True)]
    clock = max(starts, key=len)
    columns = [
        rows[np.abs(clock[:, None] - s).argmin(axis=1)] if len(rows) else np.full(len(clock), MISSING)
        for rows, s in zip(windows, starts, strict=True)
    ]
    return np.stack(columns, axis=1)


def joined(sets: Mapping[str, EmotionSet], of: Sequence[JointTrial]) -> JointSet:
    """The joint windows of these joint trials, in their order. Raises BadSet."""
    by_key = {name: trials_of(data) for name, data in sets.items()}
    start_s = [data.start_s for data in sets.values()]
    parts = [np.empty((0, len(sets)), int)]
    for one in of:
        windows = [by_key[name].get(one.keys.get(name), np.empty(0, int)) for name in sets]
        parts.append(together(windows, start_s))
    lengths = [len(part) for part in parts[1:]]
    columns = {name: np.repeat(np.array([getattr(one, name) for one in of]), lengths) for name in COLUMNS}
    return JointSet(sets, np.concatenate(parts), classes=next(iter(sets.values())).classes, **columns)
