"""One modality of a live engine: the last seconds that its sensor sent, and what its network makes of them.
numpy only."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, BadRecording, EmolibError
from emolib.device.faces import FacePath
from emolib.device.pipeline import Pipeline
from emolib.device.sensors.base import SCENE, Chunk
from emolib.fusion.reliability import SAME, statistics
from emolib.signals.image import check
from emolib.signals.readers import SignalInfo, same_rate

JITTER_S = 0.1  # by which a live sensor's time stamps may be off from its count of samples
RATE_S = 10.0  # that a measured rate looks back on
LEAST_RATE_S = 5.0  # of samples before there is one
OK, WAITING, STOPPED, STUCK, NO_FACE = "ok", "waiting", "stopped", "stuck: the same samples again", "no face"
MAX_AGE_S = 2.0  # of the newest sample; an older one says nothing of now
AHEAD_S = 1.0  # of the clock; a stamp beyond is wrong
WRONG_RATE = 0.05  # share by which a live sensor's rate may be off before it is no longer believed
SLACK_S = 2.0  # of samples kept beyond the window: a hop that is late still finds its own
PERSON = 120  # windows by which a person is standardised, at most


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
        """The number of the last sample at or before time_s, plus 1; 0 before the first sample."""
        return 0 if self.end is None else min(self.end, int(np.floor(time_s * self.sfreq + 1e-6)))

    def oldest(self) -> int:
        """The number of the first sample that is still here."""
        return 0 if self.end is None else max(self.first, self.end - self.capacity)

    def _place(self, at: int) -> int:
        """The number of a chunk's first sample, whose time stamp says `at`."""
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
        """Median slope over pairs of chunks that lie a quarter of the time apart, so that one drop-out does not
        count; None too early."""
        times, counts = np.array(self.seen).T if self.seen else np.zeros((2, 1))
        if times[-1] - times[0] < LEAST_RATE_S or len(times) < 8:
            return None
        apart = len(times) // 4
        return float(
            np.median((counts[apart:] - counts[:-apart]) / np.maximum(times[apart:] - times[:-apart], 1e-9))
        )


class Reading(NamedTuple):
    """What a stream says at a hop. state: "ok", or why the rest is None. stats (1, 5): of the window. scores
    (1, n_classes). box: of a face."""

    state: str
    stats: np.ndarray | None = None
    scores: np.ndarray | None = None
    box: np.ndarray | None = None


def failure(error: Exception) -> str:
    """The state of a modality after an exception, on one line."""
    kind = "" if isinstance(error, EmolibError) else f"{type(error).__name__}: "
    return f"failed: {kind}{EmolibError(error)}"


class Stream(ABC):
    """What one sensor sent: `push` from one thread, `answer` from another. Raises BadParameter for a sensor
    unlike the training."""

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool):
        self.pipeline, self.about, self.is_live = pipeline, about, is_live
        self.lock, self.refused, self.fault = Lock(), 0, ""
        self.before: tuple[float, np.ndarray] | None = None  # newest sample and statistics of the last answer

    def push(self, chunk: Chunk, now_s: float):
        """Keep a chunk. One that is stamped later than the clock is refused and counted; one that holds no samples becomes the
        `fault` of the stream until the next chunk."""
        try:
            if not np.isfinite(chunk.time_s):
                raise BadRecording(f"Samples at {chunk.time_s} s, expected a time.")
            if self.is_live and chunk.time_s > now_s + AHEAD_S:
                self.refused += 1
                return
            with self.lock:
                self._keep(chunk)
            self.fault = ""
        except Exception as error:  # a sensor may send anything
            self.fault = failure(error)

    def newest_s(self, time_s: float) -> float:
        """When the newest sample at or before time_s was taken; NaN before the first."""
        with self.lock:
            return self._newest_s(time_s)

    def answer(self, time_s: float) -> Reading:
        """What the network makes of the samples up to time_s."""
        if self.fault:
            return Reading(self.fault)
        newest_s = self.newest_s(time_s)
        if np.isnan(newest_s):
            return Reading(WAITING)
        if time_s - newest_s > MAX_AGE_S and (self.is_live or self.about.sfreq):
            return Reading(STOPPED)
        reading = self._read(time_s)
        return (
            Reading(STUCK) if reading.state == OK and self._repeats(newest_s, reading.stats[0]) else reading
        )

    def _repeats(self, newest_s: float, found: np.ndarray) -> bool:
        """Whether newer samples than those of the last answer give just the same numbers."""
        before = self.before
        self.before = newest_s, found
        if before is None or before[0] == newest_s:
            return False
        return bool((np.abs(found - before[1]) <= SAME * np.maximum(1, np.abs(before[1]))).all())

    @abstractmethod
    def _keep(self, chunk: Chunk): ...

    @abstractmethod
    def _newest_s(self, time_s: float) -> float: ...

    @abstractmethod
    def _read(self, time_s: float) -> Reading: ...


class Signal(Stream):
    """Heart, EEG, speech: the last window ends at the newest sample."""

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool):
        super().__init__(pipeline, about, is_live)
        trained = pipeline.trained
        self.rows = trained_rows(pipeline, about)
        self.sfreq = trained.sfreq if same_rate(about.sfreq, trained.sfreq) else about.sfreq
        self.n_window = pipeline.front.n_window(self.sfreq)
        self.n_context = int(pipeline.front.context_s * self.sfreq)
        capacity = self.n_window + self.n_context + int(np.ceil(SLACK_S * self.sfreq))
        rows = len(trained.channels) if pipeline.modality == "eeg" else None
        self.ring = Ring(self.sfreq, capacity, rows, JITTER_S if is_live else 0.0)
        self.rate, self.person = Rate(), deque(maxlen=PERSON)

    def _keep(self, chunk: Chunk):
        data = np.asarray(chunk.data, np.float32)
        if data.ndim != self.ring.samples.ndim:
            raise BadRecording(f"Samples of shape {data.shape}, expected {self.ring.samples.ndim} axes.")
        data = data if self.rows is None else data[self.rows]
        self.ring.push(chunk.time_s, data)
        self.rate.push(chunk.time_s, data.shape[-1])

    def _newest_s(self, time_s: float) -> float:
        newest = self.ring.newest(time_s)
        return newest / self.sfreq if newest > self.ring.oldest() else np.nan

    def _read(self, time_s: float) -> Reading:
        with self.lock:
            hz = self.rate.hz() if self.is_live else None
            samples = self.ring.until(time_s, self.n_window + self.n_context)
        if hz and abs(hz / self.sfreq - 1) > WRONG_RATE:
            return Reading(f"rate {hz:.3g} Hz, expected {self.sfreq:g}")
        if samples.shape[-1] < self.n_window:
            return Reading(WAITING)
        X, state = self._window(samples)
        return Reading(state) if X is None else Reading(OK, statistics(X), self.pipeline.scores(X))

    def _window(self, samples: np.ndarray) -> tuple[np.ndarray | None, str]:
        """The last window of samples (…, n_times), standardised, and OK; or None and why it cannot be used."""
        front, before_s = self.pipeline.front, self._context_s(samples.shape[-1])
        used = self.n_window + int(np.ceil(before_s * self.sfreq))
        windows = (replace(front, hop_s=before_s) if before_s else front)(
            samples[..., samples.shape[-1] - used :], self.sfreq, self.pipeline.trained.kind
        )
        if not len(windows.X) or windows.start_s[-1] != before_s:
            return None, f"dropped: {', '.join(windows.dropped)}"
        return self._of_person(windows.X[-1:])

    def _context_s(self, n: int) -> float:
        """Seconds before the window in which beats are found too, of n samples; whole steps of the front end."""
        if not self.n_context:
            return 0.0
        step_hz = self.pipeline.front.sfreq_out
        return float(np.floor(min(n - self.n_window, self.n_context) / self.sfreq * step_hz) / step_hz)

    def _of_person(self, X: np.ndarray) -> tuple[np.ndarray | None, str]:
        if not self.pipeline.by_person:
            return self.pipeline.standardised(X), OK
        self.person.append(X)
        if reason := self.pipeline.too_few(len(self.person)):
            return None, f"{WAITING}: {reason}"
        return self.pipeline.standardised(np.concatenate(self.person))[-1:], OK


class Pictures(Stream):
    """Faces: the newest picture is used. If it is a scene and the bundle has a detector, a face is found in it
    first."""

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool, face_path: FacePath | None):
        super().__init__(pipeline, about, is_live)
        if pipeline.by_person:
            raise BadParameter(
                f"{pipeline.source} needs a recording of each person, expected another: pick it with --model."
            )
        self.face_path = face_path if about.kind == SCENE else None
        self.last: deque[Chunk] = deque(maxlen=2)

    def _keep(self, chunk: Chunk):
        self.last.append(chunk._replace(data=check(chunk.data)))

    def _newest_s(self, time_s: float) -> float:
        return self._picture(time_s).time_s if self.last else np.nan

    def _picture(self, time_s: float) -> Chunk:
        """The newest picture at or before time_s, else the oldest one that is kept."""
        return next((chunk for chunk in reversed(self.last) if chunk.time_s <= time_s), self.last[0])

    def _read(self, time_s: float) -> Reading:
        with self.lock:
            image = self._picture(time_s).data
        if not self.face_path:
            X, dropped = self.pipeline.windows([image], 0.0)
            if not len(X):
                return Reading(f"dropped: {', '.join(dropped)}")
            return Reading(OK, statistics(X), self.pipeline.scores(X))
        if not (faces := self.face_path(image)):
            return Reading(NO_FACE)
        return Reading(OK, statistics(faces[0].X[None]), faces[0].scores[None], faces[0].box)


def trained_rows(pipeline: Pipeline, about: SignalInfo) -> list[int] | None:
    """Which rows of a sensor's data the model was trained on; None for a signal without rows. Raises
    BadParameter, BadRecording."""
    trained, name = pipeline.trained, pipeline.modality
    if (about.kind or trained.kind) != trained.kind:
        raise BadParameter(
            f"{name}: its source gives {about.kind}, the model was trained on {trained.kind}: use another."
        )
    if trained.kind == "band_power":
        raise BadParameter(
            f"{pipeline.source} takes band powers, which no sensor sends: pick another with --model."
        )
    if not about.sfreq > 0:
        raise BadRecording(
            f"{name}: a rate of {about.sfreq} Hz, expected one above 0: the source must name it."
        )
    if name != "eeg":
        return None
    known = [channel.lower() for channel in about.channels]
    absent = [channel for channel in trained.channels if channel.lower() not in known]
    if absent:
        raise BadParameter(
            f"{name}: the source has channels {', '.join(about.channels) or 'without names'}, expected "
            f"{', '.join(trained.channels)}: name them as the model's corpus does."
        )
    return [known.index(channel.lower()) for channel in trained.channels]
