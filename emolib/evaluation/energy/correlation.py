"""How power follows marked activity: at every offset at once, and at one exactly.

The first is a masked normalised cross-correlation (Padfield 2012): gaps count as unknown, not as 0 W. The second
is on the log's own samples, whose share of marked time is exact.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.signal import correlate

from emolib.device.markers import Marker, joined
from emolib.evaluation.energy.trace import Trace

FLAT = 1e-9  # variance of power, whose own is 1, or of activity, below which nothing can correlate
MIN_COVERED = 0.8  # of the marked time, by the log


class Activity:
    """When marked work ran, with some rest on both sides: as long as a block or a pause of its own."""

    def __init__(self, markers: Sequence[Marker], step_s: float):
        blocks = joined([m._replace(what="") for m in markers], step_s)
        self.edges = np.array([[block.start_s, block.end_s] for block in blocks])
        lengths, pauses = np.diff(self.edges).ravel(), self.edges[1:, 0] - self.edges[:-1, 1]
        self.shortest_s = float(min([*lengths, *pauses]))
        rest = float(np.median([*lengths, *pauses]))
        self.start_s, self.end_s = self.edges[0, 0] - rest, self.edges[-1, 1] + rest
        self._until = np.concatenate([[0.0], np.cumsum(lengths)])

    def share(self, first_s: np.ndarray, last_s: np.ndarray) -> np.ndarray:
        """Share (n,) of each cell that is marked."""
        times = self.edges.ravel()
        sums = np.repeat(self._until, 2)[1:-1]
        marked = np.interp(last_s, times, sums) - np.interp(first_s, times, sums)
        return marked / (last_s - first_s)


class Grid:
    """Power on a regular grid of the meter's clock from its first cell on: mean 0, standard deviation 1, 0 in gaps."""

    def __init__(self, trace: Trace, step_s: float):
        self.start_s, self.step_s = float(trace.cells[0][0]), step_s
        cells = ((trace.time_s - self.start_s) / step_s).astype(np.int64)
        counts = np.bincount(cells)
        self.mask = (counts > 0).astype(np.float64)
        scaled = (trace.power_w - trace.power_w.mean()) / (trace.power_w.std() or 1.0)
        self.power = np.bincount(cells, weights=scaled) / np.maximum(counts, 1)


def correlation(trace: Trace, activity: Activity, offset_s: float, drift: float) -> float:
    """Pearson's r of power with the share of marked time, over the cells near the work, by their length."""
    first, last = trace.cells
    first, last = (trace.time_s[0] + offset_s + (1 + drift) * (x - trace.time_s[0]) for x in (first, last))
    near = (first >= activity.start_s) & (last <= activity.end_s)
    if near.sum() < 3:
        return math.nan
    weights, share, power = (last - first)[near], activity.share(first[near], last[near]), trace.power_w[near]
    share, power = share - np.average(share, weights=weights), power - np.average(power, weights=weights)
    norm = math.sqrt((weights * share**2).sum() * (weights * power**2).sum())
    return float((weights * share * power).sum() / norm) if norm > 0 else math.nan


def everywhere(grid: Grid, activity: Activity, drift: float):
    """Offsets (m,) at the grid's start, the correlation at each, -1 where the log covers too little, samples there."""
    step_s = grid.step_s * (1 + drift)
    places = np.arange(activity.start_s, activity.end_s, step_s)
    share = activity.share(places, places + step_s)
    ones = np.ones_like(share)
    n, sx, sxx = (correlate(x, ones, method="fft") for x in (grid.mask, grid.power, grid.power**2))
    pairs = ((grid.mask, share), (grid.mask, share**2), (grid.power, share))
    st, stt, sxt = (correlate(x, t, method="fft") for x, t in pairs)
    n = np.maximum(n, 1)
    varying = (sxx / n - (sx / n) ** 2, stt / n - (st / n) ** 2)
    both = np.sqrt(np.maximum(varying[0], FLAT) * np.maximum(varying[1], FLAT))
    r = np.where(np.minimum(*varying) > FLAT, (sxt / n - sx * st / n**2) / both, -1.0)
    r = np.where((st >= MIN_COVERED * share.sum()) & (n >= 3), r, -1.0)
    lags = np.arange(len(n)) - (len(share) - 1)
    return activity.start_s - grid.start_s - lags * step_s, r, n
