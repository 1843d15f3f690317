"""What `emolib bench` measures of a bundle: models, front ends, the engine, a stream, new processes; and the file it writes."""

import hashlib
import json
import platform
import shutil
from functools import partial
from itertools import count, pairwise
from types import SimpleNamespace

import bundles
import numpy as np
import pytest

from emolib.device import bench as module
from emolib.device import markers
from emolib.device.bench import bench, text
from emolib.device.bundle import Bundle
from emolib.device.interpreter import present
from emolib.device.latency import measure_models, timed
from emolib.device.machine import machine, processor
from emolib.evaluation.energy import marks

STREAM_S = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bundles.write(tmp_path_factory.mktemp("bundle"))


def test_everything_is_measured(folder, monkeypatch):
    meter = SimpleNamespace(note="package-0", inference_mj=lambda model, x: 1.5)
    monkeypatch.setattr(module, "meter", lambda: meter)
    record = bench(Bundle(folder), ["litert"], [1], repeats=20, seconds=STREAM_S)
    assert json.loads(json.dumps(record)) == record and record["schema"] == 1
    files = {path.stem: path for path in folder.glob("*.tflite")}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert record["bundle"]["sha256"] == hashes and len(hashes) == 5
    sizes = {row["model"]: row["bytes"] for row in record["models"]}
    assert sizes == {name: path.stat().st_size for name, path in files.items()}
    assert record["energy"] == {"meter": "package-0", "inference_mj": dict.fromkeys(files, 1.5)}
    assert record["refused"] == [] and len(record["models"]) == len(record["front_ends"]) == 5
    for row in record["front_ends"]:
        assert row["n"] == 20 and row["windows"] == 1
        assert 0 < row["front_end_p50_us"] < row["whole_p50_us"] <= row["whole_p99_us"] < 1e6
    engine, streamed = record["engine"], record["stream"]
    assert set(engine["sources"]) == set(engine["modality_p50_ms"]) == set(bundles.TRAINED)
    assert max(engine["modality_p50_ms"].values()) < engine["p50_ms"] <= engine["p99_ms"]
    assert engine["task"] == "emotion" and engine["detector"] is False
    assert engine["states"] == {name: {"ok": engine["n"]} for name in bundles.TRAINED}  # none waits
    assert all(states.get("ok", 0) >= streamed["hops"] - 1 for states in streamed["states"].values())
    assert streamed["hops"] + streamed["missed"] == STREAM_S
    assert len(streamed["time_s"]) == len(streamed["resident_mb"]) == streamed["hops"]
    assert streamed["late_p50_ms"] >= 0 and streamed["seconds"] == pytest.approx(STREAM_S, abs=0.5)
    for unit in ("ms", "mb"):
        values = [record["fresh"][f"{stage}_{unit}"] for stage in ("start", "opened", "first", "all")]
        assert None in values or 0 < values[0] < values[1] < values[2] <= values[3]
    said = text(record)
    assert all(row["model"] in said for row in record["models"]) and record["machine"]["name"] in said
    assert f"stream of {streamed['seconds']:g} s" in said and said.endswith(
        "; package-0, the whole package with its idle power"
    )


def test_a_recording_that_cannot_be_generated_stands_with_its_reason(folder, tmp_path):
    written = json.loads((folder / "bundle.json").read_text())
    eeg = "synthetic-eeg-emotion-loso"
    written["models"][eeg]["recordings"]["kind"] = "band_power"
    shutil.copytree(folder, tmp_path / "b")
    (tmp_path / "b/bundle.json").write_text(json.dumps(written))
    found = bench(Bundle(tmp_path / "b"), ["litert"], [1], repeats=5, seconds=0)
    assert found["engine"] is found["stream"] is None and len(found["front_ends"]) == 4
    assert [row["model"] for row in found["refused"]] == [eeg, "engine"]
    assert f"not measured: {eeg} front end: eeg of kind band_power" in text(found)


def test_marked_runs_follow_the_pattern_and_last_as_asked(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "pattern", partial(markers.pattern, unit_s=0.02, lead_s=0.0))
    module.mark(Bundle(folder), tmp_path / "markers.csv", model_s=0.2, rest_s=0.0)
    found = marks.read(tmp_path / "markers.csv")
    names = [marker.what for marker in found]
    n_pattern = names.count(markers.SYNC)
    assert n_pattern == markers.PATTERN.count("1")
    assert names[n_pattern:] == list(Bundle(folder).models) and min(m.n for m in found[n_pattern:]) >= 1
    assert all(m.end_s - m.start_s > 0.02 for m in found[n_pattern:])
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def test_a_warm_up_is_left_out_and_a_budget_ends_it_early():
    runs = count(1)  # the first run takes 1 ns, the next one 2
    model = SimpleNamespace(times=lambda x, repeats: np.fromiter(runs, int, repeats))
    assert timed(model, np.zeros(3), repeats=101, budget_s=9).tolist() == list(range(21, 122))
    assert len(timed(model, np.zeros(3), repeats=10_000, budget_s=0)) == 10
    assert len(timed(model, np.zeros(3), repeats=3, budget_s=0)) == 3


def test_each_backend_and_number_of_threads_has_a_row_or_a_reason(folder):
    whole = folder / "synthetic-heart-emotion-loso.tflite"
    backends = [name for name in present() if name != "tensorflow"]
    files = {"a": whole.read_bytes(), "half": whole.read_bytes()[:2000]}
    rows, refused = measure_models(files, backends, [1, 2], 10, 0.1)
    expected = [(name, n) for name in backends for n in ((1,) if name == "tflite_micro" else (1, 2))]
    assert [(row["backend"], row["threads"]) for row in rows] == expected
    assert {(row["model"], row["bytes"]) for row in rows} == {("a", whole.stat().st_size)}
    assert [row["backend"] for row in refused] == backends
    assert all(row["reason"].startswith("The model does not open") for row in refused)  # no folder


def test_a_board_is_named_by_its_model_and_no_computer_by_its_host(tmp_path):
    assert not platform.node() or platform.node() not in machine()
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n\nHardware\t: BCM2711\nModel\t\t: Raspberry Pi 4 Model B\n")
    assert processor(tmp_path / "cpuinfo") == "Raspberry Pi 4 Model B" and processor(tmp_path / "absent") == ""
