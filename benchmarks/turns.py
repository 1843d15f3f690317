"""Calls timed in turns, and what the times say of one beside another."""

import time
from collections.abc import Callable

import numpy as np


def side_by_side(*calls: Callable, n: int = 60) -> list[np.ndarray]:
    """Seconds of each call, n times each, in turns, so that what else the machine does meets all alike."""
    for call in calls:
        call()
    seconds = np.empty((len(calls), n))
    for i in range(n):
        for j, call in enumerate(calls):
            start = time.perf_counter()
            call()
            seconds[j, i] = time.perf_counter() - start
    return list(seconds)


def ratio(other: np.ndarray, own: np.ndarray) -> str:
    """How many times as long the other takes: the median over turns, with its quartiles."""
    low, middle, high = np.percentile(other / own, (25, 50, 75))
    return f"{middle:.1f} ({low:.1f}–{high:.1f})"
