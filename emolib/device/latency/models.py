"""Latency of one inference: a batch of 1, after a warm-up, on each interpreter that is here."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from emolib.core.errors import BadArtifact
from emolib.device.interpreter import Model

NOTHING = b"\0\0\0\0TFL3"  # no model opens from it
CHUNK = 10  # runs between two looks at the time budget
SINGLE = ("tflite_micro",)  # backends that have one thread alone


@dataclass(frozen=True)
class Latency:
    """Of a batch of 1 on n runs after warm-up: copy in, invoke, copy out; quantisation of the input excluded.

    `cold_start_ms`: opening the file and the first inference, the interpreter's library imported before; on
    tflite_runtime this starts a process too.
    """

    p50_us: float
    p95_us: float
    p99_us: float
    mean_us: float
    n: int
    cold_start_ms: float
    threads: int
    backend: str


def measure(
    source: Path | bytes,
    backend: str = "litert",
    threads: int = 1,
    warmup: int = 20,
    repeats: int = 200,
    budget_s: float = 10.0,
) -> Latency:
    """Latency on a window of noise; `repeats` runs, or as many as `budget_s` seconds allow. Raises BadArtifact."""
    start = time.perf_counter_ns()
    with Model(source, backend, threads) as model:
        x = window(model)
        model.invoke(x)
        cold_ms = (time.perf_counter_ns() - start) / 1e6
        taken = timed(model, x, warmup, repeats, budget_s) / 1e3
    found = (*np.percentile(taken, (50, 95, 99)), taken.mean())
    return Latency(*(round(float(us), 3) for us in found), len(taken), round(cold_ms, 3), threads, backend)


def timed(model: Model, x: np.ndarray, warmup: int, repeats: int, budget_s: float) -> np.ndarray:
    """Nanoseconds (n,) of runs after a warm-up, at least CHUNK or `repeats` of them."""
    end = time.perf_counter() + budget_s
    model.times(x, warmup)
    taken = model.times(x, min(CHUNK, repeats))
    while len(taken) < repeats and time.perf_counter() < end:
        taken = np.append(taken, model.times(x, min(CHUNK, repeats - len(taken))))
    return taken


def window(model: Model) -> np.ndarray:
    """A window of noise (*input_shape): what a network is given does not change how long it takes."""
    return np.random.default_rng(0).standard_normal(model.input_shape).astype(np.float32)


def each(
    files: Mapping[str, Path], backends: Sequence[str], threads: Sequence[int], repeats: int, budget_s: float
) -> tuple[list[dict], list[dict]]:
    """A row per model, backend and number of threads: model, bytes, and the fields of Latency; and a row per model
    that a backend does not open: model, backend, reason. tflite_micro has one thread, whatever `threads` are."""
    rows, refused = [], []
    for backend in backends:
        load(backend)
    for name, path in files.items():
        about = {"model": name, "bytes": path.stat().st_size}
        for backend in backends:
            try:
                for n in [1] if backend in SINGLE else threads:
                    found = measure(path, backend, n, repeats=repeats, budget_s=budget_s)
                    rows.append(about | asdict(found))
            except BadArtifact as error:
                reason = str(error).replace(str(path), path.name)
                refused.append({"model": name, "backend": backend, "reason": reason})
    return rows, refused


def load(backend: str):
    """Import an interpreter's library, so that no model's cold start counts it."""
    with suppress(BadArtifact):
        Model(NOTHING, backend)
