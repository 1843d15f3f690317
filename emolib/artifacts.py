"""Artifacts: written atomically with a sidecar, read only if they still match it.

The sidecar of `name.ext` is `name.ext.json`: sha256 of the file and of its inputs, parameters, seed,
package versions, git commit, seconds.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from emolib.errors import BadArtifact
from emolib.paths import PROJECT

PACKAGES = ("numpy", "scipy", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert")


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path):
    """A temporary path beside `path` that takes its place when the block ends without an error.

    What a killed process left of the same artifact is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.stem}-????????{path.suffix}"):
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


@cache
def git_commit() -> str:
    """The project's commit, with "+" behind it if files differ; "" outside a checkout."""

    def git(*words):
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


@cache
def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Run:
    """One run's folder, with the notebook's parameters and inputs as provenance of what it writes."""

    def __init__(self, folder: Path, notebook: str, parameters: dict):
        self.folder, self.notebook, self.parameters = Path(folder), notebook, parameters
        self.inputs: dict[str, str] = {}
        self.start = time.monotonic()

    def read(self, name: str) -> Path:
        """Path of an artifact of this run. Raises BadArtifact if it is missing or not as it was written."""
        path = self.folder / name
        self.inputs[name] = check(path)
        return path

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.read(name), allow_pickle=False) as archive:
            return dict(archive)

    @contextmanager
    def write(self, name: str, **provenance):
        """Temporary path to write `name` to; the artifact and its sidecar appear when the block ends."""
        path = self.folder / name
        with atomic(path) as temporary:
            yield temporary
            digest = sha256(temporary)
            sidecar(path).unlink(missing_ok=True)
        record = {
            "sha256": digest,
            "notebook": self.notebook,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "versions": versions(),
            "commit": git_commit(),
            "seconds": round(time.monotonic() - self.start, 1),
            **provenance,
        }
        with atomic(sidecar(path)) as temporary:
            temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")

    def write_arrays(self, name: str, **arrays):
        with self.write(name) as path:
            np.savez_compressed(path, **arrays)

    def parameters_of(self, name: str) -> dict:
        """The parameters of the notebook that wrote an artifact."""
        return json.loads(sidecar(self.read(name)).read_text())["parameters"]

    def json(self, name: str):
        return json.loads(self.read(name).read_text())

    def write_text(self, name: str, text: str):
        with self.write(name) as path:
            path.write_text(text)

    def write_json(self, name: str, record):
        self.write_text(name, json.dumps(record, indent=1) + "\n")

    def write_table(self, name: str, table):
        """A pandas table as tables/<name>.csv."""
        with self.write(f"tables/{name}.csv") as path:
            table.to_csv(path, index=False)

    def write_figure(self, name: str, figure):
        """A matplotlib figure as figures/<name>.png."""
        with self.write(f"figures/{name}.png") as path:
            figure.savefig(path, dpi=120, bbox_inches="tight")

    def is_current(self, name: str, **provenance) -> bool:
        """Whether `name` was written whole, by these parameters, from these inputs: work to skip on resume."""
        path = self.folder / name
        try:
            check(path)
            record = json.loads(sidecar(path).read_text())
        except BadArtifact:
            return False
        wanted = {"parameters": self.parameters, "inputs": self.inputs, **provenance}
        return all(record.get(key) == json.loads(json.dumps(value)) for key, value in wanted.items())


def check(path: Path) -> str:
    """The sha256 of an artifact, checked against its sidecar. Raises BadArtifact."""
    if not path.exists() or not sidecar(path).exists():
        raise BadArtifact(f"{path} is missing: run the notebooks before this one, or `make reproduce`.")
    expected = json.loads(sidecar(path).read_text())["sha256"]
    found = sha256(path)
    if found != expected:
        raise BadArtifact(
            f"{path} was altered after it was written (sha256 {found[:12]}, expected {expected[:12]}): "
            "delete it and run the notebook that writes it, or `make reproduce`."
        )
    return found
