"""Fetching corpora that are open: whole files once, checked by their hash, unpacked inside their folder."""

from pathlib import Path

from emolib.datasets.archives import safe_extract
from emolib.datasets.base import Corpus
from emolib.errors import BadRecording, CorpusMissing

TIMEOUT_S = 30
UNPACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")


def fetch(corpus: Corpus, root: Path) -> list[Path]:
    """Folders and files that a corpus's downloads became, below `root`.

    What is there already, whole, is not fetched or unpacked again. Raises CorpusMissing where a download
    fails, BadRecording where it is not what its hash says or an archive that must not be unpacked.
    """
    return [_unpacked(_download(*source, root), root) for source in corpus.downloads]


def _download(url: str, known_hash: str | None, name: str, root: Path) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_S)
    try:
        return Path(pooch.retrieve(url, known_hash, name, root, downloader=downloader))
    except OSError as error:  # of the network, or of the disk
        reason = " ".join(str(error).split())
        raise CorpusMissing(
            f"{url} could not be fetched ({reason}): try again, or by hand into {root}."
        ) from error
    except ValueError as error:
        raise BadRecording(
            f"{url} is not the file that was published (hash differs from {known_hash}); nothing was kept: "
            "try again, or fetch it by hand from the publisher's page."
        ) from error


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
