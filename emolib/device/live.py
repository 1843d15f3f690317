"""An engine on a clock: a thread for each sensor, an answer every hop. A sensor that is lost is opened again."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Event, Thread

from emolib.core.errors import BadParameter
from emolib.device.engine import Engine, Result
from emolib.device.sensors.base import Chunk, Source, SourceLost
from emolib.device.stream import failure

RETRY_S = 2.0
ENDED = "ended"
PATIENCE_S = 2.0  # for a thread to end that waits for its sensor


class Feeder(Thread):
    """Opens a source, pushes what it gives to the engine, and begins again where it is lost."""

    def __init__(self, engine: Engine, source: Source, retry_s: float):
        super().__init__(name=f"emolib {source.modality} from {source.name}", daemon=True)
        self.engine, self.source, self.retry_s = engine, source, retry_s
        self.over, self.about = Event(), None

    def open(self):
        """Raises BadParameter, BadRecording, SourceLost."""
        self.about = self.source.open()
        self.engine.start(self.source.modality, self.about, self.source.is_live)

    def run(self):
        while not self.over.is_set():
            try:
                if self.about is None:
                    self.open()
                self.pump()
                return self.engine.lost(self.source.modality, ENDED)
            except SourceLost as error:
                self.engine.lost(self.source.modality, f"lost: {error}")
            except Exception as error:  # drivers raise what they like; the other sensors go on
                self.engine.lost(self.source.modality, failure(error))
                if not self.source.is_live:
                    return
            finally:
                self.source.close()
                self.about = None
            self.over.wait(self.retry_s)

    def pump(self):
        """Push chunks on the engine's clock until the source ends."""
        for chunk in self.source.chunks():
            if self.over.is_set():
                return
            if self.source.is_live:
                chunk = Chunk(chunk.time_s - self.engine.began, chunk.data)
            else:  # its samples are there once the last one is
                self.over.wait(max(0.0, chunk.end_s(self.about.sfreq) - self.engine.now_s()))
            self.engine.push(self.source.modality, chunk)

    def close(self):
        self.over.set()
        self.source.close()


class Live:
    """`with Live(engine, sources) as live: for result in live.results(): …`; recordings play at their own pace.

    Raises BadParameter for two sources of one modality, or of one that the engine does not answer for; entering
    it, for a source that is not there or does not fit. One that is lost is opened again every `retry_s`.
    """

    def __init__(self, engine: Engine, sources: Sequence[Source], retry_s: float = RETRY_S):
        modalities = [source.modality for source in sources]
        twice = sorted({name for name in modalities if modalities.count(name) > 1})
        unknown = sorted(set(modalities) - engine.pipelines.keys())
        if twice or unknown or not sources:
            wrong = ", ".join(twice + unknown) or "none"
            raise BadParameter(
                f"sources: got {wrong}, expected one of each of {', '.join(engine.pipelines)}."
            )
        self.engine = engine
        self.feeders = [Feeder(engine, source, retry_s) for source in sources]

    def __enter__(self) -> "Live":
        try:
            for feeder in self.feeders:
                with suppress(SourceLost):  # its thread tries again
                    feeder.open()
        except Exception:
            self.close()
            raise
        self.engine.restart()
        for feeder in self.feeders:
            feeder.start()
        return self

    def __exit__(self, *error):
        self.close()

    def results(self, seconds: float | None = None) -> Iterator[Result]:
        """An answer every hop, until `seconds` are over or all sources have ended.

        Hops that are over before their turn comes are left out, and counted in the next answer.
        """
        hop_s, k = self.engine.hop_s, 1
        while seconds is None or k * hop_s <= seconds + 1e-9:
            if not self._wait_until(k * hop_s):
                return
            latest = max(k, int(self.engine.now_s() / hop_s))
            yield self.engine.step(latest * hop_s, missed=latest - k)
            k = latest + 1

    def _wait_until(self, time_s: float) -> bool:
        """Whether the hop came; False where no source is left before it."""
        while (left_s := time_s - self.engine.now_s()) > 0:
            if not any(feeder.is_alive() for feeder in self.feeders):
                return False
            self.feeders[0].over.wait(min(left_s, 0.25))
        return True

    def close(self):
        """End all threads."""
        for feeder in self.feeders:
            feeder.close()
        for feeder in self.feeders:
            if feeder.is_alive():
                feeder.join(PATIENCE_S)
