"""One set of versions everywhere, and nothing heavy on the device."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from emolib.core.paths import PROJECT

PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
LOCK = (PROJECT / "requirements.lock").read_text()


def test_environment_yml_has_the_pins_of_the_lock_which_is_hashed_and_names_no_host():
    pip = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    pins = {line.split(";")[0].strip() for line in pip}
    extras = PROJECT_TABLE["optional-dependencies"]
    wanted = {re.match(r"[A-Za-z0-9_.\-]+", line)[0] for line in extras["lab"] + extras["device"]}
    assert {pin.split("==")[0] for pin in pins} == wanted - {"emolib"}
    assert pins <= set(re.findall(r"^[a-z0-9.\-]+==\S+", LOCK, re.M))
    assert "://" not in LOCK and "index" not in LOCK
    entries = re.split(r"\n(?=[a-z])", LOCK.strip())
    assert len(entries) > 100 and all("--hash=sha256:" in entry for entry in entries)


def made(folder, pythons, *options):
    """`make .venv/.ready` in an empty checkout, on a machine whose path holds nothing but these programs."""
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    for name, does in pythons.items():
        program = folder / "path" / name
        program.parent.mkdir(exist_ok=True, parents=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    path = ":".join(str(folder / "path" / part) for part in ("", "shims", "bin"))
    call = [shutil.which("make"), "--no-print-directory", *options, ".venv/.ready"]
    return subprocess.run(call, cwd=folder, env={"PATH": path}, capture_output=True, text=True)


def python(before):
    """A program that is this Python after a line of its own; argv[2] is what `-c` gets."""
    return f"exec {sys.executable} -c '{before}; exec(sys.argv[2])' \"$@\""


BROKEN = "echo pyenv: python: command not found >&2; exit 127"  # a shim of a version that is not switched on
OLD = python('import sys; sys.version_info, sys.version = (3, 9, 2), "3.9.2 (main)"')
BARE = python('import sys; sys.modules["ensurepip"] = None')  # Debian without python3-venv
WORKS = f'exec {sys.executable} "$@"'


def test_make_takes_the_first_python_that_works_or_says_in_one_line_that_none_does(tmp_path):
    pythons = {"python3.11": BROKEN, "shims/python3.13": BROKEN, "bin/python3.13": WORKS, "python3": OLD}
    first = made(tmp_path / "one", pythons, "--dry-run").stdout.splitlines()[0]
    assert first == f'"{tmp_path}/one/path/bin/python3.13" -m venv --clear .venv'
    done = made(tmp_path / "none", {"python3.13": BARE, "python3": OLD})
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert all(said in done.stderr for said in ("without venv", "3.9.2", "expected 3.11, 3.12 or 3.13"))
    assert not (tmp_path / "none/.venv").exists()


def loaded(statement):
    """The modules of a Python that ran this."""
    call = [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"]
    return set(subprocess.run(call, capture_output=True, text=True, check=True).stdout.split())


def test_imports_bring_only_what_is_used_and_every_public_name_is_there():
    rooms = "datasets.windowed, emolib.studies.fusion.study, emolib.report.publish, emolib.report.plots"
    assert "tensorflow" not in loaded(f"import emolib.{rooms}")
    assert "numpy" not in loaded("import emolib")
    loaded("import emolib; [getattr(emolib, name) for name in emolib.__all__]")


HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "matplotlib"}
HEAVY |= {"PIL", "scipy.signal", "librosa", "soundfile", "pooch"}
EVERY_SENSOR = """from emolib.device.sensors import KINDS, parse
from emolib.signals.readers import SignalInfo
for kind, found in KINDS.items():
    for modality in found.modalities:
        parse(f"{modality}={kind}", {modality: SignalInfo(64.0)}).close()"""


@pytest.mark.parametrize("statement", [
    *(f"import emolib.{room}" for room in ("signals.frontend", "signals.boxes", "fusion.reliability", "device.bench")),
    "import emolib.datasets as d; [d.get(name) for name in d.NAMES]",
    EVERY_SENSOR,
])  # fmt: skip
def test_the_device_and_the_registry_need_numpy_alone(statement):
    assert not (HEAVY | {"sounddevice", "cv2", "pylsl", "bleak"}) & loaded(statement)
