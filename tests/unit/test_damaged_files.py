"""Damaged files of every kind that is read back: an error of one line that names the file, or a result, in little memory."""

import json
import math
import os
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import bundles
import numpy as np
import pytest
from changed import changed
from crafted import PICTURES, SOUNDS, Code
from damage import OF_TEXTS, SURE, WAYS, damaged, is_rate, lay, packed, refusal
from whole_corpora import CORPORA, TRAINED, picture, sound, table

from emolib.core import artifacts
from emolib.core.artifacts import Run
from emolib.core.paths import PROJECT
from emolib.datasets import load
from emolib.device.bench import SCHEMA
from emolib.device.bundle import Bundle
from emolib.device.sensors import parse
from emolib.evaluation.energy import marks
from emolib.evaluation.energy import readers as logs
from emolib.signals.frontend import front_end
from emolib.signals.readers import read_recording
from emolib.studies import latency

MODEL = {"model": "face", "backend": "litert", "threads": 1, "p50_us": 9.0, "p95_us": 11.0, "p99_us": 12.0}
BENCH = {"schema": SCHEMA, "date": "2024-03-05", "machine": {"name": "a board", "governor": "performance", "cores": 4}}
BENCH |= {"bundle": {"sha256": {"face": "0" * 64}}, "models": [MODEL], "front_ends": [], "engine": {"p50_ms": 3.0}}
BENCH |= {"stream": None, "fresh": {"first_ms": 100.0, "all_mb": 50.0}, "refused": []}
STAMPS = [f"{1.5e9 + n / 256 + (n > 700):.4f}" for n in range(1200)]  # a gap of a second
FILES = {
    "BVP.csv": table(None, [("1500000000.0",), ("64.0",), *((n % 50,) for n in range(800))]),
    "eeg.csv": table("timestamps,TP9,AF7", [(t, n % 17, -n % 13) for n, t in enumerate(STAMPS)]),
    "skin.csv": table("timestamps,eda,temp", [(t, 2 + n % 17, 33 + n % 13) for n, t in enumerate(STAMPS)]),
    "EDA.csv": table(None, [("1644225600",), ("4.0",), *((f"{2 + 0.1 * (n % 17):.2f}",) for n in range(300))]),
    "voice.wav": sound(8000, 9000),
    "voice.flac": sound(8000, 9000, "FLAC"),
    "face.png": picture(),
    "face.jpeg": picture(form="JPEG"),
    "power.csv": table("time_s,power_w", [(k / 2, 2.5) for k in range(40)]),
    "ppk2.csv": table("Timestamp(ms),Current(uA),D0-D7", [(k / 100, 9, f"{k % 2}0000000") for k in range(300)]),
    "markers.csv": table("start_s,end_s,n,what", [(k, k + 0.5, 9, "face") for k in range(9)]),
    "board.json": json.dumps(BENCH, indent=1).encode(),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return bundles.write(tmp_path_factory.mktemp("bundle"), ("face", "speech"))


@pytest.fixture
def folder(exported, tmp_path):
    """A file of each kind."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    lay(tmp_path, FILES | {"a.png": picture((40, 40, 3)), "a.wav": sound(n_times=32000)})
    run = Run(tmp_path, "01_windows", {"window_s": 4.0})
    run.write_arrays("a.npz", X=np.sin(np.arange(3000.0)).reshape(3, -1), names=np.array(["a", "ü", ""]))
    return tmp_path


def play(path):
    """A recording as the device reads it: its windows, and its chunks as a stream."""
    modality = {"BVP": "heart", "EDA": "skin", "skin": "skin", "eeg": "eeg", "voice": "speech", "face": "face"}[
        path.stem
    ]
    found = read_recording(modality, path, TRAINED[modality])
    assert is_rate(found.sfreq)
    for piece in found.stretches.values():
        front_end(modality)(piece, found.sfreq, TRAINED[modality].kind)
    source = parse(f"{modality}=file:{path}", TRAINED)
    assert is_rate(source.open().sfreq)
    assert all(math.isfinite(chunk.time_s) for chunk in source.chunks())


def answer(path):
    """What a bundle answers to two recordings, whatever its models are called."""
    opened = Bundle(path.parent)
    recordings = {"face": path.with_name("a.png"), "speech": path.with_name("a.wav")}
    opened.answer({modality: recordings[modality] for modality in opened.sources()})


READERS = {
    **dict.fromkeys(FILES, play),
    "power.csv": lambda path: logs.read("csv", path),
    "ppk2.csv": lambda path: logs.read("ppk2", path, voltage_v=3.0),
    "markers.csv": marks.read,
    "board.json": latency.read_bench,
    "bundle.json": answer,
    "a.npz": artifacts.arrays,
    "a.npz.json": lambda path: Run(path.parent, "02_train", {}).arrays("a.npz"),
}


def said_of(folder, name, content):
    (folder / name).write_bytes(content)
    return refusal(lambda: READERS[name](folder / name))


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file(folder, name):
    whole = (folder / name).read_bytes()
    assert said_of(folder, name, whole) == ""
    for way in WAYS | OF_TEXTS:
        for bad in damaged(name, whole, way, n_seeds=6):
            said = said_of(folder, name, bad)
            # a log may end anywhere
            is_sure = way in SURE and (way != "part" or name.endswith(("json", "npz")))
            assert name.removesuffix(".json") in said or not is_sure, way
            Run(folder, "02_train", {}).is_current("a.npz")  # is no error


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("what", SOUNDS | PICTURES)
def test_a_recording_that_claims_very_much(tmp_path, what):
    name = "voice.wav" if what in SOUNDS else "face.png"
    assert name in said_of(tmp_path, name, (SOUNDS | PICTURES)[what])


@pytest.mark.parametrize("number", ["-1", "nan", "1e-12", "1e300"])
def test_absurd_rates_and_time_stamps(data, number):
    assert said_of(data, "BVP.csv", table(None, [("0",), (number,), *((n,) for n in range(900))]))
    rows = [(float(number) * n, n, n) for n in range(300)]
    assert said_of(data, "eeg.csv", table("timestamps,TP9,AF7", rows))
    lay(data / "own", CORPORA["own"]() | {"eeg/a.csv": table("timestamp,ppg,x", rows)})
    assert "eeg/a.csv" in refusal(lambda: list(load("own", "eeg")))


def npy(shape, descr="<f8", body=bytes(80)):
    """An array whose head claims a shape."""
    head = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + body


def archive(content):
    return packed({"X.npy": content})


@pytest.mark.parametrize("array", [npy((1 << 40,)), npy((-10,)), npy((10,), "<U1000000000"), picture()])
def test_an_array_that_claims_very_much(tmp_path, array):
    assert "a.npz is damaged" in said_of(tmp_path, "a.npz", archive(array))


def test_a_pickle_in_an_npz_runs_no_code(tmp_path):
    code = pickle.dumps(np.array([Code(tmp_path / "ran")], object))
    for content in (archive(npy((1,), "|O", code)), archive(code), code):
        assert "a.npz is damaged" in said_of(tmp_path, "a.npz", content)
        assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.npz.json", "bundle.json", "board.json"])
def test_another_json(folder, name):
    for content in (b"[" * 200_000 + b"]" * 200_000, b'{"sha256": 3}'):
        assert name in said_of(folder, name, content)


@pytest.mark.parametrize(("of_entry", "of_bundle"), [
    ({"file": "../a.tflite"}, {}),
    ({"classes": ["happy"]}, {}),
    ({"recordings": {"sfreq": float("nan")}}, {}),
    ({"frontend": {"sizes": 3}}, {}),
    ({"standardiser": {"mean": [0.0] * 7, "std": [1.0] * 7, "axis": 3}}, {}),
    ({"modality": "smell"}, {}),
    ({}, {"models": [3]}),
    ({}, {"studies": {"all": {"classes": 3}}}),
    ({}, {"detectors": {"a": {}}}),
    ({}, {"defaults": {"face": "nobody"}}),
])  # fmt: skip
def test_a_bundle_that_says_something_else(folder, of_entry, of_bundle):
    record = json.loads((folder / "bundle.json").read_text())
    next(iter(record["models"].values())).update(of_entry)
    assert said_of(folder, "bundle.json", json.dumps(record | of_bundle).encode())


def test_an_altered_model_of_a_bundle(folder):
    path = folder / "synthetic-face-emotion-loso.tflite"
    path.write_bytes(next(damaged(path.name, path.read_bytes(), "a bit")))
    assert f"{path.name} is not the file that was exported" in refusal(lambda: answer(folder / "bundle.json"))


OPEN_ALL = """
import json, sys
from pathlib import Path
import numpy as np
from damage import refusal
from emolib.device.interpreter import Model

def run(path):
    with Model(path) as model:
        model.predict(np.zeros((1, *model.input_shape), np.float32))

print(json.dumps({path.stem: bool(refusal(lambda: run(path))) for path in Path(sys.argv[1]).iterdir()}))
"""


def test_damaged_models_end_no_process(exported, tmp_path):
    """In a process of their own, which an interpreter might take down."""
    whole = (exported / "synthetic-face-emotion-loso.tflite").read_bytes()
    for way in WAYS:
        found = enumerate(damaged("a.tflite", whole, way, n_seeds=8))
        lay(tmp_path, {f"{way}-{number}.tflite": bad for number, bad in found})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(Path(__file__).parent)])}
    command = [sys.executable, "-c", OPEN_ALL, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said and all(said[name] for name in said if name.partition("-")[0] in SURE)


@pytest.mark.filterwarnings("ignore")
def test_a_changed_manifest_is_an_error_of_one_line_or_an_answer_soon(folder):
    """Without its digest, which finds every change."""
    whole = json.loads((folder / "bundle.json").read_text())
    said = [said_of(folder, "bundle.json", json.dumps(changed(whole, seed)).encode()) for seed in range(150)]
    assert sum(map(bool, said)) > 75


def test_reversed_classes_are_seen_by_the_digest(folder):
    record = json.loads((folder / "bundle.json").read_text())
    record["self"] = artifacts.digest(record)
    assert said_of(folder, "bundle.json", json.dumps(record).encode()) == ""
    next(iter(record["models"].values()))["classes"].reverse()
    assert "altered after it was written" in said_of(folder, "bundle.json", json.dumps(record).encode())
