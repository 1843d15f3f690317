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
LOCKED = set(re.findall(r"^[a-z0-9.\-]+==\S+", LOCK, re.M))
ENVIRONMENT = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
MAKEFILE = (PROJECT / "Makefile").read_text()
MAKE = shutil.which("make")


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9_.\-]+", requirement)[0]


def test_environment_yml_has_the_pins_of_the_lock():
    pins = {line.split(";")[0].strip() for line in ENVIRONMENT[-1]["pip"]}
    wanted = PROJECT_TABLE["optional-dependencies"]["lab"] + PROJECT_TABLE["optional-dependencies"]["device"]
    assert {name_of(pin) for pin in pins} == {name_of(line) for line in wanted} - {"emolib"}
    assert pins <= LOCKED


def test_every_file_names_the_same_pythons():
    first, *_, last = versions = re.search(r"^PYTHON \?= (.*) python3$", MAKEFILE, re.M)[1].split()
    first, last = (int(name.removeprefix("python3.")) for name in (first, last))
    assert versions == [f"python3.{minor}" for minor in range(first, last + 1)]
    assert PROJECT_TABLE["requires-python"] == f">=3.{first},<3.{last + 1}"
    assert f"(3, {first}) <= sys.version_info < (3, {last + 1})" in MAKEFILE
    assert ENVIRONMENT[0] == f"python=3.{first}"
    words = "Python 3.11, 3.12 or 3.13"
    assert re.findall(r"3\.(\d+)", words) == [str(minor) for minor in range(first, last + 1)]
    assert all(words in (PROJECT / name).read_text() for name in ("README.md", "CONTRIBUTING.md"))
    assert f"'3.{last + 1}'" in (PROJECT / "requirements-uv.lock").read_text().splitlines()[0]


def made(folder, pythons, *options):
    """`make .venv/.ready` in an empty checkout, on a machine whose path holds nothing but these programs."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    for name, does in pythons.items():
        program = folder / "path" / name
        program.parent.mkdir(exist_ok=True, parents=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    path = ":".join(str(folder / "path" / part) for part in ("", "shims", "bin"))
    call = [MAKE, "--no-print-directory", *options, ".venv/.ready"]
    return subprocess.run(call, cwd=folder, env={"PATH": path}, capture_output=True, text=True)


def python(before):
    """A program that is this Python after a line of its own; argv[2] is what `-c` gets."""
    return f"exec {sys.executable} -c '{before}; exec(sys.argv[2])' \"$@\""


BROKEN = "echo pyenv: python: command not found >&2; exit 127"  # a shim of a version that is not switched on
OLD = python('import sys; sys.version_info, sys.version = (3, 9, 2), "3.9.2 (main)"')
BARE = python('import sys; sys.modules["ensurepip"] = None')  # Debian without python3-venv
WORKS = f'exec {sys.executable} "$@"'


@pytest.mark.parametrize(
    "pythons, chosen",
    [
        ({"python3.11": BROKEN, "python3.12": WORKS, "python3": WORKS}, "python3.12"),
        ({"python3.12": BROKEN, "python3.13": BARE, "python3": WORKS}, "python3"),
        ({"shims/python3.13": BROKEN, "bin/python3.13": WORKS, "python3": OLD}, "{path}/bin/python3.13"),
    ],
)
def test_make_takes_the_first_python_that_works(tmp_path, pythons, chosen):
    done = made(tmp_path, pythons, "--dry-run")
    chosen = chosen.format(path=tmp_path / "path")
    assert done.stdout.splitlines()[0] == f'"{chosen}" -m venv --clear .venv'


@pytest.mark.parametrize(
    "pythons, found",
    [
        ({}, "none;"),
        ({"python3.13": BROKEN, "python3": OLD}, f"{sys.executable} 3.9.2;"),
        ({"python3": BARE}, f"{sys.executable} {sys.version.split()[0]} without venv;"),
    ],
)
def test_make_says_in_one_line_that_no_python_works(tmp_path, pythons, found):
    done = made(tmp_path, pythons)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert f" Python: found {found} expected 3.11, 3.12 or 3.13 with venv: apt install " in done.stderr
    assert "uv python install 3.13" in done.stderr and not (tmp_path / ".venv").exists()


def test_the_lock_is_hashed_and_names_no_host():
    assert "://" not in LOCK and "index" not in LOCK
    entries = re.split(r"\n(?=[a-z])", LOCK.strip())
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)


def test_notebooks_import_tensorflow_only_where_it_is_used():
    code = "import emolib.datasets.windowed, emolib.studies.fusion.study, emolib.report.publish, emolib.report.plots, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_importing_emolib_is_free_and_every_public_name_is_there():
    code = (
        "import sys, time; start = time.perf_counter(); import emolib; took_s = time.perf_counter() - start\n"
        "assert took_s < 0.05 and 'numpy' not in sys.modules, took_s\n"
        "assert {name for name in emolib.__all__ if not hasattr(emolib, name)} == set()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "matplotlib", "PIL", "scipy.signal", "librosa"}


@pytest.mark.parametrize("room", ["signals.frontend", "signals.boxes", "fusion.reliability", "device.bench"])
def test_the_device_rooms_import_numpy_alone(room):
    code = f"import sys, emolib.{room}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
