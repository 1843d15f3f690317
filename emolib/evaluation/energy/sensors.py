"""Power sensors of this machine (RAPL, hwmon such as INA219, NVML, Raspberry Pi 5), and a recorder of one while work runs."""

import math
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.machine import POWERCAP, meter
from emolib.device.markers import now_s
from emolib.evaluation.energy.readers import write_csv
from emolib.evaluation.energy.trace import Trace

HWMON = Path("/sys/class/hwmon")
VCGENCMD = ("vcgencmd", "pmic_read_adc")
RAIL = re.compile(r"(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([-\d.]+)[AV]")


@dataclass(frozen=True)
class Sensor:
    """`read()` gives W; or, of a counter, J since some time, which start again after `wrap_j`."""

    name: str
    read: Callable[[], float]
    wrap_j: float = 0.0


def found() -> tuple[list[Sensor], list[str]]:
    """The sensors that answer, widest first, and why the others do not."""
    looked = [look() for look in (rapl, hwmon, nvml, pi5)]
    return [sensor for seen, _ in looked for sensor in seen], [reason for _, reason in looked if reason]


def rapl(powercap: Path = POWERCAP) -> tuple[list[Sensor], str]:
    """The energy counter of the processor package, as emolib.device.machine finds it."""
    counter = meter(powercap)
    if not counter:
        return [], counter.note
    wrap_j = int((counter.counter.parent / "max_energy_range_uj").read_text()) / 1e6
    return [Sensor(f"RAPL {counter.note}", lambda: counter.read_uj() / 1e6, wrap_j)], ""


def hwmon(root: Path = HWMON) -> tuple[list[Sensor], str]:
    """A sensor per power*_input (µW); of a chip without one, a sensor per in*_input (mV) times curr*_input (mA).
    INA219: in0 is the shunt, in1 the bus. Channels are not added up: on some boards one holds the others."""
    sensors = []
    for chip in sorted(root.glob("hwmon*")):
        powers = sorted([*chip.glob("power*_input"), *chip.glob("power*_average")])
        volts = sorted(chip.glob("in*_input"))
        pairs = [(volt, volt.with_name(volt.name.replace("in", "curr", 1))) for volt in volts]
        for paths in [(path,) for path in powers] or pairs:
            read = partial(_product, paths)
            label = chip / f"{paths[0].name.rsplit('_', 1)[0]}_label"
            named = label.read_text().strip() if label.exists() else label.name.removesuffix("_label")
            with suppress(OSError, ValueError):  # a channel that does not answer
                read()
                sensors.append(Sensor(f"{(chip / 'name').read_text().strip()} {named}", read))
    return sensors, "" if sensors else f"no power sensor in {root}"


def _product(paths: Sequence[Path]) -> float:
    return math.prod(int(path.read_text()) for path in paths) / 1e6


def nvml() -> tuple[list[Sensor], str]:
    """Power of each NVIDIA GPU. One reading covers milliseconds to a second, depending on the GPU."""
    try:
        import pynvml
    except ImportError:
        return [], "pynvml is not installed (nvidia-ml-py); or give a log of nvidia-smi"

    def read(handle) -> float:
        return pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(k) for k in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        return [], f"NVML: {error}"
    sensors = [Sensor(f"NVML GPU {k}", partial(read, handle)) for k, handle in enumerate(handles)]
    return sensors, "" if sensors else "NVML: no GPU"


def pi5() -> tuple[list[Sensor], str]:
    """The rails behind the Raspberry Pi 5's power chip, added up. What the chip itself and USB take is not in it."""

    def read() -> float:
        text = subprocess.run(VCGENCMD, capture_output=True, text=True, timeout=5).stdout
        values = {(rail, unit): float(number) for rail, unit, number in RAIL.findall(text)}
        rails = [rail for rail, unit in values if unit == "V" and (rail, "A") in values]
        if not rails:
            raise BadRecording(f"{' '.join(VCGENCMD)}: {text.strip()[:80]!r}, expected V and A of rails.")
        return sum(values[rail, "V"] * values[rail, "A"] for rail in rails)

    try:
        read()
    except (BadRecording, OSError, subprocess.TimeoutExpired) as error:
        return [], f"no Raspberry Pi 5: {error}"
    return [Sensor("Raspberry Pi 5 rails", read)], ""


class Sampler:
    """A thread that reads a sensor `rate_hz` times a second, as far as it keeps up, within a `with` block. Times are those
    of emolib.device.markers.now_s, so markers of the same process need no alignment."""

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
            except Exception as error:  # drivers raise what they like; one failed reading ends no recording
                self._failed[f"failed: {type(error).__name__}"] += 1
            due_s = max(due_s + self.period_s, now_s())
            self._stop.wait(due_s - now_s())

    def trace(self) -> Trace:
        """What was recorded. Raises BadRecording for less than two readings."""
        n, n_failed = len(self._samples), self._failed.total()
        if n < 2:
            counted = f"{n} readings, {n_failed} failed"
            raise BadRecording(f"{self.sensor.name}: {counted}: record longer, or faster.")
        found = trace_of(self.sensor, *np.array(self._samples).T)
        return replace(found, dropped=found.dropped | self._failed)


def trace_of(sensor: Sensor, time_s: np.ndarray, value: np.ndarray) -> Trace:
    """Readings (n,) as power; of a counter, the mean power between each two at which it moved."""
    if not sensor.wrap_j:
        return Trace(time_s, value, sensor.name)
    moved = np.append(True, np.diff(value) != 0)
    time_s, value = time_s[moved], value[moved]
    energy_j = np.diff(value)
    energy_j[energy_j < 0] += sensor.wrap_j
    between = np.diff(time_s)
    still = {"counter did not move": int((~moved).sum())} if not moved.all() else {}
    return Trace(time_s[:-1] + between / 2, energy_j / between, sensor.name, still)


def record(log: Path, name: str, rate_hz: float, seconds: float) -> None:
    """Log the sensor of this name, "" the widest, until Ctrl-C, as reader csv takes it. Raises BadParameter with the
    sensors here, or why there is none."""
    known, reasons = found()
    chosen = [sensor for sensor in known if name in ("", sensor.name)]
    if not chosen:
        here = ", ".join(sensor.name for sensor in known) or f"none: {'; '.join(reasons)}"
        raise BadParameter(f"--sensor: got {name!r}; sensors here: {here}.")
    with Sampler(chosen[0], rate_hz) as sampler, suppress(KeyboardInterrupt):
        time.sleep(seconds)
    trace = sampler.trace()
    write_csv(trace, log)
    print(f"{log}: {len(trace.time_s)} readings of {trace.origin}")
