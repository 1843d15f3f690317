"""*Measured* latency of one inference, on the machine that this runs on."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emolib.runtime.interpreter import Model

CHUNK = 10  # runs between two looks at the time budget


@dataclass(frozen=True)
class Latency:
    """Of a batch of 1 on n runs after warm-up: copy in, invoke, copy out; quantisation of the input excluded.

    `cold_start_ms`: opening the file and the first inference, the interpreter's library imported before.
    """

    p50_us: float
    p95_us: float
    p99_us: float
    mean_us: float
    n: int
    cold_start_ms: float
    threads: int
    backend: str
    machine: str


def measure(
    model: Model, x: np.ndarray, warmup: int = 20, repeats: int = 200, budget_s: float = 10.0
) -> Latency:
    """Latency on one window x (*input_shape); `repeats` runs, or as many as `budget_s` seconds allow."""
    cold = cold_start_ms(model, x)
    end = time.perf_counter() + budget_s
    model.times(x, warmup)
    taken = model.times(x, min(CHUNK, repeats))
    while len(taken) < repeats and time.perf_counter() < end:
        taken = np.append(taken, model.times(x, min(CHUNK, repeats - len(taken))))
    p50, p95, p99 = np.percentile(taken, (50, 95, 99)) / 1e3
    return Latency(
        p50, p95, p99, taken.mean() / 1e3, len(taken), cold, model.threads, model.backend, machine()
    )


def cold_start_ms(model: Model, x: np.ndarray) -> float:
    """Milliseconds to open the same file in a second interpreter and run it once."""
    start = time.perf_counter_ns()
    with Model(model.source, model.backend, model.threads) as fresh:
        fresh.invoke(x)
        return (time.perf_counter_ns() - start) / 1e6


def machine() -> str:
    """Processor, cores this process may use, architecture and system, on one line; no host name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = processor(Path("/proc/cpuinfo")) or platform.processor() or "unknown processor"
    return f"{name}, {cores} core{'s' * (cores != 1)}, {platform.machine()}, {platform.system()}"


def processor(cpuinfo: Path) -> str:
    """The processor's name in /proc/cpuinfo (the board's on a Raspberry Pi), "" where there is none."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return fields.get("model name") or fields.get("Model") or ""
