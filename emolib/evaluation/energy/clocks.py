"""The clock column of a meter's log, as seconds."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from emolib.core.errors import BadRecording

UNITS_S = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
UNITS_S |= {"min": 60.0, "h": 3600.0}
EPOCH_MS = 1e11  # a number without a unit above this is milliseconds since 1970: as seconds, the year 5138
CLOCK = re.compile(r"(\d{1,4}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?")
FORMATS = ("%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S")
HALF_DAY_S, DAY_S = 43200.0, 86400.0


def seconds(
    cells: Sequence[str], rows: Sequence[int], unit: str, time_format: str, origin: str
) -> np.ndarray:
    """Times (n,) in s of cells: numbers in `unit` ("": seconds), clock times, or dates with clock times.

    Stamps without a zone are taken as UTC, which an offset mends; clock times go on after midnight. Raises
    BadRecording, which names origin and row, for what is none of these.
    """
    if time_format:
        return np.array([_stamp(c, [_by(time_format)], k, origin) for c, k in zip(cells, rows, strict=True)])
    if _is_number(cells[0]):
        found = np.array([_number(c, k, origin) for c, k in zip(cells, rows, strict=True)])
        in_ms = not unit and found[0] > EPOCH_MS
        return found * (1e-3 if in_ms else UNITS_S.get(unit.lower() or "s", 1.0))
    if CLOCK.fullmatch(cells[0].strip()):
        return _onward(np.array([_clock(c, k, origin) for c, k in zip(cells, rows, strict=True)]))
    readers = [datetime.fromisoformat, *map(_by, FORMATS)]
    return np.array([_stamp(c, readers, k, origin) for c, k in zip(cells, rows, strict=True)])


def _by(time_format: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, time_format)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _number(cell: str, row: int, origin: str) -> float:
    if not _is_number(cell):
        raise BadRecording(
            f"{origin}: row {row} has the time {cell!r}, expected a number as in the rows before."
        )
    return float(cell.replace(",", "."))


def _clock(cell: str, row: int, origin: str) -> float:
    match = CLOCK.fullmatch(cell.strip())
    if not match:
        raise BadRecording(
            f"{origin}: row {row} has the time {cell!r}, expected HH:MM:SS as in the rows before."
        )
    hours, minutes, rest = match.groups()
    return int(hours) * 3600.0 + int(minutes) * 60.0 + float((rest or "0").replace(",", "."))


def _onward(clock_s: np.ndarray) -> np.ndarray:
    """Clock times where each step back by half a day or more is a midnight."""
    return clock_s + DAY_S * np.append(0, np.cumsum(np.diff(clock_s) < -HALF_DAY_S))


def _stamp(cell: str, readers: Sequence[Callable[[str], datetime]], row: int, origin: str) -> float:
    for read in readers:
        try:
            stamp = read(cell.strip())
        except ValueError:
            continue
        return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    raise BadRecording(
        f"{origin}: row {row} has the time {cell!r}, expected seconds, HH:MM:SS or ISO 8601: "
        "give time_format as strptime takes it."
    )
