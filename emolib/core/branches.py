"""Windows of one modality are an array X (n, …); those of several a dict of such arrays by branch. numpy only."""

from collections.abc import Callable

import numpy as np

from emolib.core import memory_map as stored
from emolib.core.errors import BadSet
from emolib.core.memory_map import Stored

Windows = np.ndarray | Stored | dict[str, np.ndarray]


def each(function: Callable, X):
    """The function of X, or of every branch of X."""
    return {name: function(x) for name, x in X.items()} if isinstance(X, dict) else function(X)


def taken(X: Windows, rows) -> Windows:
    """Some of the windows: `rows` is an index array or a slice."""
    return each(lambda x: x[rows], X)


def part(X: Windows, rows, transform: Callable | None = None) -> Windows:
    """Some of the windows, transformed: those of one modality in a file when they are read, others now."""
    if isinstance(X, dict):
        return transform(taken(X, rows)) if transform else taken(X, rows)
    return stored.part(X, rows, transform)


def arrays(X: Windows) -> list[np.ndarray | Stored]:
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
