"""What every sensor of a live engine is: something that is opened, gives chunks of samples with times, and ends."""

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


def extra(module: str, name: str) -> ModuleType:
    """The package that the sensor `name` needs. Raises BadParameter where it, or its system library, is missing."""
    try:
        return import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        hint = "pip install 'emolib[live]', on Linux also libportaudio2 for a microphone"
        raise BadParameter(f"{name} needs {module} ({error}): {hint}.") from error


class SensorLost(EmolibError):
    """A sensor stopped giving samples though it should go on: it was unplugged, or its stream broke."""


class Chunk(NamedTuple):
    """Samples that came together. time_s: when the first one was taken, on the sensor's clock.

    data: heart and speech (n_times,) float32, eeg (n_chans, n_times) float32 in µV, skin (2, n_times) float32
    in µS and °C, face one picture uint8 (height, width[, 3]). A chunk is seconds long at most.
    """

    time_s: float
    data: np.ndarray

    def end_s(self, sfreq: float) -> float:
        """When its last sample ends; pictures, and samples without a rate, end when they begin."""
        is_signal = self.data.dtype != np.uint8 and sfreq > 0
        return self.time_s + self.data.shape[-1] / sfreq if is_signal else self.time_s


class Sensor(ABC):
    """`about = open()`, then `for chunk in chunks()`; `close()` at any time, from any thread, twice too.

    `name` is what a user wrote to have it, `where` what that says behind the kind, `trained` what the model learned from.
    After `close` it can be opened again. If it `is_live`, chunks come in real time, stamped by time.monotonic(); otherwise
    as fast as they are read, stamped by their own time from 0.
    """

    is_live: ClassVar[bool]

    def __init__(self, modality: str, name: str, where: str = "", trained: SignalInfo | None = None):
        self.modality, self.name, self.where, self.trained = modality, name, where, trained

    @abstractmethod
    def open(self) -> SignalInfo:
        """Rate in Hz (0: pictures come as they come), kind, and names of channels (() where it does not know). Raises
        BadParameter where nothing like that is here, SensorLost where it is, but cannot be had now."""

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """In order of time, until the recording ends or `close` is called. Raises SensorLost, BadRecording."""

    def close(self):  # noqa: B027
        """Let go of the device; a `chunks` that waits in another thread ends soon."""


class Inbox:
    """The newest `limit` items on their way from one thread to another: older ones that nobody took are dropped. It ends,
    or is lost."""

    def __init__(self, name: str, limit: int):
        self.name, self.ended = name, False
        self._queue, self._news, self._loss = deque(maxlen=limit), Condition(), ""

    def put(self, chunk: Chunk):
        with self._news:
            if not self.ended:
                self._queue.append(chunk)
                self._news.notify()

    def lose(self, reason: str):
        """Nothing more will come: whoever takes gets what is left, then SensorLost with this reason."""
        with self._news:
            self._loss = self._loss or reason
            self._news.notify()

    def end(self):
        with self._news:
            self.ended = True
            self._news.notify_all()

    def take(self, quiet_s: float | None = None, hint: str = "") -> Iterator[Chunk]:
        """Chunks until the end. Raises SensorLost when lost, or when none came for quiet_s (None: waits for ever)."""
        while True:
            with self._news:
                came = self._news.wait_for(lambda: self.ended or self._queue or self._loss, quiet_s)
                if self.ended:
                    return
                if not self._queue:
                    reason = self._loss if came else f"nothing came for {quiet_s:g} s, {hint}"
                    raise SensorLost(f"{self.name}: {reason}.")
                chunk = self._queue.popleft()
            yield chunk


class LiveSensor(Sensor):
    """A sensor whose samples another thread puts into an inbox, a new one for each opening. After quiet_s without a chunk
    it is taken for lost; `hint` says why that may be."""

    is_live = True
    quiet_s: ClassVar[float | None] = 3.0
    limit: ClassVar[int] = 100
    hint: ClassVar[str] = ""

    def __init__(self, *about, **more):
        super().__init__(*about, **more)
        self.inbox = Inbox(self.name, self.limit)
        self.inbox.end()

    def open(self) -> SignalInfo:
        self.close()
        inbox = self.inbox = Inbox(self.name, self.limit)
        try:
            about = self.connect(inbox)
            if inbox.ended:
                raise SensorLost(f"{self.name} was closed while it was opened.")
        except BaseException:
            self.close()
            raise
        return about

    def chunks(self) -> Iterator[Chunk]:
        return self.inbox.take(self.quiet_s, self.hint)

    def close(self):
        self.inbox.end()
        self.disconnect()

    @abstractmethod
    def connect(self, inbox: Inbox) -> SignalInfo:
        """Start to fill the inbox. Raises BadParameter, SensorLost."""

    def disconnect(self):
        """Let go of whatever `connect` took; may be called twice, or before `connect`."""


class Pushed(LiveSensor):
    """A sensor that another thread feeds, such as a browser's camera, while it is open."""

    quiet_s, limit = None, 64

    def connect(self, inbox: Inbox) -> SignalInfo:
        return self.trained

    def push(self, data: np.ndarray, time_s: float):
        """Samples whose first was taken at time_s, by time.monotonic."""
        self.inbox.put(Chunk(time_s, data))
