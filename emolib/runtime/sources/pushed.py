"""A source that another thread feeds: a browser's camera, a test. numpy only."""

import time
from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import ClassVar

import numpy as np

from emolib.runtime.readers import Trained
from emolib.runtime.sources.base import Chunk, Source

WAITING_CHUNKS = 64  # that may wait; the oldest is dropped then


class Pushed(Source):
    """`push(data)` from any thread; `dropped` counts chunks that nobody fetched in time."""

    is_live: ClassVar[bool] = True

    def __init__(self, modality: str, name: str, about: Trained):
        super().__init__(modality, name)
        self.about, self.dropped = about, 0
        self.waiting: deque[Chunk] = deque(maxlen=WAITING_CHUNKS)
        self.changed, self.is_open = Condition(), False

    def open(self) -> Trained:
        with self.changed:
            self.is_open = True
            self.waiting.clear()
        return self.about

    def push(self, data: np.ndarray, time_s: float | None = None):
        """Samples whose first was taken at time_s, by time.monotonic; by default the last of them was taken just now.

        Left out while the source is not open.
        """
        if time_s is None:
            time_s = time.monotonic() - (Chunk(0.0, data).end_s(self.about.sfreq))
        with self.changed:
            if self.is_open:
                self.dropped += len(self.waiting) == self.waiting.maxlen
                self.waiting.append(Chunk(time_s, data))
                self.changed.notify()

    def chunks(self) -> Iterator[Chunk]:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or not self.is_open)
                if not self.is_open:
                    return
                chunk = self.waiting.popleft()
            yield chunk

    def close(self) -> None:
        with self.changed:
            self.is_open = False
            self.changed.notify_all()
