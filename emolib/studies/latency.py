"""Latency, *measured*: bench files of this machine and of devices, and the tables of 05a_latency."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.child import run_module
from emolib.core.errors import BadArtifact, BadParameter, OverBudget
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.paths import read_json
from emolib.core.results import tidy
from emolib.device.bench import SCHEMA
from emolib.device.interpreter import present
from emolib.device.latency import measure_models
from emolib.quantization.tflite_micro import arena_bytes, check_operators

HERE = "this machine"
BUDGET_S = 0.3  # for the runs of one model, where they are slow
PERCENTILES = ["p50_us", "p95_us", "p99_us"]
VARIANTS = ["source", "variant", "backend", "threads", *PERCENTILES, "mean_us", "n", "cold_start_ms", "bytes"]
STREAM = ["seconds", "hops", "missed", "late_p50_ms", "late_p95_ms", "late_p99_ms"]
STREAM += ["step_p50_ms", "step_p95_ms", "step_p99_ms", "core_percent"]


# Bench files


def measured_here(bundle: Path, repeats: int, stream_s: float) -> dict:
    """What `emolib bench` says of a bundle, in a process of its own, as on a device. Raises BadParameter."""
    words = "bench", str(bundle), "--json", f"--repeats={repeats}", f"--seconds={stream_s}"
    done = run_module("emolib", *words, capture_output=True, text=True)
    if done.returncode:
        raise BadParameter(f"emolib bench: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout)


def read_bench(path: str | Path) -> dict:
    """A bench file. Raises BadArtifact where it is none, or of another emolib."""
    again = f"expected a bench file of schema {SCHEMA}: on the device, `emolib bench BUNDLE --json > FILE`."
    try:
        record = read_json(Path(path))
        if (schema := record.get("schema")) != SCHEMA:
            raise BadArtifact(f"{path} has schema {schema}, {again}")
        for table in (machines, models, streams, hops):
            table({HERE: record})
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise BadArtifact(f"{path} cannot be read ({type(error).__name__}: {error}), {again}") from error
    return record


def of_devices(here: dict, files: Sequence[str]) -> dict[str, dict]:
    """Bench records by device, this machine's first; a device is called as its file. Raises BadArtifact, BadParameter."""
    names = [HERE, *(Path(file).stem for file in files)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadParameter(f"files: {', '.join(twice)} twice, expected a name for each device: rename one.")
    return dict(zip(names, [here, *map(read_bench, files)], strict=True))


# This machine


def variants(
    run: Run, sources: Sequence[str], names: Sequence[str], repeats: int, here: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Latency of every variant on the backends and threads of `here`: columns VARIANTS and machine; and what has no number.

    The int8 models that `here` has are taken from it, not measured again. The second table has a row per model and
    backend without a number: model, backend, reason. Raises BadArtifact.
    """
    benched = pd.DataFrame(here["models"])
    backends, threads = benched.backend.unique().tolist(), benched.threads.unique().tolist()
    known = [row | {"variant": INT8} for row in here["models"] if row["model"] in sources]
    rows, refused, have = known.copy(), list(here["refused"]), {row["model"] for row in known}
    for variant in names:
        stems = {name: f"{model_name(name, 0)}-{variant}.tflite" for name in sources}
        stems = {name: stem for name, stem in stems.items() if variant != INT8 or name not in have}
        files = {name: run.read(stem).read_bytes() for name, stem in stems.items() if (run.folder / stem).exists()}
        found, closed = measure_models(files, backends, threads, repeats, BUDGET_S)
        rows += [row | {"variant": variant} for row in found]
        absent = {"backend": "", "reason": "this run has no such file"}
        closed += [{"model": name, **absent} for name in stems if name not in files]
        refused += [row | {"model": f"{row['model']} {variant}"} for row in closed]
    order = {"model": list(sources), "variant": [*names, INT8], "backend": backends}
    rows.sort(key=lambda row: (*(of.index(row[name]) for name, of in order.items()), row["threads"]))
    table = pd.DataFrame(rows).rename(columns={"model": "source"})[VARIANTS]
    table["machine"] = here["machine"]["name"]
    refused = pd.DataFrame(refused, columns=["model", "backend", "reason"])
    return table, refused.sort_values(list(refused.columns), ignore_index=True)


def primary(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that stand for a machine: of its first backend, on the fewest threads."""
    return table[(table.backend == table.backend.iloc[0]) & (table.threads == table.threads.min())]


def by_threads(table: pd.DataFrame) -> pd.DataFrame:
    """Median on the fewest and the most threads, and how many times as fast the most are. No row where both are one."""
    few, many = table.threads.min(), table.threads.max()
    medians = table.pivot_table("p50_us", ["source", "variant", "backend"], "threads", sort=False)
    both = medians[[few, many]].dropna()
    named = both.set_axis([f"{few}_thread_p50_us", f"{many}_threads_p50_us"], axis=1)
    return named.assign(times_as_fast=both[few] / both[many]).reset_index() if few < many else named.iloc[:0]


def front_ends(here: dict) -> pd.DataFrame:
    """One window of each source: its front end, the network alone, and both, in µs."""
    table = pd.DataFrame(here["front_ends"]).rename(columns={"model": "source"})
    table["network_p50_us"] = table.source.map(_medians_us(here))
    columns = ["front_end_p50_us", "front_end_p95_us", "network_p50_us", "whole_p50_us", "whole_p95_us", "n"]
    return table[["source", "window_s", *columns]]


def footprints(run: Run, here: dict) -> pd.DataFrame:
    """Bytes of each int8 file, and of its arena on tflite-micro where that is here and opens it."""
    rows = []
    for name, size in {row["model"]: row["bytes"] for row in here["models"]}.items():
        path, arena = run.folder / f"{model_name(name, 0)}-{INT8}.tflite", None
        path = path if path.exists() else run.folder / f"models/{name}-{INT8}.tflite"  # a detector's
        if "tflite_micro" in present():
            with suppress(OverBudget):
                check_operators(path.read_bytes(), name)
                arena = arena_bytes(path.read_bytes())
        rows.append((name, size, arena))
    return pd.DataFrame(rows, columns=["model", "bytes", "arena_bytes"]).astype({"arena_bytes": "Int64"})


# Devices beside each other, each by its own bench file


def machines(devices: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device: what it is, its engine's step beside the first device's, a new process's first answer."""
    rows = []
    for name, record in devices.items():
        machine, fresh = record["machine"], record["fresh"]
        step_ms = record["engine"]["p50_ms"] if record["engine"] else float("nan")
        about = [name, machine["name"], machine["governor"], record["date"], step_ms]
        rows.append([*about, fresh["first_ms"], fresh["all_mb"]])
    columns = ["device", "machine", "governor", "date", "step_p50_ms", "first_answer_ms", "resident_mb"]
    table = pd.DataFrame(rows, columns=columns).astype({"resident_mb": float})
    table.insert(5, "times", table.step_p50_ms / table.step_p50_ms.iloc[0])
    return table


def models(devices: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device and model, on the device's first backend and fewest threads. `times` is how many times as long
    as on the first device. `same_file` says whether the file is the first device's, byte by byte."""
    first, tables = next(iter(devices.values())), []
    for device, record in devices.items():
        table, sha256 = primary(pd.DataFrame(record["models"])), record["bundle"]["sha256"]
        same = [sha256[model] == first["bundle"]["sha256"].get(model) for model in table.model]
        times = table.p50_us / table.model.map(_medians_us(first))
        tables.append(table.assign(device=device, same_file=same, times=times))
    columns = ["device", "model", "same_file", "backend", "threads", *PERCENTILES, "times"]
    return pd.concat(tables, ignore_index=True)[columns]


def _medians_us(record: dict) -> dict[str, float]:
    return primary(pd.DataFrame(record["models"])).set_index("model").p50_us.to_dict()


def streams(devices: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device that streamed: hops and those missed, how late, how long, share of a core, MB at both ends."""
    rows = [
        (name, *(stream[column] for column in STREAM), stream["resident_mb"][0], stream["resident_mb"][-1])
        for name, record in devices.items()
        if (stream := record["stream"])
    ]
    ends = ["resident_first_mb", "resident_last_mb"]
    return pd.DataFrame(rows, columns=["device", *STREAM, *ends]).astype(dict.fromkeys(ends, float))


def hops(devices: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device and hop: device, time_s, late_ms, step_ms."""
    columns = ["time_s", "late_ms", "step_ms"]
    found = [pd.DataFrame(columns=[*columns, "device"])]
    for name, record in devices.items():
        if stream := record["stream"]:
            found.append(pd.DataFrame({column: stream[column] for column in columns}).assign(device=name))
    return pd.concat(found[1:] or found, ignore_index=True)


# Results


def concluded(table: pd.DataFrame, fronts: pd.DataFrame, here: dict) -> list[dict]:
    """Rows of results of this machine: each variant on one thread, one window from its samples, the engine. `table`
    is that of `variants`, `fronts` that of `front_ends`."""
    found, about = [], {"device": here["machine"]["name"]}
    networks = primary(table).rename(columns={name: f"latency_{name[:3]}" for name in PERCENTILES})
    windows = fronts.rename(columns={"front_end_p50_us": "front_end_p50", "whole_p50_us": "window_p50"})
    times = dict.fromkeys(("latency_p50", "latency_p95", "latency_p99"), "us")
    parts = {"front_end_p50": "us", "window_p50": "us"}
    for name in table.source.unique():
        of = Experiment.parse(name)
        found += tidy(of, networks[networks.source == name], times, "tables/latency.csv", **about)
        window = windows[windows.source == name]
        found += tidy(of, window, parts, "tables/latency-front_ends.csv", variant=INT8, **about)
    if engine := here["engine"]:
        sources = [Experiment.parse(name) for name in engine["sources"].values()]
        of = Experiment.joint(sources, engine["task"] or sources[0].task, "engine")
        step = {"n": engine["n"], **{f"step_{q}": engine[f"{q}_ms"] for q in ("p50", "p95", "p99")}}
        ms = dict.fromkeys(("step_p50", "step_p95", "step_p99"), "ms")
        found += tidy(of, pd.DataFrame([step]), ms, "tables/latency-engine.csv", **about)
    if engine and (stream := here["stream"]):
        values = {"n": stream["hops"], "missed_hops": stream["missed"], "late_p99": stream["late_p99_ms"]}
        units = {"missed_hops": "hops", "late_p99": "ms"}
        found += tidy(of, pd.DataFrame([values]), units, "tables/latency-stream.csv", **about)
    return found
