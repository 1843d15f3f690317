"""Ways to damage a file, seeded and from bytes to bytes; and the walls that whoever reads it may not touch."""

import contextlib
import io
import math
import random
import re
import resource
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from whole_corpora import picture

from emolib.core.errors import EmolibError

TIMERS = (  # what reading a small file may take: seconds of work, and by the clock where the machine is busy
    (signal.ITIMER_PROF, signal.SIGPROF, 4.0),
    (signal.ITIMER_REAL, signal.SIGALRM, 60.0),
)
BYTES = 700 << 20  # and of memory
LONGEST = 1000  # characters of a message
TEXTS = (".csv", ".txt", ".xml", ".json")
NUMBERS = ("nan", "inf", "-1", "0", "1e12", "1e308", "-1e308", "9" * 5000, "", "x", "1\x00", "\u0661")


def flipped(content: bytes, seed: int, n_bits: int = 1, within: int | None = None) -> bytes:
    """Some bits turned over, among the first `within` bytes."""
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(n_bits):
        changed[rng.randrange(min(len(changed), within or len(changed)))] ^= 1 << rng.randrange(8)
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
    "one byte": lambda content, seed: content[:1],
    "part": lambda content, seed: content[: int((0.47, 0.2, 0.71)[seed % 3] * len(content))],
    "noise": lambda content, seed: random.Random(seed).randbytes(len(content)),
    "text": lambda content, seed: b"It is a truth universally acknowledged,\r\nthat this is none.\n",
}
WAYS = SURE | {
    "end lost": lambda content, seed: content[: int(0.98 * len(content))],
    "a bit": flipped,
    "many bits": lambda content, seed: flipped(content, seed, 20),
    "head": lambda content, seed: flipped(content, seed, 1 + seed % 4, 200),
    "zeroed": zeroed,
    "picture": lambda content, seed: picture((1, 1)),
}
OF_TEXTS = {"number": renumbered, "wide": widened}
SEEDED = {"part", "noise", "a bit", "many bits", "head", "zeroed", *OF_TEXTS}


def damaged(name: str, content: bytes, way: str, n_seeds: int = 3) -> Iterator[bytes]:
    """The file damaged in a way, as often as that has seeds; nothing for a way that texts alone have."""
    if way in WAYS or name.endswith(TEXTS):
        for seed in range(n_seeds if way in SEEDED else 1):
            if (found := (WAYS | OF_TEXTS)[way](content, seed)) != content:
                yield found


class TooSlow(BaseException):
    """No reader catches it."""


@contextlib.contextmanager
def walls():
    """TooSlow for a block that takes longer; MemoryError for one that takes more memory, on Linux."""

    def late(number, _):
        raise TooSlow(f"still reading at {signal.Signals(number).name}")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = {number: signal.signal(number, late) for _, number, _ in TIMERS}
    try:
        for timer, _, seconds in TIMERS:
            signal.setitimer(timer, seconds)
        if sys.platform == "linux":
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        for timer, number, _ in TIMERS:
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def refusal(read: Callable[[], object]) -> str:
    """What the EmolibError says that `read` raises, one line; "" for a result.

    Anything else is raised, and AssertionError where the reader hides that it met a wall.
    """
    try:
        with walls():
            read()
    except EmolibError as error:
        message = str(error)
        cause = error
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
