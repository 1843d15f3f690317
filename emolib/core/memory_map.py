"""Windows that stay in a file until they are asked for, so that a corpus may be larger than memory. numpy only."""

import math
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

CHUNK_BYTES = 4 << 20  # of windows read at a time


class Stored:
    """Windows (n, *shape) of `base`, which lies in a file: some rows of it, and what is done to them once read.

    Indexed it gives arrays, and windows again by `part`; np.asarray reads all.
    """

    def __init__(self, base: np.ndarray, rows: np.ndarray, steps: tuple[Callable, ...] = ()):
        self.base, self.rows, self.steps = base, rows, steps
        self.shape, self.ndim, self.dtype = (len(rows), *base.shape[1:]), base.ndim, np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index) -> np.ndarray:
        rows, *inside = index if isinstance(index, tuple) else (index,)
        found = self.rows[rows]
        X = np.asarray(self.base[np.atleast_1d(found)])
        for step in self.steps:
            X = step(X)
        return (X if np.ndim(found) else X[0])[(slice(None),) * np.ndim(found) + tuple(inside)]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def part(self, rows: np.ndarray, step: Callable | None = None) -> "Stored":
        """Some of the windows, `step` done to them; nothing is read."""
        return Stored(self.base, self.rows[rows], self.steps + (() if step is None else (step,)))


def part(X, rows: np.ndarray, step: Callable | None = None):
    """Rows of X, `step` done to them: of windows in a file a Stored, of others an array."""
    if isinstance(X, np.memmap):
        X = Stored(X, np.arange(len(X)))
    if isinstance(X, Stored):
        return X.part(rows, step)
    return X[rows] if step is None else step(X[rows])


def chunks(X) -> Iterator[slice]:
    """Slices that together are X, an array or Stored, each of CHUNK_BYTES at most, or of one window."""
    n = max(1, CHUNK_BYTES // max(1, X.dtype.itemsize * math.prod(X.shape[1:])))
    return (slice(start, start + n) for start in range(0, len(X), n))


def scratch(shape: tuple[int, ...]) -> np.memmap:
    """float32 zeros of a shape in a file that is gone with the array."""
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


class Spool:
    """Windows (n, *shape) float32 one batch after the other, in a file that is gone with its array."""

    def __init__(self):
        # open until the last reference is gone
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        self.n, self.shape = 0, ()

    def add(self, X: np.ndarray):
        """Windows (n, *shape), of the shape of those before."""
        self.file.write(np.ascontiguousarray(X, np.float32))
        self.n, self.shape = self.n + len(X), X.shape[1:]

    def array(self) -> np.memmap:
        """All of them; there must be one."""
        self.file.flush()
        return np.memmap(self.file, np.float32, "r", shape=(self.n, *self.shape))
