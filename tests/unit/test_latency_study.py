"""Bench files: of this machine's variants, of devices beside each other, and what goes into the results."""

import json
from copy import deepcopy

import keras
import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.experiment import INT8
from emolib.device.interpreter import present
from emolib.device.latency import hops_summary
from emolib.quantization.ptq import convert
from emolib.studies import latency
from emolib.studies.latency import HERE

HEART, EEG = "synthetic-heart-emotion-loso", "synthetic-eeg-emotion-loso"
KINDS = (("litert", 1), ("litert", 4), ("tflite_micro", 1))


def row(model, backend, threads, p50_us):
    times = {"p50_us": p50_us, "p95_us": 2 * p50_us, "p99_us": 3 * p50_us, "mean_us": 1.1 * p50_us}
    about = {"model": model, "backend": backend, "threads": threads, "bytes": 1000}
    return about | times | {"n": 200, "cold_start_ms": 1.5}


@pytest.fixture
def here():
    """A bench file, shortened."""
    hops = [(float(k), 0.1 * k, 10.0 + k, 0, 90.0 + k) for k in range(1, 4)]
    medians = {HEART: (10.0, 20.0, 100.0), EEG: (8.0, 4.0, 30.0)}
    return {
        "schema": 1,
        "date": "2026-01-01T00:00:00+00:00",
        "machine": {"name": "A board", "governor": "performance"},
        "bundle": {"sha256": {HEART: "aa", EEG: "bb"}},
        "models": [row(model, *kind, us) for model in medians for kind, us in zip(KINDS, medians[model], strict=True)],
        "engine": {"p50_ms": 12.0, "p95_ms": 15.0, "p99_ms": 19.0},
        "stream": {"seconds": 3.0, "core_percent": 2.5, "hop_s": 1.0} | hops_summary(hops),
        "fresh": {"first_ms": 20.0, "all_mb": 30.0},
        "refused": [{"model": EEG, "backend": "tflite_runtime", "reason": "old"}],
    }


def slower(here):
    """The same bundle on a board that is three times as slow, with one model exported again."""
    other = deepcopy(here)
    other["machine"] |= {"name": "Slow", "governor": None}
    for each in other["models"]:
        each["p50_us"] *= 3
    other["engine"]["p50_ms"] = 36.0
    other["bundle"]["sha256"][EEG] = "cc"
    return other


def test_int8_is_taken_from_the_bench_and_the_rest_is_measured(here, tmp_path):
    run, inputs = Run(tmp_path, "05a_latency", {}), keras.Input((8, 8, 1))
    network = convert(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs))), "float32")
    for name, variant in ((HEART, "float32"), (EEG, "float32"), (HEART, "mixed"), (HEART, INT8)):
        run.write_bytes(f"models/{name}/fold00-{variant}.tflite", network)
    here["models"] = [each for each in here["models"] if each["backend"] == "litert"]
    table, refused = latency.variants(run, [HEART, EEG], ["float32", INT8, "mixed"], 10, here)
    found = list(table[["source", "variant", "threads"]].itertuples(index=False, name=None))
    of_heart = [(HEART, variant, n) for variant in ("float32", INT8, "mixed") for n in (1, 4)]
    assert found == of_heart + [(EEG, variant, n) for variant in ("float32", INT8) for n in (1, 4)]
    int8, others = table[table.variant == INT8], table[table.variant != INT8]
    assert int8.p50_us.tolist() == [10, 20, 8, 4] and int8.n.eq(200).all()
    assert others.n.eq(10).all() and others.bytes.eq(len(network)).all()
    absent = [f"{EEG} mixed", "", "this run has no such file"]
    assert refused.values.tolist() == [[EEG, "tflite_runtime", "old"], absent]
    assert f"models/{HEART}/fold00-{INT8}.tflite" not in run.inputs and len(run.inputs) == 3
    if "tflite_micro" in present():
        run.write_bytes(f"models/{EEG}/fold00-{INT8}.tflite", network)
        footprints = latency.footprints(run, here).set_index("model")
        assert footprints.bytes[HEART] == 1000 and footprints.arena_bytes[HEART] > 0


def test_devices_are_compared_with_the_first(here):
    devices = {HERE: here, "board": slower(here), "bare": slower(here) | {"engine": None, "stream": None}}
    machines = latency.machines(devices).set_index("device")
    assert machines.times.tolist()[:2] == [1, 3] and machines.machine["board"] == "Slow"
    assert np.isnan(machines.times["bare"])
    models = latency.models(devices).set_index(["device", "model"])
    assert len(models) == 6 and set(models.backend) == {"litert"} and set(models.threads) == {1}
    assert models.times["board"].tolist() == [3, 3]
    assert models.same_file["board"].to_dict() == {HEART: True, EEG: False}
    streams = latency.streams(devices)
    assert streams.late_p50_ms.tolist() == [0.2, 0.2] and streams.resident_last_mb.tolist() == [93, 93]
    hops = latency.hops(devices)
    assert hops.groupby("device").size().to_dict() == {HERE: 3, "board": 3}


def test_bench_files(here, tmp_path):
    file = tmp_path / "pi.json"
    file.write_text(json.dumps(here))
    assert latency.of_devices(here, [str(file)]) == {HERE: here, "pi": here}
    with pytest.raises(BadParameter, match="pi twice"):
        latency.of_devices(here, [str(file)] * 2)
    file.write_text(json.dumps(here | {"schema": 99}))
    with pytest.raises(BadArtifact, match=r"pi\.json has schema 99, expected .* schema 1.*emolib bench"):
        latency.read_bench(file)
