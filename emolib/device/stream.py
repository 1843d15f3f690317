"""One modality of a live engine: what its sensor sent last, and what its network makes of it. numpy only."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, BadRecording, EmolibError
from emolib.device.faces import FacePath
from emolib.device.pipeline import Pipeline
from emolib.device.ring import JITTER_S, Rate, Ring
from emolib.device.sensors.base import SCENE, Chunk
from emolib.fusion.reliability import SAME, statistics
from emolib.signals.image import check
from emolib.signals.readers import Trained, same_rate

OK, WAITING, STOPPED, STUCK, NO_FACE = "ok", "waiting", "stopped", "stuck: the same samples again", "no face"
MAX_AGE_S = 2.0  # of the newest sample; an older one says nothing of now
AHEAD_S = 1.0  # of the clock; a stamp beyond is wrong
WRONG_RATE = 0.05  # share by which a live sensor's rate may be off before it is no longer believed
SLACK_S = 2.0  # of samples kept beyond the window: a hop that is late still finds its own
PERSON = 120  # windows that a person is standardised by, at most


class Heard(NamedTuple):
    """State "ok" with the statistics (1, 5) of the window, its scores (1, n_classes) and a face's box; or why not."""

    state: str
    found: np.ndarray | None = None
    scores: np.ndarray | None = None
    box: np.ndarray | None = None


def failure(error: Exception) -> str:
    """The state of a modality that an exception left without an answer, one line."""
    kind = "" if isinstance(error, EmolibError) else f"{type(error).__name__}: "
    return f"failed: {kind}{EmolibError(error)}"


class Stream(ABC):
    """`push` from one thread, `answer` from another. Raises BadParameter where a sensor gives what was not trained on."""

    def __init__(self, pipeline: Pipeline, about: Trained, is_live: bool):
        self.pipeline, self.about, self.is_live = pipeline, about, is_live
        self.lock, self.refused, self.fault = Lock(), 0, ""
        self.before: tuple[float, np.ndarray] | None = None  # newest sample and statistics of the last answer

    def push(self, chunk: Chunk, now_s: float):
        """Keep a chunk; one that is stamped later than the clock says is refused and counted. One that holds no samples is
        the `fault` of the stream until the next."""
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
        """When the newest sample was taken that is not later than time_s, NaN before the first."""
        with self.lock:
            return self._newest_s(time_s)

    def answer(self, time_s: float) -> Heard:
        """What the network makes of the samples up to time_s."""
        if self.fault:
            return Heard(self.fault)
        newest_s = self.newest_s(time_s)
        if np.isnan(newest_s):
            return Heard(WAITING)
        if time_s - newest_s > MAX_AGE_S and (self.is_live or self.about.sfreq):
            return Heard(STOPPED)
        heard = self._heard(time_s)
        return Heard(STUCK) if heard.state == OK and self._repeats(newest_s, heard.found[0]) else heard

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
    def _heard(self, time_s: float) -> Heard: ...


class Signal(Stream):
    """Heart, EEG, speech: the last window ends at the newest sample."""

    def __init__(self, pipeline: Pipeline, about: Trained, is_live: bool):
        super().__init__(pipeline, about, is_live)
        trained = pipeline.trained
        self.columns = channels(pipeline, about)
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
        data = data if self.columns is None else data[self.columns]
        self.ring.push(chunk.time_s, data)
        self.rate.push(chunk.time_s, data.shape[-1])

    def _newest_s(self, time_s: float) -> float:
        newest = self.ring.newest(time_s)
        return newest / self.sfreq if newest > self.ring.oldest() else np.nan

    def _heard(self, time_s: float) -> Heard:
        with self.lock:
            hz, samples = (
                self.rate.hz() if self.is_live else None,
                self.ring.until(time_s, self.n_window + self.n_context),
            )
        if self.is_live and hz and abs(hz / self.sfreq - 1) > WRONG_RATE:
            return Heard(f"rate {hz:.3g} Hz, expected {self.sfreq:g}")
        if samples.shape[-1] < self.n_window:
            return Heard(WAITING)
        X, state = self._window(samples)
        return Heard(state) if X is None else Heard(OK, statistics(X), self.pipeline.scores(X))

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
        """Seconds before the window that n samples leave for finding beats, in whole steps of the front end."""
        if not self.n_context:
            return 0.0
        step_hz = self.pipeline.front.sfreq_out
        return float(np.floor(min(n - self.n_window, self.n_context) / self.sfreq * step_hz) / step_hz)

    def _of_person(self, X: np.ndarray) -> tuple[np.ndarray | None, str]:
        if not self.pipeline.by_person:
            return self.pipeline.standardised(X), OK
        self.person.append(X)
        if reason := self.pipeline.stranger(len(self.person)):
            return None, f"{WAITING}: {reason}"
        return self.pipeline.standardised(np.concatenate(self.person))[-1:], OK


class Pictures(Stream):
    """Faces: the newest picture, in which a detector looks first if it is a scene and there is one."""

    def __init__(self, pipeline: Pipeline, about: Trained, is_live: bool, look: FacePath | None):
        super().__init__(pipeline, about, is_live)
        if pipeline.by_person:
            raise BadParameter(
                f"{pipeline.source} needs a recording of each person, expected another: pick it with --model."
            )
        self.look = look if about.kind == SCENE else None
        self.last: deque[Chunk] = deque(maxlen=2)

    def _keep(self, chunk: Chunk):
        self.last.append(chunk._replace(data=check(chunk.data)))

    def _newest_s(self, time_s: float) -> float:
        return self._picture(time_s).time_s if self.last else np.nan

    def _picture(self, time_s: float) -> Chunk:
        """The newest that is not later than time_s, else the oldest that is here."""
        return next((chunk for chunk in reversed(self.last) if chunk.time_s <= time_s), self.last[0])

    def _heard(self, time_s: float) -> Heard:
        with self.lock:
            image = self._picture(time_s).data
        if self.look:
            return self._found(image)
        X, dropped = self.pipeline.windows([image], 0.0)
        return (
            Heard(OK, statistics(X), self.pipeline.scores(X))
            if len(X)
            else Heard(f"dropped: {', '.join(dropped)}")
        )

    def _found(self, image: np.ndarray) -> Heard:
        faces = self.look(image)
        return (
            Heard(OK, statistics(faces[0].X[None]), faces[0].scores[None], faces[0].box)
            if faces
            else Heard(NO_FACE)
        )


def channels(pipeline: Pipeline, about: Trained) -> list[int] | None:
    """Rows of a sensor's data that were trained on, None where it has no rows. Raises BadParameter, BadRecording."""
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


def open_stream(pipeline: Pipeline, about: Trained, is_live: bool, look: FacePath | None = None) -> Stream:
    """The stream of the pipeline's modality. Raises BadParameter, BadRecording where the sensor does not fit."""
    return (
        Pictures(pipeline, about, is_live, look)
        if pipeline.modality == "face"
        else Signal(pipeline, about, is_live)
    )
