"""The machine that a number was measured on: what it is, its clock, its memory, its energy counter, a new process on it.

`python -m emolib.device.machine BUNDLE CLOCK_NS` opens every model of a bundle, runs each once, and prints one line of
JSON: milliseconds from the process's start, and megabytes resident. CLOCK_NS is the parent's time.monotonic_ns() when it
started the process, so that the start of Python counts; therefore only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact, BadParameter

if TYPE_CHECKING:
    import numpy as np

    from emolib.device.interpreter import Model

PACKAGES = (
    "emolib",
    "numpy",
    "ai-edge-litert",
    "tflite-runtime",
    "tflite-micro",
    "tensorflow-cpu",
    "tensorflow",
)
CLOCK = Path("/sys/devices/system/cpu/cpu0/cpufreq")
FREQUENCIES = ("scaling_min_freq", "scaling_cur_freq", "scaling_max_freq")  # kHz
POWERCAP = Path("/sys/class/powercap")
MEASURED_S = 1.0  # the counter moves once a millisecond, an inference may take a hundredth of that
WARMUP = 20  # runs, to warm up and to learn how many fill MEASURED_S


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Processor, cores this process may use, architecture and system, on one line; no host name."""
    n = cores()
    name = processor(Path("/proc/cpuinfo")) or platform.processor() or "unknown processor"
    return f"{name}, {n} core{'s' * (n != 1)}, {platform.machine()}, {platform.system()}"


def processor(cpuinfo: Path) -> str:
    """The processor's name in /proc/cpuinfo (the board's on a Raspberry Pi), "" where there is none."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return fields.get("model name") or fields.get("Model") or ""


def describe_machine() -> dict:
    """The machine as a bench file describes it; None for what cannot be read here."""
    return {
        "name": machine(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions(PACKAGES),
        "blas_threads": blas_threads(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        **clock(CLOCK),
    }


def blas_threads() -> str | None:
    """Threads of numpy's matrix products, as the environment says; None: as many as there are cores.

    On a busy machine several threads wait for each other, and a step of the engine takes many times as long.
    """
    return os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def clock(cpufreq: Path) -> dict:
    """The governor, and the least, current and largest MHz, from Linux's cpufreq folder; None where it says nothing."""
    governor = _text(cpufreq / "scaling_governor")
    khz = [_text(cpufreq / name) for name in FREQUENCIES]
    return {"governor": governor, "mhz": None if None in khz else [int(text) / 1e3 for text in khz]}


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def resident_mb(statm: Path = Path("/proc/self/statm")) -> float | None:
    """Megabytes of memory that this process has resident now; None where no /proc tells."""
    pages = _text(statm)
    return None if pages is None else int(pages.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Meter(NamedTuple):
    """An energy counter of the processor package, or the reason why there is none to read."""

    counter: Path | None
    note: str

    def __bool__(self) -> bool:
        return self.counter is not None

    def measured_mj(self, work: Callable[[], object], repeats: int) -> float:
        """mJ of one `work()`, the mean of `repeats`: the whole package, idle power included.

        Raises BadParameter where no counter is readable.
        """
        if not self:
            raise BadParameter(f"Energy cannot be measured here: {self.note}; use the modelled one.")
        before = self.read_uj()
        for _ in range(repeats):
            work()
        after = self.read_uj()
        wrap = int((self.counter.parent / "max_energy_range_uj").read_text()) if after < before else 0
        return (after - before + wrap) / repeats / 1e3

    def inference_mj(self, model: Model, x: np.ndarray) -> float:
        """mJ of one inference on a window x (*input_shape), as `measured_mj`, the mean over about MEASURED_S.

        Raises BadParameter where no counter is readable.
        """
        n = max(1, round(MEASURED_S * 1e9 / median(model.times(x, WARMUP))))
        return self.measured_mj(lambda: model.times(x, n), repeats=1) / n

    def read_uj(self) -> int:
        return int(self.counter.read_text())


def meter(powercap: Path = POWERCAP) -> Meter:
    """The first readable RAPL package counter of Linux's powercap, or a Meter that says why there is none."""
    found = sorted(powercap.glob("intel-rapl:[0-9]*/energy_uj"))
    if not found:
        return Meter(None, f"no RAPL counter in {powercap}")
    for counter in found:
        try:
            counter.read_text()
        except OSError:
            continue
        return Meter(counter, (counter.parent / "name").read_text().strip())
    return Meter(None, f"{found[0]} is readable by root only")


def footprint(folder: Path, runs: int = 3) -> dict:
    """What a bundle costs a process of its own, as medians over `runs` of them: ms and MB at Python's start, with the
    library imported, at the first answer, and after one of every model. Raises BadArtifact where a process fails.
    """
    found = [_run(folder) for _ in range(runs)]
    columns = {name: [run[name] for run in found] for name in found[0]}
    return {name: None if None in of else median(of) for name, of in columns.items()} | {"n": runs}


def _run(folder: Path) -> dict:
    words = str(Path(folder).resolve()), str(time.monotonic_ns())
    done = run_module("emolib.device.machine", *words, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadArtifact(f"{folder} does not open in a new process ({reason}): export it again.")
    return json.loads(done.stdout)


def print_footprint(folder: str, began_ns: int):
    seen = {}

    def mark(name: str):
        seen[f"{name}_ms"] = round((time.monotonic_ns() - began_ns) / 1e6, 1)
        seen[f"{name}_mb"] = (now := resident_mb()) and round(now, 1)

    mark("start")
    import numpy as np

    from emolib.device.bundle import Bundle

    bundle = Bundle(Path(folder))
    mark("opened")
    models = [bundle.model(name) for name in bundle.record["models"]]
    for n, model in enumerate(models):
        model.invoke(np.random.default_rng(0).standard_normal(model.input_shape).astype(np.float32))
        if n == 0:
            mark("first")
    mark("all")
    print(json.dumps(seen))


if __name__ == "__main__":
    print_footprint(sys.argv[1], int(sys.argv[2]))
