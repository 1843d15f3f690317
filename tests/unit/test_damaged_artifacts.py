"""Damaged artifacts, bundles, models and bench files: an error of one line or a result, in little memory."""

import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import bundles
import numpy as np
import pytest
from crafted import Code
from damage import OF_TEXTS, SURE, WAYS, damaged, lay, refusal
from whole_corpora import picture, sound

from emolib.core.artifacts import Run, sha256, sidecar
from emolib.core.paths import PROJECT
from emolib.device.bench import SCHEMA
from emolib.device.bundle import Bundle
from emolib.studies import latency

ALL = WAYS | OF_TEXTS
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def run(tmp_path):
    """A run with an artifact of each kind."""
    run = Run(tmp_path / "run", "01_windows", {"window_s": 4.0})
    run.write_arrays("a.npz", X=np.sin(np.arange(3000.0)).reshape(3, -1), names=np.array(["a", "ü", ""]))
    run.write_json("a.json", {"a": [1, 2.5, None], "b": {"c": "x" * 99}})
    return run


def said_of(run, name):
    """What reading an artifact says."""
    return refusal(lambda: run.arrays(name) if name.endswith(".npz") else run.json(name))


def replaced(run, name, content):
    """An artifact with other bytes, and a sidecar that says that they are its own."""
    path = run.folder / name
    path.write_bytes(content)
    record = json.loads(sidecar(path).read_text()) | {"sha256": sha256(path)}
    sidecar(path).write_text(json.dumps(record))


@pytest.mark.parametrize("name", ["a.npz", "a.json"])
@pytest.mark.parametrize("way", ALL)
def test_a_damaged_artifact(run, name, way):
    assert said_of(run, name) == ""
    for bad in damaged(name, (run.folder / name).read_bytes(), way):
        (run.folder / name).write_bytes(bad)
        assert f"{name} was altered after it was written" in said_of(run, name)
        replaced(run, name, bad)
        assert name in said_of(run, name) or way not in SURE


@pytest.mark.parametrize("way", ALL)
def test_a_damaged_sidecar(run, way):
    path = sidecar(run.folder / "a.npz")
    for bad in damaged(path.name, path.read_bytes(), way, n_seeds=8):
        path.write_bytes(bad)
        assert said_of(Run(run.folder, "02_train", {}), "a.npz") or way not in SURE
        run.is_current("a.npz")  # is no error


@pytest.mark.parametrize("content", [DEEP, b"[]", b'{"sha256": 3}'])
def test_json_that_says_something_else(run, content):
    sidecar(run.folder / "a.npz").write_bytes(content)
    assert "a.npz.json" in said_of(run, "a.npz") and not run.is_current("a.npz")


def npy(shape, descr="<f8", body=bytes(80)):
    """An array whose head claims a shape."""
    head = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + body


def archive(content, name="X.npy"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [archive(npy((1 << 40,))), archive(npy((-10,))), archive(npy((10,), "<U1000000000")), archive(picture())],
    ids=["large", "negative", "long words", "another file"],
)
def test_an_array_that_claims_very_much(run, content):
    replaced(run, "a.npz", content)
    assert "a.npz is damaged" in said_of(run, "a.npz")


def test_a_pickle_in_an_npz_runs_no_code(run, tmp_path):
    code = pickle.dumps(np.array([Code(tmp_path / "ran")], object))
    for content in (archive(npy((1,), "|O", code)), archive(code), archive(code, "X.pkl"), code):
        replaced(run, "a.npz", content)
        assert "a.npz is damaged" in said_of(run, "a.npz")
        assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return bundles.write(tmp_path_factory.mktemp("bundle"), ("face", "speech"))


@pytest.fixture
def bundle(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "bundle")


def answer(folder):
    """What a bundle answers to two recordings, whatever its models are called."""
    lay(folder, {"a.png": picture((40, 40, 3)), "a.wav": sound(n_times=32000)})
    opened = Bundle(folder)
    recordings = {"face": folder / "a.png", "speech": folder / "a.wav"}
    return opened.answer({modality: recordings[modality] for modality in opened.sources()})


@pytest.mark.parametrize("way", ALL)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_damaged_bundle(bundle, way):
    assert refusal(lambda: answer(bundle)) == ""
    for bad in damaged("bundle.json", (bundle / "bundle.json").read_bytes(), way, n_seeds=12):
        (bundle / "bundle.json").write_bytes(bad)
        assert refusal(lambda: answer(bundle)) or way not in SURE


@pytest.mark.parametrize(
    "of_entry, of_bundle",
    [
        ({"file": "../a.tflite"}, {}),
        ({"file": "/etc/passwd"}, {}),
        ({"classes": ["happy"]}, {}),
        ({"recordings": {"sfreq": float("nan")}}, {}),
        ({"frontend": {"sizes": 3}}, {}),
        ({"standardiser": {"mean": "x", "std": 1.0, "axis": None}}, {}),
        ({"standardiser": {"mean": [0.0] * 7, "std": [1.0] * 7, "axis": 3}}, {}),
        ({"modality": "smell"}, {}),
        ({}, {"models": [3]}),
        ({}, {"studies": {"all": {"classes": 3}}}),
        ({}, {"detectors": {"a": {}}}),
        ({}, {"defaults": {"face": "nobody"}}),
    ],
)
def test_a_bundle_that_says_something_else(bundle, of_entry, of_bundle):
    record = json.loads((bundle / "bundle.json").read_text())
    next(iter(record["models"].values())).update(of_entry)
    (bundle / "bundle.json").write_text(json.dumps(record | of_bundle))
    assert refusal(lambda: answer(bundle))


def test_a_bundle_nested_without_end_and_one_with_an_altered_model(bundle):
    path = bundle / "synthetic-face-emotion-loso.tflite"
    path.write_bytes(next(damaged(path.name, path.read_bytes(), "a bit")))
    assert f"{path.name} is not the file that was exported" in refusal(lambda: answer(bundle))
    (bundle / "bundle.json").write_bytes(DEEP)
    assert "bundle.json is damaged" in refusal(lambda: answer(bundle))


OPEN_ALL = """
import json
import sys
from pathlib import Path
import numpy as np
from damage import refusal
from emolib.device.interpreter import Model

def run(path):
    with Model(path) as model:
        model.predict(np.zeros((1, *model.input_shape), np.float32))

said = {path.stem: bool(refusal(lambda: run(path))) for path in Path(sys.argv[1]).iterdir()}
print(json.dumps(said))
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


MODEL = {
    "model": "face",
    "backend": "litert",
    "threads": 1,
    "p50_us": 100.0,
    "p95_us": 110.0,
    "p99_us": 120.0,
}
RECORD = {
    "schema": SCHEMA,
    "date": "2024-03-05",
    "machine": {"name": "a board", "governor": "performance", "cores": 4},
    "bundle": {"sha256": {"face": "0" * 64}},
    "models": [MODEL],
    "front_ends": [],
    "engine": {"p50_ms": 3.0},
    "stream": None,
    "fresh": {"first_ms": 100.0, "all_mb": 50.0},
    "refused": [],
}


@pytest.mark.parametrize("way", ALL)
def test_a_damaged_bench_file(tmp_path, way):
    path, whole = tmp_path / "board.json", json.dumps(RECORD, indent=1).encode()
    path.write_bytes(whole)
    assert refusal(lambda: latency.read_bench(path)) == ""
    for bad in damaged(path.name, whole, way, n_seeds=12):
        path.write_bytes(bad)
        assert "board.json" in refusal(lambda: latency.read_bench(path)) or way not in SURE


@pytest.mark.parametrize(
    "change", [{"machine": 3}, {"bundle": {}}, {"models": [{}]}, {"stream": {"seconds": 3}}]
)
def test_a_bench_file_that_says_something_else(tmp_path, change):
    (tmp_path / "board.json").write_text(json.dumps(RECORD | change))
    assert "board.json" in refusal(lambda: latency.read_bench(tmp_path / "board.json"))
