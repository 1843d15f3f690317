"""Windows, the inputs of a network: an array X (n, …) of one modality, a dict of such arrays by branch of several.

Windows may stay in a file until they are asked for, so that a corpus may be larger than memory. numpy only.
"""

import math
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from emolib.core.errors import BadSet

CHUNK_BYTES = 4 << 20  # of windows read at a time


class MappedWindows:
    """Windows (n, *shape) that stay in a file: some rows of `base`, and the steps that are done to them once they are
    read. An index reads and gives an array, np.asarray reads all."""

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


def chunks(X) -> Iterator[slice]:
    """Slices that together are X, an array or MappedWindows, each of CHUNK_BYTES at most, or of one window."""
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


Windows = np.ndarray | MappedWindows | dict[str, np.ndarray]


def each(function: Callable, X):
    """The function of X, or of every branch of X."""
    return {name: function(x) for name, x in X.items()} if isinstance(X, dict) else function(X)


def taken(X: Windows, rows) -> Windows:
    """Some of the windows: `rows` is an index array or a slice."""
    return each(lambda x: x[rows], X)


def part(X: Windows, rows, step: Callable | None = None) -> Windows:
    """Some of the windows, `step` done to them: later, when they are read, to those of one modality in a file."""
    if isinstance(X, np.memmap):
        X = MappedWindows(X, np.arange(len(X)))
    if isinstance(X, MappedWindows):
        return MappedWindows(X.base, X.rows[rows], X.steps + (() if step is None else (step,)))
    found = taken(X, rows)
    return found if step is None else step(found)


def arrays(X: Windows) -> list[np.ndarray | MappedWindows]:
    """X itself, or its branches."""
    return list(X.values()) if isinstance(X, dict) else [X]


def length(X: Windows) -> int:
    """How many windows X holds. Raises BadSet for branches that hold different numbers of them."""
    n = len(arrays(X)[0])
    for name, x in X.items() if isinstance(X, dict) else ():
        if len(x) != n:
            raise BadSet(f"Branch {name} has {len(x)} windows, expected {n} as the first.")
    return n


def shape(X: Windows):
    """The shape of one window, or of every branch's."""
    return each(lambda x: tuple(x.shape[1:]), X)
