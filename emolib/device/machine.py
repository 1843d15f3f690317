"""The machine that a number was measured on: what it is, its clock, its memory, its energy counter, a new process on it.

`python -m emolib.device.machine BUNDLE CLOCK_NS` opens every model of a bundle, runs each once, and prints one line of
JSON: milliseconds since CLOCK_NS, the parent's time.monotonic_ns() when it started the process, and megabytes resident.
The start of Python counts, so only the standard library is imported here.
"""

import json
import os
import platform
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact
from emolib.core.paths import versions

INTERPRETERS = ("ai-edge-litert", "tflite-runtime", "tflite-micro", "tensorflow-cpu", "tensorflow")
CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")
POWERCAP = Path("/sys/class/powercap")
MEASURED_S = 1.0  # the counter moves once a millisecond, an inference may take a hundredth of that
WARMUP = 20  # runs of a model that are not counted


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
    """The machine as a bench file describes it, governor and MHz (least, current, largest) by Linux's cpufreq; None for
    what cannot be read here. Threads are those of numpy's matrix products, None: as many as there are cores; on a busy
    machine several wait for each other, and steps take longer."""
    khz = [read(CPUFREQ / f"scaling_{which}_freq") for which in ("min", "cur", "max")]
    return {
        "name": machine(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions(("emolib", "numpy", *INTERPRETERS)),
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS"),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "governor": read(CPUFREQ / "scaling_governor"),
        "mhz": None if None in khz else [int(text) / 1e3 for text in khz],
    }


def read(path: Path) -> str | None:
    """What a file of the system says, None where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def resident_mb() -> float | None:
    """Megabytes of memory that this process has resident now; None where no /proc tells."""
    pages = read(Path("/proc/self/statm"))
    return None if pages is None else int(pages.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def runs_in(seconds: float, model, x) -> int:
    """How many runs of a Model on a window x (*input_shape) take about so many seconds."""
    return max(1, round(seconds * 1e9 / median(model.times(x, WARMUP))))


class Meter(NamedTuple):
    """An energy counter of the processor package, or the reason why there is none to read."""

    counter: Path | None
    note: str

    def __bool__(self) -> bool:
        return self.counter is not None

    def read_uj(self) -> int:
        return int(self.counter.read_text())

    def inference_mj(self, model, x) -> float:
        """mJ of one inference of a Model on a window x (*input_shape), the mean over about MEASURED_S: the whole package
        with idle power."""
        n = runs_in(MEASURED_S, model, x)
        before = self.read_uj()
        model.times(x, n)
        after = self.read_uj()
        wrap = int((self.counter.parent / "max_energy_range_uj").read_text()) if after < before else 0
        return (after - before + wrap) / n / 1e3


def meter(powercap: Path = POWERCAP) -> Meter:
    """The first readable RAPL package counter of Linux's powercap, or a Meter that says why there is none."""
    found = sorted(powercap.glob("intel-rapl:[0-9]*/energy_uj"))
    for counter in found:
        if read(counter) is not None:
            return Meter(counter, (counter.parent / "name").read_text().strip())
    return Meter(None, f"{found[0]} is readable by root only" if found else f"no RAPL counter in {powercap}")


def footprint(folder: Path, runs: int = 3) -> dict:
    """What a bundle costs a process of its own, as medians over `runs` of them: ms and MB at Python's start, with the
    library imported, at the first answer, and after one of every model. Raises BadArtifact."""
    found = []
    for _ in range(runs):
        words = str(Path(folder).resolve()), str(time.monotonic_ns())
        done = run_module("emolib.device.machine", *words, capture_output=True, text=True)
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2]
            raise BadArtifact(f"{folder} does not open in a new process ({reason}): export it again.")
        found.append(json.loads(done.stdout))
    columns = {name: [run[name] for run in found] for name in found[0]}
    return {name: None if None in of else median(of) for name, of in columns.items()} | {"n": runs}


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
    for model in [bundle.model(name) for name in bundle.models]:
        model.invoke(np.random.default_rng(0).standard_normal(model.input_shape).astype(np.float32))
        if "first_ms" not in seen:
            mark("first")
    mark("all")
    print(json.dumps(seen))


if __name__ == "__main__":
    print_footprint(sys.argv[1], int(sys.argv[2]))
