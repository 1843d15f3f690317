"""Tables of signals in text files, whoever wrote them: columns by name and unit, the clock, and the gaps it leaves.

For training and for the device alike: numpy and the standard library.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadRecording
from emolib.signals.files import FLOAT32_MAX, MOST_HZ

TIME = re.compile(r"(lsl|unix|phone)?[_ ]?(time|time[_ ]?stamps?|date[_ ]?time|date|seconds|unix|t)")
UNIT = re.compile(r"(.*?)(?:\s*[\[(]([^\])]*)[\])]|_(s|ms|us|µs|ns|v|mv|uv|µv))?", re.IGNORECASE)  # TP9 [uV], time_ms
RATE = re.compile(r"sampl\w*(?:[ _]?rate)?\W*(?:eeg_)?(\d+\.?\d*)", re.IGNORECASE)
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
GAP_STEPS = 2.5  # a longer step between two time stamps is a gap; steps rounded to ms, as by Muse, are uneven
LONGEST_GAP_S = 600.0  # a longer one counts as this
MOST_LOST = 5_000_000  # samples in all gaps
LATE = 0.1  # of a usual step: stamps closer than that came in one packet


class Table(NamedTuple):
    """The cells of a text file by row; heads of the columns, names and units of them in lower case, none without a head.
    says_hz: the rate that lines above the head tell, else 0."""

    where: str
    heads: list[str]
    names: list[str]
    units: list[str]
    rows: list[list[str]]
    says_hz: float

    def numbers(self, at: Sequence[int]) -> np.ndarray:
        """Columns as float64 (n_rows, n_columns); empty cells are NaN. Raises BadRecording."""
        cells = [[row[i].strip().replace(",", ".") or "nan" for i in at] for row in self.rows]
        try:
            values = np.array(cells, np.float64).reshape(len(cells), len(at))
        except ValueError as error:
            raise BadRecording(f"{self.where}: {error}, expected numbers.") from error
        return checked(values, self.where)

    def clock(self) -> tuple[np.ndarray, str] | None:
        """Time stamps (n_rows,) float64 and their unit, "" where nothing names it; None without such a column. Raises
        BadRecording for empty ones."""
        for i in (i for i, name in enumerate(self.names) if TIME.fullmatch(name)):
            cells = [row[i].strip() for row in self.rows]
            with suppress(BadRecording):
                stamps, unit = self.numbers([i])[:, 0], self.units[i]
                if np.isnan(stamps).any():
                    raise BadRecording(f"{self.where} lacks a time in data row {np.isnan(stamps).argmax() + 1}.")
                return stamps, unit
            with suppress(ValueError):
                return np.array([datetime.fromisoformat(cell).timestamp() for cell in cells]), "s"
        if any(TIME.fullmatch(name) for name in self.names):
            raise BadRecording(f"{self.where} has time stamps that are no numbers or dates, expected seconds.")
        return None


def read_table(content: bytes, where: str) -> Table:
    """A CSV file with , ; or tabs between cells, UTF-8 or UTF-16; lines above its head may tell about it. Raises
    BadRecording."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        lines = [line for line in content.decode(encoding).splitlines() if line.strip()]
        notes = [line for line in lines if line[0] in "%#"]
        lines = [line for line in lines if line[0] not in "%#"]
        last = lines[-1] if lines else ""
        rows = list(csv.reader(lines, delimiter=next((each for each in ";\t" if each in last), ",")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRecording(f"{where} cannot be read ({error}): expected a CSV file.") from error
    if len(rows) < 3:
        raise BadRecording(f"{where} has {len(rows)} rows, expected a head and samples.")
    width = Counter(map(len, rows)).most_common(1)[0][0]
    first = next(i for i, row in enumerate(rows) if len(row) == width)
    for number, row in enumerate(rows[first:], start=first + 1):
        if len(row) != width:
            raise BadRecording(f"{where} has {len(row)} cells in row {number}, expected {width}.")
    told = RATE.search("\n".join([*notes, *(" ".join(row) for row in rows[:first])]))
    head = rows[first] if any(map(_is_text, rows[first])) else []
    named = [UNIT.fullmatch(cell.strip()) for cell in head]
    heads, units = [found[1] for found in named], [(found[2] or found[3] or "").strip().lower() for found in named]
    body, says_hz = rows[first + len(head[:1]) :], float(told[1]) if told else 0.0
    return Table(where, heads, [name.lower() for name in heads], units, body, says_hz)


def _is_text(cell: str) -> bool:
    """Whether a cell is neither empty, nor a number, nor a date."""
    with suppress(ValueError):
        return bool(cell.strip()) and float(cell.replace(",", ".")) is None
    with suppress(ValueError):
        return datetime.fromisoformat(cell.strip()) is None
    return True


def checked(values: np.ndarray, where: str) -> np.ndarray:
    """The numbers. Raises BadRecording for those beyond float32."""
    if (np.abs(values) > FLOAT32_MAX).any():
        raise BadRecording(f"{where} holds numbers beyond {FLOAT32_MAX:g}, expected samples.")
    return values


def steady(stamps: np.ndarray, unit: str, least_hz: float, where: str) -> tuple[float, np.ndarray]:
    """The rate in Hz, to four digits, that time stamps (n,) tell, and the place (n,) of each sample on a steady clock, where
    places that are left out are gaps.

    Stamps may be rounded, late, or come in packets, all samples of one at once. Without a unit they are seconds, or, where these
    make a rate below least_hz, ms, µs or ns. Raises BadRecording.
    """
    since = np.maximum.accumulate(stamps - stamps[:1])
    steps = np.diff(since)
    if len(stamps) < 2 or not since[-1] > 0 or (since - stamps + stamps[0]).max() > 0.01 * since[-1]:
        raise BadRecording(f"{where}: its {len(stamps)} time stamps do not rise, expected two or more that do.")
    is_new = np.append(True, steps > LATE * np.percentile(steps, 97))
    first = np.flatnonzero(is_new)
    length, n = np.diff(since[first]), np.diff(first)
    if not len(n):
        raise BadRecording(f"{where}: its time stamps do not rise but once, expected a clock.")
    is_gap = length / n > GAP_STEPS * np.median(length / n)
    step = length[~is_gap].sum() / n[~is_gap].sum()
    tried = [SECONDS[unit]] if unit in SECONDS else SECONDS.values()
    scale = next((each for each in tried if 1 / (each * step) >= least_hz), None)
    if scale is None or 1 / (scale * step) > MOST_HZ:
        found = f"{1 / (step * (scale or 1.0)):.4g} Hz, expected {least_hz:g} to {MOST_HZ:g}"
        raise BadRecording(f"{where}: time stamps make {found}: write them in seconds.")
    if unit not in SECONDS and scale < 1 and (steps == 1).all():
        raise BadRecording(
            f"{where}: its times count the rows, expected time stamps; if they are ms, name them time [ms]."
        )
    most = max(1, round(LONGEST_GAP_S / (scale * step)))
    lost = np.where(is_gap, np.minimum(np.round(length / step) - n, most), 0).astype(int)
    if lost.sum() > MOST_LOST:
        raise BadRecording(
            f"{where}: {is_gap.sum()} gaps of {lost.sum() * scale * step:.3g} s, expected a recording: cut it."
        )
    shift = np.zeros(len(stamps), int)
    shift[first[1:]] = lost
    return float(f"{1 / (scale * step):.4g}"), np.arange(len(stamps)) + shift.cumsum()


def laid(data: np.ndarray, place: np.ndarray) -> np.ndarray:
    """data (n_rows, n_times) float32 on a steady clock, NaN in its gaps, (n_rows, place[-1] + 1)."""
    out = np.full((len(data), place[-1] + 1), np.nan, np.float32)
    out[:, place] = data
    return out
