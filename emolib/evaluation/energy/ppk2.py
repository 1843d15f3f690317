"""CSV export of Nordic's Power Profiler Kit II, and the markers that its digital inputs carry."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import Marker
from emolib.evaluation.energy.trace import Trace

TIME, CURRENT, TOGETHER = "Timestamp(ms)", "Current(uA)", "D0-D7"
HIGH = ("1", "X")  # X: both within one sample
CHUNK = 1_000_000  # rows; ten seconds of 100 000 a second
N_CHANNELS = 8


def read(path: str | Path, voltage_v: float = math.nan, step_ms: float = 1.0) -> Trace:
    """Power of the current of a PPK2 at `voltage_v`, the mean of every `step_ms` milliseconds.

    The kit logs no voltage: `voltage_v` is what it was set to, or what the source behind it gave. Raises
    BadParameter without one, BadRecording, which names file and row.
    """
    if not voltage_v > 0:
        raise BadParameter(f"{path}: voltage_v is {voltage_v}, expected the V that the PPK2 was set to.")
    if not step_ms > 0:
        raise BadParameter(f"{path}: step_ms is {step_ms}, expected more than 0.")
    sums: list[np.ndarray] = []
    for chunk in _chunks(path, [TIME, CURRENT]):
        at = chunk[TIME].to_numpy()
        bins, inverse, counts = np.unique(at // step_ms, return_inverse=True, return_counts=True)
        columns = [np.bincount(inverse, weights=x) for x in (at, chunk[CURRENT].to_numpy())]
        sums.append(np.column_stack([bins, counts, *columns]))
    bins, inverse = np.unique(np.concatenate(sums)[:, 0], return_inverse=True)
    totals = np.zeros((len(bins), 3))
    np.add.at(totals, inverse, np.concatenate(sums)[:, 1:])
    counts, at_ms, current_ua = totals.T
    return Trace(at_ms / counts / 1e3, voltage_v * current_ua / counts / 1e6, str(path))


def read_markers(path: str | Path, channels: Mapping[int, str]) -> list[Marker]:
    """A marker of one inference each time that a digital channel is high; `channels` names what each means.

    They are on the meter's own clock, so nothing is to be aligned. Raises BadRecording for an export without
    digital channels, or where none of these is ever high.
    """
    head = _head(path)
    markers = []
    for channel, what in channels.items():
        if not 0 <= int(channel) < N_CHANNELS:
            raise BadParameter(f"{path}: channel {channel}, expected 0 to {N_CHANNELS - 1}.")
        column = f"D{channel}" if f"D{channel}" in head else TOGETHER
        if column not in head:
            raise BadRecording(f"{path}: no digital channels; export them, as one field or as eight.")
        place = int(channel) if column == TOGETHER else 0
        markers += _pulses(path, column, place, what)
    if not markers:
        raise BadRecording(
            f"{path}: channels {', '.join(map(str, channels))} are never high: is the wire right?"
        )
    return sorted(markers)


def _pulses(path: str | Path, column: str, place: int, what: str) -> list[Marker]:
    times, high = [], []
    for chunk in _chunks(path, [TIME, column]):
        times.append(chunk[TIME].to_numpy() / 1e3)
        high.append(chunk[column].str.get(place).isin(HIGH).to_numpy())
    at, up = np.concatenate(times), np.concatenate([[False], *high, [False]])
    edges = np.flatnonzero(np.diff(up.astype(np.int8)))
    ends = np.append(at, at[-1] + np.median(np.diff(at)))
    return [
        Marker(float(ends[a]), float(ends[b]), 1, what) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _head(path: str | Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            head, first = (file.readline().strip().split(",") for _ in range(2))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecording(f"{path}: {error}; expected the CSV export of the Power Profiler.") from None
    if TIME not in head or CURRENT not in head:
        raise BadRecording(f"{path}: row 1 is {','.join(head)[:80]!r}, expected {TIME},{CURRENT} in it.")
    if len(first) > len(head):  # pandas would take the others for the names of rows
        raise BadRecording(f"{path}: row 2 has {len(first)} cells, expected {len(head)}: export again.")
    return head


def _chunks(path: str | Path, columns: list[str]):
    """Tables of these columns, digital ones as text; numbers are checked."""
    import pandas as pd

    head = _head(path)
    text = {name: str for name in columns if name not in (TIME, CURRENT)}
    first, n_rows, last_ms = 2, 0, -math.inf
    try:
        for table in pd.read_csv(path, dtype=text, chunksize=CHUNK, encoding="utf-8-sig"):
            chunk = table[columns].copy()
            for name in columns:
                if name not in text:
                    chunk[name] = _numbers(chunk[name], first, f"{path}", name)
            last_ms = _onward(chunk[TIME].to_numpy(), last_ms, first, path)
            first, n_rows = first + len(chunk), n_rows + len(chunk)
            yield chunk
    except (KeyError, ValueError) as error:  # what is no such table, or no UTF-8
        raise BadRecording(
            f"{path}: {str(error).strip()}; expected {len(head)} cells a row: export again."
        ) from None
    if n_rows < 2:
        raise BadRecording(f"{path}: {n_rows} rows below the head, expected 2 or more: export again.")


def _numbers(column, first: int, origin: str, name: str):
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().any():
        at = int(numbers.isna().to_numpy().argmax())
        raise BadRecording(
            f"{origin}: row {first + at} has {column.tolist()[at]!r} in {name}, expected a number."
        )
    return numbers.astype(np.float64)


def _onward(at: np.ndarray, last_ms: float, first: int, path: str | Path) -> float:
    back = np.flatnonzero(np.diff(at, prepend=last_ms) <= 0)
    if len(back):
        raise BadRecording(f"{path}: time does not go on at row {first + int(back[0])}: export again.")
    return float(at[-1])
