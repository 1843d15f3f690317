"""Tables of the latency notebook, of this machine: variants, backends, stages, memory. All of it measured."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import OverBudget
from emolib.core.experiment import INT8, model_name
from emolib.device.interpreter import present
from emolib.device.latency import measure_models
from emolib.quantization.npu.tflm import arena_bytes, check_operators

BUDGET_S = 0.3  # for the runs of one model, where they are slow
LATENCY = ["p50_us", "p95_us", "p99_us", "mean_us", "n", "cold_start_ms"]
COLUMNS = ["source", "variant", "backend", "threads", *LATENCY, "bytes", "machine"]
REFUSED = ["model", "backend", "reason"]


def variants(
    run: Run, sources: Sequence[str], names: Sequence[str], repeats: int, here: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """COLUMNS of every variant on the backends and threads of `here`; and what there is no number for: model, backend,
    reason. The int8 models that `here` has are taken from it, not measured again. Raises BadArtifact.
    """
    backends, threads = (
        [*dict.fromkeys(row[column] for row in here["models"])] for column in ("backend", "threads")
    )
    rows, refused = _of_bench(here, sources), list(here["refused"])
    known = {(row["source"], row["variant"]) for row in rows}
    for variant in names:
        stems = {
            name: f"{model_name(name, 0)}-{variant}.tflite"
            for name in sources
            if (name, variant) not in known
        }
        files = {name: run.read(stem) for name, stem in stems.items() if (run.folder / stem).exists()}
        found, closed = measure_models(files, backends, threads, repeats, BUDGET_S)
        rows += [{"source": row["model"], "variant": variant, **row} for row in found]
        refused += [row | {"model": f"{row['model']} {variant}"} for row in closed]
        refused += [_absent(name, variant) for name in stems.keys() - files.keys()]
    table = pd.DataFrame(rows).assign(machine=here["machine"]["name"])[COLUMNS]
    order = {"source": sources, "variant": [*names, INT8], "backend": backends}
    refused = pd.DataFrame(refused, columns=REFUSED).sort_values(REFUSED, ignore_index=True)
    return _ordered(table, order), refused


def _of_bench(here: dict, sources: Sequence[str]) -> list[dict]:
    rows = [row for row in here["models"] if row["model"] in sources]
    return [{"source": row["model"], "variant": INT8, **row} for row in rows]


def _absent(name: str, variant: str) -> dict:
    return {"model": f"{name} {variant}", "backend": "", "reason": "this run has no such file"}


def _ordered(table: pd.DataFrame, order: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Rows in the order that names have elsewhere, then by threads."""
    places = {column: list(dict.fromkeys(names)) for column, names in order.items()}
    keys = pd.DataFrame({column: table[column].map(names.index) for column, names in places.items()})
    return table.loc[keys.assign(threads=table.threads).sort_values([*places, "threads"]).index].reset_index(
        drop=True
    )


def primary(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that stand for a device: of its first backend, on the fewest threads."""
    return table[(table.backend == table.backend.iloc[0]) & (table.threads == table.threads.min())]


def by_threads(table: pd.DataFrame) -> pd.DataFrame:
    """Median on the fewest and the most threads, and how many times as fast the latter are; backends that have both."""
    few, many = table.threads.min(), table.threads.max()
    both = table.pivot_table("p50_us", ["source", "variant", "backend"], "threads", sort=False)[
        [few, many]
    ].dropna()
    named = both.set_axis([f"{few}_thread_p50_us", f"{many}_threads_p50_us"], axis=1)
    return named.assign(times_as_fast=both[few] / both[many]).reset_index() if few < many else named.iloc[:0]


def footprints(run: Run, here: dict) -> pd.DataFrame:
    """Of each int8 model: bytes of its file, and of its arena on tflite-micro where that is here and opens it."""
    sizes = {row["model"]: row["bytes"] for row in here["models"]}
    micro = "tflite_micro" in present()
    rows = [(name, size, _arena(run, name) if micro else None) for name, size in sizes.items()]
    return pd.DataFrame(rows, columns=["model", "bytes", "arena_bytes"]).astype({"arena_bytes": "Int64"})


def _arena(run: Run, name: str) -> int | None:
    path = run.folder / f"{model_name(name, 0)}-{INT8}.tflite"
    content = (path if path.exists() else run.folder / f"models/{name}-{INT8}.tflite").read_bytes()
    with suppress(OverBudget):
        check_operators(content, name)
        return arena_bytes(content)
    return None


def front_ends(here: dict) -> pd.DataFrame:
    """Of each source, one window: front end, the network alone, both; µs."""
    network = primary(pd.DataFrame(here["models"])).set_index("model").p50_us
    table = pd.DataFrame(here["front_ends"]).rename(columns={"model": "source"})
    table["network_p50_us"] = table.source.map(network)
    columns = ["front_end_p50_us", "front_end_p95_us", "network_p50_us", "whole_p50_us", "whole_p95_us", "n"]
    return table[["source", "window_s", *columns]]


def steps(here: dict) -> pd.DataFrame:
    """A step of the engine: the median of each modality, and of the whole with its tail; states of how many hops. Empty
    where there was no engine."""
    columns = ["part", "p50_ms", "p95_ms", "p99_ms", "states"]
    if not (found := here["engine"]):
        return pd.DataFrame(columns=columns)
    rows = [
        {"part": name, "p50_ms": ms, "states": _counted(found["states"][name])}
        for name, ms in found["modality_p50_ms"].items()
    ]
    whole = {"part": "whole step", "states": ""} | {name: found[name] for name in columns[1:4]}
    return pd.DataFrame([*rows, whole], columns=columns)


def _counted(states: Mapping[str, int]) -> str:
    return ", ".join(f"{state} {n}" for state, n in states.items())


def starts(here: dict) -> pd.DataFrame:
    """A new process: ms from its start, and MB resident, at each stage."""
    names = {
        "start": "Python is there",
        "opened": "library imported, bundle checked",
        "first": "first answer",
        "all": "an answer of every model",
    }
    found = here["fresh"]
    rows = [(text, found[f"{name}_ms"], found[f"{name}_mb"]) for name, text in names.items()]
    return pd.DataFrame(rows, columns=["stage", "after_ms", "resident_mb"]).astype({"resident_mb": float})
