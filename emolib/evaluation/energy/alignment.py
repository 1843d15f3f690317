"""The meter's clock and the device's: find the offset at which power follows the marked work.

First a masked normalised cross-correlation (Padfield 2012) of power with marked work gives every offset at once; gaps
count as unknown, not as 0 W. Then the best offset is refined on the log's own samples, whose share of marked time is
exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.signal import correlate, find_peaks

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import Marker
from emolib.evaluation.energy.marks import joined
from emolib.evaluation.energy.trace import Trace

FLAT = 1e-9  # variance of power, whose own is 1, or of activity, below which nothing can correlate
MIN_COVERED = 0.8  # of the marked time, by the log
MIN_CORRELATION = 0.5
MIN_LEAD = 0.02  # over the second best offset; and 3 standard errors of a correlation
PER_BLOCK = 8  # grid steps in the shortest block or pause
MAX_DRIFTS = 400


@dataclass(frozen=True)
class Alignment:
    """markers' clock = first + offset_s + (1 + drift) * (meter's clock - first); first is the log's first time.
    `correlation` is that of power with marked work. `runner_up` is the correlation at the best offset elsewhere."""

    offset_s: float
    drift: float
    correlation: float
    runner_up: float

    def apply(self, trace: Trace) -> Trace:
        """The trace on the markers' clock."""
        return replace(trace, time_s=_on_markers_clock(trace, trace.time_s, self.offset_s, self.drift))


def _on_markers_clock(trace: Trace, time_s: np.ndarray, offset_s: float, drift: float) -> np.ndarray:
    return trace.time_s[0] + offset_s + (1 + drift) * (time_s - trace.time_s[0])


def given(trace: Trace, markers: Sequence[Marker], offset_s: float) -> Alignment:
    """The alignment by a known offset. Its correlation is NaN where the log holds none of the work."""
    r = _correlation(trace, Activity(markers, trace.step_s), offset_s, 0.0)
    return Alignment(offset_s, 0.0, r, math.nan)


def find(
    trace: Trace, markers: Sequence[Marker], search_s: Sequence[float] | None = None, max_drift: float = 0.0
) -> Alignment:
    """The offset at which power follows the marked work, within `search_s` (low, high) if given.

    `max_drift` is how much faster or slower the meter's clock may run: 1e-3 is 3.6 s an hour. Raises
    BadRecording where no offset stands out: power does not follow the work, or several offsets fit alike.
    """
    if not 0 <= max_drift < 0.1:
        raise BadParameter(f"max_drift is {max_drift}, expected 0 to below 0.1 (a tenth).")
    activity = Activity(markers, trace.step_s)
    step_s = max(activity.shortest_s / PER_BLOCK, trace.step_s)
    # neighbouring drifts move the last mark against the first by half the shortest block
    n_beside = math.ceil(min(max_drift * activity.across_s / (activity.shortest_s / 2), MAX_DRIFTS / 2))
    drifts = np.linspace(-max_drift, max_drift, 1 + 2 * n_beside) if n_beside else [0.0]
    tried = [_best_offset(trace, step_s, activity, drift, search_s) for drift in drifts]
    best = max(tried, key=lambda one: one.correlation)
    _check_stands_out(trace, best)
    fine = trace.binned(step_s / PER_BLOCK)
    offset_s, drift, correlation = _refined(fine, activity, best, step_s, max_drift > 0)
    offset_s += drift * (trace.time_s[0] - fine.time_s[0])
    return Alignment(float(offset_s), float(drift), correlation, best.runner_up[0])


class Activity:
    """When marked work ran, with some rest on both sides: as long as the median block or pause."""

    def __init__(self, markers: Sequence[Marker], step_s: float):
        blocks = joined([m._replace(what="") for m in markers], step_s)
        edges = np.array([[block.start_s, block.end_s] for block in blocks])
        lengths, pauses = np.diff(edges).ravel(), edges[1:, 0] - edges[:-1, 1]
        rest = float(np.median([*lengths, *pauses]))
        self.shortest_s = float(min([*lengths, *pauses]))
        self.start_s, self.end_s = edges[0, 0] - rest, edges[-1, 1] + rest
        self.across_s = self.end_s - self.start_s
        self._edges = edges.ravel()
        self._sums = np.repeat(np.concatenate([[0.0], np.cumsum(lengths)]), 2)[1:-1]

    def until(self, time_s: np.ndarray) -> np.ndarray:
        """Marked seconds until each time (…)."""
        return np.interp(time_s, self._edges, self._sums)

    def share(self, first_s: np.ndarray, last_s: np.ndarray) -> np.ndarray:
        """Share (n,) of each cell that is marked."""
        return (self.until(last_s) - self.until(first_s)) / (last_s - first_s)


def _correlation(trace: Trace, activity: Activity, offset_s: float, drift: float) -> float:
    """Pearson's r of power with the share of marked time, over the cells near the work, by their length."""
    first, last = (_on_markers_clock(trace, edge, offset_s, drift) for edge in trace.cells)
    near = (first >= activity.start_s) & (last <= activity.end_s)
    if near.sum() < 3:
        return math.nan
    weights, share, power = (last - first)[near], activity.share(first[near], last[near]), trace.power_w[near]
    share, power = share - np.average(share, weights=weights), power - np.average(power, weights=weights)
    norm = math.sqrt((weights * share**2).sum() * (weights * power**2).sum())
    return float((weights * share * power).sum() / norm) if norm > 0 else math.nan


class _Best(NamedTuple):
    """The best offset at one drift, of `n` samples. `runner_up`: correlation and offset of the best peak elsewhere, or NaN."""

    correlation: float
    offset_s: float
    drift: float
    runner_up: tuple[float, float]
    n: int


def _best_offset(
    trace: Trace, step_s: float, activity: Activity, drift: float, search_s: Sequence[float] | None
) -> _Best:
    """By the correlation at every offset; -1 where the log covers too little."""
    start_s = float(trace.cells[0][0])
    cells = ((trace.time_s - start_s) / step_s).astype(np.int64)
    counts = np.bincount(cells)
    mask = (counts > 0).astype(np.float64)
    # power on a regular grid of the meter's clock: mean 0, standard deviation 1, 0 in gaps
    scaled = (trace.power_w - trace.power_w.mean()) / (trace.power_w.std() or 1.0)
    power = np.bincount(cells, weights=scaled) / np.maximum(counts, 1)

    step_s = step_s * (1 + drift)
    places = np.arange(activity.start_s, activity.end_s, step_s)
    share = activity.share(places, places + step_s)
    ones = np.ones_like(share)
    pairs = ((mask, ones), (power, ones), (power**2, ones), (mask, share), (mask, share**2), (power, share))
    n, sx, sxx, st, stt, sxt = (correlate(x, t, method="fft") for x, t in pairs)
    n = np.maximum(n, 1)
    varying = (sxx / n - (sx / n) ** 2, stt / n - (st / n) ** 2)
    both = np.sqrt(np.maximum(varying[0], FLAT) * np.maximum(varying[1], FLAT))
    r = np.where(np.minimum(*varying) > FLAT, (sxt / n - sx * st / n**2) / both, -1.0)
    r = np.where((st >= MIN_COVERED * share.sum()) & (n >= 3), r, -1.0)
    offsets = activity.start_s - start_s - (np.arange(len(n)) - (len(share) - 1)) * step_s

    low_s, high_s = search_s or (-math.inf, math.inf)
    r = np.where((offsets >= low_s) & (offsets <= high_s), r, -1.0)
    k = int(np.argmax(r))
    peaks = find_peaks(np.concatenate([[-1.0], r, [-1.0]]))[0] - 1
    peaks = peaks[(np.abs(offsets[peaks] - offsets[k]) > activity.shortest_s / 2) & (r[peaks] > -1)]
    others = [(float(r[i]), float(offsets[i])) for i in peaks]
    runner_up = max(others, key=lambda peak: peak[0], default=(math.nan, math.nan))
    return _Best(float(r[k]), float(offsets[k]), drift, runner_up, int(n[k]))


def _refined(
    fine: Trace, activity: Activity, best: _Best, step_s: float, has_drift: bool
) -> tuple[float, float, float]:
    """Offset, drift and correlation on the samples themselves, from the best offset on; drift turns the clock about the
    middle of the work."""
    middle_s = activity.start_s + activity.across_s / 2 - fine.time_s[0] - best.offset_s

    def at(shift: float, turn: float = 0.0) -> tuple[float, float]:
        turn = turn * step_s / activity.across_s
        return best.offset_s + shift * step_s - turn * middle_s, best.drift + turn

    def loss(x) -> float:
        r = _correlation(fine, activity, *at(*x))
        return -r if math.isfinite(r) else 1.0

    start = min(np.linspace(-1.5, 1.5, 31), key=lambda shift: loss([shift]))
    simplex = np.array([[start, 0.0], [start + 0.1, 0.0], [start, 1.0]])
    simplex = simplex if has_drift else simplex[:2, :1]
    options = {"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-9}
    found = minimize(loss, simplex[0], method="Nelder-Mead", options=options)
    return *at(*found.x), -float(found.fun)


def _check_stands_out(trace: Trace, best: _Best):
    r, (next_r, next_s) = best.correlation, best.runner_up
    if r == -1:
        why = f"at no offset does the log cover {MIN_COVERED:.0%} of the marked work: are they of one run?"
    elif r < MIN_CORRELATION:
        why = f"power does not follow the marked work (best correlation {r:.2f}, expected {MIN_CORRELATION} or more): "
        why += "are they of one run? Else give offset_s."
    elif r - next_r < max(MIN_LEAD, 3 * (1 - r**2) / math.sqrt(best.n)):
        why = f"offsets of {best.offset_s:.2f} and {next_s:.2f} s fit alike (correlation {r:.3f} and {next_r:.3f}): "
        why += "run a pattern before the work, or give search_s or offset_s."
    else:
        return
    raise BadRecording(f"{trace.origin}: {why}")
