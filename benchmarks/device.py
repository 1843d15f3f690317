"""The engine of a bundle: its step beside the networks and signal code in it, and minutes of live streams.

`python benchmarks/device.py BUNDLE` prints the first; `--minutes 10` streams too; `--write` puts what was measured into
benchmarks/README.md.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import page
from threadpoolctl import threadpool_limits

from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.latency import WARMUP, looped, stream_latency
from emolib.device.live import Reel
from emolib.device.stream import Signal, Stream

GOAL_MS, GOAL_RATIO, GOAL_MB = 20, 1.2, 2
SETTLED_S = 60.0  # from which on memory must stay flat
PACKAGES = ("numpy", "ai-edge-litert")


def bare(stream: Stream, time_s: float) -> Callable[[], object]:
    """Signal code and network alone, on the same samples as the engine takes at time_s."""
    pipeline = stream.pipeline
    if not isinstance(stream, Signal):
        image = stream.last[-1].data
        if stream.face_path:
            return lambda: stream.face_path(image)
        front, samples, sfreq = pipeline.front, image, 0.0
    else:
        sfreq, samples = stream.sfreq, stream.ring.until(time_s, stream.n_window + stream.n_context)
        before_s = (samples.shape[-1] - stream.n_window) / sfreq
        front = replace(pipeline.front, hop_s=before_s) if before_s else pipeline.front

    def call():
        X = front(samples, sfreq, pipeline.trained.kind).X
        return pipeline.model.predict(pipeline.standardiser(X[-1:]))

    return call


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def turns(engine: Engine, n: int) -> np.ndarray:
    """Seconds (n, 2) of a step, and of its bare parts, one after the other; a mean of two hops, since who comes second
    finds warm caches, and that changes."""
    reels, seconds = [Reel(engine, loop) for loop in looped(engine)], np.empty((WARMUP + 2 * n, 2))
    for k in range(len(seconds)):
        time_s = (k + 1) * engine.hop_s
        for reel in reels:
            reel.lasts(time_s)
        parts = [bare(stream, time_s) for stream in engine.streams.values()]
        calls = [lambda at=time_s: engine.step(at), lambda parts=parts: [part() for part in parts]]
        for column in (0, 1) if k % 2 else (1, 0):
            seconds[k, column] = seconds_of(calls[column])
    return seconds[WARMUP:].reshape(n, 2, 2).mean(axis=1)


def quartiles(values: np.ndarray, digits: int) -> str:
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def step_table(bundle: Bundle, n: int) -> str:
    engine = Engine(bundle)
    step, parts = 1e3 * turns(engine, n).T
    names = ", ".join(engine.pipelines)
    head = ("modalities", "step, ms (quartiles)", "signal code and networks, ms", "times as long")
    return page.table(head, [(names, quartiles(step, 1), quartiles(parts, 1), quartiles(step / parts, 2))])


def stream_table(bundle: Bundle, minutes: float) -> str:
    engine = Engine(bundle)
    found = stream_latency(engine, 60 * minutes)
    memory, time_s = np.array(found["resident_mb"], float), np.array(found["time_s"])
    settled = memory[time_s >= SETTLED_S] if minutes > 1 else memory
    ok = min(states.get("ok", 0) for states in found["states"].values()) / found["hops"]
    head = (
        "minutes",
        "hops, missed",
        "late, ms p50, p99",
        "step, ms p50, p99",
        "of a core",
        "resident after a minute, MB",
    )
    cells = (
        f"{found['seconds'] / 60:.1f}",
        f"{found['hops']}, {found['missed']}",
        f"{found['late_p50_ms']:.2f}, {found['late_p99_ms']:.2f}",
        f"{found['step_p50_ms']:.1f}, {found['step_p99_ms']:.1f}",
        f"{found['core_percent']:.1f} %",
        f"{settled[0]:.1f}, then {settled.min() - settled[0]:+.2f} to {settled.max() - settled[0]:+.2f}",
    )
    return page.table((*head, "least often ok"), [(*cells, f"{ok:.0%} of hops")])


STEP = """## Engine step

`python benchmarks/device.py BUNDLE --write`: an answer of the engine from all modalities, preprocessing and fusion included, on one
thread, beside the same front ends and networks called alone on the same samples, in turns. Goals: under {ms} ms, and at
most {ratio} times as long.

{table}

Machine: {machine}.
"""

STREAM = """## Live streams

`python benchmarks/device.py BUNDLE --minutes {minutes:g} --write`: generated sensors at their real rates, a hop a second. Goals: no hop
missed, and memory within ± {mb} MB after the first minute.

{table}

Machine: {machine}.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, help="by `emolib export`")
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=0.0, help="of streaming; 0: none")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    options = parser.parse_args()
    bundle, parts = Bundle(options.bundle), {}
    with threadpool_limits(1):
        about = {"ms": GOAL_MS, "ratio": GOAL_RATIO, "table": step_table(bundle, options.turns)}
        parts["engine step"] = STEP.format(machine=page.machine(PACKAGES), **about)
        if options.minutes:
            about = {
                "minutes": options.minutes,
                "mb": GOAL_MB,
                "table": stream_table(bundle, options.minutes),
            }
            parts["live streams"] = STREAM.format(machine=page.machine(PACKAGES), **about)
    for name, text in parts.items():
        page.show(name, text, options.write)


if __name__ == "__main__":
    main()
