"""What every source of a live engine is: something that is opened, gives chunks of samples with times, and ends.

A source knows nothing of models. A live one stamps its samples by `time.monotonic`, a recording by its own
position in seconds; numpy alone is imported here.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from emolib.core.errors import EmolibError
from emolib.signals.readers import Trained

SCENE = "scene"  # kind of pictures in which a face is to be found first


class SourceLost(EmolibError):
    """A source stopped giving samples though it should go on: it was unplugged, or its stream broke."""


class Chunk(NamedTuple):
    """Samples that came together; time_s: of the first one, on the source's clock.

    data: heart and speech (n_times,) float32, eeg (n_chans, n_times) float32 in µV, face one picture uint8
    (height, width[, 3]). Seconds at most: what comes after a hop must leave its window in memory.
    """

    time_s: float
    data: np.ndarray

    def end_s(self, sfreq: float) -> float:
        """When its last sample ends; pictures, and samples without a rate, end when they begin."""
        data = np.asarray(self.data)
        is_signal = data.ndim > 0 and data.dtype != np.uint8 and sfreq > 0
        return self.time_s + data.shape[-1] / sfreq if is_signal else self.time_s


class Source(ABC):
    """`about = open()`, then `for chunk in chunks()`; `close()` at any time, from any thread, twice too.

    `name` is what a user wrote to have it. After `close` a source can be opened again. `is_live` ones stamp
    chunks by time.monotonic() as they come; the others by their own time from 0, as fast as they are read.
    """

    is_live: ClassVar[bool]

    def __init__(self, modality: str, name: str):
        self.modality, self.name = modality, name

    @abstractmethod
    def open(self) -> Trained:
        """Rate in Hz (0: pictures come as they come), kind, and names of channels (() where it does not know).

        Raises BadParameter where nothing like that is here, SourceLost where it is, but cannot be had now.
        """

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """In order of time, until the recording ends or `close` is called. Raises SourceLost, BadRecording."""

    def close(self) -> None:  # noqa: B027
        """Let go of the device; a `chunks` that waits in another thread ends soon."""
