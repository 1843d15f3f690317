"""The device extra in an empty environment: what is installed, what is imported, and an answer."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emolib.paths import PROJECT

LOCKED = dict(re.findall(r"^([a-z0-9.\-]+)==(\S+)", (PROJECT / "requirements.lock").read_text(), re.M))
DEVICE = ("numpy", "ai-edge-litert", "soundfile", "pillow")
HEAVY = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib")
MAX_MB = 250


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """The python of a fresh environment with emolib[device]."""
    folder = tmp_path_factory.mktemp("device") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--python", python]
    pins = [f"{name}=={LOCKED[name]}" for name in DEVICE]
    done = subprocess.run([*uv, *pins], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    return python


def test_the_pins_are_the_device_extra():
    text = (PROJECT / "pyproject.toml").read_text()
    extra = re.search(r"^device = \[(.*?)\]", text, re.M | re.S)[1]
    assert set(re.findall(r'"([a-z0-9\-]+)', extra)) | {"numpy"} == set(DEVICE)


def test_a_recording_is_answered_without_anything_heavy(device, tmp_path):
    code = f"""
import json, sys, time
sys.path.insert(0, {str(PROJECT)!r})
start = time.perf_counter()
from emolib.__main__ import main
import numpy as np
from emolib.datasets.base import Trial
from emolib.runtime.bundle import Bundle
from emolib.runtime.readers import read_heart
from emolib.signals.frontend import front_end
data, sfreq, kind = read_heart({str(tmp_path / "h.csv")!r})
X = front_end("heart")(data, sfreq, kind).X
from emolib.runtime.interpreter import check_backend
check_backend("litert", 1)
print(json.dumps([X.shape, [m for m in {HEAVY} if m in sys.modules], time.perf_counter() - start]))
"""
    beats = np.sin(2 * np.pi * 1.2 * np.arange(64 * 30) / 64)
    (tmp_path / "h.csv").write_text("0\n64\n" + "\n".join(f"{x:.4f}" for x in beats))
    done = subprocess.run([device, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shape, heavy, seconds = json.loads(done.stdout)
    assert shape[0] > 3 and heavy == []
    print(f"import and front end of 30 s: {seconds:.2f} s")


def test_it_is_small(device):
    packages = next(device.parents[1].glob("lib/python*/site-packages"))
    size_mb = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) / 1e6
    print(f"installed: {size_mb:.0f} MB")
    assert size_mb <= MAX_MB
