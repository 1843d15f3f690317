"""Markers: what a device did, and when. The device writes them around its inferences.

with Recorder("markers.csv") as recorder:
    pattern(recorder, one_inference)
    with recorder.mark("synthetic-face-emotion-loso", n=500):
        ...  # 500 inferences
"""

import csv
import math
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from emolib.core.errors import BadParameter, BadRecording

COLUMNS = ("start_s", "end_s", "n", "what")
PATTERN = "1111100110101"  # on and off: Barker's code of 13, which is like none of its shifts
SYNC = "pattern"  # what a marker of the pattern is called
START_S = time.time() - time.perf_counter()


def now_s() -> float:
    """Seconds since 1970 that never jump: the wall clock of the start, and a steady one since."""
    return START_S + time.perf_counter()


class Marker(NamedTuple):
    """`n` inferences of `what` from start_s to end_s on the device's clock. n 0: work that is no inference."""

    start_s: float
    end_s: float
    n: int
    what: str


class Recorder:
    """Markers of one run, kept in memory so that writing costs no energy while work runs. At the end of its block they
    are written to `path`, if it has one, also where the block ends in an error."""

    def __init__(self, path: str | Path | None = None):
        self.path, self.markers = path, []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_):
        if self.path:
            write(self.path, self.markers)

    @contextmanager
    def mark(self, what: str, n: int = 1):
        """Mark what the block does: `n` inferences of `what`; a block that ends in an error is not marked."""
        start_s = now_s()
        yield
        self.markers.append(Marker(start_s, now_s(), n, what))


def pattern(recorder: Recorder, work: Callable[[], object], unit_s: float = 2.0, lead_s: float = 5.0):
    """Run `work()` on and off as PATTERN says, between `lead_s` of rest: the log then fits the markers at one offset only.
    A digit's `unit_s` should hold three samples of the meter."""
    time.sleep(lead_s)
    start_s = now_s()
    for k, on in enumerate(PATTERN):
        end_s = start_s + (k + 1) * unit_s
        if on == "1":
            with recorder.mark(SYNC, n=0):
                while now_s() < end_s:
                    work()
        time.sleep(max(0.0, end_s - now_s()))
    time.sleep(lead_s)


def repeat(
    recorder: Recorder,
    what: str,
    work: Callable[[], object],
    n_blocks: int = 10,
    block_s: float = 10.0,
    pause_s: float = 10.0,
):
    """Run `work()`, one inference of `what`, in marked blocks, with a pause behind each."""
    for _ in range(n_blocks):
        start_s, n = now_s(), 0
        while now_s() < start_s + block_s:
            work()
            n += 1
        recorder.markers.append(Marker(start_s, now_s(), n, what))
        time.sleep(pause_s)


def write(path: str | Path, markers: Iterable[Marker]):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((f"{m.start_s:.6f}", f"{m.end_s:.6f}", m.n, m.what) for m in markers)


def read(path: str | Path) -> list[Marker]:
    """Markers of a file, by start. Raises BadRecording, which names file and row, for none or odd ones."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRecording(f"{path}: {error}; expected a CSV of {', '.join(COLUMNS)}.") from None
    names, head, found = ",".join(COLUMNS), ",".join(rows[0] if rows else ()), []
    if head != names:
        raise BadRecording(f"{path}: row 1 is {head!r}, expected {names}.")
    for k, row in enumerate(rows[1:], 2):
        if not row:
            continue
        try:
            start, end, n, what = row
            found.append(Marker(float(start), float(end), int(n), what))
            is_span = -math.inf < found[-1].start_s < found[-1].end_s < math.inf and found[-1].n >= 0
        except ValueError:
            is_span = False
        if not is_span:
            got, expected = ",".join(row), f"start_s < end_s and n from 0 in {names}"
            raise BadRecording(f"{path}: row {k} is {got!r}, expected {expected}.")
    if not found:
        raise BadRecording(f"{path}: no marker, expected one or more: mark the work with a Recorder.")
    return sorted(found)


def joined(markers: Iterable[Marker], apart_s: float) -> list[Marker]:
    """Markers in blocks: those of one kind of work that follow each other within `apart_s` seconds become one. Raises
    BadParameter where two kinds of work overlap: their energy cannot be told apart."""
    blocks: list[Marker] = []
    for marker in sorted(markers):
        last = blocks[-1] if blocks else None
        if last and last.what == marker.what and marker.start_s - last.end_s < apart_s:
            blocks[-1] = last._replace(end_s=max(last.end_s, marker.end_s), n=last.n + marker.n)
        elif last and marker.start_s < last.end_s:
            both = f"{marker.what} starts at {marker.start_s:.3f} s while {last.what} runs until {last.end_s:.3f}"
            raise BadParameter(f"markers: {both} s: mark one kind of work at a time.")
        else:
            blocks.append(marker)
    return blocks
