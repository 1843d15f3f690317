"""Recordings through an engine as fast as they can be read: the same answers every time. numpy only."""

from collections.abc import Iterator, Sequence
from itertools import count

from emolib.core.errors import BadParameter
from emolib.device.engine import Engine, Result
from emolib.device.sensors.base import Source

ROUNDING_S = 1e-6


class Reel:
    """A recording, pushed up to a time; `end_s`: of what has been read so far; `shown_s`: how long a picture stays."""

    def __init__(self, engine: Engine, source: Source):
        if source.is_live:
            raise BadParameter(f"{source.name} is live, expected a recording: only these can be replayed.")
        self.engine, self.modality, self.about = engine, source.modality, source.open()
        engine.start(self.modality, self.about)
        self.chunks, self.end_s = source.chunks(), 0.0
        self.shown_s = 1 / self.about.sfreq if source.modality == "face" and self.about.sfreq else 0.0

    def lasts(self, time_s: float) -> bool:
        """Push what comes before time_s; whether the recording lasts until then."""
        while self.end_s <= time_s and (chunk := next(self.chunks, None)):
            self.engine.push(self.modality, chunk)
            self.end_s = chunk.end_s(self.about.sfreq)
        return self.end_s + self.shown_s >= time_s - ROUNDING_S


def replay(engine: Engine, sources: Sequence[Source]) -> Iterator[Result]:
    """An answer every hop, until the longest recording ends.

    Raises BadParameter for a live source, or one that does not fit; BadRecording.
    """
    try:
        reels = [Reel(engine, source) for source in sources]
        for k in count(1):
            last = [reel.lasts(k * engine.hop_s) for reel in reels]
            if not any(last):
                return
            yield engine.step(k * engine.hop_s)
    finally:
        for source in sources:
            source.close()
