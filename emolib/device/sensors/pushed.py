"""A source that another thread feeds: a browser's camera, a test. numpy only."""

import time
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from emolib.device.sensors.base import Chunk, Source
from emolib.device.sensors.inbox import Inbox
from emolib.signals.readers import Trained

WAITING_CHUNKS = 64  # that may wait; the oldest is dropped then


class Pushed(Source):
    """`push(data)` from any thread; `dropped` counts chunks that nobody fetched in time, since it was opened."""

    is_live: ClassVar[bool] = True

    def __init__(self, modality: str, name: str, about: Trained):
        super().__init__(modality, name)
        self.about, self.inbox = about, Inbox(name, WAITING_CHUNKS)
        self.inbox.end()

    @property
    def dropped(self) -> int:
        return self.inbox.dropped

    def open(self) -> Trained:
        self.inbox = Inbox(self.name, WAITING_CHUNKS)
        return self.about

    def push(self, data: np.ndarray, time_s: float | None = None):
        """Samples whose first was taken at time_s, by time.monotonic; by default the last of them was taken just now.

        Left out while the source is not open.
        """
        if time_s is None:
            time_s = time.monotonic() - Chunk(0.0, data).end_s(self.about.sfreq)
        self.inbox.put(Chunk(time_s, data))

    def chunks(self) -> Iterator[Chunk]:
        return self.inbox.take()

    def close(self) -> None:
        self.inbox.end()
