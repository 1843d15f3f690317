"""The device extra and emolib itself in an empty environment: what is installed, what is imported, and an answer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emolib.__main__ import main
from emolib.core.paths import PROJECT
from emolib.device.bundle import Bundle

HEAVY = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib")
MAX_MB, MAX_FIRST_S, MAX_RESIDENT_MB = 150, 0.5, 120
STARTS = 7  # of the process; the best counts
NAME = "stress_predict-heart-stress-loso"
UV = Path(sys.executable).with_name("uv")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
FIRST = f"""
import json, time
import numpy as np
from pathlib import Path
from emolib.device.bundle import pretrained
model = pretrained().model("{NAME}")
model.invoke(np.zeros(model.input_shape, np.float32))
cpu_s = time.process_time()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([cpu_s, int(status["VmHWM"].split()[0]) * 1024 / 1e6]))
"""


def built(folder):
    """emolib's wheel, from a copy of what it is built of: setuptools leaves its work beside the sources."""
    source = folder / "source"
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "data", "results", "tests"))
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


def ran(call, folder):
    """The call in a folder that holds no emolib, with no path from here."""
    done = subprocess.run(call, capture_output=True, text=True, cwd=folder, env=CLEAN)
    assert done.returncode == 0, done.stderr
    return done


def test_a_recording_is_answered_as_here(device, tmp_path, capsys):
    pulse = np.sin(2 * np.pi * 1.2 * np.arange(64 * 400) / 64 + np.sin(np.arange(64 * 400) / 640))
    np.savetxt(tmp_path / "h.csv", [0, 64, *pulse], fmt="%.4f")
    arguments = ["run", "pretrained", "--heart", str(tmp_path / "h.csv")]
    done = ran([device.with_name("emolib"), *arguments], tmp_path)
    assert main(arguments) == 0
    there, here = (json.loads(out)["heart"] for out in (done.stdout, capsys.readouterr().out))
    assert there["source"] == NAME and there["windows"] == here["windows"] > 3
    assert there["scores"] == pytest.approx(here["scores"], abs=1e-6)


def test_the_pretrained_models_are_there_and_bench_runs(device, tmp_path):
    listed = ran([device, "-m", "emolib", "models"], tmp_path).stdout
    assert listed.split(":")[0] in Bundle(PROJECT / "models").models
    code = """
import numpy, emolib
face = emolib.load_pretrained("face-fer2013-emotion7")
X, _ = face.windows([numpy.random.default_rng(0).integers(0, 256, (1, 60, 60, 3), numpy.uint8)], 1.0)
print(face.scores(X).shape, face.source)
"""
    assert ran([device, "-c", code], tmp_path).stdout.startswith("(1, 7) fer2013-face-emotion7")
    assert not list(device.parents[1].rglob("models/*.keras"))
    call = [device.with_name("emolib"), "bench", "pretrained", "--repeats", "5", "--seconds", "1"]
    done = ran(call, tmp_path)
    assert NAME in done.stdout and "measured energy: " in done.stdout


def test_it_is_small_and_nothing_heavy_is_there(device):
    packages = next(device.parents[1].glob("lib/python*/site-packages"))
    assert {path.name for path in packages.iterdir()} & {"emolib", *HEAVY} == {"emolib"}
    assert sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6 <= MAX_MB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here: memory is read there")
def test_it_starts_fast_and_stays_small(device, tmp_path):
    """From the start of the process to the answer of a bundle's model: its imports are counted.

    Starting is work of one thread, so on a machine that others leave alone it takes its processor time.
    """
    calls = [json.loads(ran([device, "-c", FIRST], tmp_path).stdout) for _ in range(STARTS)]
    cpu_s, resident_mb = zip(*calls, strict=True)
    assert min(cpu_s) <= MAX_FIRST_S and max(resident_mb) <= MAX_RESIDENT_MB
