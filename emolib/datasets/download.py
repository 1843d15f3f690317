"""Fetching corpora that are open.

A download that broke off goes on. Whole files are checked by their hash, and archives unpacked inside their folder.
"""

import hashlib
import re
import zipfile
from functools import partial
from pathlib import Path, PureWindowsPath

from emolib.core.artifacts import sha256
from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import safe_extract
from emolib.datasets.base import Corpus, Source

TIMEOUT_S, LIST_TIMEOUT_S = 30, 60
MOST_POINTER_BYTES = 1024  # of a Git LFS pointer
CHUNK = 1 << 14  # bytes, at most so many of a broken download are asked for again
PARTIAL, PAST_THE_END = 206, 416  # HTTP status
MOVING = re.compile(r"/HEAD\.|/refs/heads/")  # in the URL of an archive: a branch, not a commit
UNPACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")


def fetch(corpus: Corpus, root: Path) -> list[Path]:
    """Download a corpus; returns the folders and files that its downloads became, below `root`.

    What is there whole is not fetched or unpacked again; half a file is completed. Raises CorpusMissing where a
    download fails, BadRecording where a file is not what its hash says, or is an archive that must not be unpacked.
    """
    places = [_unpacked(_download(*source, root), root) for source in corpus.downloads]
    return places + (_fetch_listed(corpus, root) if corpus.listing else [])


def unhashed(corpus: Corpus, root: Path) -> list[str]:
    """A sentence on each file that was fetched without a hash to check: what came, and whether it can change."""
    told = []
    for url, known_hash, name in corpus.downloads:
        if known_hash is None:
            moves = ", and its address gives whatever is newest" if MOVING.search(url) else ""
            commit = f", commit {found}" if (found := commit_of(root / name)) else ""
            told.append(
                f"{name}: no hash of it is published{moves}; sha256 {sha256(root / name)}{commit} came"
            )
    return told


def commit_of(archive: Path) -> str:
    """The commit that `git archive`, and so GitHub, writes into a zip as its comment; "" where there is none."""
    if not zipfile.is_zipfile(archive):
        return ""
    with zipfile.ZipFile(archive) as file:
        comment = file.comment.decode("ascii", "replace")
    return comment if re.fullmatch("[0-9a-f]{40}", comment) else ""


def _fetch_listed(corpus: Corpus, root: Path) -> list[Path]:
    """Folders of the files that the corpus's listing names; each is fetched where it is not there whole."""
    from tqdm import tqdm

    folders = set()
    for url, known_hash, name in tqdm(corpus.listing(root), f"{corpus.name} files", unit=" files"):
        path = PureWindowsPath(name)  # knows both kinds of slash, and drives
        if path.anchor or ".." in path.parts:
            raise BadRecording(f"{url} is called {name!r}, outside {root}: do not fetch it by program.")
        folders.add(_download(url, known_hash, name, root, quiet=True).parent)
    return sorted(folders)


def _download(url: str, known_hash: str | None, name: str, root: Path, quiet: bool = False) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, known_hash, name, root, downloader=partial(_resume, quiet=quiet)))
    except OSError as error:  # of the network, or of the disk
        reason = " ".join(str(error).split())
        raise CorpusMissing(
            f"{url} could not be fetched ({reason}): try again, which goes on where it broke off, or fetch it "
            f"by hand into {root}."
        ) from error
    except ValueError as error:
        raise BadRecording(
            f"{url} is not the file that was published (hash differs from {known_hash}); nothing was kept: "
            "try again, or fetch it by hand from the publisher's page."
        ) from error


def _resume(url: str, output_file: str, pooch, quiet: bool = False):
    """A downloader for pooch that goes on where an earlier download of the same URL broke off."""
    import requests
    from tqdm import tqdm

    part = Path(output_file).parent / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
    n_bytes = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={n_bytes}-"} if n_bytes else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == PAST_THE_END:  # whole, but killed before its hash was looked at
            part.unlink()
            return _resume(url, output_file, pooch, quiet)
        response.raise_for_status()
        n_bytes = n_bytes if response.status_code == PARTIAL else 0  # a server may begin again
        total = n_bytes + int(response.headers.get("Content-Length", 0))
        options = {
            "total": total or None,
            "initial": n_bytes,
            "unit": "B",
            "unit_scale": True,
            "disable": quiet,
        }
        with part.open("ab" if n_bytes else "wb") as file, tqdm(desc=response.url, **options) as bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    part.replace(output_file)


def _unpacked(archive: Path, root: Path) -> Path:
    """The folder of an archive, unpacked now or before, or a file as it is; a refused archive is removed."""
    if archive.suffix not in UNPACKED:
        return archive
    folder = root / archive.name.split(".")[0]
    if not folder.exists():
        try:
            safe_extract(archive, folder)
        except BadRecording:
            archive.unlink()
            raise
    return folder


def lfs_files(root: Path, pattern: str, url: str) -> list[Source]:
    """The sources of the files below root that are Git LFS pointers: each lies at `url` under its own name.

    A pointer is what an archive of the repository holds instead of a large file: its sha256, its size.
    """
    found = []
    for path in sorted(path for path in root.rglob(pattern) if path.stat().st_size <= MOST_POINTER_BYTES):
        text = path.read_text(errors="replace")
        hashes = [line.removeprefix("oid ") for line in text.splitlines() if line.startswith("oid sha256:")]
        if text.startswith("version https://git-lfs") and hashes:
            found.append((f"{url}/{path.name}", hashes[0], path.relative_to(root).as_posix()))
    return found


def dataverse_files(server: str, doi: str, suffix: str) -> list[Source]:
    """Files of a data set on a Dataverse, each with the server's md5, by its documented native API.

    Raises CorpusMissing where the server gives no such list.
    """
    import requests

    url = f"{server}/api/datasets/:persistentId?persistentId=doi:{doi}"
    try:
        response = requests.get(url, timeout=LIST_TIMEOUT_S)
        response.raise_for_status()
        listed = [entry["dataFile"] for entry in response.json()["data"]["latestVersion"]["files"]]
        found = [
            (f"{server}/api/access/datafile/{file['id']}", f"md5:{file['md5']}", f"files/{file['filename']}")
            for file in listed
            if file["filename"].lower().endswith(suffix)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CorpusMissing(
            f"{url} gave no list of files ({reason}), expected a Dataverse's: try again, or fetch them by hand."
        ) from error
    if not found:
        raise CorpusMissing(f"{url} lists {len(listed)} files, expected some {suffix}: fetch them by hand.")
    return found
