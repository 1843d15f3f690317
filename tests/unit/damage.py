"""Ways to damage a file, seeded and from bytes to bytes; and the wall that whoever reads it may not touch."""

import contextlib
import io
import math
import random
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from emolib.core.errors import LONGEST, EmolibError

BYTES = 700 << 20  # of memory that reading a small file may take
NUMBERS = ("nan", "inf", "-1", "0", "1e12", "1e308", "-1e308", "9" * 5000, "", "x", "1\x00", "\u0661")


def flipped(content: bytes, seed: int, n_bits: int) -> bytes:
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(n_bits):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zeroed(content: bytes, seed: int) -> bytes:
    """A tenth of it NUL, as a disk leaves a page that it lost."""
    n = len(content) // 10 + 1
    at = random.Random(seed).randrange(len(content) - n + 1)
    return content[:at] + bytes(n) + content[at + n :]


def renumbered(content: bytes, seed: int) -> bytes:
    """One number of a text is none, or absurd."""
    rng = random.Random(seed)
    match = rng.choice(list(re.finditer(rb"-?\d+(\.\d+)?", content)))
    return content[: match.start()] + rng.choice(NUMBERS).encode() + content[match.end() :]


def widened(content: bytes, seed: int) -> bytes:
    """A line of a million cells, at the head of a text or in the middle."""
    lines = content.split(b"\n")
    lines.insert((0, 1, len(lines) // 2)[seed % 3], b",".join([b"7"] * 1_000_000))
    return b"\n".join(lines)


SURE = {  # whatever the file was, nothing reads it as if it were whole
    "empty": lambda content, seed: b"",
    "part": lambda content, seed: content[: int((0.47, 0.2, 0.71)[seed % 3] * len(content))],
    "noise": lambda content, seed: random.Random(seed).randbytes(len(content)),
}
WAYS = SURE | {
    "a bit": lambda content, seed: flipped(content, seed, 1),
    "many bits": lambda content, seed: flipped(content, seed, 20),
    "zeroed": zeroed,
}
OF_TEXTS = {"number": renumbered, "wide": widened}


def damaged(name: str, content: bytes, way: str, n_seeds: int = 3) -> Iterator[bytes]:
    """The file damaged in a way, as often as that has seeds; nothing for a way that texts alone have."""
    if way in WAYS or name.endswith((".csv", ".txt", ".xml", ".json")):
        for seed in range(1 if way == "empty" else n_seeds):
            if (found := (WAYS | OF_TEXTS)[way](content, seed)) != content:
                yield found


@contextlib.contextmanager
def wall():
    """MemoryError for a block that takes more memory, on Linux."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def refusal(read: Callable[[], object]) -> str:
    """What the EmolibError says that `read` raises, one line; "" for a result.

    Anything else is raised, and AssertionError where the reader hides that it met the wall.
    """
    try:
        with wall():
            read()
    except EmolibError as error:
        message, cause = str(error), error
        while cause is not None:
            assert not isinstance(cause, MemoryError), message
            cause = cause.__cause__ or cause.__context__
        assert message.isprintable() and 0 < len(message) <= LONGEST, message[:LONGEST]
        return message
    return ""


def is_rate(sfreq: float) -> bool:
    """Whether a rate in Hz can be worked with; 0 is that of pictures."""
    return math.isfinite(sfreq) and 0 <= sfreq <= 1e6


def lay(root: Path, files: dict[str, bytes]):
    """Write files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()
