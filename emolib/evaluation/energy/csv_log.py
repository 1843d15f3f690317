"""CSV of outlet meters, USB meters, nvidia-smi and our own sampler: one reader, columns by name and unit."""

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emolib.core.errors import BadRecording
from emolib.evaluation.energy import clocks
from emolib.evaluation.energy.columns import Column, Columns, unit_of
from emolib.evaluation.energy.rows import Rows, kept, table, whole
from emolib.evaluation.energy.trace import Trace

NOTHING = {
    "",
    "-",
    "--",
    "---",
    "nan",
    "n/a",
    "[n/a]",
    "null",
    "none",
    "[not supported]",
    "unavailable",
    "unknown",
}
NUMBER = re.compile(r"([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*([A-Za-zµμ]*)")


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

    Columns are found by name and unit in the head, or named by `time`, `power`, `voltage`, `current`;
    `voltage_v` stands for a voltage that was not logged, `keep` are cells that a row must have. Cells without
    a value, rows kept out and rows with the stamp of another (averaged) are counted in the trace. Raises
    BadRecording, which names file and row.
    """
    names = {"time": time, "power": power, "voltage": voltage, "current": current}
    head, found, rows = table(Path(path), names)
    dropped: Counter[str] = Counter()
    rows = kept(rows, head, keep or {}, str(path), dropped)
    rows = whole(rows, head, str(path), dropped)
    power_w = _power(rows, found, voltage_v, str(path))
    known = np.isfinite(power_w)
    dropped["no value"] += int((~known).sum())
    rows = [row for row, has in zip(rows, known, strict=True) if has]
    if len(rows) < 2:
        raise BadRecording(f"{path}: {len(rows)} rows with a value, expected 2 or more: is the log whole?")
    return _trace(_times(rows, found, time_format, str(path)), power_w[known], rows, str(path), dropped)


def write(trace: Trace, path: str | Path):
    """A trace as CSV, as `read` takes it: time_s, power_w."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", "power_w"])
        writer.writerows((f"{t:.6f}", f"{p:.9g}") for t, p in zip(trace.time_s, trace.power_w, strict=True))


def _power(rows: Rows, found: Columns, voltage_v: float, origin: str) -> np.ndarray:
    """Power in W (n,), NaN where a row has none."""
    if found.power:
        return _values(rows, found.power, origin)
    if not found.voltage and not math.isfinite(voltage_v):
        raise BadRecording(
            f"{origin}: {found.current.name} and no voltage, expected both: give voltage_v in V."
        )
    voltage = _values(rows, found.voltage, origin) if found.voltage else voltage_v
    return voltage * _values(rows, found.current, origin)


def _values(rows: Rows, column: Column, origin: str) -> np.ndarray:
    return np.array([_value(row[column.place], k, column, origin) for k, row in rows])


def _value(cell: str, row: int, column: Column, origin: str) -> float:
    if cell.lower() in NOTHING:
        return math.nan
    match = NUMBER.fullmatch(cell)
    try:
        if match and match[2].lower() in ("", unit_of(column.name)):
            return float(match[1].replace(",", ".")) * column.scale
    except ValueError:
        pass
    raise BadRecording(f"{origin}: row {row} has {cell!r} in {column.name}, expected a number.")


def _times(rows: Rows, found: Columns, time_format: str, origin: str) -> np.ndarray:
    cells = [" ".join(row[column.place] for column in found.time) for _, row in rows]
    return clocks.seconds(cells, [k for k, _ in rows], found.time_unit, time_format, origin)


def _trace(time_s: np.ndarray, power_w: np.ndarray, rows: Rows, origin: str, dropped: Counter) -> Trace:
    back = np.flatnonzero(np.diff(time_s) < 0)
    if len(back):
        k = int(back[0]) + 1
        raise BadRecording(
            f"{origin}: time goes back by {time_s[k - 1] - time_s[k]:.3f} s at row {rows[k][0]}: cut the log there."
        )
    times, inverse, counts = np.unique(time_s, return_inverse=True, return_counts=True)
    dropped["same time stamp, averaged"] += len(time_s) - len(times)
    means = np.bincount(inverse, weights=power_w) / counts
    return Trace(times, means, origin, {reason: k for reason, k in dropped.items() if k})
