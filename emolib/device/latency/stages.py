"""Latency of what lies around the networks: front ends, and a whole step of the engine. numpy and an interpreter."""

import time
from collections import Counter
from collections.abc import Sequence
from statistics import median

import numpy as np

from emolib.device.engine import Engine, Result
from emolib.device.latency.recordings import Looped, recording
from emolib.device.pipeline import Pipeline
from emolib.device.sensors.base import Chunk

WARMUP = 5
SPARE_S = 20.0  # of a looped recording, beyond what the engine keeps


def percentiles(taken: Sequence[float], unit: str, prefix: str = "") -> dict[str, float]:
    """p50, p95 and p99 as a bench file names them."""
    found = np.percentile(taken, (50, 95, 99))
    return {f"{prefix}p{q}_{unit}": round(float(v), 4) for q, v in zip((50, 95, 99), found, strict=True)}


def one_window(pipeline: Pipeline, repeats: int, budget_s: float) -> dict:
    """Of one window of a generated recording at the trained rate: p50, p95, p99 in µs of the front end with its
    standardiser, and of it and the network. Raises BadParameter where no such recording is generated.
    """
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


def sensors(engine: Engine, is_live: bool) -> list[Looped]:
    """A looped sensor for each modality of an engine, which gets the past that it needs to answer from time 0 on."""
    past_s = needed_s(engine)
    loops = [Looped(name, trained, past_s + SPARE_S, past_s) for name, trained in engine.trained.items()]
    for loop in loops:
        engine.start(loop.modality, loop.open(), is_live)
        engine.push(loop.modality, Chunk(-past_s, loop.samples(0, loop.first)))
    return loops


def needed_s(engine: Engine) -> float:
    """Seconds of recording until every modality can answer, with all the context that its front end looks back on."""
    fronts = [pipeline.front for pipeline in engine.pipelines.values()]
    return float(
        np.ceil(max((front.window_s + front.context_s for front in fronts if front.window_s), default=1))
    )


def steps(engine: Engine, n: int) -> list[Result]:
    """n hops over looped recordings, one behind the other, after a warm-up; no clock is waited for."""
    loops, results = sensors(engine, is_live=False), []
    for k in range(WARMUP + n):
        for loop in loops:
            push_hop(engine, loop, k)
        results.append(engine.step((k + 1) * engine.hop_s))
    return results[WARMUP:]


def push_hop(engine: Engine, loop: Looped, k: int):
    """A sensor's samples of hop k, 0 the first; of a camera the last picture in it."""
    start, stop = (round(hop * engine.hop_s * loop.about.sfreq) for hop in (k, k + 1))
    start = stop - 1 if loop.modality == "face" else start
    chunk = Chunk(start / loop.about.sfreq, loop.samples(loop.first + start, stop - start))
    engine.push(loop.modality, chunk)


def summary(results: Sequence[Result]) -> dict:
    """p50, p95 and p99 of the steps in ms, the median of each modality, and in what states they were."""
    parts = {name: [result.parts[name] for result in results] for name in results[0].parts}
    by_modality = {name: round(median(part.ms for part in of), 4) for name, of in parts.items()}
    states = {name: dict(Counter(part.state for part in of)) for name, of in parts.items()}
    found = percentiles([result.ms for result in results], "ms")
    return found | {"n": len(results), "modality_p50_ms": by_modality, "states": states}
