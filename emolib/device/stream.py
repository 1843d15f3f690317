"""One modality of a live engine: the last seconds that its sensor sent, and what its network makes of them."""

from collections import deque
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, BadRecording, EmolibError
from emolib.device.faces import FacePath
from emolib.device.owner import Owner
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
HOP_ROUNDING_S = 1e-3
PERSON = 120  # windows by which a person is standardised, at most


class Ring:
    """The last `capacity` samples of a signal at sfreq Hz, (n_times,) or, of several rows, (n_rows, n_times).

    Sample k lies at k / sfreq seconds. Stamps within `jitter_s` of the count of samples go on with it; later
    ones leave a gap of NaN, earlier ones replace what came after them.
    """

    def __init__(self, sfreq: float, capacity: int, rows: int | None = None, jitter_s: float = 0.0):
        self.sfreq, self.capacity = sfreq, capacity
        self.samples = np.empty((*(() if rows is None else (rows,)), 0), np.float32)
        self.slack = max(1.5, jitter_s * sfreq)
        self.end = 0  # one behind the last sample

    @property
    def oldest(self) -> int:
        return self.end - self.samples.shape[-1]

    def push(self, time_s: float, data: np.ndarray):
        """data (…, n_times), the first sample of it at time_s."""
        at = round(time_s * self.sfreq)
        if self.samples.size and abs(at - self.end) <= self.slack:
            at = self.end
        kept = self.samples[..., : max(0, at - self.oldest)]
        n_missing = min(max(0, at - self.end), self.capacity) if self.samples.size else 0
        missing = np.full((*kept.shape[:-1], n_missing), np.nan, np.float32)
        self.samples = np.concatenate([kept, missing, data], axis=-1)[..., -self.capacity :]
        self.end = at + data.shape[-1]

    def until(self, time_s: float, n: int) -> np.ndarray:
        """The last samples at time_s, n of them or as many as there are, (…, ≤ n), oldest first; a copy."""
        stop = self.newest(time_s) - self.oldest
        return self.samples[..., max(0, stop - n) : max(0, stop)].copy()

    def newest(self, time_s: float) -> int:
        """The number of the last sample at or before time_s, plus 1."""
        return min(self.end, int(np.floor(time_s * self.sfreq + 1e-6)))


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
        """Median slope over pairs of chunks a quarter of the time apart: one drop-out does not count. None too early."""
        times, counts = np.array(self.seen).T if self.seen else np.zeros((2, 1))
        if times[-1] - times[0] < LEAST_RATE_S or len(times) < 8:
            return None
        apart = len(times) // 4
        passed_s = np.maximum(times[apart:] - times[:-apart], 1e-9)
        return float(np.median((counts[apart:] - counts[:-apart]) / passed_s))


class Reading(NamedTuple):
    """What a stream says at a hop. state: "ok", or why the rest is None. stats (1, 5) are of the window. heard: windows of
    the owner before it, where the model learns its owner. unfamiliar: whether the window is unlike the training, None where the
    bundle does not know."""

    state: str
    stats: np.ndarray | None = None
    scores: np.ndarray | None = None
    box: np.ndarray | None = None
    heard: int | None = None
    unfamiliar: bool | None = None


def failure(error: Exception) -> str:
    """The state of a modality after an exception, on one line."""
    kind = "" if isinstance(error, EmolibError) else f"{type(error).__name__}: "
    return f"failed: {kind}{EmolibError(error)}"


class Stream:
    """What one sensor sent: `push` from one thread, `answer` from another. Raises BadParameter for a sensor unlike the
    training. A kind of stream keeps a chunk, knows when its newest sample was taken, and reads what the network says.
    """

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool):
        self.pipeline, self.about, self.is_live = pipeline, about, is_live
        self.lock, self.fault = Lock(), ""
        self.before = np.nan, np.array(np.nan)  # newest sample and statistics of the last answer

    def push(self, chunk: Chunk, now_s: float):
        """Keep a chunk, unless it is stamped later than the clock; one that holds no samples becomes the `fault` of the
        stream until the next chunk."""
        try:
            if not np.isfinite(chunk.time_s):
                raise BadRecording(f"Samples at {chunk.time_s} s, expected a time.")
            if self.is_live and chunk.time_s > now_s + AHEAD_S:
                return
            with self.lock:
                self._keep(chunk)
            self.fault = ""
        except Exception as error:  # a sensor may send anything
            self.fault = failure(error)

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
        if reading.state == OK:
            if self._repeats(newest_s, reading.stats[0]):
                return Reading(STUCK)
            self._learn(newest_s)
        return reading

    def _told(self, X: np.ndarray, scores: np.ndarray | None = None, **more) -> Reading:
        """The reading of a standardised window X (1, *shape)."""
        scores = self.pipeline.scores(X) if scores is None else scores
        return Reading(OK, statistics(X), scores, unfamiliar=self.pipeline.trust.unfamiliar(X, scores), **more)

    def _learn(self, newest_s: float):
        """Hear what was answered, where the model learns its owner."""

    def _repeats(self, newest_s: float, found: np.ndarray) -> bool:
        """Whether newer samples than those of the last answer give just the same numbers."""
        (before_s, before), self.before = self.before, (newest_s, found)
        same = np.abs(found - before) <= SAME * np.maximum(1, np.abs(before))
        return before_s != newest_s and bool(same.all())


class Signal(Stream):
    """Heart, EEG, speech, skin: the last window ends at the newest sample."""

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool, owner: Owner):
        super().__init__(pipeline, about, is_live)
        self.owner, self.window, self.heard_s = owner, None, -np.inf
        trained = pipeline.trained
        self.rows = trained_rows(pipeline, about)
        self.sfreq = trained.sfreq if same_rate(about.sfreq, trained.sfreq) else about.sfreq
        self.n_window = pipeline.front.n_window(self.sfreq)
        self.n_context = int(pipeline.front.context_s * self.sfreq)
        capacity = self.n_window + self.n_context + int(np.ceil(SLACK_S * self.sfreq))
        rows = None if self.rows is None else len(self.rows)
        self.ring = Ring(self.sfreq, capacity, rows, JITTER_S if is_live else 0.0)
        self.rate, self.person = Rate(), deque(maxlen=PERSON)

    def _keep(self, chunk: Chunk):
        data = np.asarray(chunk.data, np.float32)
        if data.ndim != self.ring.samples.ndim:
            raise BadRecording(f"Samples of shape {data.shape}, expected {self.ring.samples.ndim} axes.")
        data = data if self.rows is None else data[self.rows]
        self.ring.push(chunk.time_s, data)
        self.rate.push(chunk.time_s, data.shape[-1])

    def newest_s(self, time_s: float) -> float:
        """When the newest sample at or before time_s was taken; NaN before the first."""
        with self.lock:
            newest = self.ring.newest(time_s)
            return newest / self.sfreq if newest > self.ring.oldest else np.nan

    def _read(self, time_s: float) -> Reading:
        with self.lock:
            hz = self.rate.hz() if self.is_live else None
            samples = self.ring.until(time_s, self.n_window + self.n_context)
        if hz and abs(hz / self.sfreq - 1) > WRONG_RATE:
            return Reading(f"rate {hz:.3g} Hz, expected {self.sfreq:g}")
        n_before = min(samples.shape[-1] - self.n_window, self.n_context)
        if n_before < 0:
            return Reading(WAITING)
        pipeline, front, before_s = self.pipeline, self.pipeline.front, 0.0
        if self.n_context:  # beats are found before the window too; whole steps of the front end
            before_s = float(np.floor(n_before / self.sfreq * front.sfreq_out) / front.sfreq_out)
        front = replace(front, hop_s=before_s) if before_s else front
        used = self.n_window + int(np.ceil(before_s * self.sfreq))
        windows = front(samples[..., samples.shape[-1] - used :], self.sfreq, pipeline.trained.kind)
        windows = pipeline.trust.passed(windows)
        if not len(windows.X) or windows.start_s[-1] != before_s:
            return Reading(f"dropped: {', '.join(windows.dropped)}")
        if pipeline.by_person:
            self.person.append(windows.X[-1:])
            if reason := pipeline.too_few(len(self.person)):
                return Reading(f"{WAITING}: {reason}")
        if pipeline.learns:
            self.window, n = windows.X[-1], self.owner.known(pipeline.source, pipeline.standardiser).n
            return self._told(pipeline.known_by(self.owner, windows.X[-1:]), heard=round(n))
        X = np.concatenate(self.person) if pipeline.by_person else windows.X[-1:]
        return self._told(pipeline.standardised(X, self.owner)[-1:])

    def _learn(self, newest_s: float):
        """One window each hop of the front end, as training heard them, however often the engine answers."""
        if self.pipeline.learns and newest_s - self.heard_s >= self.pipeline.front.hop_s - HOP_ROUNDING_S:
            self.owner.hear(self.pipeline.source, self.pipeline.standardiser, self.window)
            self.heard_s = newest_s


class Pictures(Stream):
    """Faces: the newest picture is used. If it is a scene and the bundle has a detector, a face is found first."""

    def __init__(self, pipeline: Pipeline, about: SignalInfo, is_live: bool, face_path: FacePath | None):
        super().__init__(pipeline, about, is_live)
        pipeline.check_faces()
        self.face_path = face_path if about.kind == SCENE else None
        self.last: deque[Chunk] = deque(maxlen=2)

    def _keep(self, chunk: Chunk):
        self.last.append(chunk._replace(data=check(chunk.data)))

    def newest_s(self, time_s: float) -> float:
        """When the newest picture at or before time_s was taken; NaN before the first."""
        with self.lock:
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
            return self._told(X)
        if not (faces := self.face_path(image)):
            return Reading(NO_FACE)
        return self._told(faces[0].X[None], faces[0].scores[None], box=faces[0].box)


def trained_rows(pipeline: Pipeline, about: SignalInfo) -> list[int] | None:
    """Which rows of a sensor's data the model was trained on; None for a signal without rows. Raises BadParameter."""
    trained, name = pipeline.trained, pipeline.modality
    if (about.kind or trained.kind) != trained.kind:
        raise BadParameter(f"{name}: its source gives {about.kind}, the model was trained on {trained.kind}.")
    if trained.kind == "band_power":
        raise BadParameter(f"{pipeline.source} takes band powers, which no sensor sends: use --model.")
    if not about.sfreq > 0:
        raise BadParameter(f"{name}: a rate of {about.sfreq} Hz, expected one above 0.")
    if not trained.channels:
        return None
    known = [channel.lower() for channel in about.channels]
    absent = [channel for channel in trained.channels if channel.lower() not in known]
    if absent:
        got, expected = ", ".join(about.channels) or "without names", ", ".join(trained.channels)
        raise BadParameter(f"{name}: the source has channels {got}, expected {expected}: name them so.")
    return [known.index(channel.lower()) for channel in trained.channels]
