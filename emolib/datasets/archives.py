"""The files of a corpus as its publisher gives them, folder or zips, in one read-only view; safe unpacking."""

import gzip
import hashlib
import io
import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import translate
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.signals.files import most_unfolded

NOTES = re.compile(r"(readme|licen[cs]e|changelog)\b.*|.*\.(md|pdf)", re.IGNORECASE)
NO_TEXT = re.compile("[\ud800-\udfff]")  # how Python shows bytes of a file's name that are not UTF-8
DAMAGED = (  # what reading a damaged archive raises
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError),
    RuntimeError,  # encrypted, or an unknown method
    UnicodeDecodeError,  # a name that says to be UTF-8
)
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unfolds other methods without a limit
BLOCK = 1 << 20  # bytes


class Tree:
    """The files of a corpus by posix path relative to its root, wherever they lie."""

    def __init__(self, root: Path, places: dict[str, Path | zipfile.ZipFile]):
        self.root, self._places = root, places

    def names(self, *patterns: str) -> list[str]:
        """Sorted paths whose end matches a pattern, so that a wrapper folder of an archive does not matter.

        `wav/*.wav` finds `wav/a.wav` and `download/wav/a.wav`. `*` also crosses folders, `?` and `[…]` are as
        in a shell, case does not count. Raises BadRecording for a name that is not UTF-8.
        """
        either = "|".join(map(translate, patterns))
        ends = re.compile(rf"(?:.*/)?(?:{either})", re.IGNORECASE | re.DOTALL)
        found = sorted(name for name in self._places if ends.match(name))
        if odd := next(filter(NO_TEXT.search, found), None):
            raise BadRecording(f"{self.where(odd)} is no name in UTF-8: give the file another.")
        return found

    def need(self, *patterns: str) -> list[str]:
        """As `names`, but raises CorpusMissing where there are none."""
        if names := self.names(*patterns):
            return names
        raise CorpusMissing(f"No file like {' or '.join(patterns)} in {self.root}: {_advice(self.root)}")

    def open(self, name: str) -> BinaryIO:
        """A file to read bytes from. Prefer `read`: here a damaged archive raises one of DAMAGED.

        Raises BadRecording for a name that is not there, or packed by another method than deflate.
        """
        place = self._places.get(name)
        if place is None:
            raise BadRecording(f"{self.where(name)} is missing: unpack the corpus again.")
        return (
            _open_member(place, place.getinfo(name))
            if isinstance(place, zipfile.ZipFile)
            else place.open("rb")
        )

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises BadRecording for a damaged archive member."""
        try:
            with self.open(name) as file:
                content = io.BytesIO()
                shutil.copyfileobj(file, content, BLOCK)
                return content.getvalue()
        except (*DAMAGED, OSError) as error:
            raise self.damaged(name, f"is damaged ({error}), expected to read it whole") from error

    def fingerprint(self, *patterns: str) -> str:
        """sha256 over names and bytes of what `names` finds; a wrapper folder of an archive does not count."""
        lines = []
        for pattern in patterns:
            n_parts = len(PurePosixPath(pattern).parts)
            for name in self.names(pattern):
                own = "/".join(PurePosixPath(name).parts[-n_parts:])
                lines.append(f"{hashlib.sha256(self.read(name)).hexdigest()}  {own}\n")
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    def damaged(self, name: str, what: str) -> BadRecording:
        """The error for a file that is not as its publisher gave it; `what` is wrong with it, and what was expected."""
        return BadRecording(f"{self.where(name)} {what}: fetch it again.")

    def where(self, name: str) -> str:
        """Where a file lies, for a message: a path, or archive.zip:member."""
        place = self._places.get(name)
        return f"{place.filename}:{name}" if isinstance(place, zipfile.ZipFile) else str(self.root / name)


def open_tree(root: Path) -> Tree:
    """The files under `root`, a corpus's own folder. Where only zips lie there, the files in all of them.

    Zips beside unpacked files are not read: the files came from them. Raises CorpusMissing for no files at all,
    BadRecording for a zip that cannot be read.
    """
    root = Path(root)
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if not is_junk(name)}
    zips = [path for name, path in sorted(files.items()) if "/" not in name and path.suffix.lower() == ".zip"]
    loose = {name: path for name, path in files.items() if path not in zips}
    if any(not NOTES.fullmatch(PurePosixPath(name).name) for name in loose):
        return Tree(root, loose)
    if not zips:
        raise CorpusMissing(f"No files in {root}: {_advice(root)}")
    places = {}
    for path in zips:
        try:
            archive = zipfile.ZipFile(path)
        except (*DAMAGED, OSError) as error:
            raise BadRecording(
                f"{path} is not a whole zip ({error}): delete it and fetch it again."
            ) from error
        names = [name for name in archive.namelist() if not name.endswith("/") and not is_junk(name)]
        places |= dict.fromkeys(names, archive)
    return Tree(root, places)


def safe_extract(archive: Path, folder: Path):
    """Unpack a zip or tar into `folder` (new, or empty), which appears whole or not at all.

    Raises BadRecording, before anything is written, for a member that is a link or a device or that would
    land outside `folder`, and for an archive that unfolds to too much or cannot be read; CorpusMissing where
    the disk refuses.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(archive) as members, TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as hidden:
            for name, kind, _ in members:
                _check_member(archive, name, kind)
            whole = Path(hidden) / folder.name
            whole.mkdir()
            for name, kind, open_member in members:
                if kind == "file" and not is_junk(name):
                    (whole / name).parent.mkdir(parents=True, exist_ok=True)
                    with open_member() as source, (whole / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
            whole.replace(folder)
    except (*DAMAGED, tarfile.TarError) as error:
        reason = " ".join(str(error).split())  # tarfile's goes over several lines
        raise BadRecording(f"{archive} is damaged ({reason}): delete it and fetch it again.") from error
    except OSError as error:
        raise CorpusMissing(
            f"{archive} could not be unpacked into {folder} ({error}): make room on the disk, or delete the "
            "archive and fetch it again."
        ) from error


@contextmanager
def _opened(archive: Path) -> Iterator[list[tuple[str, str, Callable[[], BinaryIO]]]]:
    """The members of a zip or tar as (name, "file" | "folder" | "other", function that opens it)."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            members = _bounded(archive, ((m, m.file_size) for m in file.infolist()))
            yield [(m.filename, _zip_kind(m), partial(_open_member, file, m)) for m in members]
    else:
        with tarfile.open(archive) as file:
            members = _bounded(archive, ((m, m.size) for m in file))
            kinds = ((m, "file" if m.isfile() else "folder" if m.isdir() else "other") for m in members)
            yield [(m.name, kind, partial(file.extractfile, m)) for m, kind in kinds]


def _bounded(archive: Path, members: Iterable[tuple]) -> Iterator:
    """The members of pairs (member, its size in bytes). Raises BadRecording as soon as they are too large together."""
    total, most = 0, most_unfolded(archive.stat().st_size)
    for member, size in members:
        total += size
        if total > most:
            raise BadRecording(
                f"{archive} unfolds to {total} bytes or more, expected {most} at most: nothing was unpacked."
            )
        yield member


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    """A member to read from, no further than to the size that it claims."""
    if member.compress_type not in BOUNDED:
        raise BadRecording(
            f"{archive.filename}:{member.filename} is packed by method {member.compress_type}, expected deflate: "
            "unpack it here with another program, and delete the zip."
        )
    if member.file_size > most_unfolded(member.compress_size):
        raise zipfile.BadZipFile(f"{member.compress_size} bytes claim to be {member.file_size}")
    return archive.open(member)


def _zip_kind(member: zipfile.ZipInfo) -> str:
    mode = member.external_attr >> 16
    if member.is_dir():
        return "folder"
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "other"


def _check_member(archive: Path, name: str, kind: str):
    path = PureWindowsPath(name)  # knows both kinds of slash, and drives
    if path.anchor or ".." in path.parts:
        raise BadRecording(f"{archive} holds {name!r}, outside its own folder: nothing was unpacked.")
    if kind == "other":
        raise BadRecording(f"{archive} holds {name!r}, a link or a device: nothing was unpacked.")


def is_junk(name: str) -> bool:
    """Whether the name is one of a desktop's leftovers: hidden, or macOS resource forks."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _advice(root: Path) -> str:
    return f"`emolib datasets fetch {root.name}` says where to get it; or set EMOLIB_DATA."
