"""Standardisation of windows: numpy only, so that the device applies what training fitted."""

from dataclasses import dataclass, replace

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.windows import Windows, chunks, scratch

FLOOR = 1e-6  # of the mean's size: a smaller deviation is rounding, and the feature constant


@dataclass(frozen=True)
class Standardiser:
    """(X - mean) / std, with one mean and std per entry of X's `axis`, or one of each where axis is None. A constant
    feature has std 0 and becomes 0."""

    mean: np.ndarray
    std: np.ndarray
    axis: int | None

    @classmethod
    def fit(cls, X: np.ndarray, axis: int | None = None) -> "Standardiser":
        """From X (n_windows, …). Raises BadSet without windows, or where a value is not finite."""
        if len(X) == 0:
            raise BadSet("No windows to fit a standardiser to, expected at least one.")
        over = tuple(a for a in range(X.ndim) if axis is None or a != axis % X.ndim)
        n = np.prod([X.shape[a] for a in over])
        mean = sum(X[rows].sum(axis=over, dtype=np.float64) for rows in chunks(X)) / n
        centre = np.expand_dims(mean, over)
        squares = sum(np.square(X[rows] - centre).sum(axis=over) for rows in chunks(X))
        std = np.sqrt(squares / n)
        if not np.isfinite(std).all():
            raise BadSet("X holds NaN or infinity: windows like that must be dropped before.")
        std = np.where(std > FLOOR * np.maximum(1.0, np.abs(mean)), std, 0.0)
        return cls(np.asarray(mean, np.float32), np.asarray(std, np.float32), axis)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """float32 of X's shape. Raises BadSet where X has another number of features than the fitted one."""
        shape, n = [1] * X.ndim, self.mean.size
        if self.axis is not None:
            shape[self.axis] = -1
            if X.shape[self.axis] != n:
                raise BadSet(f"X has {X.shape[self.axis]} features on axis {self.axis}, expected {n} as fitted.")
        gain = np.divide(1, self.std, out=np.zeros_like(self.std), where=self.std > 0)
        return ((X - self.mean.reshape(shape)) * gain.reshape(shape)).astype(np.float32)

    def to_dict(self) -> dict:
        return {"mean": self.mean.tolist(), "std": self.std.tolist(), "axis": self.axis}

    @classmethod
    def from_dict(cls, record: dict) -> "Standardiser":
        return cls(*(np.asarray(record[name], np.float32) for name in ("mean", "std")), record["axis"])


class ByBranch(dict[str, Standardiser]):
    """One Standardiser for each branch, for windows that are a dict by branch."""

    def __call__(self, X: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: self[name](x) for name, x in X.items()}

    def to_dict(self) -> dict:
        return {name: one.to_dict() for name, one in self.items()}


def fit(X: Windows, axis) -> Standardiser | ByBranch:
    """A standardiser fitted to X (n_windows, …), or one for each branch of it, with `axis` by branch. Raises BadSet."""
    if isinstance(X, dict):
        return ByBranch({name: Standardiser.fit(x, axis[name]) for name, x in X.items()})
    return Standardiser.fit(X, axis)


def from_dict(record: dict) -> Standardiser | ByBranch:
    """The standardiser that `to_dict` of either class described."""
    if "axis" in record:
        return Standardiser.from_dict(record)
    return ByBranch({name: Standardiser.from_dict(one) for name, one in record.items()})


def by_subject(X: np.ndarray, subject: np.ndarray, axis: int | None = None) -> np.ndarray:
    """X (n_windows, …) standardised within each subject, float32. It is transductive: it sees all windows of a test
    subject before the first is scored. On a device that is a calibration phase; report it as such."""
    out = scratch(X.shape) if isinstance(X, np.memmap) else np.empty(X.shape, np.float32)
    for name in np.unique(subject):
        rows = subject == name
        out[rows] = Standardiser.fit(X[rows], axis)(X[rows])
    return out


def within_subject_std(X: np.ndarray, subject: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Pooled standard deviation of X (n_windows, …) around each subject's own mean, one per feature."""
    squares = 0.0
    for name in np.unique(subject):
        own = X[subject == name]
        squares += len(own) * np.square(Standardiser.fit(own, axis).std, dtype=np.float64)
    return np.sqrt(squares / len(X))


def by_baseline(X, subject, baseline, std, share: float, axis: int | None = None) -> np.ndarray:
    """X (n_windows, …) standardised by each subject's own windows in the mask `baseline` (n_windows,).

    A short baseline knows the mean better than the spread: its variance is shrunk, by `share` in [0, 1],
    towards that of `std`, which is other people's. Raises BadSet for a subject without a baseline.
    """
    if len(missing := np.setdiff1d(subject, subject[baseline])):
        raise BadSet(f"No baseline window of {', '.join(missing)}, expected one or more of every subject.")
    out = np.empty(X.shape, np.float32)
    for name in np.unique(subject):
        rows = subject == name
        own = Standardiser.fit(X[rows & baseline], axis)
        shrunk = np.sqrt((1 - share) * np.square(own.std) + share * np.square(std))
        out[rows] = replace(own, std=np.float32(shrunk))(X[rows])
    return out
