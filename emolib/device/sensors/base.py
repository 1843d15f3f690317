"""What every sensor of a live engine is: something that is opened, gives chunks of samples with times, and ends.

A sensor knows nothing of models. A live one stamps its samples by `time.monotonic`; a recording stamps them by its own
position in seconds. Of packages outside the standard library only numpy is imported here.
"""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from importlib import import_module
from threading import Condition
from types import ModuleType
from typing import ClassVar, NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, EmolibError
from emolib.signals.readers import SignalInfo

SCENE = "scene"  # kind of pictures in which a face is to be found first
WAITING_CHUNKS = 64  # of a pushed sensor; the oldest is dropped then
LIBRARIES = {"sounddevice": "PortAudio (apt install libportaudio2)", "pylsl": "liblsl"}  # behind the packages


def extra(module: str, name: str) -> ModuleType:
    """The package that the sensor `name` needs. Raises BadParameter where it, or its system library, is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise BadParameter(
            f"{name}: {error}, expected what live sources need: pip install 'emolib[live]'."
        ) from error
    except (OSError, RuntimeError) as error:
        library = LIBRARIES.get(module, "its system library")
        raise BadParameter(f"{name}: {module} cannot be loaded ({error}): install {library}.") from error


class SensorLost(EmolibError):
    """A sensor stopped giving samples though it should go on: it was unplugged, or its stream broke."""


class Chunk(NamedTuple):
    """Samples that came together. time_s: when the first one was taken, on the sensor's clock.

    data: heart and speech (n_times,) float32, eeg (n_chans, n_times) float32 in µV, face one picture uint8
    (height, width[, 3]). A chunk is seconds long at most: what comes after a hop must leave the
    hop's window in memory.
    """

    time_s: float
    data: np.ndarray

    def end_s(self, sfreq: float) -> float:
        """When its last sample ends; pictures, and samples without a rate, end when they begin."""
        data = np.asarray(self.data)
        is_signal = data.ndim > 0 and data.dtype != np.uint8 and sfreq > 0
        return self.time_s + data.shape[-1] / sfreq if is_signal else self.time_s


class Sensor(ABC):
    """`about = open()`, then `for chunk in chunks()`; `close()` at any time, from any thread, twice too.

    `name` is what a user wrote to have it. After `close` it can be opened again. If it `is_live`, chunks come in real
    time, stamped by time.monotonic(); otherwise as fast as they are read, stamped by their own time from 0.
    """

    is_live: ClassVar[bool]

    def __init__(self, modality: str, name: str):
        self.modality, self.name = modality, name

    @abstractmethod
    def open(self) -> SignalInfo:
        """Rate in Hz (0: pictures come as they come), kind, and names of channels (() where it does not know).

        Raises BadParameter where nothing like that is here, SensorLost where it is, but cannot be had now.
        """

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """In order of time, until the recording ends or `close` is called. Raises SensorLost, BadRecording."""

    def close(self) -> None:  # noqa: B027
        """Let go of the device; a `chunks` that waits in another thread ends soon."""


class Inbox:
    """A queue between the thread that has samples and the one that wants them; it can end, or be lost.

    It holds the newest `limit` chunks of the sensor `name`; older ones that nobody took are dropped and counted.
    """

    def __init__(self, name: str, limit: int):
        self.name = name
        self._queue: deque[Chunk] = deque(maxlen=limit)
        self._news = Condition()
        self._loss = ""
        self.ended = False
        self.dropped = 0

    def put(self, chunk: Chunk):
        """Add a chunk; it is left out after the end."""
        with self._news:
            if self.ended:
                return
            self.dropped += len(self._queue) == self._queue.maxlen
            self._queue.append(chunk)
            self._news.notify()

    def lose(self, reason: str):
        """Say that nothing more will come: whoever takes gets what is left, then SensorLost with this reason."""
        with self._news:
            self._loss = self._loss or reason
            self._news.notify()

    def end(self):
        """End the queue: whoever takes gets nothing more."""
        with self._news:
            self.ended = True
            self._news.notify_all()

    def take(self, quiet_s: float | None = None, hint: str = "") -> Iterator[Chunk]:
        """Chunks until the end. Raises SensorLost when lost, or when none came for quiet_s (None: waits for ever)."""
        while (chunk := self._next(quiet_s, hint)) is not None:
            yield chunk

    def _next(self, quiet_s: float | None, hint: str) -> Chunk | None:
        with self._news:
            came = self._news.wait_for(lambda: self.ended or self._queue or self._loss, quiet_s)
            if self.ended:
                return None
            if self._queue:
                return self._queue.popleft()
            reason = self._loss if came else f"nothing came for {quiet_s:g} s, {hint}"
            raise SensorLost(f"{self.name}: {reason}.")


class LiveSensor(Sensor):
    """A sensor whose samples another thread puts into an inbox, a new one for each opening.

    where: what its name says behind the kind. After quiet_s without a chunk it is taken for lost; `hint` says why that
    may be. limit: chunks that may wait to be taken.
    """

    is_live: ClassVar[bool] = True
    quiet_s: ClassVar[float] = 3.0
    limit: ClassVar[int] = 100
    hint: ClassVar[str]

    def __init__(self, modality: str, name: str, where: str, trained: SignalInfo):
        super().__init__(modality, name)
        self.where, self.trained = where, trained
        self.inbox, self.was_here = Inbox(self.name, self.limit), False

    @property
    def dropped(self) -> int:
        """Chunks that nobody took in time, since it was opened."""
        return self.inbox.dropped

    def open(self) -> SignalInfo:
        self.close()
        inbox = self.inbox = Inbox(self.name, self.limit)
        try:
            about = self.connect(inbox)
        except BaseException:
            self.close()
            raise
        if inbox.ended:
            self.disconnect()
            raise SensorLost(f"{self.name} was closed while it was opened.")
        self.was_here = True
        return about

    def chunks(self) -> Iterator[Chunk]:
        return self.inbox.take(self.quiet_s, self.hint)

    def close(self) -> None:
        self.inbox.end()
        self.disconnect()

    def absent(self, text: str) -> EmolibError:
        """The error of something that is not there: a wrong parameter the first time, a loss once it was there."""
        return SensorLost(text) if self.was_here else BadParameter(text)

    @abstractmethod
    def connect(self, inbox: Inbox) -> SignalInfo:
        """Start to fill the inbox. Raises BadParameter, SensorLost."""

    @abstractmethod
    def disconnect(self) -> None:
        """Let go of whatever `connect` took; may be called twice, or before `connect`."""


class Pushed(Sensor):
    """A sensor that another thread feeds, such as a browser's camera: `push(data)` from any thread.

    `dropped` counts chunks that nobody fetched in time, since it was opened.
    """

    is_live: ClassVar[bool] = True

    def __init__(self, modality: str, name: str, about: SignalInfo):
        super().__init__(modality, name)
        self.about, self.inbox = about, Inbox(name, WAITING_CHUNKS)
        self.inbox.end()

    @property
    def dropped(self) -> int:
        return self.inbox.dropped

    def open(self) -> SignalInfo:
        self.inbox = Inbox(self.name, WAITING_CHUNKS)
        return self.about

    def push(self, data: np.ndarray, time_s: float | None = None):
        """Samples whose first was taken at time_s, by time.monotonic; by default the last of them was taken just now.

        They are left out while the sensor is not open.
        """
        if time_s is None:
            time_s = time.monotonic() - Chunk(0.0, data).end_s(self.about.sfreq)
        self.inbox.put(Chunk(time_s, data))

    def chunks(self) -> Iterator[Chunk]:
        return self.inbox.take()

    def close(self) -> None:
        self.inbox.end()
