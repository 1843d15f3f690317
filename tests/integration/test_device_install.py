"""The device extra and emolib itself in an empty environment: what is installed, what is imported, and an answer."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from emolib.__main__ import main
from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, model_name
from emolib.core.paths import PROJECT
from emolib.device.bundle import Bundle
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser

HEAVY = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib")
MAX_MB, MAX_FIRST_S, MAX_RESIDENT_MB = 150, 0.5, 120
STARTS = 7  # of the process; the best counts
NAME = "synthetic-heart-emotion-loso"
CLASSES = ["happy", "angry", "sad", "relaxed"]
DEMO = PROJECT / "results/demo" / f"{model_name(NAME, 0)}-{INT8}.tflite"
UV = Path(sys.executable).with_name("uv")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
FIRST = f"""
import sys, time
import numpy as np
from pathlib import Path
from emolib.device.bundle import Bundle
model = Bundle(Path(sys.argv[1])).model("{NAME}")
model.invoke(np.zeros(model.input_shape, np.float32))
wall_s, cpu_s = time.monotonic() - float(sys.argv[2]), time.process_time()
import json
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
heavy = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps([wall_s, cpu_s, int(status["VmHWM"].split()[0]) * 1024 / 1e6, heavy]))
"""


def built(folder):
    """emolib's wheel, from a copy of what it is built of: setuptools leaves its work beside the sources."""
    source = folder / "source"
    shutil.copytree(PROJECT / "emolib", source / "emolib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "models", source / "models")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", folder, source], check=True)
    return next(folder.glob("emolib-*.whl"))


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """The python of a fresh environment with emolib[device], bytecode compiled as pip does."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv/bin/python"
    install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    done = subprocess.run([*install, f"{built(folder)}[device]"], capture_output=True, text=True)
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return python


def pulse():
    return np.sin(2 * np.pi * 1.2 * np.arange(64 * 30) / 64).round(4)


def network(X):
    """The demo's int8 model where that run is here; else one that no one trained, at a TensorFlow import's cost."""
    if DEMO.exists():
        return DEMO.read_bytes()
    import keras

    from emolib.quantization.ptq import convert

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
    run.write_arrays(f"scores/{NAME}.npz", classes=np.array(CLASSES), fold=np.zeros(1))
    run.conclude(f"{NAME}-quantize", [], "")
    run.write_json(f"{model_name(NAME, 0)}.json", {"standardiser": standardiser.to_dict()})
    with run.write(f"{model_name(NAME, 0)}-{INT8}.tflite") as path:
        path.write_bytes(network(standardiser(X)))
    assert main(["export", str(run.folder), "--out", str(folder / "bundle")]) == 0
    return folder / "bundle"


def ran(call, folder):
    """The call in a folder that holds no emolib, with no path from here."""
    done = subprocess.run(call, capture_output=True, text=True, cwd=folder, env=CLEAN)
    assert done.returncode == 0, done.stderr
    return done


def test_a_recording_is_answered_as_here(device, bundle, tmp_path, capsys):
    path = tmp_path / "h.csv"
    path.write_text("0\n64\n" + "\n".join(f"{x:.4f}" for x in pulse()))
    arguments = ["run", str(bundle), "--heart", str(path)]
    done = ran([device.with_name("emolib"), *arguments], tmp_path)
    capsys.readouterr()
    assert main(arguments) == 0
    there, here = (json.loads(out)["heart"] for out in (done.stdout, capsys.readouterr().out))
    assert there["windows"] == here["windows"] > 3 and list(there["scores"]) == CLASSES
    np.testing.assert_allclose(list(there["scores"].values()), list(here["scores"].values()), atol=1e-6)
    print(f"front end and model on 30 s: {there['ms']} ms")


def test_the_pretrained_models_are_there(device, tmp_path):
    listed = ran([device, "-m", "emolib.device.pretrained"], tmp_path).stdout
    assert listed.split(":")[0] in Bundle(PROJECT / "models").models
    code = """
import numpy, emolib
face = emolib.load_pretrained("face-fer2013-emotion7")
X, _ = face.windows([numpy.random.default_rng(0).integers(0, 256, (1, 60, 60, 3), numpy.uint8)], 1.0)
print(face.scores(X).shape, face.source)
"""
    assert ran([device, "-c", code], tmp_path).stdout.startswith("(1, 7) fer2013-face-emotion7")
    assert not list(device.parents[1].rglob("models/*.keras"))


def test_nothing_heavy_is_there(device, tmp_path):
    code = f"""
import json
from importlib.util import find_spec
import emolib
print(json.dumps([emolib.__file__, [name for name in {HEAVY} if find_spec(name)]]))
"""
    done = ran([device, "-c", code], tmp_path)
    file, heavy = json.loads(done.stdout)
    assert Path(file).is_relative_to(device.parents[1]) and heavy == []


def test_bench_runs_there(device, bundle, tmp_path):
    call = [device.with_name("emolib"), "bench", bundle, "--repeats", "5"]
    done = ran(call, tmp_path)
    assert NAME in done.stdout and "measured energy: " in done.stdout


@pytest.fixture
def say(capsys):
    """Prints past pytest's capture: the numbers are for people too."""

    def said(text):
        with capsys.disabled():
            print(f"\n{text}")

    return said


def test_it_is_small(device, say):
    packages = next(device.parents[1].glob("lib/python*/site-packages"))
    sizes = {
        path.name: sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()) / 1e6
        for path in packages.iterdir()
    }
    total = sum(sizes.values())
    largest = ", ".join(f"{name} {sizes[name]:.0f}" for name in sorted(sizes, key=sizes.get)[:-8:-1])
    say(f"installed: {total:.1f} MB, at most {MAX_MB} ({largest})")
    assert total <= MAX_MB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here: memory is read there")
def test_it_starts_fast_and_stays_small(device, bundle, tmp_path, say):
    """From the start of the process to the answer of a bundle's model: its imports are counted.

    Starting is work of one thread, so on a machine that others leave alone it takes its processor time.
    """
    calls = []
    for _ in range(STARTS):
        done = ran([device, "-c", FIRST, bundle, str(time.monotonic())], tmp_path)
        calls.append(json.loads(done.stdout))
    wall_s, cpu_s, resident_mb, heavy = zip(*calls, strict=True)
    say(
        f"first inference: {min(wall_s):.2f} s at best of {STARTS}, {min(cpu_s):.2f} s of processor time, at most "
        f"{MAX_FIRST_S}; resident: {max(resident_mb):.0f} MB at the peak, at most {MAX_RESIDENT_MB}"
    )
    assert min(cpu_s) <= MAX_FIRST_S and max(resident_mb) <= MAX_RESIDENT_MB
    assert not any(heavy)
