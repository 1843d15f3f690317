"""What `emolib bench` measures of a bundle on a device, and says as text or JSON: one object, whose `schema` rises when a
field changes its meaning."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from emolib.core.errors import BadParameter
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.interpreter import check_backend, present
from emolib.device.latency import (
    CHUNK,
    engine_steps,
    front_end_latency,
    measure_models,
    noise_window,
    steps_summary,
    stream_latency,
)
from emolib.device.machine import cores, describe_machine, footprint, meter, runs_in
from emolib.device.markers import Recorder, pattern

SCHEMA = 1
BUDGET_S = 0.5  # for the runs of one model, where they are slow
STEPS = 100
UNASKED = "tensorflow"  # LiteRT's interpreter again, behind seconds of import: only where it is asked for


def bench(
    bundle: Bundle,
    backends: Sequence[str] = (),
    threads: Sequence[int] = (),
    repeats: int = 200,
    seconds: float = 10.0,
    names: Sequence[str] = (),
) -> dict:
    """A record of the machine, the bundle and what was measured: models by backend, front ends, engine, stream, memory.

    backends, threads: by default those installed here; one, and as many as there are cores. seconds: of streaming, 0
    for none. names: which models the engine takes where the bundle has several of a modality. `refused` says what could
    not be measured, and why. Raises BadParameter.
    """
    backends = list(backends) or [name for name in present() if name != UNASKED]
    threads = list(threads) or sorted({1, cores()})
    for name, value, least in (("repeats", repeats, 1), ("seconds", seconds, 0)):
        if value < least:
            raise BadParameter(f"--{name}: got {value}, expected {least} or more.")
    for backend in backends:
        check_backend(backend, min(1, *threads))
    entries = bundle.models | bundle.record["detectors"]
    rows, refused = measure_models(bundle.contents, backends, threads, repeats, BUDGET_S)
    fronts = []
    for name in bundle.models:
        pipeline = bundle.pipeline(name)
        with pipeline.model:
            try:
                fronts.append(front_end_latency(pipeline, repeats, 2 * BUDGET_S))
            except BadParameter as error:
                refused.append({"model": name, "backend": "front end", "reason": str(error)})
    engine = streamed = None
    try:
        engine = _steps(bundle, names)
        if seconds:
            fresh = Engine(bundle, names=names)
            streamed = stream_latency(fresh, seconds)
    except BadParameter as error:
        refused.append({"model": "engine", "backend": "", "reason": str(error)})
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "bundle": {"sha256": {name: entry["sha256"] for name, entry in entries.items()}},
        "models": rows,
        "front_ends": fronts,
        "engine": engine,
        "stream": streamed,
        "fresh": footprint(bundle.folder),
        "energy": _energy(bundle),
        "refused": refused,
    }


def _steps(bundle: Bundle, names: Sequence[str]) -> dict:
    """What the engine is of, and its steps one after the other."""
    engine = Engine(bundle, names=names)
    sources = {modality: pipeline.source for modality, pipeline in engine.pipelines.items()}
    tasks = (of["task"] for of in bundle.studies.values() if of["sources"].keys() >= {*sources.values()})
    about = {"sources": sources, "task": next(tasks, ""), "detector": engine.face_path is not None}
    return about | {"hop_s": engine.hop_s} | steps_summary(engine_steps(engine, STEPS))


def _energy(bundle: Bundle) -> dict:
    """mJ of an inference of each model where this machine has a meter; and the meter's name, or why there is none."""
    counter, found = meter(), {}
    for name in bundle.models if counter else ():
        with bundle.model(name) as model:
            found[name] = counter.inference_mj(model, noise_window(model))
    return {"meter": counter.note, "inference_mj": found}


def mark(bundle: Bundle, path: Path, model_s: float = 10.0, rest_s: float = 5.0):
    """Work for a power meter that logs meanwhile, and what ran when, written to `path`: the pattern, then each model for
    about `model_s` (ten readings of a slow meter), with rest_s after it for the idle level."""
    with Recorder(path) as recorder:
        for name in bundle.models:
            with bundle.model(name) as model:
                x = noise_window(model)
                if not recorder.markers:
                    pattern(recorder, partial(model.times, x, CHUNK))
                n = runs_in(model_s, model, x)
                with recorder.mark(name, n):
                    model.times(x, n)
            time.sleep(rest_s)


def text(record: dict) -> str:
    """A bench record as lines for a terminal; the last say what could not be measured, and why."""
    machine, fresh, energy = record["machine"], record["fresh"], record["energy"]
    about = f"governor {machine['governor'] or 'unknown'}, load {machine['load_1min']}"
    lines = [f"{machine['name']}; {about}; Python {machine['python']}"]
    for row in record["models"]:
        what = f"{row['model']:40} {row['backend']:14} {row['threads']:2} thread{'s' * (row['threads'] > 1):1}"
        p50, p95, p99 = (f"p{q} {row[f'p{q}_us']:9.1f} µs" for q in (50, 95, 99))
        lines.append(f"{what} {p50}  {p95}  {p99}  cold {row['cold_start_ms']:7.1f} ms  n {row['n']}")
    for row in record["front_ends"]:
        p50, p95 = (f"p{q} {row[f'front_end_p{q}_us']:9.1f} µs" for q in (50, 95))
        whole = f"with network p50 {row['whole_p50_us']:.1f} µs"
        lines.append(f"{row['model']:40} {'front end':24} {p50}  {p95}; {whole}")
    if row := record["engine"]:
        times = "  ".join(f"p{q} {row[f'p{q}_ms']:.1f} ms" for q in (50, 95, 99))
        lines.append(f"engine step of {', '.join(row['sources'])}: {times}")
    if row := record["stream"]:
        first, *_, last = row["resident_mb"] * 2
        resident = "resident memory unknown" if first is None else f"resident {first:.1f} to {last:.1f} MB"
        late = "  ".join(f"p{q} {row[f'late_p{q}_ms']:.2f} ms" for q in (50, 99))
        hops = f"{row['hops']} hops, {row['missed']} missed, late {late}"
        core = f"{row['core_percent']:.1f} % of a core"
        lines.append(f"stream of {row['seconds']:g} s: {hops}, {core}, {resident}")
    lines.append(f"new process: first answer after {fresh['first_ms']:.0f} ms")
    if fresh["all_mb"]:
        lines[-1] += f"; {fresh['start_mb']:.0f} MB, then {fresh['all_mb']:.0f} MB with every model"
    found = ", ".join(f"{name} {mj:.4f} mJ" for name, mj in energy["inference_mj"].items())
    idle = f"{found}; {energy['meter']}, the whole package with its idle power"
    lines.append(f"measured energy: {idle if found else 'none, ' + energy['meter']}")
    lines += [f"not measured: {row['model']} {row['backend']}: {row['reason']}" for row in record["refused"]]
    return "\n".join(lines)
