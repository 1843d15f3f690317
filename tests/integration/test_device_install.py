"""The device extra and emolib itself in an empty environment: what is installed, what is imported, and an answer."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emolib.__main__ import main
from emolib.artifacts import Run
from emolib.paths import PROJECT
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser
from emolib.sources import INT8, model_name

LOCKED = dict(re.findall(r"^([a-z0-9.\-]+)==(\S+)", (PROJECT / "requirements.lock").read_text(), re.M))
DEVICE = ("numpy", "ai-edge-litert", "soundfile", "pillow")
HEAVY = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib")
MAX_MB = 250
NAME = "synthetic-heart-emotion-loso"
CLASSES = ["happy", "angry", "sad", "relaxed"]
DEMO = PROJECT / "results/demo" / f"{model_name(NAME, 0)}-{INT8}.tflite"
UV = Path(sys.executable).with_name("uv")


def built(folder):
    """emolib's wheel, from a copy of what it is built of: setuptools leaves its work beside the sources."""
    source = folder / "source"
    shutil.copytree(PROJECT / "emolib", source / "emolib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", folder, source], check=True)
    return next(folder.glob("emolib-*.whl"))


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """The python of a fresh environment with what emolib[device] needs, and emolib."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv/bin/python"
    install = [UV, "pip", "install", "--quiet", "--python", python]
    pins = [f"{name}=={LOCKED[name]}" for name in DEVICE]
    done = subprocess.run([*install, *pins], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    subprocess.run([*install, "--no-deps", built(folder)], check=True)
    return python


def pulse():
    return np.sin(2 * np.pi * 1.2 * np.arange(64 * 30) / 64).round(4)


def network(X):
    """The demo's int8 model where that run is here; else one that no one trained, at a TensorFlow import's cost."""
    if DEMO.exists():
        return DEMO.read_bytes()
    import keras

    from emolib.compression.ptq import convert

    layers = [keras.Input(X.shape[1:]), keras.layers.Conv2D(4, (3, 1)), keras.layers.Flatten()]
    return convert(keras.Sequential([*layers, keras.layers.Dense(len(CLASSES))]), INT8, X)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle with a heart model, by `emolib export`."""
    folder = tmp_path_factory.mktemp("bundle")
    X = front_end("heart")(pulse(), 64.0, "ppg").X
    standardiser = Standardiser.fit(X, 3)
    run = Run(folder / "run", "test", {"frontend": {}, "normalise": "train"})
    run.write_arrays(f"data/{NAME}.npz", X=X, sfreq=64.0, kind="ppg")
    run.write_arrays(f"scores/{NAME}-keras.npz", X=X)
    run.write_arrays(f"scores/{NAME}.npz", classes=np.array(CLASSES))
    run.write_json(f"scores/{NAME}-summary.json", {})
    run.write_json(f"{model_name(NAME, 0)}.json", {"standardiser": standardiser.to_dict()})
    with run.write(f"{model_name(NAME, 0)}-{INT8}.tflite") as path:
        path.write_bytes(network(standardiser(X)))
    assert main(["export", str(run.folder), "--out", str(folder / "bundle")]) == 0
    return folder / "bundle"


def test_the_pins_are_the_device_extra():
    text = (PROJECT / "pyproject.toml").read_text()
    extra = re.search(r"^device = \[(.*?)\]", text, re.M | re.S)[1]
    assert set(re.findall(r'"([a-z0-9\-]+)', extra)) | {"numpy"} == set(DEVICE)


def test_a_recording_is_answered_as_here(device, bundle, tmp_path, capsys):
    path = tmp_path / "h.csv"
    path.write_text("0\n64\n" + "\n".join(f"{x:.4f}" for x in pulse()))
    arguments = ["run", str(bundle), "--heart", str(path)]
    done = subprocess.run(
        [device.with_name("emolib"), *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    capsys.readouterr()
    assert main(arguments) == 0
    there, here = (json.loads(out)["heart"] for out in (done.stdout, capsys.readouterr().out))
    assert there["windows"] == here["windows"] > 3 and list(there["scores"]) == CLASSES
    np.testing.assert_allclose(list(there["scores"].values()), list(here["scores"].values()), atol=1e-6)
    print(f"front end and model on 30 s: {there['ms']} ms")


def test_nothing_heavy_is_there(device, tmp_path):
    code = f"""
import json
from importlib.util import find_spec
import emolib
print(json.dumps([emolib.__file__, [name for name in {HEAVY} if find_spec(name)]]))
"""
    done = subprocess.run([device, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    file, heavy = json.loads(done.stdout)
    assert Path(file).is_relative_to(device.parents[1]) and heavy == []


def test_bench_runs_there(device, bundle, tmp_path):
    call = [device.with_name("emolib"), "bench", bundle, "--repeats", "5"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout and "measured energy: " in done.stdout


def test_it_is_small(device):
    packages = next(device.parents[1].glob("lib/python*/site-packages"))
    size_mb = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) / 1e6
    print(f"installed: {size_mb:.0f} MB")
    assert size_mb <= MAX_MB
