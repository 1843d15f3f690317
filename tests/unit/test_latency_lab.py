"""Tables of bench files: this machine's variants, devices beside each other, and what summary.json gets."""

import json
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.experiment import INT8
from emolib.device.latency import Hop, hops_summary
from emolib.report import latency as reported
from emolib.report import plots
from emolib.report.page import Table
from emolib.studies.latency import devices
from emolib.studies.latency import tables as lab
from emolib.studies.latency.files import HERE, of_devices, read

HEART, EEG = "synthetic-heart-emotion-loso", "synthetic-eeg-emotion-loso"


def row(model, backend, threads, p50_us):
    times = {"p50_us": p50_us, "p95_us": 2 * p50_us, "p99_us": 3 * p50_us, "mean_us": 1.1 * p50_us}
    about = {"model": model, "backend": backend, "threads": threads, "bytes": 1000}
    return about | times | {"n": 200, "cold_start_ms": 1.5}


def front(model, p50_us):
    times = {f"{part}_p{q}_us": p50_us + q for part in ("front_end", "whole") for q in (50, 95, 99)}
    return {
        "model": model,
        "modality": "heart",
        "windows": 1,
        "n": 90,
        "window_s": 8.0,
        "sfreq": 64.0,
        **times,
    }


@pytest.fixture
def here():
    """A bench file, shortened."""
    hops = [Hop(float(k), 0.1 * k, 10.0 + k, 0, 90.0 + k) for k in range(1, 4)]
    about = {"seconds": 3.0, "core_percent": 2.5, "hop_s": 1.0, "states": {"heart": {"ok": 3}}}
    step = {
        "p50_ms": 12.0,
        "p95_ms": 15.0,
        "p99_ms": 19.0,
        "n": 100,
        "modality_p50_ms": {"heart": 5.0, "eeg": 4.0},
    }
    states = {"heart": {"ok": 99, "waiting": 1}, "eeg": {"ok": 100}}
    sources = {"heart": HEART, "eeg": EEG}
    fresh = {f"{stage}_{unit}": 10.0 * k for unit in ("ms", "mb") for k, stage in enumerate(("start", "opened", "first", "all"))}  # fmt: skip
    return {
        "schema": 1,
        "date": "2026-01-01T00:00:00+00:00",
        "machine": {"name": "A board", "governor": "performance", "cores": 4},
        "bundle": {"sha256": {HEART: "aa", EEG: "bb"}},
        "models": [
            row(HEART, "litert", 1, 10.0),
            row(HEART, "litert", 4, 20.0),
            row(HEART, "tflite_micro", 1, 100.0),
            row(EEG, "litert", 1, 8.0),
            row(EEG, "litert", 4, 4.0),
            row(EEG, "tflite_micro", 1, 30.0),
        ],
        "front_ends": [front(HEART, 3000.0), front(EEG, 2000.0)],
        "engine": {"sources": sources, "task": "emotion", **step, "states": states},
        "stream": about | hops_summary(hops),
        "fresh": fresh,
        "refused": [{"model": EEG, "backend": "tflite_runtime", "reason": "old"}],
    }


@pytest.fixture(scope="module")
def network():
    import keras

    from emolib.quantization.ptq import convert

    inputs = keras.Input((8, 8, 1))
    return convert(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs))), "float32")


def test_int8_is_taken_from_the_bench_and_the_rest_is_measured(here, network, tmp_path):
    run = Run(tmp_path, "05a_latency", {})
    for name, variant in ((HEART, "float32"), (EEG, "float32"), (HEART, "mixed"), (HEART, INT8)):
        run.write_bytes(f"models/{name}/fold00-{variant}.tflite", network)
    here["models"] = [each for each in here["models"] if each["backend"] == "litert"]
    table, refused = lab.variants(run, [HEART, EEG], ["float32", INT8, "mixed"], 10, here)
    found = list(table[["source", "variant", "threads"]].itertuples(index=False, name=None))
    of_heart = [(HEART, variant, n) for variant in ("float32", INT8, "mixed") for n in (1, 4)]
    assert found == of_heart + [(EEG, variant, n) for variant in ("float32", INT8) for n in (1, 4)]
    int8 = table[table.variant == INT8]
    assert int8.p50_us.tolist() == [10, 20, 8, 4] and int8.n.eq(200).all()
    others = table[table.variant != INT8]
    assert (
        others.n.eq(10).all()
        and others.bytes.eq(len(network)).all()
        and others.p50_us.between(0.1, 1e5).all()
    )
    assert set(table.machine) == {"A board"}
    assert refused.values.tolist() == [
        [EEG, "tflite_runtime", "old"],
        [f"{EEG} mixed", "", "this run has no such file"],
    ]
    assert set(run.inputs) == {f"models/{HEART}/fold00-{v}.tflite" for v in ("float32", "mixed")} | {
        f"models/{EEG}/fold00-float32.tflite"
    }


def table_of(here):
    named = pd.DataFrame(here["models"]).rename(columns={"model": "source"})
    return named.assign(variant=INT8, machine="A board")[lab.COLUMNS]


def test_threads_beside_each_other(here):
    found = lab.by_threads(table_of(here))
    assert found.columns.tolist()[3:] == ["1_thread_p50_us", "4_threads_p50_us", "times_as_fast"]
    assert found.source.tolist() == [HEART, EEG] and found.times_as_fast.tolist() == [0.5, 2.0]
    one = table_of(here)
    assert lab.by_threads(one[one.threads == 1]).empty


def test_stages_of_this_machine(here):
    fronts = lab.front_ends(here).set_index("source")
    assert fronts.network_p50_us.to_dict() == {HEART: 10, EEG: 8} and fronts.front_end_p50_us[EEG] == 2050
    steps = lab.steps(here).set_index("part")
    assert steps.p50_ms.to_dict() == {"heart": 5, "eeg": 4, "whole step": 12}
    assert steps.states["heart"] == "ok 99, waiting 1" and np.isnan(steps.p95_ms["heart"])
    assert lab.starts(here).after_ms.tolist() == lab.starts(here).resident_mb.tolist() == [0, 10, 20, 30]


def test_arenas_are_of_tflite_micro(here, network, tmp_path):
    tflm = pytest.importorskip("tflite_micro") and pytest.importorskip("emolib.quantization.npu.tflm")
    run = Run(tmp_path, "05a_latency", {})
    for name in (HEART, EEG):
        run.write_bytes(f"models/{name}/fold00-{INT8}.tflite", network)
    found = lab.footprints(run, here).set_index("model")
    assert found.bytes[HEART] == 1000 and found.arena_bytes[HEART] == tflm.arena_bytes(network)


def device(here, **machine):
    """The same bundle on a board that is three times as slow, with one model exported again."""
    other = deepcopy(here)
    other["machine"] |= machine
    for each in other["models"]:
        each["p50_us"] *= 3
    other["engine"]["p50_ms"] = 36.0
    other["bundle"]["sha256"][EEG] = "cc"
    return other


def test_devices_are_compared_with_the_first(here):
    records = {HERE: here, "board": device(here, name="Slow", governor=None)}
    machines = devices.machines(records).set_index("device")
    assert machines.times.tolist() == [1, 3] and machines.machine["board"] == "Slow"
    models = devices.models(records).set_index(["device", "model"])
    assert len(models) == 4 and set(models.backend) == {"litert"} and set(models.threads) == {1}
    assert models.times["board"].tolist() == [3, 3]
    assert models.same_file["board"].to_dict() == {HEART: True, EEG: False}
    streams = devices.streams(records)
    assert streams.late_p50_ms.tolist() == [0.2, 0.2] and streams.resident_last_mb.tolist() == [93, 93]
    assert devices.hops(records).groupby("device").size().to_dict() == {HERE: 3, "board": 3}


def test_a_device_without_engine_or_stream_is_still_compared(here):
    bare = device(here) | {"engine": None, "stream": None}
    assert devices.machines({HERE: here, "bare": bare}).times.isna().tolist() == [False, True]
    assert devices.streams({HERE: here, "bare": bare}).device.tolist() == [HERE]
    assert devices.streams({"bare": bare}).empty and devices.hops({"bare": bare}).empty


def test_device_files(here, tmp_path):
    (tmp_path / "pi.json").write_text(json.dumps(here))
    assert list(of_devices(here, [str(tmp_path / "pi.json")])) == [HERE, "pi"]
    assert read(tmp_path / "pi.json") == here
    with pytest.raises(BadParameter, match="pi twice"):
        of_devices(here, [str(tmp_path / "pi.json")] * 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"schema": 99}', "has schema 99, expected schema 1"),
        ('{"schema": 1, "machine": {}}', "has no bundle, engine, fresh, front_ends, models, refused, stream"),
    ],
)
def test_other_files_are_refused(content, said, tmp_path):
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadArtifact, match=rf"x\.json {said}.*emolib bench BUNDLE --json"):
        read(tmp_path / "x.json")


def test_summary_numbers(here):
    found = reported.numbers(table_of(here), lab.front_ends(here), here)
    values = {name: entry["value"] for name, entry in found.items()}
    assert values["synthetic/emotion/loso/heart_int8/latency_p50_us"] == 10
    assert values["synthetic/emotion/loso/eeg_int8/latency_p99_us"] == 24
    assert values["synthetic/emotion/loso/heart_int8/front_end_p50_us"] == 3050
    assert values["synthetic/emotion/loso/engine/step_p50_ms"] == 12
    assert values["synthetic/emotion/loso/engine/missed_hops"] == 0
    assert len(values) == 2 * 3 + 2 * 2 + 5
    bare = reported.numbers(table_of(here), lab.front_ends(here), here | {"engine": None, "stream": None})
    assert len(bare) == 10


def test_an_engine_of_several_corpora_is_paired():
    sources = {"speech": "emodb-speech-emotion7-loso", "face": "fer2013-face-emotion7-official"}
    key = reported.engine_key({"sources": sources, "task": "arousal"}, "missed_hops")
    assert key == "paired/arousal/loso/engine/missed_hops"
    assert reported.engine_key({"sources": sources, "task": ""}, "x") == "paired/emotion7/loso/engine/x"


def test_figures_show_every_backend_and_device(here):
    figure = plots.latency(table_of(here))
    assert [ax.get_title() for ax in figure.axes] == ["litert", "tflite_micro"]
    assert "Measured" in figure.get_suptitle() and figure.axes[0].get_xscale() == "log"
    dots = [line.get_xdata()[0] for line in figure.axes[1].lines if len(line.get_xdata()) == 1]
    assert sorted(set(dots)) == [30, 60, 100, 200]  # medians and 95th percentiles, on one thread
    figure = plots.jitter(devices.hops({HERE: here, "board": device(here)}))
    late = figure.axes[0]
    assert [line.get_xdata().tolist() for line in late.lines] == [[1, 2, 3]] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [HERE, "board"]


def test_the_report_has_every_table_once():
    names = [each.artifact for each in reported.ITEMS if isinstance(each, Table)]
    assert len(names) == len(set(names)) == 10


def test_nothing_streamed_is_shown_as_nothing(here):
    bare = here | {"engine": None, "stream": None}
    assert lab.steps(bare).empty
    assert all(not ax.lines for ax in plots.jitter(devices.hops({HERE: bare})).axes)


def test_a_section_names_the_machine(here, tmp_path):
    run = Run(tmp_path, "05a_latency", {})
    run.write_table("latency", table_of(here))
    section = reported.section(run)
    assert "A board" in section.text and section.items == reported.ITEMS
