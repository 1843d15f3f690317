"""Power sensors of this machine: hwmon (INA219 and the like), RAPL, NVML, and the Raspberry Pi 5's own."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from emolib.core.errors import BadRecording
from emolib.device.machine import POWERCAP, meter
from emolib.evaluation.energy.sampler import Sensor

HWMON = Path("/sys/class/hwmon")
VCGENCMD = ("vcgencmd", "pmic_read_adc")
RAIL = re.compile(r"(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([-\d.]+)[AV]")


def found() -> tuple[list[Sensor], list[str]]:
    """The sensors that answer, widest first, and why the others do not."""
    sensors, reasons = [], []
    for look in (rapl, hwmon, nvml, pi5):
        seen, reason = look()
        sensors += seen
        reasons += [reason] if reason else []
    return sensors, reasons


def rapl(powercap: Path = POWERCAP) -> tuple[list[Sensor], str]:
    """The energy counter of the processor package, as emolib.device.machine finds it."""
    counter = meter(powercap)
    if not counter:
        return [], counter.note
    wrap_j = int((counter.counter.parent / "max_energy_range_uj").read_text()) / 1e6
    return [Sensor(f"RAPL {counter.note}", lambda: counter.read_uj() / 1e6, True, wrap_j)], ""


def hwmon(root: Path = HWMON) -> tuple[list[Sensor], str]:
    """A sensor per power1_input (µW), and per in*_input (mV) that has a curr*_input (mA) of its number.

    INA219: in0 is the shunt, in1 the bus. Channels are not added up: on some boards one holds the others.
    """
    sensors = []
    for chip in sorted(root.glob("hwmon*")):
        name = _text(chip / "name") or chip.name
        powers = sorted([*chip.glob("power*_input"), *chip.glob("power*_average")])
        for path in powers:
            sensors.append(Sensor(f"{name} {_label(path)}", lambda path=path: int(path.read_text()) / 1e6))
        for volt in sorted(chip.glob("in*_input")) if not powers else []:
            ampere = chip / volt.name.replace("in", "curr", 1)
            if ampere.exists():
                sensors.append(Sensor(f"{name} {_label(volt)}", _product(volt, ampere)))
    return [s for s in sensors if _answers(s)], "" if sensors else f"no power sensor in {root}"


def _product(volt: Path, ampere: Path) -> Callable[[], float]:
    return lambda: int(volt.read_text()) * int(ampere.read_text()) / 1e6


def _label(path: Path) -> str:
    stem = path.name.rsplit("_", 1)[0]
    return _text(path.with_name(f"{stem}_label")) or stem


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _answers(sensor: Sensor) -> bool:
    try:
        sensor.read()
    except (OSError, ValueError):
        return False
    return True


def nvml() -> tuple[list[Sensor], str]:
    """Power of each NVIDIA GPU; what one reading covers, from milliseconds to a second, depends on the GPU."""
    try:
        import pynvml
    except ImportError:
        return [], "pynvml is not installed (nvidia-ml-py); or give a log of nvidia-smi"
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(k) for k in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        return [], f"NVML: {error}"
    sensors = [
        Sensor(f"NVML GPU {k}", lambda handle=handle: pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
        for k, handle in enumerate(handles)
    ]
    return sensors, "" if sensors else "NVML: no GPU"


def pi5() -> tuple[list[Sensor], str]:
    """The rails behind the Raspberry Pi 5's power chip, added up; what the chip itself and USB take is not in it."""
    if not shutil.which(VCGENCMD[0]):
        return [], f"no {VCGENCMD[0]}: no Raspberry Pi"

    def read() -> float:
        ran = subprocess.run(VCGENCMD, capture_output=True, text=True, timeout=5)
        return rails_w(ran.stdout)

    try:
        read()
    except (BadRecording, OSError, subprocess.TimeoutExpired) as error:
        return [], str(error)
    return [Sensor("Raspberry Pi 5 rails", read)], ""


def rails_w(text: str) -> float:
    """Sum of V × A over the rails of `vcgencmd pmic_read_adc` that give both. Raises BadRecording for none."""
    values = {(rail, unit): float(number) for rail, unit, number in RAIL.findall(text)}
    watts = [
        volt * values[rail, "A"]
        for (rail, unit), volt in values.items()
        if unit == "V" and (rail, "A") in values
    ]
    if not watts:
        raise BadRecording(
            f"{' '.join(VCGENCMD)}: {text.strip()[:80]!r}, expected V and A of rails, as on a Pi 5."
        )
    return sum(watts)
