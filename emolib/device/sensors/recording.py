"""What sources of recorded samples share: chunks by position, and an end."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from emolib.device.sensors.base import Chunk, Source
from emolib.signals.readers import Trained

CHUNK_S = 0.1


def cut(data: np.ndarray, sfreq: float, start_s: float = 0.0, chunk_s: float = CHUNK_S) -> Iterator[Chunk]:
    """Chunks of data (…, n_times) at sfreq Hz whose first sample lies at start_s, one sample long or longer."""
    n = max(1, round(chunk_s * sfreq))
    for first in range(0, data.shape[-1], n):
        yield Chunk(start_s + first / sfreq, data[..., first : first + n])


def pictures(frames: np.ndarray, sfreq: float, start_s: float = 0.0) -> Iterator[Chunk]:
    """A chunk of each of the frames (n_frames, height, width[, 3]) at sfreq frames a second."""
    return (Chunk(start_s + number / sfreq, frame) for number, frame in enumerate(frames))


class Recording(Source):
    """A source that is read as fast as it is asked; `where` is what its name says behind the kind."""

    is_live: ClassVar[bool] = False

    def __init__(self, modality: str, name: str, where: str, trained: Trained, chunk_s: float = CHUNK_S):
        super().__init__(modality, name)
        self.where, self.trained, self.chunk_s = where, trained, chunk_s
        self._chunks: Iterator[Chunk] | None = None

    def open(self) -> Trained:
        about, self._chunks = self.read()
        return about

    def chunks(self) -> Iterator[Chunk]:
        chunks = self._chunks
        while chunks is not None and self._chunks is chunks and (chunk := next(chunks, None)):
            yield chunk

    def close(self) -> None:
        self._chunks = None

    @abstractmethod
    def read(self) -> tuple[Trained, Iterator[Chunk]]:
        """About the recording, and its chunks. Raises BadParameter, BadRecording."""
