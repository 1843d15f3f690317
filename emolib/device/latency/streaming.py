"""A live engine at real rates: hops that came late or not at all, what a step takes, memory. numpy and an interpreter."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from emolib.device.engine import Engine, Result
from emolib.device.latency.machine import resident_mb
from emolib.device.latency.stages import percentiles, sensors
from emolib.device.live import Live


class Hop(NamedTuple):
    """When a hop was due and how late its step began, how long that took, hops missed before, MB resident after."""

    time_s: float
    late_ms: float
    step_ms: float
    missed: int
    resident_mb: float | None

    @classmethod
    def of(cls, result: Result, now_s: float) -> "Hop":
        late_ms = 1e3 * (now_s - result.time_s) - result.ms
        return cls(
            round(result.time_s, 3), round(late_ms, 3), round(result.ms, 3), result.missed, resident_mb()
        )


def stream(engine: Engine, seconds: float) -> dict:
    """What happened in `seconds` with a looped sensor for each modality: hops answered and missed, how late and how
    long they were, each hop by itself, in what states the modalities were, and this process's share of one core.
    """
    hops, states = [], {name: Counter() for name in engine.pipelines}
    with Live(engine, sensors(engine, is_live=True)) as live:
        start_s, worked_s = time.perf_counter(), time.process_time()
        for result in live.results(seconds):
            hops.append(Hop.of(result, engine.now_s()))
            for name, part in result.parts.items():
                states[name][part.state] += 1
        wall_s, worked_s = time.perf_counter() - start_s, time.process_time() - worked_s
    about = {
        "seconds": round(wall_s, 1),
        "core_percent": round(100 * worked_s / wall_s, 2),
        "hop_s": engine.hop_s,
    }
    return about | told(hops) | {"states": {name: dict(of) for name, of in states.items()}}


def told(hops: Sequence[Hop]) -> dict:
    """Of hops, as a bench file has it: counts, p50, p95 and p99 in ms, and a list of each column but `missed`."""
    columns = {name: list(values) for name, values in zip(Hop._fields, zip(*hops, strict=True), strict=True)}
    missed = sum(columns.pop("missed"))
    late, taken = (
        percentiles(columns["late_ms"], "ms", "late_"),
        percentiles(columns["step_ms"], "ms", "step_"),
    )
    return {"hops": len(hops), "missed": missed, **late, **taken, **columns}
