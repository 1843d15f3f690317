"""Artifacts: written atomically with a sidecar, read only if they still match it.

The sidecar of `name.ext` is `name.ext.json`: sha256 of the file and of its inputs, notebook, parameters, package
versions, git commit, seconds, and a digest of all this ("self"; sidecars of older versions have none).
"""

import hashlib
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cache
from pathlib import Path

import numpy as np

from emolib.core.errors import BadArtifact
from emolib.core.lock import planned
from emolib.core.paths import PROJECT, read_json, versions
from emolib.core.results import to_csv

FORMULA = re.compile(r"[=@+]|-[A-Za-z(=@+]")
MAPPED_BYTES = 1 << 20  # from which on an array stays in its file
FIELDS = {"sha256", "notebook", "parameters", "inputs", "versions", "commit", "seconds"}  # of a sidecar
AGAIN = "run the notebook that writes it again, or `make reproduce FORCE=<its rule>`."
PACKAGES = "numpy", "scipy", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert"


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path):
    """A temporary path beside `path` that takes its place when the block ends without an error. What a process that was
    killed on this machine left of the same artifact is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in left_of(path):
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=prefix_of(path), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def prefix_of(path: Path) -> str:
    """How the name begins under which this process writes what will be `path`."""
    return f".{path.stem}-{os.getpid()}-"


def left_of(path: Path) -> list[Path]:
    """What processes that were killed on this machine left beside `path` while they wrote it."""
    temporary = re.compile(rf"\.{re.escape(path.stem)}-(\d+)-.{{8}}{re.escape(path.suffix)}")
    beside = [(temporary.fullmatch(found.name), found) for found in path.parent.glob(".*")]
    return [found for match, found in beside if match and not is_alive(int(match[1]))]


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # it is another user's
    return True


def sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def record_of(path: Path) -> dict:
    """What the sidecar of an artifact says. Raises BadArtifact where either is missing, or the sidecar damaged."""
    if not path.exists() or not sidecar(path).exists():
        again = "where that has nothing to do, `make reproduce FORCE=<rule of the notebook that writes it>`"
        raise BadArtifact(f"{path} is missing: run the notebooks before this one, or `make reproduce`; {again}.")
    record = _json(sidecar(path))
    if not isinstance(record, dict) or FIELDS - record.keys():
        raise BadArtifact(f"{sidecar(path)} does not say {', '.join(sorted(FIELDS))}: {AGAIN}")
    if record.get("self", own := digest(record)) != own:
        raise BadArtifact(f"{sidecar(path)} was altered after it was written: {AGAIN}")
    return record


def digest(record: dict) -> str:
    """sha256 of what a record says, without the digest that it holds itself, if it does."""
    said = {name: value for name, value in record.items() if name != "self"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def check(path: Path) -> dict:
    """The sidecar of an artifact that is as it was written. Raises BadArtifact."""
    record = record_of(path)
    if sha256(path) != record["sha256"]:
        raise BadArtifact(f"{path} was altered after it was written: {_again(record['notebook'])}")
    return record


def damage(folder: Path, whole: bool = False) -> list[str]:
    """What is wrong with a run's artifacts, a line each. Only those are read that changed after their sidecar was written,
    unless `whole`."""
    found = []
    for name in sorted(folder.rglob("*.*.json")):
        if sidecar(name).exists():
            continue  # an artifact itself
        path = name.with_suffix("")
        try:
            record_of(path)
            if whole or path.stat().st_mtime_ns > name.stat().st_mtime_ns:
                check(path)
        except BadArtifact as error:
            found.append(str(error))
    return found


def vouches(path: Path, content: bytes) -> bool:
    """Whether the sidecar of an artifact says that this is its content."""
    try:
        return record_of(path)["sha256"] == hashlib.sha256(content).hexdigest()
    except BadArtifact:
        return False


def _again(notebook: str) -> str:
    return f"run {notebook}.ipynb again, or `make reproduce FORCE={notebook.partition('_')[2]}`."


def _json(path: Path):
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise BadArtifact(f"{path} is damaged ({error}), expected JSON: {AGAIN}") from error


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz; large ones that are not compressed stay in the file. Raises BadArtifact."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            return {each.filename.removesuffix(".npy"): _array(path, archive, each) for each in members}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise BadArtifact(f"{path} is damaged ({error}), expected arrays without pickles: {AGAIN}") from error


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Raises ValueError where the head of the array promises another size than the member has: it takes no memory."""
    with archive.open(member) as file:
        np.lib.format.read_magic(file)
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
        n_bytes, n_head = math.prod(shape) * dtype.itemsize, file.tell()
        if dtype.hasobject or n_bytes != member.file_size - n_head:
            raise ValueError(f"{member.filename} is no plain array of {member.file_size} bytes")
        if member.compress_type != zipfile.ZIP_STORED or n_bytes < MAPPED_BYTES:
            file.seek(0)
            return np.lib.format.read_array(file)
    with open(path, "rb") as file:
        file.seek(member.header_offset + 26)  # where a zip has the lengths of the name and the extra field
        n_name, n_extra = struct.unpack("<HH", file.read(4))
        offset = file.tell() + n_name + n_extra + n_head
    return np.memmap(path, dtype, "r", offset, shape, "F" if by_column else "C")


@cache
def made_with() -> dict[str, str]:
    """The version of Python, and of the packages on which numbers depend."""
    return {"python": sys.version.split()[0], **versions(PACKAGES)}


@cache
def git_commit() -> str:
    """The project's commit, with "+" behind it if files differ; "" outside a checkout."""
    call = ["git", "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=+"]
    return subprocess.run(call, cwd=PROJECT, capture_output=True, text=True).stdout.strip()


def short(commit: str) -> str:
    """Seven digits of a commit; "+" behind it stands for files changed since."""
    return f"commit {commit[:7]}{'+' * commit.endswith('+')}" if commit else "outside a checkout"


def _as_text(cell):
    """A cell of a table; text that a spreadsheet would run as a formula, with a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


class Caption(str):
    """Text that a notebook shows as Markdown."""

    def _repr_markdown_(self) -> str:
        return str(self)


def show(*things):
    """Show tables, figures and text in a notebook; elsewhere nothing."""
    if "IPython" in sys.modules:
        from IPython import display, get_ipython

        if get_ipython():
            display.display(*things)


class Run:
    """One run's folder, with the notebook's parameters and inputs as provenance of what it writes. While a pipeline
    makes the run, only what its plan names is written and read."""

    def __init__(self, folder: Path, notebook: str, parameters: dict):
        self.folder, self.notebook, self.parameters = Path(folder), notebook, parameters
        self.asked = parameters  # of the notebook
        self.inputs: dict[str, str] = {}
        self.start = time.monotonic()
        self.n_shown = 0

    def branch(self, parameters: dict | None = None) -> "Run":
        """This run with inputs and a clock of its own, for one job, which `parameters` tell from others."""
        branch = copy(self)
        branch.parameters = self.parameters if parameters is None else parameters
        branch.inputs, branch.start = dict(self.inputs), time.monotonic()
        return branch

    def read(self, name: str) -> Path:
        """Path of an artifact. Raises BadArtifact: missing, altered, or of other parameters than planned."""
        path = self.folder / name
        record = check(path)
        self.inputs[name], writer = record["sha256"], record["notebook"]
        if writer != self.notebook and (other := self._unplanned(writer, record["parameters"])):
            why = f"was made with other parameters than the config's ({other})"
            raise BadArtifact(f"{path} {why}: {_again(writer)}")
        return path

    def _unplanned(self, notebook: str, parameters: dict) -> str:
        """How a call of a notebook differs from what the pipeline that makes the run now has planned; "" if it does not."""
        if (plan := planned(self.folder)) is None:
            return ""
        given, calls = json.loads(json.dumps(parameters)), plan.get(notebook, [])
        others = [[name for name in given | call if given.get(name) != call.get(name)] for call in calls]
        return ", ".join(min(others, key=len, default=[notebook]))

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of an .npz. Raises BadArtifact."""
        return arrays(self.read(name))

    @contextmanager
    def write(self, name: str, **provenance):
        """Temporary path to write `name` to; the artifact and its sidecar appear when the block ends. Raises
        BadArtifact where a pipeline makes the run otherwise, or an input was written again since it was read."""
        path = self.folder / name
        with atomic(path) as temporary:
            yield temporary
            if other := self._unplanned(self.notebook, self.asked):
                why = f"a pipeline makes this run with other parameters ({other}). Wait for its end, or choose another run"
                raise BadArtifact(f"{path} is not written: {why}.")
            for read, known in self.inputs.items():
                if record_of(self.folder / read)["sha256"] != known:
                    why = f"{read} was written again since it was read. Run {self.notebook} from its start"
                    raise BadArtifact(f"{path} is not written: {why}.")
            content = sha256(temporary)
            sidecar(path).unlink(missing_ok=True)
        record = {
            "sha256": content,
            "notebook": self.notebook,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "versions": made_with(),
            "commit": git_commit(),
            "seconds": round(time.monotonic() - self.start, 1),
            **provenance,
        }
        record = json.loads(json.dumps(record))  # as it is read again
        record["self"] = digest(record)
        with atomic(sidecar(path)) as temporary:
            temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")

    def write_arrays(self, name: str, **arrays):
        """Arrays as .npz; with one that lies in a file they are not compressed, and can be read from it in part."""
        is_mapped = any(isinstance(array, np.memmap) for array in arrays.values())
        with self.write(name) as path:
            (np.savez if is_mapped else np.savez_compressed)(path, **arrays)

    def parameters_of(self, name: str) -> dict:
        """The parameters of the notebook that wrote an artifact."""
        return record_of(self.read(name))["parameters"]

    def commits(self, names: Iterable[str]) -> set[str]:
        """The commits that wrote artifacts, and all that these were made from."""
        records, todo = {}, list(names)
        while todo:
            if (name := todo.pop()) not in records:
                records[name] = record_of(self.folder / name)
                todo += records[name]["inputs"]
        return {record["commit"] for record in records.values()}

    def json(self, name: str):
        return _json(self.read(name))

    def write_text(self, name: str, text: str):
        with self.write(name) as path:
            path.write_text(text)

    def write_bytes(self, name: str, content: bytes, **provenance):
        with self.write(name, **provenance) as path:
            path.write_bytes(content)

    def write_json(self, name: str, record):
        self.write_text(name, json.dumps(record, indent=1) + "\n")

    def table(self, name: str, frame, caption: str, hidden: Sequence[str] = ()):
        """Write a pandas table as tables/<name>.csv, its caption in the sidecar; show it without `hidden` columns."""
        with self._shown(f"tables/{name}.csv", caption, hidden=list(hidden)) as path:
            frame.map(_as_text).to_csv(path, index=bool(frame.index.name))
        show(Caption(caption), frame.drop(columns=list(hidden)))

    def figure(self, name: str, figure, caption: str):
        """Write a matplotlib figure as figures/<name>.png and show it. Its sidecar keeps the caption for the report."""
        with self._shown(f"figures/{name}.png", caption) as path:
            figure.savefig(path, dpi=120, bbox_inches="tight")
        show(figure, Caption(caption))

    def _shown(self, name: str, caption: str, **provenance):
        self.n_shown += 1
        return self.write(name, caption=caption, order=self.n_shown, **provenance)

    def cautions(self, name: str) -> list[str]:
        """What another notebook warned of, which concluded `name`."""
        return record_of(self.read(f"rows/{name}.csv")).get("cautions", [])

    def conclude(self, name: str, rows: Iterable[dict], answer: str, cautions: Sequence[str] = ()):
        """Write a notebook's results as rows/<name>.csv and show its answer, a sentence with the numbers in it.

        `rows`: of `emolib.core.results.row`. `cautions`: what a reader must know before believing the answer. The report
        shows both above the notebook's tables and figures.
        """
        with self.write(f"rows/{name}.csv", answer=answer, cautions=list(cautions)) as path:
            path.write_text(to_csv(rows))
        show(Caption(f"**{answer}**"), *(Caption(f"*Read this first.* {text}") for text in cautions))

    def is_current(self, name: str, **provenance) -> bool:
        """Whether `name` is whole, of these parameters, and of its inputs as they are: work to skip on resume."""
        try:
            record = check(self.folder / name)
            inputs = {name: record_of(self.folder / name)["sha256"] for name in record["inputs"]}
        except BadArtifact:
            return False
        wanted = json.loads(json.dumps({"parameters": self.parameters, "inputs": inputs, **provenance}))
        return self.inputs.items() <= inputs.items() and record | wanted == record
