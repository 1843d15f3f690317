"""The meter's clock and the device's: the offset at which power follows the marked work, offline, with scipy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.signal import find_peaks

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import Marker
from emolib.evaluation.energy.correlation import MIN_COVERED, Activity, Grid, correlation, everywhere
from emolib.evaluation.energy.trace import Trace

MIN_CORRELATION = 0.5
MIN_LEAD = 0.02  # over the second best offset; and 3 standard errors of a correlation
PER_BLOCK = 8  # grid steps in the shortest block or pause
MAX_DRIFTS = 400


@dataclass(frozen=True)
class Alignment:
    """markers' clock = first + offset_s + (1 + drift) * (meter's clock - first), first being the log's first time.

    `correlation` of power with marked activity there, and of the `runner_up`: the best offset elsewhere.
    """

    offset_s: float
    drift: float
    correlation: float
    runner_up: float

    def apply(self, trace: Trace) -> Trace:
        """The trace on the markers' clock."""
        return replace(trace, time_s=_moved(trace.time_s, self.offset_s, self.drift))


def _moved(time_s: np.ndarray, offset_s: float, drift: float) -> np.ndarray:
    return time_s[0] + offset_s + (1 + drift) * (time_s - time_s[0])


def given(trace: Trace, markers: Sequence[Marker], offset_s: float) -> Alignment:
    """The alignment by an offset that is known, with its correlation; NaN where the log holds none of the work."""
    r = correlation(trace, Activity(markers, trace.step_s), offset_s, 0.0)
    return Alignment(offset_s, 0.0, r, math.nan)


def find(
    trace: Trace,
    markers: Sequence[Marker],
    search_s: tuple[float, float] | None = None,
    max_drift: float = 0.0,
) -> Alignment:
    """The offset at which power follows the marked work, within `search_s` (low, high) if given.

    `max_drift` is how much faster or slower the meter's clock may run, 1e-3 being 3.6 s an hour. Raises
    BadRecording where no offset stands out: power does not follow the work, or several offsets fit alike.
    """
    if not 0 <= max_drift < 0.1:
        raise BadParameter(f"max_drift is {max_drift}, expected 0 to below 0.1 (a tenth).")
    activity = Activity(markers, trace.step_s)
    step_s = max(activity.shortest_s / PER_BLOCK, trace.step_s)
    best, runner_up, n = _best(Grid(trace, step_s), activity, search_s, max_drift)
    fine = trace.binned(step_s / PER_BLOCK)
    found = _refined(fine, activity, best, step_s, max_drift)
    found = replace(found, offset_s=found.offset_s + found.drift * (trace.time_s[0] - fine.time_s[0]))
    _check(trace, best, runner_up, n)
    return replace(found, runner_up=runner_up[0] if runner_up else math.nan)


def _best(grid: Grid, activity: Activity, search_s: tuple[float, float] | None, max_drift: float):
    """((correlation, offset, drift), (runner-up, offset) or None, samples there), best of all drifts."""
    n_drifts = 1
    if max_drift:
        across = activity.end_s - activity.start_s
        n_drifts += 2 * math.ceil(min(max_drift * across / (activity.shortest_s / 2), MAX_DRIFTS / 2))
    found = []
    for drift in np.linspace(-max_drift, max_drift, n_drifts) if n_drifts > 1 else [0.0]:
        offsets, r, n = everywhere(grid, activity, float(drift))
        if search_s is not None:
            r = np.where((offsets >= search_s[0]) & (offsets <= search_s[1]), r, -1.0)
        k = int(np.argmax(r))
        found.append(
            ((float(r[k]), float(offsets[k]), float(drift)), _second(offsets, r, k, activity), int(n[k]))
        )
    return max(found, key=lambda one: one[0][0])


def _second(offsets: np.ndarray, r: np.ndarray, best: int, activity: Activity) -> tuple[float, float] | None:
    """The highest peak of r at least half the shortest block or pause away from the best."""
    peaks = find_peaks(np.concatenate([[-1.0], r, [-1.0]]))[0] - 1
    peaks = peaks[(np.abs(offsets[peaks] - offsets[best]) > activity.shortest_s / 2) & (r[peaks] > -1)]
    if not len(peaks):
        return None
    k = peaks[np.argmax(r[peaks])]
    return float(r[k]), float(offsets[k])


def _refined(fine: Trace, activity: Activity, best: tuple, step_s: float, max_drift: float) -> Alignment:
    """The best offset, and drift where one is allowed, on the samples themselves; turned about the work's middle."""
    _, offset_s, drift = best
    across = activity.end_s - activity.start_s
    middle_s = activity.start_s + across / 2 - fine.time_s[0] - offset_s

    def at(x: np.ndarray) -> tuple[float, float]:
        turn = x[1] * step_s / across if max_drift else 0.0
        return offset_s + x[0] * step_s - turn * middle_s, drift + turn

    def loss(x: np.ndarray) -> float:
        r = correlation(fine, activity, *at(x))
        return -r if math.isfinite(r) else 1.0

    steps = np.linspace(-1.5, 1.5, 31)
    start = steps[np.argmin([loss(np.array([k, 0.0])) for k in steps])]
    simplex = np.array([[start, 0.0], [start + 0.1, 0.0], [start, 1.0]])[: 3 if max_drift else 2]
    found = minimize(
        lambda x: loss(np.append(x, 0.0)),
        simplex[0][: len(simplex) - 1],
        method="Nelder-Mead",
        options={"initial_simplex": simplex[:, : len(simplex) - 1], "xatol": 1e-3, "fatol": 1e-9},
    )
    return Alignment(*at(np.append(found.x, 0.0)), -float(found.fun), math.nan)


def _check(trace: Trace, best: tuple, runner_up: tuple[float, float] | None, n: int):
    """Raise BadRecording where the offset does not stand out."""
    if best[0] == -1:
        raise BadRecording(
            f"{trace.origin}: at no offset does the log cover {MIN_COVERED:.0%} of the marked work: are log and "
            "markers of one run, and search_s right?"
        )
    if best[0] < MIN_CORRELATION:
        raise BadRecording(
            f"{trace.origin}: power does not follow the marked work (best correlation {best[0]:.2f}, expected "
            f"{MIN_CORRELATION} or more): are log and markers of one run? Else give offset_s."
        )
    lead = best[0] - runner_up[0] if runner_up else math.inf
    if lead < max(MIN_LEAD, 3 * (1 - best[0] ** 2) / math.sqrt(n)):
        raise BadRecording(
            f"{trace.origin}: offsets of {best[1]:.2f} and {runner_up[1]:.2f} s fit alike (correlation {best[0]:.3f} "
            f"and {runner_up[0]:.3f}): run a pattern before the work, or give search_s or offset_s."
        )
