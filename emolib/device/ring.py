"""The last seconds of what a sensor sent, in fixed memory, by time. numpy only."""

from collections import deque

import numpy as np

JITTER_S = 0.1  # by which a live sensor's time stamps may be off from its count of samples
RATE_S = 10.0  # that a measured rate looks back on
LEAST_RATE_S = 5.0  # of samples before there is one


class Ring:
    """The last `capacity` samples of a signal at sfreq Hz, (n_times,) or, of several rows, (n_rows, n_times).

    Sample k lies at k / sfreq seconds. Stamps within `jitter_s` of the count of samples go on with it; later
    ones leave a gap of NaN, earlier ones write over what is there: both are counted in `jumps`.
    """

    def __init__(self, sfreq: float, capacity: int, rows: int | None = None, jitter_s: float = 0.0):
        self.sfreq, self.capacity = sfreq, capacity
        self.samples = np.full((*(() if rows is None else (rows,)), capacity), np.nan, np.float32)
        self.slack = max(1.5, jitter_s * sfreq)
        self.first = self.end = None  # of the samples that were ever here, and one behind the last
        self.jumps = 0

    def push(self, time_s: float, data: np.ndarray):
        """data (…, n_times), the first sample of it at time_s."""
        at = self._place(round(time_s * self.sfreq))
        kept = data[..., -self.capacity :]
        self.end = at + data.shape[-1]
        self.samples[..., self._columns(self.end - kept.shape[-1], self.end)] = kept

    def until(self, time_s: float, n: int) -> np.ndarray:
        """The last samples at time_s, n of them or as many as there are, (…, ≤ n), oldest first; a copy."""
        stop = self.newest(time_s)
        start = max(stop - n, self.oldest())
        if stop <= start:
            return self.samples[..., :0]
        first, end = start % self.capacity, (stop - 1) % self.capacity + 1
        if first < end:
            return self.samples[..., first:end].copy()
        return np.concatenate([self.samples[..., first:], self.samples[..., :end]], axis=-1)

    def newest(self, time_s: float) -> int:
        """One behind the last sample that is not later than time_s; 0 before the first came."""
        return 0 if self.end is None else min(self.end, int(np.floor(time_s * self.sfreq + 1e-6)))

    def oldest(self) -> int:
        """The first sample that is still here."""
        return 0 if self.end is None else max(self.first, self.end - self.capacity)

    def _place(self, at: int) -> int:
        """The number that a chunk's first sample gets, whose stamp says `at`."""
        if self.end is None:
            self.first = self.end = at
        if abs(at - self.end) <= self.slack:
            return self.end
        self.jumps += 1
        if at > self.end:
            self.samples[..., self._columns(max(self.end, at - self.capacity), at)] = np.nan
        elif at < self.oldest():
            self.first = at
        return at

    def _columns(self, start: int, stop: int) -> np.ndarray:
        return np.arange(start, stop) % self.capacity


class Rate:
    """Samples a second that a sensor really sends, by the stamps of its chunks; memory is fixed."""

    def __init__(self):
        self.seen: deque[tuple[float, int]] = deque(maxlen=1024)
        self.count = 0

    def push(self, time_s: float, n: int):
        while self.seen and not time_s - RATE_S <= self.seen[0][0] <= time_s:
            self.seen.popleft()
        self.seen.append((time_s, self.count))
        self.count += n

    def hz(self) -> float | None:
        """Median slope over pairs a quarter of the stretch apart, so that one drop-out does not count; None too early."""
        times, counts = np.array(self.seen).T if self.seen else np.zeros((2, 1))
        if times[-1] - times[0] < LEAST_RATE_S or len(times) < 8:
            return None
        apart = len(times) // 4
        return float(
            np.median((counts[apart:] - counts[:-apart]) / np.maximum(times[apart:] - times[:-apart], 1e-9))
        )
