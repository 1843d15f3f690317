"""What `emolib bench` measures on a device, and says as text or JSON. numpy and an interpreter alone.

The JSON is one object; `schema` rises when a field changes its meaning. Everything in it was measured there and then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from emolib.core.errors import BadParameter
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.interpreter import check_backend, present
from emolib.device.latency import models, stages
from emolib.device.latency.fresh import footprint
from emolib.device.latency.machine import about, cores
from emolib.device.latency.streaming import stream
from emolib.device.meter import meter

SCHEMA = 1
BUDGET_S = 0.5  # for the runs of one model, where they are slow
STEPS = 100
UNASKED = "tensorflow"  # LiteRT's interpreter again, behind seconds of import: only where it is asked for


def defaults() -> tuple[list[str], list[int]]:
    """Backends and numbers of threads to measure: those that are here; one, and as many as there are cores."""
    return [name for name in present() if name != UNASKED], sorted({1, cores()})


def bench(
    bundle: Bundle,
    backends: Sequence[str] = (),
    threads: Sequence[int] = (),
    repeats: int = 200,
    seconds: float = 10.0,
    names: Sequence[str] = (),
) -> dict:
    """Machine, bundle, and what was measured: each model on each backend, front ends, the engine, a stream, memory.

    backends and threads: `defaults` where none are given; seconds of streaming, 0 for none; names: which models the
    engine takes where the bundle has several of a modality. What cannot be measured stands in `refused`, with its
    reason. Raises BadParameter.
    """
    known, counts = defaults()
    backends, threads = list(backends) or known, list(threads) or counts
    check(backends, threads, repeats, seconds)
    entries = bundle.models | bundle.record["detectors"]
    files = {name: bundle.folder / entry["file"] for name, entry in entries.items()}
    rows, refused = models.each(files, backends, threads, repeats, BUDGET_S)
    fronts, without = _fronts(bundle, repeats)
    engine, streamed, no_engine = _engine(bundle, names, seconds)
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": about(),
        "bundle": {
            **{key: bundle.record.get(key) for key in ("run", "commit")},
            "sha256": {name: entry["sha256"] for name, entry in entries.items()},
        },
        "models": rows,
        "front_ends": fronts,
        "engine": engine,
        "stream": streamed,
        "fresh": footprint(bundle.folder),
        "energy": _energy(bundle),
        "refused": [*refused, *without, *no_engine],
    }


def check(backends: Sequence[str], threads: Sequence[int], repeats: int, seconds: float):
    """Raises BadParameter for what cannot be measured on any machine, or not on this one."""
    least_of = {"repeats": (repeats, 1), "seconds": (seconds, 0), "threads": (min(threads), 1)}
    for name, (value, least) in least_of.items():
        if value < least:
            raise BadParameter(f"--{name}: got {value}, expected {least} or more.")
    for backend in backends:
        check_backend(backend, 1)


def _fronts(bundle: Bundle, repeats: int) -> tuple[list[dict], list[dict]]:
    rows, refused = [], []
    for name in bundle.models:
        pipeline = bundle.pipeline(name)
        try:
            rows.append(stages.one_window(pipeline, repeats, 2 * BUDGET_S))
        except BadParameter as error:
            refused.append({"model": name, "backend": "front end", "reason": str(error)})
        finally:
            pipeline.model.close()
    return rows, refused


def _engine(
    bundle: Bundle, names: Sequence[str], seconds: float
) -> tuple[dict | None, dict | None, list[dict]]:
    """Steps one behind the other, and a stream, each in an engine of its own; or why there is none."""
    try:
        with Engine(bundle, names=names) as engine:
            stepped = _named(bundle, engine) | stages.summary(stages.steps(engine, STEPS))
        if not seconds:
            return stepped, None, []
        with Engine(bundle, names=names) as engine:
            return stepped, stream(engine, seconds), []
    except BadParameter as error:
        return None, None, [{"model": "engine", "backend": "", "reason": str(error)}]


def _named(bundle: Bundle, engine: Engine) -> dict:
    """What an engine runs: the source of each modality, the task of the study that fuses them ("" without one), whether
    a detector looks first, backend and threads."""
    sources = {modality: pipeline.source for modality, pipeline in engine.pipelines.items()}
    tasks = [
        study["task"] for study in bundle.studies.values() if study["sources"].keys() >= set(sources.values())
    ]
    model = next(iter(engine.pipelines.values())).model
    about = {"hop_s": engine.hop_s, "backend": model.backend, "threads": model.threads}
    return {"sources": sources, "task": (tasks or [""])[0], "detector": engine.look is not None, **about}


def _energy(bundle: Bundle) -> dict:
    """mJ of an inference of each model where this machine has a meter, and the meter, or why there is none."""
    counter, found = meter(), {}
    for name in bundle.models if counter else ():
        with bundle.model(name) as model:
            found[name] = counter.inference_mj(model, models.window(model))
    return {"meter": counter.note, "inference_mj": found}
