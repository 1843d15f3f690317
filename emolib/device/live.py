"""An engine on a clock, with a thread for each sensor; or fed from recordings, as fast as they can be read."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from threading import Event, Thread

from emolib.core.errors import BadParameter
from emolib.device.engine import Engine, Result
from emolib.device.sensors.base import Chunk, Sensor, SensorLost
from emolib.device.stream import failure

RETRY_S = 2.0
PATIENCE_S = 2.0  # for a thread to end that waits for its sensor
ROUNDING_S = 1e-6


class Feeder(Thread):
    """Opens a sensor, pushes what it gives to the engine, and begins again where it is lost."""

    def __init__(self, engine: Engine, sensor: Sensor):
        super().__init__(name=f"emolib {sensor.modality} from {sensor.name}", daemon=True)
        self.engine, self.sensor, self.over, self.about = engine, sensor, Event(), None

    def open(self):
        self.about = self.sensor.open()
        self.engine.start(self.sensor.modality, self.about, self.sensor.is_live)

    def run(self):
        while not self.over.is_set():
            try:
                if self.about is None:
                    self.open()
                self.pump()
                return self.engine.lost(self.sensor.modality, "ended")
            except SensorLost as error:
                self.engine.lost(self.sensor.modality, f"lost: {error}")
            except Exception as error:  # drivers raise what they like; the other sensors go on
                self.engine.lost(self.sensor.modality, failure(error))
                if not self.sensor.is_live:
                    return
            finally:
                self.sensor.close()
                self.about = None
            self.over.wait(RETRY_S)

    def pump(self):
        """Push chunks on the engine's clock until the sensor ends."""
        for chunk in self.sensor.chunks():
            if self.over.is_set():
                return
            if self.sensor.is_live:
                chunk = Chunk(chunk.time_s - self.engine.began, chunk.data)
            else:  # its samples are there once the last one is
                self.over.wait(max(0.0, chunk.end_s(self.about.sfreq) - self.engine.now_s()))
            self.engine.push(self.sensor.modality, chunk)


class Live:
    """`with Live(engine, sensors) as live: for result in live.results(): …`. Recordings play at their own pace.

    A sensor that is lost is opened again every RETRY_S. Raises BadParameter unless there is one sensor at most of each
    of the engine's modalities; on entry, for a sensor that is not there or does not fit.
    """

    def __init__(self, engine: Engine, sensors: Sequence[Sensor]):
        modalities = [sensor.modality for sensor in sensors]
        if not sensors or len({*modalities}) < len(sensors) or {*modalities} - engine.pipelines.keys():
            got, expected = ", ".join(modalities) or "none", ", ".join(engine.pipelines)
            raise BadParameter(f"sensors: got {got}, expected one of each of {expected}.")
        self.engine, self.feeders = engine, [Feeder(engine, sensor) for sensor in sensors]

    def __enter__(self) -> "Live":
        try:
            for feeder in self.feeders:
                with suppress(SensorLost):  # its thread tries again
                    feeder.open()
        except Exception:
            self.__exit__()
            raise
        self.engine.began = self.engine.clock()
        for feeder in self.feeders:
            feeder.start()
        return self

    def __exit__(self, *error):
        for feeder in self.feeders:
            feeder.over.set()
            feeder.sensor.close()
        for feeder in self.feeders:
            if feeder.is_alive():
                feeder.join(PATIENCE_S)

    def results(self, seconds: float | None = None) -> Iterator[Result]:
        """An answer every hop, until `seconds` are over or all sensors have ended. Hops that are over before their turn
        are left out, and counted in the next answer."""
        hop_s, k = self.engine.hop_s, 1
        while seconds is None or k * hop_s <= seconds + 1e-9:
            if not self._wait_until(k * hop_s):
                return
            latest = max(k, int(self.engine.now_s() / hop_s))
            yield self.engine.step(latest * hop_s, missed=latest - k)
            k = latest + 1

    def _wait_until(self, time_s: float) -> bool:
        """Wait for the hop at time_s; False where all sensors end before it."""
        while (left_s := time_s - self.engine.now_s()) > 0:
            if not any(feeder.is_alive() for feeder in self.feeders):
                return False
            self.feeders[0].over.wait(min(left_s, 0.25))
        return True


class Reel:
    """A recording that is pushed piece by piece. end_s: of what was read so far. shown_s: how long a picture stays."""

    def __init__(self, engine: Engine, sensor: Sensor):
        if sensor.is_live:
            raise BadParameter(f"{sensor.name} is live, expected a recording: only these can be replayed.")
        self.engine, self.modality, self.about = engine, sensor.modality, sensor.open()
        engine.start(self.modality, self.about)
        self.chunks, self.end_s = sensor.chunks(), 0.0
        self.shown_s = 1 / self.about.sfreq if sensor.modality == "face" and self.about.sfreq else 0.0

    def lasts(self, time_s: float) -> bool:
        """Push what comes before time_s, and say whether the recording lasts until then."""
        while self.end_s <= time_s and (chunk := next(self.chunks, None)):
            self.engine.push(self.modality, chunk)
            self.end_s = chunk.end_s(self.about.sfreq)
        return self.end_s + self.shown_s >= time_s - ROUNDING_S


def replay(engine: Engine, sensors: Sequence[Sensor]) -> Iterator[Result]:
    """An answer every hop, until the longest recording ends: the same answers every time. Raises BadParameter for a live
    sensor, or one that does not fit; BadRecording."""
    try:
        reels = [Reel(engine, sensor) for sensor in sensors]
        for k in count(1):
            last = [reel.lasts(k * engine.hop_s) for reel in reels]
            if not any(last):
                return
            yield engine.step(k * engine.hop_s)
    finally:
        for sensor in sensors:
            sensor.close()
