"""A run in object storage, or in any file system that fsspec knows, to go on with elsewhere: `emolib push` and `pull`.

Only what differs is copied. `index.json`, written last, says of each file its sha256 and the time at which it was
written: a push that breaks off changes nothing for readers of the files that it had not reached, and Snakemake finds
nothing to do after a pull, because times come back too.
"""

import json
import os
from pathlib import Path

import fsspec
from tqdm import tqdm

from emolib.core.artifacts import atomic, sha256
from emolib.core.errors import BadArtifact, BadParameter

INDEX = "index.json"


def files(folder: Path) -> dict[str, Path]:
    """The files of a run by name, without what is being written now."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path for path in found}


def opened(url: str) -> tuple[fsspec.AbstractFileSystem, str, dict[str, dict]]:
    """File system and path of a URL, and the index that lies there, {} for none. Raises BadParameter."""
    try:
        store, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise BadParameter(f"{url}: {error} Expected a URL of a file system that fsspec knows.") from error
    return store, root, json.loads(store.cat_file(index)) if store.exists(index := f"{root}/{INDEX}") else {}


def push(folder: Path, url: str) -> list[str]:
    """Copy the files of a run that differ to `url`, and give their names. Raises BadParameter."""
    if not folder.is_dir():
        raise BadParameter(f"{folder} is no folder, expected a run, such as results/demo.")
    store, root, known = opened(url)
    copied, index = [], {}
    for name, path in tqdm(files(folder).items(), desc="push", unit="file"):
        index[name] = {"sha256": sha256(path), "mtime_ns": path.stat().st_mtime_ns}
        if name not in known or known[name]["sha256"] != index[name]["sha256"]:
            store.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
            store.put_file(str(path), f"{root}/{name}")
            copied.append(name)
    store.pipe_file(f"{root}/{INDEX}", json.dumps(index).encode())
    return copied


def pull(url: str, folder: Path) -> list[str]:
    """Copy the files of the run at `url` that differ to a folder, and give their names. Raises BadArtifact."""
    store, root, known = opened(url)
    if not known:
        raise BadArtifact(f"{url} holds no run, expected what `push` wrote.")
    copied = []
    for name, entry in tqdm(known.items(), desc="pull", unit="file"):
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise BadArtifact(f"{name} of the index leaves {folder}, expected names below it: push again.")
        if not path.is_file() or sha256(path) != entry["sha256"]:
            with atomic(path) as temporary:
                store.get_file(f"{root}/{name}", str(temporary))
                if sha256(temporary) != entry["sha256"]:
                    raise BadArtifact(f"{name} at {url} is being pushed, or was damaged: try again.")
            copied.append(name)
        os.utime(path, ns=(entry["mtime_ns"], entry["mtime_ns"]))
    return copied
