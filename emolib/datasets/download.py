"""Fetching corpora that are open. A download that broke off goes on; whole files are checked by their hash."""

import hashlib
import re
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from emolib.core.artifacts import sha256
from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import UNFINISHED, open_zips
from emolib.datasets.base import Corpus, Source

TIMEOUT_S = 30
CHUNK = 1 << 14  # bytes, at most so many of a broken download are asked for again
PARTIAL, PAST_THE_END = 206, 416  # HTTP status
POINTER = re.compile(rb"version https://git-lfs.*\noid (sha256:[0-9a-f]{64})\n")  # of Git LFS


def fetch(corpus: Corpus, root: Path) -> list[Path]:
    """Download a corpus; returns the archives, and the folders of files that its listing names, below `root`.

    What is there whole is not fetched again; half a file is completed. Raises CorpusMissing where a download
    fails, BadRecording for a file that is not what its hash says or would land outside `root`.
    """
    from tqdm import tqdm

    places = [_download(*source, root) for source in corpus.downloads]
    if corpus.listing:
        listed = tqdm(corpus.listing(root), f"{corpus.name} files", unit=" files")
        root.mkdir(parents=True, exist_ok=True)
        (root / UNFINISHED).touch()
        places += sorted({_download(*source, root, quiet=True).parent for source in listed})
        (root / UNFINISHED).unlink()
    return places


def unhashed(corpus: Corpus, root: Path) -> list[str]:
    """A sentence on each archive that was fetched without a hash to check: what came."""
    told = []
    for _, known_hash, name in corpus.downloads:
        if known_hash is None:
            with zipfile.ZipFile(root / name) as archive:
                comment = archive.comment.decode("ascii", "replace")  # GitHub writes the commit there
            commit = f", commit {comment}" if re.fullmatch("[0-9a-f]{40}", comment) else ""
            told.append(f"{name}: no hash of it is published; sha256 {sha256(root / name)}{commit} came")
    return told


def _download(url: str, known_hash: str | None, name: str, root: Path, quiet: bool = False) -> Path:
    import pooch

    path = PureWindowsPath(name)  # knows both kinds of slash, and drives
    if path.anchor or ".." in path.parts:
        raise BadRecording(f"{url} is called {name!r}, outside {root}: do not fetch it by program.")
    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, known_hash, name, root, downloader=partial(_resume, quiet=quiet)))
    except OSError as error:  # of the network, or of the disk
        reason = " ".join(str(error).split())
        expected = f"try again, which goes on where it broke off, or fetch it by hand into {root}"
        raise CorpusMissing(f"{url} could not be fetched ({reason}): {expected}.") from error
    except ValueError as error:
        expected = f"hash {known_hash}; nothing was kept: try again, or fetch it by hand"
        raise BadRecording(f"{url} is not the file that was published, expected {expected}.") from error


def _resume(url: str, output_file: str, pooch, quiet: bool):
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
        total = n_bytes + int(response.headers.get("Content-Length", 0)) or None
        bar = tqdm(desc=response.url, total=total, initial=n_bytes, unit="B", unit_scale=True, disable=quiet)
        with part.open("ab" if n_bytes else "wb") as file, bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    part.replace(output_file)


def lfs_files(root: Path, archive: str, pattern: str, url: str) -> list[Source]:
    """Sources at `url` of the files that are Git LFS pointers, which hold a hash, in a repository's archive."""
    tree, found = open_zips(root, [root / archive]), []
    for name in tree.names(pattern):
        if match := POINTER.match(tree.read(name)):
            path = PurePosixPath(name)
            found.append((f"{url}/{path.name}", match[1].decode(), f"{path.parent.name}/{path.name}"))
    return found


def dataverse_files(server: str, doi: str, suffix: str) -> list[Source]:
    """Files of a data set on a Dataverse, by its native API, with the server's md5. Raises CorpusMissing."""
    import requests

    url = f"{server}/api/datasets/:persistentId?persistentId=doi:{doi}"
    try:
        response = requests.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
        listed = [entry["dataFile"] for entry in response.json()["data"]["latestVersion"]["files"]]
        return [
            (f"{server}/api/access/datafile/{file['id']}", f"md5:{file['md5']}", f"files/{file['filename']}")
            for file in listed
            if file["filename"].lower().endswith(suffix)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CorpusMissing(f"{url} gave no list of files ({reason}): fetch them by hand.") from error
