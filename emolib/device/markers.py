"""Markers: what a device did, and when. The device writes them around its inferences.

with Recorder("markers.csv") as recorder:
    pattern(recorder, one_inference)
    with recorder.mark("synthetic-face-emotion-loso", n=500):
        ...  # 500 inferences
"""

import csv
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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
    are written to `path`, also where the block ends in an error."""

    def __init__(self, path: str | Path):
        self.path, self.markers = path, []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_):
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


def write(path: str | Path, markers: Iterable[Marker]):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((f"{m.start_s:.6f}", f"{m.end_s:.6f}", m.n, m.what) for m in markers)
