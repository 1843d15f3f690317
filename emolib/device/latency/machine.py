"""The machine that a number was measured on: what it is, how it is clocked, how much memory this process has."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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


def about() -> dict:
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
    """Threads that numpy's matrix products may take, as the environment says; None: as many as there are cores.

    Several of them wait for each other on a busy machine: a step of the engine then takes many times as long.
    """
    return os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def clock(cpufreq: Path) -> dict:
    """Governor, and least, current and largest MHz, as Linux's cpufreq folder says; None where it does not."""
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
