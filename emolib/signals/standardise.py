"""Standardisation of windows: numpy only, so that the device applies what training fitted."""

from dataclasses import dataclass

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.windows import chunks, scratch

FLOOR = 1e-6  # of the mean's size: a smaller deviation is rounding, and the feature constant


def scaled(X: np.ndarray, mean: np.ndarray, std: np.ndarray, axis: int | None) -> np.ndarray:
    """(X - mean) / std, float32 of X's shape (n_windows, …), 0 where std is 0. mean and std have one entry per entry of X's
    `axis`, for all windows or (n_windows, n_features) for each. Raises BadSet where X has other features."""
    shape, n = [len(mean) if mean.ndim == 2 else 1] + [1] * (X.ndim - 1), mean.shape[-1] if mean.ndim else 1
    if axis is not None:
        shape[axis] = n
        if X.shape[axis] != n:
            raise BadSet(f"X has {X.shape[axis]} features on axis {axis}, expected {n} as fitted.")
    gain = np.divide(1, std, out=np.zeros_like(std), where=std > 0)
    return ((X - mean.reshape(shape)) * gain.reshape(shape)).astype(np.float32)


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
        return scaled(X, self.mean, self.std, self.axis)

    def to_dict(self) -> dict:
        return {"mean": self.mean.tolist(), "std": self.std.tolist(), "axis": self.axis}

    @classmethod
    def from_dict(cls, record: dict) -> "Standardiser":
        return cls(*(np.asarray(record[name], np.float32) for name in ("mean", "std")), record["axis"])


def by_subject(X: np.ndarray, subject: np.ndarray, axis: int | None = None) -> np.ndarray:
    """X (n_windows, …) standardised within each subject, float32. It is transductive: it sees all windows of a test
    subject before the first is scored. On a device that is a calibration phase; report it as such."""
    out = scratch(X.shape) if isinstance(X, np.memmap) else np.empty(X.shape, np.float32)
    for name in np.unique(subject):
        rows = subject == name
        out[rows] = Standardiser.fit(X[rows], axis)(X[rows])
    return out
