"""CSV logs of outlet meters, USB meters, nvidia-smi and our own sensors: columns are found by name and unit."""

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadRecording
from emolib.evaluation.energy.trace import Trace

DELIMITERS = (";", "\t", ",")
COMMENTS = ("#", "%", "//")
HEAD_ROWS = 100  # the head is among these
MOST_CELLS = 1000  # in a row

# How columns are told apart. Units are written in small letters, with u for micro.
SCALES = {
    "power": {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "kw": 1e3, "uw": 1e-6},
    "voltage": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6},
    "current": {"a": 1.0, "amp": 1.0, "amps": 1.0, "ma": 1e-3, "ua": 1e-6, "na": 1e-9},
}
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
WITHOUT_UNIT = {"power": "power", "apower": "power", "active power": "power"}  # name: quantity, in SI units
WITHOUT_UNIT |= {"voltage": "voltage", "current": "current"}
TIME = re.compile(r"time|date|stamp|elapsed|clock|utc", re.IGNORECASE)
OTHER = re.compile(r"peak|max|min\b|minimum|avg|average|apparent|reactive|limit|budget", re.IGNORECASE)

# What cells hold
NO_VALUE = {"", "-", "--", "---", "nan", "n/a", "[n/a]", "null", "none", "[not supported]"}
NO_VALUE |= {"unavailable", "unknown"}
NUMBER = re.compile(r"([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*([A-Za-zµμ]*)")
CLOCK = re.compile(r"(\d{1,4}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?")
STAMPS = ("%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S")
EPOCH_MS = 1e11  # a number without a unit above this is milliseconds since 1970: as seconds, the year 5138
DAY_S = 86400.0

Rows = list[tuple[int, list[str]]]  # number of a line in the file, its cells


class Column(NamedTuple):
    """Place in a row, name, and the factor to W, V or A."""

    place: int
    name: str
    scale: float = 1.0


class Columns(NamedTuple):
    """Power, or voltage and current. `time` is two columns where a log has date and time apart."""

    time: list[Column]
    power: Column | None
    voltage: Column | None
    current: Column | None


def read(
    path: str | Path,
    time: str = "",
    power: str = "",
    voltage: str = "",
    current: str = "",
    voltage_v: float = math.nan,
    time_format: str = "",
    keep: Mapping[str, str] | None = None,
) -> Trace:
    """The trace of a CSV: power in W, mW, kW, or voltage times current; time in s, ms, … or as stamps.

    Columns are found by the names and units of the head, or named by `time`, `power`, `voltage`, `current`.
    `voltage_v` replaces a voltage that was not logged. `keep` {column: cell} picks rows. The trace counts cells
    without a value, rows not kept, and rows with the stamp of another row, whose powers are averaged. Raises
    BadRecording, which names file and row.
    """
    names = {"time": time, "power": power, "voltage": voltage, "current": current}
    head, columns, rows = _table(Path(path), names)
    dropped: Counter[str] = Counter()
    rows = _whole(_kept(rows, head, keep or {}, path, dropped), head, path, dropped)
    power_w = _power_w(rows, columns, voltage_v, path)
    known = np.isfinite(power_w)
    dropped["no value"] += int((~known).sum())
    rows, power_w = [row for row, has in zip(rows, known, strict=True) if has], power_w[known]
    if len(rows) < 2:
        raise BadRecording(f"{path}: {len(rows)} rows with a value, expected 2 or more: is the log whole?")
    time_s = _time_s(rows, columns.time, time_format, path)
    if (back := np.flatnonzero(np.diff(time_s) < 0)).size:
        k = int(back[0]) + 1
        raise BadRecording(
            f"{path}: time goes back by {time_s[k - 1] - time_s[k]:.3f} s at row {rows[k][0]}: cut the log there."
        )
    times, inverse, counts = np.unique(time_s, return_inverse=True, return_counts=True)
    dropped["same time stamp, averaged"] += len(time_s) - len(times)
    means = np.bincount(inverse, weights=power_w) / counts
    return Trace(times, means, str(path), {reason: k for reason, k in dropped.items() if k})


def write(trace: Trace, path: str | Path):
    """A trace as CSV, as `read` takes it: time_s, power_w."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", "power_w"])
        writer.writerows((f"{t:.6f}", f"{p:.9g}") for t, p in zip(trace.time_s, trace.power_w, strict=True))


# Rows


def _table(path: Path, names: Mapping[str, str]) -> tuple[list[str], Columns, Rows]:
    """The head, which may follow some other lines, its columns, and the rows below it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRecording(f"{path}: {error.strerror}; expected the CSV of a meter's program.") from None
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("latin-1").splitlines()
    written = [(k, line) for k, line in enumerate(lines, 1) if line.strip()]
    for at, (k, line) in enumerate(written):
        if k > HEAD_ROWS:
            break
        delimiter = max(DELIMITERS, key=line.count)
        head = _cells(line.lstrip("#%/ "), k, delimiter, path)
        if columns := _columns(head, names, path):
            below = [(k, line) for k, line in written[at + 1 :] if not line.lstrip().startswith(COMMENTS)]
            return head, columns, [(k, _cells(line, k, delimiter, path)) for k, line in below]
    wanted = ", ".join(f"{part}={name}" for part, name in names.items() if name) or "time, and W or V and A"
    begin = written[0][1][:80] if written else ""
    raise BadRecording(f"{path}: no row with columns of {wanted}; it begins with {begin!r}.")


def _cells(line: str, row: int, delimiter: str, path: Path) -> list[str]:
    if line.count(delimiter) >= MOST_CELLS:
        n = line.count(delimiter) + 1
        raise BadRecording(f"{path}: row {row} has {n} cells, expected {MOST_CELLS} or fewer.")
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise BadRecording(f"{path}: row {row} is damaged ({error}), expected cells of a CSV.") from None


def _kept(rows: Rows, head: list[str], keep: Mapping[str, str], path: str | Path, dropped: Counter) -> Rows:
    for name, value in keep.items():
        if name not in head:
            raise BadRecording(f"{path}: no column {name} to keep {value!r} of; it has {', '.join(head)}.")
        place = head.index(name)
        kept = [(k, row) for k, row in rows if len(row) > place and row[place] == value]
        dropped[f"other {name}"] += len(rows) - len(kept)
        rows = kept
    return rows


def _whole(rows: Rows, head: list[str], path: str | Path, dropped: Counter) -> Rows:
    """Rows with all their cells. The last may be cut short; a logger that restarts writes its head again."""
    whole = []
    for k, row in rows:
        if row == head:
            dropped["head again"] += 1
        elif len(row) >= len(head):
            whole.append((k, row))
        elif k == rows[-1][0]:
            dropped["cut short"] += 1
        else:
            raise BadRecording(f"{path}: row {k} has {len(row)} cells, expected {len(head)} as in its head.")
    return whole


# Columns


def _columns(head: Sequence[str], names: Mapping[str, str], path: Path) -> Columns | None:
    """The columns of a head, or None for a row that is none. Raises BadRecording for several of one quantity."""
    if any(name and name not in head for name in names.values()):
        return None
    time = _time_columns(head, names["time"])
    by_parts = names["voltage"] or names["current"]
    power = None if by_parts else _column("power", head, names["power"], path)
    voltage, current = (None if power else _column(q, head, names[q], path) for q in ("voltage", "current"))
    return Columns(time, power, voltage, current) if time and (power or current) else None


def _time_columns(head: Sequence[str], name: str) -> list[Column]:
    found = [Column(k, text) for k, text in enumerate(head) if (text == name if name else TIME.search(text))]
    by_name = {column.name.lower(): column for column in found}
    if "date" in by_name and "time" in by_name:
        return [by_name["date"], by_name["time"]]
    in_seconds = [Column(k, text) for k, text in enumerate(head) if _unit(text) in ("s", "ms", "us")]
    return (found or in_seconds)[:1]


def _column(quantity: str, head: Sequence[str], name: str, path: Path) -> Column | None:
    scales = SCALES[quantity]
    if name:
        return Column(head.index(name), name, scales.get(_unit(name), 1.0))
    found = [
        Column(k, text, scales.get(_unit(text), 1.0))
        for k, text in enumerate(head)
        if _unit(text) in scales or WITHOUT_UNIT.get(text.lower()) == quantity
    ]
    plain = [column for column in found if not OTHER.search(column.name)] or found
    if len(plain) > 1:
        several = ", ".join(column.name for column in plain)
        raise BadRecording(
            f"{path}: {several} are all columns of {quantity}: say which by {quantity}=<name>."
        )
    return plain[0] if plain else None


def _unit(name: str) -> str:
    """The unit that ends a column's name: "Power (W)", "power_w", "I/mA", "mA"."""
    in_brackets = re.search(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$", name)
    return _plain(in_brackets[1] if in_brackets else re.split(r"[\s_/]+", name.strip())[-1])


def _plain(unit: str) -> str:
    return unit.lower().replace("µ", "u").replace("μ", "u")


# Cells


def _power_w(rows: Rows, columns: Columns, voltage_v: float, path: str | Path) -> np.ndarray:
    """Power in W (n,), NaN where a row has none."""
    if columns.power:
        return _values(rows, columns.power, path)
    if not columns.voltage and not math.isfinite(voltage_v):
        raise BadRecording(
            f"{path}: {columns.current.name} and no voltage, expected both: give voltage_v in V."
        )
    voltage = _values(rows, columns.voltage, path) if columns.voltage else voltage_v
    return voltage * _values(rows, columns.current, path)


def _values(rows: Rows, column: Column, path: str | Path) -> np.ndarray:
    unit = _unit(column.name)

    def value(k: int, cell: str) -> float:
        if cell.lower() in NO_VALUE:
            return math.nan
        match = NUMBER.fullmatch(cell)
        if match and _plain(match[2]) in ("", unit):
            with suppress(ValueError):  # 1.2.3
                return _decimal(match[1]) * column.scale
        raise BadRecording(f"{path}: row {k} has {cell!r} in {column.name}, expected a number.")

    return np.array([value(k, row[column.place]) for k, row in rows])


def _time_s(rows: Rows, columns: list[Column], time_format: str, path: str | Path) -> np.ndarray:
    """Times (n,) in s: numbers in the unit of the column's name, clock times, or dates with clock times.

    A stamp without a zone is taken as UTC: alignment corrects the offset. Clock times go on after midnight.
    """
    cells = [" ".join(row[column.place] for column in columns) for _, row in rows]
    unit, kind = _unit(columns[0].name), "stamps" if time_format else _kind(cells[0])
    parse, expected = {
        "numbers": (_decimal, "a number as in the rows before"),
        "clock": (_clock_s, "HH:MM:SS as in the rows before"),
        "stamps": (
            partial(_stamp_s, time_format=time_format),
            "seconds, HH:MM:SS or ISO 8601: give time_format as strptime takes it",
        ),
    }[kind]
    found = np.empty(len(cells))
    for at, cell in enumerate(cells):
        try:
            found[at] = parse(cell)
        except ValueError:
            row = rows[at][0]
            raise BadRecording(f"{path}: row {row} has the time {cell!r}, expected {expected}.") from None
    if kind == "numbers":
        in_ms = unit not in SECONDS and found[0] > EPOCH_MS
        return found * (1e-3 if in_ms else SECONDS.get(unit, 1.0))
    if kind == "clock":  # a step back by half a day or more is a midnight
        return found + DAY_S * np.append(0, np.cumsum(np.diff(found) < -DAY_S / 2))
    return found


def _kind(cell: str) -> str:
    with suppress(ValueError):
        _decimal(cell)
        return "numbers"
    return "clock" if CLOCK.fullmatch(cell) else "stamps"


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))


def _clock_s(cell: str) -> float:
    if not (match := CLOCK.fullmatch(cell)):
        raise ValueError(cell)
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600.0 + int(minutes) * 60.0 + _decimal(seconds or "0")


def _stamp_s(cell: str, time_format: str) -> float:
    """Seconds since 1970 of a date with a clock time, by its format, or by the first of ISO 8601 and STAMPS that fits."""
    for known in [time_format] if time_format else ["", *STAMPS]:
        with suppress(ValueError):
            stamp = datetime.strptime(cell, known) if known else datetime.fromisoformat(cell)
            return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    raise ValueError(cell)
