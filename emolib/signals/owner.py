"""A person learned without labels: each feature's mean and spread over the windows heard so far, shrunk towards other people.

How far is what training people say. Of the variance of a feature some lies between people: a prior that is estimated so
weighs as much as a number of windows (Bühlmann (1967), "Experience rating and credibility"). Windows of one recording are alike
and count for fewer (Kish (1965), "Survey sampling", the design effect). Nothing heard gives the population's standardiser. numpy only: a device learns its owner with the code that training learned people with.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadArtifact, BadSet
from emolib.signals.standardise import Standardiser, scaled

WEIGHTS = "mean_weight", "spread_weight", "alike", "stretch"
MOST = 1e6  # windows that a prior weighs, where people do not differ


class Profile(NamedTuple):
    """What was heard of a person: n windows, and of each feature mean and sum of squares around it, in windows, float32
    (n_features,). Of many states at once n is (n_states, 1), the others are (n_states, n_features)."""

    n: float | np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, n_features: int) -> "Profile":
        return cls(0.0, *np.zeros((2, n_features), np.float32))

    def heard(self, mean: np.ndarray, var: np.ndarray) -> "Profile":
        """The profile after one more window, given its `summary`. Source: Welford (1962), "Note on a method for calculating
        corrected sums of squares and products"."""
        n, step = self.n + 1, mean - self.mean
        squares = self.squares + var + step * step * (self.n / n)
        return Profile(n, np.float32(self.mean + step / n), np.float32(squares))

    def to_bytes(self) -> bytes:
        """8 (n_features + 1) bytes, little endian."""
        return np.float64(self.n).astype("<f8").tobytes() + np.stack(self[1:]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Profile":
        """What `to_bytes` gave. Raises BadArtifact."""
        if len(kept) % 8 or not kept:
            raise BadArtifact(f"A profile of {len(kept)} bytes, expected a multiple of 8: erase it.")
        n, (mean, squares) = np.frombuffer(kept[:8], "<f8")[0], np.frombuffer(kept[8:], "<f4").reshape(2, -1)
        if not (n >= 0 and np.isfinite([n, *mean, *squares]).all() and (squares >= 0).all()):
            raise BadArtifact(f"A profile of {n} windows with numbers that none has, expected a person's: erase it.")
        return cls(float(n), np.float32(mean), np.float32(squares))


def summary(x: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each feature over one window x (*shape), float64 (n_features,); `axis` is that of windows."""
    values = np.asarray(x, np.float64)[None]
    over = tuple(a for a in range(values.ndim) if axis is None or a != axis % values.ndim)
    return np.atleast_1d(values.mean(axis=over)), np.atleast_1d(values.var(axis=over))


def profile_of(X: np.ndarray, axis: int | None) -> Profile:
    """The profile of a person who gave windows X (n_windows, …), one or more."""
    found = Profile.empty(len(summary(X[0], axis)[0]))
    for x in X:
        found = found.heard(*summary(x, axis))
    return found


@dataclass(frozen=True, eq=False)
class Heard:
    """Windows X (n_windows, *shape) of a `person` each, and what was heard of that person `before` each of them. Some of the
    rows are such windows too; as an array they are X. `recording` (n_windows,) tells which windows follow each other;
    `level` and `var` (n_windows, n_features) are their summaries."""

    X: np.ndarray
    person: np.ndarray
    recording: np.ndarray
    level: np.ndarray
    var: np.ndarray
    before: Profile | None = None

    @classmethod
    def of(cls, X: np.ndarray, person: np.ndarray, recording: np.ndarray, axis: int | None, seed: int) -> "Heard":
        """Windows that are listened to in an order drawn by `seed`."""
        level, var = (np.stack(each) for each in zip(*(summary(x, axis) for x in X), strict=True))
        return cls(X, person, recording, level, var).anew(np.random.default_rng(seed))

    shape, ndim, dtype = (
        property(lambda self, name=name: getattr(self.X, name)) for name in ("shape", "ndim", "dtype")
    )

    def __len__(self) -> int:
        return len(self.X)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.X, dtype)

    def __getitem__(self, rows) -> "Heard":
        columns = (each[rows] for each in (self.X, self.person, self.recording, self.level, self.var))
        return Heard(*columns, Profile(*(each[rows] for each in self.before)))

    def anew(self, rng: np.random.Generator) -> "Heard":
        """The same windows, heard in another order: of recordings, each from its start, and of nothing but these rows."""
        profiles, n_features = {}, self.level.shape[1]
        n, found = np.zeros((len(self), 1)), np.zeros((2, *self.level.shape), np.float32)
        for row in in_turn(self.recording, rng):
            known = profiles.get(self.person[row]) or Profile.empty(n_features)
            n[row], found[0, row], found[1, row] = known
            profiles[self.person[row]] = known.heard(self.level[row], self.var[row])
        return replace(self, before=Profile(n, *found))


def in_turn(recording: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Recordings in a random order, each from its start: the rows of windows (n_windows,)."""
    of = np.unique(recording, return_inverse=True)[1]
    return np.argsort(rng.permutation(of.max() + 1)[of], kind="stable")


@dataclass(frozen=True)
class Prior(Standardiser):
    """The population's standardiser, the deviation `within` people (n_features,), and how many windows other people weigh in
    a person's mean and in their spread, of all features alike: few people tell little of one. `alike`: correlation of two
    windows of one recording; `stretch`: windows of a recording."""

    within: np.ndarray
    mean_weight: float
    spread_weight: float
    alike: float
    stretch: float

    @classmethod
    def fit(cls, heard: Heard, axis: int | None = None) -> "Prior":
        """From training people. Raises BadSet without two people, or where nobody has two windows."""
        base, who = Standardiser.fit(heard.X, axis), np.unique(heard.person, return_inverse=True)[1]
        if not 1 <= who.max() < len(who) - 1:
            raise BadSet(f"{len(who)} windows of {who.max() + 1} people, expected two people or more, more windows.")
        squares = heard.var + (heard.level - means_of(heard.level, who)[who]) ** 2
        within = np.minimum(np.sqrt(squares.mean(axis=0)), base.std)
        units = (heard.level, base.std), (squares, within**2)
        level, squares = (values / np.where(within > 0, by, np.inf) for values, by in units)
        first, recording = np.unique(heard.recording, return_index=True, return_inverse=True)[1:]
        if len(first) == 1 + who.max():  # one of each person
            first = recording = np.arange(len(who))
        alike = 1 / (1 + weight(level, recording, who))
        made = cls(
            base.mean, base.std, axis, np.float32(within), 0.0, weight(squares, who), alike, len(who) / len(first)
        )
        n_recordings = weight(means_of(level, recording), who[first])
        return replace(made, mean_weight=min(MOST, float(n_recordings * made.worth(made.stretch))))

    def worth(self, n: float | np.ndarray) -> float | np.ndarray:
        """How many independent windows n windows are worth, heard recording by recording."""
        return n / (1 + (np.clip(n, 1, self.stretch) - 1) * self.alike)

    def known(self, profile: Profile) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std by which a person's next window is standardised, float32 of the profile's shape."""
        n, k, m, worth = profile.n, self.mean_weight, self.spread_weight, self.worth(profile.n)
        off = profile.mean.astype(np.float64) - self.mean
        squares = profile.squares + off * off * (k * worth / (k + worth))
        var = np.divide(squares, np.square(self.within), out=np.zeros_like(squares), where=self.within > 0)
        spread = np.sqrt((m + var) / (m + n))
        return np.float32(self.mean + off * (worth / (k + worth))), np.float32(self.std * spread)

    def normalise(self, X: np.ndarray, profile: Profile) -> np.ndarray:
        """X (n_windows, …) by one profile, or by one of each window, float32. Raises BadSet for other features."""
        return scaled(X, *self.known(profile), self.axis)

    def __call__(self, X: np.ndarray | Heard) -> np.ndarray:
        """Windows that were listened to by what was heard before each, others by the population alone, float32."""
        return self.normalise(X.X, X.before) if isinstance(X, Heard) else super().__call__(X)

    def to_dict(self) -> dict:
        return super().to_dict() | {"within": self.within.tolist()} | {name: getattr(self, name) for name in WEIGHTS}

    @classmethod
    def from_dict(cls, record: dict) -> "Prior":
        base, within = Standardiser.from_dict(record), np.asarray(record["within"], np.float32)
        weights = [float(record[name]) for name in WEIGHTS]
        if within.shape != (base.mean.size,) or not 0 <= min(weights) <= max(weights) <= MOST:
            raise ValueError(f"a prior of {within.shape} features that weighs {weights} windows")
        return cls(base.mean, base.std, base.axis, within, *weights)


def means_of(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean of values (n, n_features) in each group, (n_groups, n_features); group (n,) counts from 0."""
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums / np.bincount(group)[:, None]


def weight(values: np.ndarray, group: np.ndarray, over: np.ndarray | None = None) -> float:
    """How many rows of values (n, n_features) the mean of all groups weighs against a group's own: variance within groups over
    variance between them, both unbiased and summed over features, at most MOST. group (n,) counts from 0. Where groups belong
    to larger ones, `over` (n,) from 0, it is the variance between the groups of one.
    """
    over = np.zeros_like(group) if over is None else over
    n, n_over, of = np.bincount(group), np.bincount(over), over[np.unique(group, return_index=True)[1]]
    means = means_of(values, group)
    within = ((values - means[group]) ** 2).sum() / max(1, len(group) - len(n))
    apart = (n @ (means - means_of(values, over)[of]) ** 2).sum() - (len(n) - len(n_over)) * within
    between = apart / max(1, len(group) - (n**2 / n_over[of]).sum())
    return float(within / between) if between * MOST > within else MOST
