"""One set of versions everywhere, and nothing heavy on the device."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from emolib.paths import PROJECT

PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
LOCK = (PROJECT / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([a-z0-9.\-]+)==(\S+)", LOCK, re.M))


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9_.\-]+", requirement)[0]


def test_environment_yml_has_the_pins_of_the_lock():
    listed = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    pins = dict(line.split(";")[0].strip().split("==") for line in listed)
    wanted = PROJECT_TABLE["optional-dependencies"]["lab"] + PROJECT_TABLE["optional-dependencies"]["device"]
    assert set(pins) == {name_of(line) for line in wanted} - {"emolib"}
    assert {name: LOCKED[name] for name in pins} == pins


def test_markers_agree_too():
    listed = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    marked = {name_of(line): line.split(";")[1].strip() for line in listed if ";" in line}
    wanted = {
        name_of(line): line.split(";")[1].strip()
        for line in PROJECT_TABLE["optional-dependencies"]["lab"]
        if ";" in line
    }
    assert marked == wanted


def test_the_lock_is_hashed_and_names_no_host():
    assert "://" not in LOCK and "index" not in LOCK
    entries = re.split(r"\n(?=[a-z])", LOCK.strip())
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)


def test_uv_is_pinned_alike():
    assert (PROJECT / "requirements-uv.lock").read_text().splitlines()[0] in LOCK


@pytest.mark.parametrize(
    "module",
    [
        "emolib.runtime.interpreter",
        "emolib.signals.frontend",
        "emolib.fusion.scores",
        "emolib.signals.standardise",
    ],
)
def test_the_device_side_imports_numpy_alone(module):
    heavy = ("tensorflow", "keras", "pandas", "sklearn", "matplotlib", "scipy.signal")
    code = f"import json, sys, {module}; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_notebooks_import_tensorflow_only_where_it_is_used():
    code = "import emolib.datasets.windowed, emolib.fusion.study, emolib.reporting, emolib.plots, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
