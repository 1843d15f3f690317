"""Power over time, as a meter logged it, and its integral over any span."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emolib.core.errors import BadRecording

GAP_STEPS = 3.0  # neighbours further apart than this many steps have a gap between them


@dataclass(frozen=True, eq=False)
class Trace:
    """power_w (n,) in W at time_s (n,) in s, each later than the one before, in float64.

    A sample stands for the time half way to its neighbours; into a gap it reaches half a step. `origin` names the log.
    `dropped` counts what its reader left out, by reason. Raises BadRecording.
    """

    time_s: np.ndarray
    power_w: np.ndarray
    origin: str
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("time_s", "power_w"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        n = self.time_s.size
        if self.power_w.size != n or n < 2:
            got = f"{n} times and {self.power_w.size} powers"
            raise BadRecording(f"{self.origin}: got {got}, expected 2 or more.")
        if not np.isfinite([self.time_s, self.power_w]).all():
            raise BadRecording(f"{self.origin}: holds NaN or infinity, expected numbers in s and W.")
        if not (np.diff(self.time_s) > 0).all():
            k = int(np.argmin(np.diff(self.time_s) > 0)) + 1
            jump = f"time goes from {self.time_s[k - 1]:.6f} to {self.time_s[k]:.6f} s at sample {k}"
            raise BadRecording(f"{self.origin}: {jump}, expected later each: cut the log there.")

    @cached_property
    def step_s(self) -> float:
        """Seconds between two samples: the median."""
        return float(np.median(np.diff(self.time_s)))

    @cached_property
    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last second (n,) that each sample stands for."""
        between = np.diff(self.time_s)
        half = np.where(between > GAP_STEPS * self.step_s, self.step_s, between) / 2
        before, after = np.append(self.step_s / 2, half), np.append(half, self.step_s / 2)
        return self.time_s - before, self.time_s + after

    @property
    def digit_w(self) -> float:
        """The smallest step between two readings: the meter's last digit, where noise shows every one."""
        return float(np.diff(np.unique(np.round(self.power_w, 9))).min(initial=np.inf))

    def gaps_s(self) -> np.ndarray:
        """Length of each gap in s, (n_gaps,)."""
        first, last = self.cells
        return (first[1:] - last[:-1])[np.diff(self.time_s) > GAP_STEPS * self.step_s]

    def energy_j(self, start_s: float, end_s: float) -> float:
        """Energy of a span in J, gaps left out."""
        return self._between(self.power_w, start_s, end_s)

    def covered_s(self, start_s: float, end_s: float) -> float:
        """Seconds of a span that are no gap."""
        return self._between(np.ones_like(self.power_w), start_s, end_s)

    def _between(self, density: np.ndarray, start_s: float, end_s: float) -> float:
        """Integral of a density that is constant in each cell, 0 in gaps."""
        edges = np.stack(self.cells, axis=1)
        sums = np.cumsum(density * np.diff(edges).ravel())
        until = np.stack([np.append(0.0, sums[:-1]), sums], axis=1).ravel()
        before, after = np.interp((start_s, end_s), edges.ravel(), until)
        return float(after - before)

    def binned(self, step_s: float) -> "Trace":
        """The mean of every `step_s` seconds; the trace itself where its step is longer."""
        if self.step_s >= step_s:
            return self
        bins = ((self.time_s - self.time_s[0]) // step_s).astype(np.int64)
        _, inverse, counts = np.unique(bins, return_inverse=True, return_counts=True)
        means = [np.bincount(inverse, weights=x) / counts for x in (self.time_s, self.power_w)]
        return Trace(*means, self.origin, self.dropped) if len(counts) > 1 else self
