"""The files of a corpus as its publisher gives them, folder or zips, in one read-only view; zips stay packed."""

import hashlib
import io
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from fnmatch import translate
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.signals.files import most_unfolded

NOTES = re.compile(r"(readme|licen[cs]e|changelog)\b.*|.*\.(md|pdf)", re.IGNORECASE)
# What reading a damaged zip raises. RuntimeError: encrypted; UnicodeDecodeError: a name that says to be UTF-8
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError)
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unfolds other methods without a limit
BLOCK = 1 << 20  # bytes
UNFINISHED = ".unfinished"  # lies in a corpus while its files are fetched one by one


class Tree:
    """The files of a corpus by posix path relative to its root, wherever they lie."""

    def __init__(self, root: Path, places: dict[str, Path | zipfile.ZipFile]):
        self.root, self._places = root, places

    def names(self, *patterns: str) -> list[str]:
        """Sorted paths whose end matches a pattern, so that a wrapper folder of an archive does not matter. `wav/*.wav`
        finds `wav/a.wav` and `download/wav/a.wav`. `*` also crosses folders, case does not count."""
        either = "|".join(map(translate, patterns))
        ends = re.compile(rf"(?:.*/)?(?:{either})", re.IGNORECASE | re.DOTALL)
        return sorted(name for name in self._places if ends.match(name))

    def need(self, *patterns: str) -> list[str]:
        """As `names`, but raises CorpusMissing where there are none."""
        if names := self.names(*patterns):
            return names
        raise CorpusMissing(f"No file like {' or '.join(patterns)} in {self.root}: {_advice(self.root)}")

    def open(self, name: str) -> BinaryIO:
        """A file to read bytes from; for a damaged zip this raises one of DAMAGED, and BadRecording."""
        place = self._places[name]
        if isinstance(place, Path):
            return place.open("rb")
        member = place.getinfo(name)
        if member.compress_type not in BOUNDED:
            raise BadRecording(f"{self.where(name)} is of method {member.compress_type}: unpack it here.")
        if member.file_size > most_unfolded(member.compress_size):
            raise zipfile.BadZipFile(f"{member.compress_size} bytes claim to be {member.file_size}")
        return place.open(member)

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises BadRecording for a damaged one."""
        content = io.BytesIO()
        try:
            with self.open(name) as file:
                shutil.copyfileobj(file, content, BLOCK)  # a member may unfold to more than it claims
        except (*DAMAGED, OSError) as error:
            raise self.damaged(name, f"is damaged ({error}), expected to read it whole") from error
        return content.getvalue()

    def beside(self, name: str, other: str) -> bytes | None:
        """The bytes of the file `other` in the folder of a file, None where there is none."""
        path = str(PurePosixPath(name).with_name(other))
        return self.read(path) if path in self._places else None

    def text(self, name: str) -> str:
        return self.read(name).decode("utf-8", "replace")

    def fingerprint(self, *patterns: str) -> str:
        """sha256 over names and bytes of what `names` finds; a wrapper folder of an archive does not count."""
        lines = []
        for pattern in patterns:
            for name in self.names(pattern):
                own = "/".join(name.split("/")[-1 - pattern.count("/") :])
                lines.append(f"{hashlib.sha256(self.read(name)).hexdigest()}  {own}\n")
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    def damaged(self, name: str, what: str) -> BadRecording:
        """The error for a file that is not as its publisher gave it: what is wrong with it, what was expected."""
        return BadRecording(f"{self.where(name)} {what}: fetch it again.")

    def where(self, name: str) -> str:
        """Where a file lies, for a message: a path, or archive.zip:member."""
        place = self._places.get(name)
        return f"{place.filename}:{name}" if isinstance(place, zipfile.ZipFile) else str(self.root / name)


def open_tree(root: Path) -> Tree:
    """The files under `root`; where only zips lie there, the files in them. Raises CorpusMissing, BadRecording."""
    if (root / UNFINISHED).exists():
        raise CorpusMissing(f"{root} was fetched in part: fetch it again, or delete {UNFINISHED} if it is whole.")
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    loose = {name: path for name, path in files.items() if not is_junk(name)}
    zips = [loose.pop(name) for name in sorted(loose) if "/" not in name and name.lower().endswith(".zip")]
    if any(not NOTES.fullmatch(PurePosixPath(name).name) for name in loose):
        return Tree(root, loose)
    if not zips:
        raise CorpusMissing(f"No files in {root}: {_advice(root)}")
    return open_zips(root, zips)


def open_zips(root: Path, zips: Iterable[Path]) -> Tree:
    """The files in these zips. Raises BadRecording."""
    places = {}
    for path in zips:
        try:
            archive = _open_zip(path)
        except (*DAMAGED, OSError) as error:
            raise BadRecording(f"{path} is not a whole zip ({error}): delete it, fetch it again.") from error
        names = [name for name in archive.namelist() if not name.endswith("/") and not is_junk(name)]
        places |= dict.fromkeys(names, archive)
    return Tree(root, places)


def _open_zip(path: Path) -> zipfile.ZipFile:
    """A zip whose names are UTF-8 also where it does not say so, as macOS writes them; else of DOS's code page."""
    try:
        return zipfile.ZipFile(path, metadata_encoding="utf-8")
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)


def is_junk(name: str) -> bool:
    """Whether the name is one of a desktop's leftovers: hidden, or macOS resource forks."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _advice(root: Path) -> str:
    return f"`emolib datasets fetch {root.name}` says where to get it; or set EMOLIB_DATA."
