"""Record a sensor of this machine while work runs."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import now_s
from emolib.evaluation.energy.trace import Trace


@dataclass(frozen=True)
class Sensor:
    """`read()` gives W; or J since some time where `is_counter`, which starts again after `wrap_j`."""

    name: str
    read: Callable[[], float]
    is_counter: bool = False
    wrap_j: float = 0.0


class Sampler:
    """A thread that reads a sensor `rate_hz` times a second, as far as it keeps up, within a `with` block.

    Times are those of emolib.device.markers.now_s, so markers of the same process need no alignment.
    """

    def __init__(self, sensor: Sensor, rate_hz: float = 10.0):
        if not rate_hz > 0:
            raise BadParameter(f"rate_hz is {rate_hz}, expected more than 0.")
        self.sensor, self.period_s = sensor, 1 / rate_hz
        self._samples: list[tuple[float, float]] = []
        self._failed: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sampler of {sensor.name}", daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        due_s = now_s()
        while not self._stop.is_set():
            try:
                before_s, value = now_s(), self.sensor.read()
                self._samples.append(((before_s + now_s()) / 2, value))
            except (
                Exception
            ) as error:  # a driver's own: counted, since one reading that fails ends no recording
                self._failed[f"failed: {type(error).__name__}"] += 1
            due_s = max(due_s + self.period_s, now_s())
            self._stop.wait(due_s - now_s())

    def trace(self) -> Trace:
        """What was recorded. Raises BadRecording for less than two readings."""
        if len(self._samples) < 2:
            raise BadRecording(
                f"{self.sensor.name}: {len(self._samples)} readings and {self._failed.total()} that failed, expected 2 "
                "or more: record longer, or faster."
            )
        time_s, value = np.array(self._samples).T
        found = trace_of(self.sensor, time_s, value)
        return replace(found, dropped=found.dropped | self._failed)


def trace_of(sensor: Sensor, time_s: np.ndarray, value: np.ndarray) -> Trace:
    """Readings (n,) as power; of a counter, the mean power between each two, (n - 1,) or less.

    A counter that is read faster than it moves gives nothing then zero: only readings at which it moved count.
    """
    if not sensor.is_counter:
        return Trace(time_s, value, sensor.name)
    moved = np.append(True, np.diff(value) != 0)
    time_s, value = time_s[moved], value[moved]
    energy_j = np.diff(value)
    energy_j[energy_j < 0] += sensor.wrap_j
    if len(energy_j) < 2:
        raise BadRecording(
            f"{sensor.name}: the counter moved {len(energy_j)} times, expected 2 or more: record longer."
        )
    between = np.diff(time_s)
    dropped = {"counter did not move": int((~moved).sum())} if not moved.all() else {}
    return Trace(time_s[:-1] + between / 2, energy_j / between, sensor.name, dropped)
