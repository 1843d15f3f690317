"""What summary and report say of latency, and its goals."""

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment
from emolib.core.summary import key, number
from emolib.report.goals import Goal
from emolib.report.page import Figure, Note, Section, Table
from emolib.studies.latency.tables import primary

GOALS = (
    Goal("a step of the engine in 20 ms, preprocessing and fusion included", "*/engine/step_p50_ms", "≤", 20),
    Goal("no hop missed while streaming", "*/engine/missed_hops", "≤", 0),
)
ITEMS = (
    Figure(
        "figures/latency.png",
        "Measured latency of one window on this machine, one thread, features not included.",
    ),
    Table(
        "tables/latency.csv",
        "Measured latency of one window, features not included. A cold start on tflite_runtime starts a process too.",
        ("machine",),
    ),
    Table("tables/latency-refused.csv", "What has no number, and why."),
    Table("tables/latency-threads.csv", "Medians by number of threads."),
    Table("tables/latency-front_ends.csv", "One window from samples: front end, network, both."),
    Table("tables/latency-engine.csv", "A step of the engine, all modalities, preprocessing included."),
    Figure(
        "figures/latency-jitter.png",
        "Hops of a live engine at real rates: late against the clock, and taken.",
    ),
    Table("tables/latency-stream.csv", "The same in numbers, by device."),
    Table("tables/latency-starts.csv", "A new process: time and memory until it answers."),
    Table("tables/latency-footprints.csv", "File and tflite-micro arena of each int8 model."),
    Table("tables/latency-devices.csv", "Devices, this machine first.", ("date",)),
    Table("tables/latency-models.csv", "Int8 models by device."),
    Note(
        "Speed on this machine is not speed on a device: x86 has other int8 kernels than a microcontroller."
    ),
)


def section(run: Run) -> Section:
    """The report's section."""
    first = pd.read_csv(run.read("tables/latency.csv")).iloc[0]
    text = (
        f"Measured on {first.machine}, batch 1, after a warm-up; devices measured themselves by emolib bench."
    )
    return Section("Latency", text, ITEMS)


def numbers(table: pd.DataFrame, fronts: pd.DataFrame, here: dict) -> dict[str, dict]:
    """Entries of summary.json: latency by source and variant on one thread, one window from its samples, the engine."""
    found = {}

    def add(source, variant, metric, value, row, artifact):
        entry = number(value, unit="us", n=row.n, artifact=f"tables/{artifact}.csv")
        found[Experiment.parse(source).key(variant, metric)] = entry

    for row in primary(table).itertuples():
        for metric in ("p50_us", "p95_us", "p99_us"):
            add(row.source, row.variant, f"latency_{metric}", getattr(row, metric), row, "latency")
    for row in fronts[fronts.source.isin(table.source)].itertuples():
        add(row.source, INT8, "front_end_p50_us", row.front_end_p50_us, row, "latency-front_ends")
        add(row.source, INT8, "window_p50_us", row.whole_p50_us, row, "latency-front_ends")
    return found | (_of_engine(here["engine"], here["stream"]) if here["engine"] else {})


def _of_engine(engine: dict, stream: dict | None) -> dict[str, dict]:
    steps = {
        engine_key(engine, f"step_{name}"): number(
            engine[name], unit="ms", n=engine["n"], artifact="tables/latency-engine.csv"
        )
        for name in ("p50_ms", "p95_ms", "p99_ms")
    }
    if stream:
        about = {"n": stream["hops"], "artifact": "tables/latency-stream.csv"}
        steps[engine_key(engine, "missed_hops")] = number(stream["missed"], unit="hops", **about)
        steps[engine_key(engine, "late_p99_ms")] = number(stream["late_p99_ms"], unit="ms", **about)
    return steps


def engine_key(engine: dict, metric: str) -> str:
    """Key in summary.json: of the sources' corpus, `paired` where they have several, and of their study's task."""
    sources = [Experiment.parse(name) for name in engine["sources"].values()]
    corpus = sources[0].corpus if len({source.corpus for source in sources}) == 1 else "paired"
    return key(corpus, engine["task"] or sources[0].task, sources[0].protocol, "engine", metric)
