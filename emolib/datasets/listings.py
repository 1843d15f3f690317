"""Files of a corpus that only its publisher's own list names, each with its hash: what is still to be fetched."""

from pathlib import Path

from emolib.core.errors import CorpusMissing
from emolib.datasets.base import Source

POINTER = "version https://git-lfs"
MOST_BYTES = 1024  # of a Git LFS pointer
TIMEOUT_S = 60


def lfs_files(root: Path, pattern: str, url: str) -> list[Source]:
    """Files below root that are Git LFS pointers; url and the file's name are where what they stand for lies.

    A pointer is what an archive of the repository holds instead of a large file: its sha256, its size.
    """
    paths = sorted(path for path in root.rglob(pattern) if path.stat().st_size <= MOST_BYTES)
    hashes = [_sha256(path.read_text(errors="replace")) for path in paths]
    found = zip(paths, hashes, strict=True)
    return [(f"{url}/{path.name}", oid, path.relative_to(root).as_posix()) for path, oid in found if oid]


def _sha256(text: str) -> str | None:
    """The "sha256:…" of a pointer's text, None for any other text."""
    oids = [line[4:] for line in text.splitlines() if line.startswith("oid sha256:")]
    return oids[0] if text.startswith(POINTER) and oids else None


def dataverse_files(server: str, doi: str, suffix: str) -> list[Source]:
    """Files of a data set on a Dataverse, each with the server's md5, by its documented native API.

    Raises CorpusMissing where the server gives no such list.
    """
    import requests

    url = f"{server}/api/datasets/:persistentId?persistentId=doi:{doi}"
    try:
        response = requests.get(url, timeout=TIMEOUT_S)
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
