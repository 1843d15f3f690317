"""Between a thread that has samples and one that wants them: a queue of fixed length that can end, or be lost."""

from collections import deque
from collections.abc import Iterator
from threading import Condition

from emolib.device.sensors.base import Chunk, SourceLost


class Inbox:
    """The newest `limit` chunks of the source `name`; older ones that nobody took are dropped and counted."""

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
        """Nothing more will come: whoever takes gets what is left, then SourceLost with this reason."""
        with self._news:
            self._loss = self._loss or reason
            self._news.notify()

    def end(self):
        """Whoever takes gets nothing more."""
        with self._news:
            self.ended = True
            self._news.notify_all()

    def take(self, quiet_s: float | None = None, hint: str = "") -> Iterator[Chunk]:
        """Chunks until the end. Raises SourceLost when lost, or when none came for quiet_s (None: waits for ever)."""
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
            raise SourceLost(f"{self.name}: {reason}.")
