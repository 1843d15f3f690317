"""*Measured* latency on this machine: of one inference, a front end, a step of the engine, and a stream at real rates."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice, product
from statistics import median

import numpy as np

from emolib.core.errors import BadArtifact
from emolib.device import machine
from emolib.device.engine import Engine, Result
from emolib.device.interpreter import Model
from emolib.device.live import Live, replay
from emolib.device.pipeline import Pipeline
from emolib.device.sensors.looped import Looped, recording

NOTHING = b"\0\0\0\0TFL3"  # no model opens from it
CHUNK = 10  # runs between two looks at the time budget
WARMUP = 5  # windows or steps


def measure(content: bytes, backend: str, threads: int, repeats: int, budget_s: float) -> dict:
    """Latency on a window of noise; `repeats` runs (copy in, invoke, copy out; not quantise), or as many as `budget_s`
    allows. `cold_start_ms`: opening the model and the first inference, on tflite_runtime of a process too."""
    start = time.perf_counter_ns()
    with Model(content, backend, threads) as model:
        x = noise_window(model)
        model.invoke(x)
        cold_ms = round((time.perf_counter_ns() - start) / 1e6, 3)
        taken = timed(model, x, repeats, budget_s) / 1e3
    found = percentiles(taken, "us", digits=3) | {"mean_us": round(float(taken.mean()), 3), "n": len(taken)}
    return found | {"cold_start_ms": cold_ms, "threads": threads, "backend": backend}


def timed(model: Model, x: np.ndarray, repeats: int, budget_s: float) -> np.ndarray:
    """Nanoseconds (n,) of runs after a warm-up, at least CHUNK or `repeats` of them."""
    end = time.perf_counter() + budget_s
    model.times(x, machine.WARMUP)
    taken = model.times(x, min(CHUNK, repeats))
    while len(taken) < repeats and time.perf_counter() < end:
        taken = np.append(taken, model.times(x, min(CHUNK, repeats - len(taken))))
    return taken


def noise_window(model: Model) -> np.ndarray:
    """(*input_shape): what a network is given does not change how long it takes."""
    return np.random.default_rng(0).standard_normal(model.input_shape).astype(np.float32)


def measure_models(
    files: Mapping[str, bytes], backends: Sequence[str], threads: Sequence[int], repeats: int, budget_s: float
) -> tuple[list[dict], list[dict]]:
    """A row per model, backend and number of threads (model, bytes, what `measure` gives), and a row per model that a
    backend does not open (model, backend, reason). tflite_micro has one thread, whatever `threads` are."""
    rows, refused = [], []
    for backend in backends:
        with suppress(BadArtifact):
            Model(NOTHING, backend)  # imports its library, so that no model's cold start counts it
    for (name, content), backend in product(files.items(), backends):
        about = {"model": name, "bytes": len(content)}
        try:
            for n in [1] if backend == "tflite_micro" else threads:
                rows.append(about | measure(content, backend, n, repeats, budget_s))
        except BadArtifact as error:
            refused.append({"model": name, "backend": backend, "reason": str(error)})
    return rows, refused


def percentiles(taken: Sequence[float], unit: str, prefix: str = "", digits: int = 4) -> dict[str, float]:
    """p50, p95 and p99 as a bench file names them."""
    return {f"{prefix}p{q}_{unit}": round(float(np.percentile(taken, q)), digits) for q in (50, 95, 99)}


def front_end_latency(pipeline: Pipeline, repeats: int, budget_s: float) -> dict:
    """p50, p95, p99 in µs of front end and standardiser, and of both with the network, on one window of a generated
    recording at the trained rate. Raises BadParameter where no such recording is generated."""
    front, trained, taken = pipeline.front, pipeline.trained, []
    data = recording(pipeline.modality, trained, front.window_s or 0.0)
    data, sfreq = (data[0], 0.0) if pipeline.modality == "face" else (data, trained.sfreq)
    end = time.perf_counter() + budget_s
    while len(taken) < WARMUP + 1 or (len(taken) < WARMUP + repeats and time.perf_counter() < end):
        start = time.perf_counter_ns()
        X = pipeline.standardiser(front(data, sfreq, trained.kind).X)
        ready = time.perf_counter_ns()
        pipeline.scores(X)
        taken.append((ready - start, time.perf_counter_ns() - start))
    before, whole = np.array(taken[WARMUP:]).T / 1e3
    found = percentiles(before, "us", "front_end_") | percentiles(whole, "us", "whole_")
    about = {"model": pipeline.source, "modality": pipeline.modality, "windows": len(X), "n": len(whole)}
    return about | {"window_s": front.window_s, "sfreq": trained.sfreq} | found


def looped(engine: Engine) -> list[Looped]:
    return [Looped(pipeline) for pipeline in engine.pipelines.values()]


def engine_steps(engine: Engine, n: int) -> list[Result]:
    """The results of n hops over looped recordings, one right after the other, after a warm-up."""
    return list(islice(replay(engine, looped(engine)), WARMUP, WARMUP + n))


def steps_summary(results: Sequence[Result]) -> dict:
    """p50, p95 and p99 of the steps in ms, the median of each modality, and in what states they were."""
    parts = {name: [result.parts[name] for result in results] for name in results[0].parts}
    by_modality = {name: round(median(part.ms for part in of), 4) for name, of in parts.items()}
    states = {name: dict(Counter(part.state for part in of)) for name, of in parts.items()}
    found = percentiles([result.ms for result in results], "ms")
    return found | {"n": len(results), "modality_p50_ms": by_modality, "states": states}


def stream_latency(engine: Engine, seconds: float) -> dict:
    """`seconds` of streaming from looped sensors: hops answered and missed, how late and how long they were, each hop by
    itself, the states of the modalities, and this process's share of one core."""
    hops, states = [], {name: Counter() for name in engine.pipelines}
    with Live(engine, looped(engine)) as live:
        start_s, worked_s = time.perf_counter(), time.process_time()
        for result in live.results(seconds):
            late_ms = 1e3 * (engine.now_s() - result.time_s) - result.ms
            hops.append((result.time_s, late_ms, result.ms, result.missed, machine.resident_mb()))
            for name, part in result.parts.items():
                states[name][part.state] += 1
        wall_s, worked_s = time.perf_counter() - start_s, time.process_time() - worked_s
    about = {"seconds": round(wall_s, 1), "core_percent": round(100 * worked_s / wall_s, 2)}
    told = {"hop_s": engine.hop_s, **hops_summary(hops)}
    return about | told | {"states": {name: dict(of) for name, of in states.items()}}


def hops_summary(hops: Sequence[tuple]) -> dict:
    """Hops as a bench file has them: counts, p50, p95 and p99 in ms, and lists of columns. A hop: when it was due (s), how
    late its step began and how long it took (ms), hops missed before it, MB resident after it."""
    *times, missed, resident_mb = zip(*hops, strict=True)
    time_s, late_ms, step_ms = ([round(number, 3) for number in of] for of in times)
    found = {"hops": len(hops), "missed": sum(missed)}
    found |= percentiles(late_ms, "ms", "late_") | percentiles(step_ms, "ms", "step_")
    return found | {"time_s": time_s, "late_ms": late_ms, "step_ms": step_ms, "resident_mb": list(resident_mb)}
