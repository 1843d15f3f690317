"""Readers of meters' logs by name: CSV, nvidia-smi, and Nordic's Power Profiler Kit II with its digital inputs."""

import inspect
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter, BadRecording, check_names
from emolib.device.markers import Marker
from emolib.evaluation.energy import csv_log
from emolib.evaluation.energy.trace import Trace

PPK2_TIME, PPK2_CURRENT, PPK2_DIGITAL = "Timestamp(ms)", "Current(uA)", "D0-D7"
HIGH = ("1", "X")  # X: high and low within one sample
CHUNK = 1_000_000  # rows; ten seconds of 100 000 a second


def read(reader: str, path: str | Path, **options) -> Trace:
    """The trace of a log. Raises BadParameter for a reader or an option that does not exist, BadRecording."""
    if reader not in READERS:
        raise BadParameter(f"reader: got {reader!r}, expected one of {', '.join(READERS)}.")
    check_names(options, list(inspect.signature(READERS[reader]).parameters)[1:], f"reader {reader}")
    if not Path(path).is_file():
        raise BadRecording(f"{path}: no such log, expected a file that reader {reader} takes.")
    return READERS[reader](path, **options)


def read_smi(path: str | Path, gpu: int = 0) -> Trace:
    """Power of one GPU in a log of `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv -lms 100`.

    A log without a column `index` must be of one GPU alone. Raises BadRecording.
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        head = [cell.strip() for cell in file.readline().split(",")]
    return csv_log.read(path, keep={"index": str(gpu)} if "index" in head else None)


def read_ppk2(path: str | Path, voltage_v: float = math.nan, step_ms: float = 1.0) -> Trace:
    """Power of the current of a PPK2 at `voltage_v`: the mean of every `step_ms` milliseconds.

    The kit logs no voltage; `voltage_v` is what it was set to, or what the source behind it gave. Raises
    BadParameter without one, and BadRecording, which names file and row.
    """
    if not voltage_v > 0:
        raise BadParameter(f"{path}: voltage_v is {voltage_v}, expected the V that the PPK2 was set to.")
    if not step_ms > 0:
        raise BadParameter(f"{path}: step_ms is {step_ms}, expected more than 0.")
    sums: list[np.ndarray] = []  # of each chunk: step, samples, sum of times, sum of currents
    for chunk in _ppk2_chunks(path, [PPK2_TIME, PPK2_CURRENT]):
        at_ms = chunk[PPK2_TIME].to_numpy()
        steps, inverse, counts = np.unique(at_ms // step_ms, return_inverse=True, return_counts=True)
        columns = [np.bincount(inverse, weights=x) for x in (at_ms, chunk[PPK2_CURRENT].to_numpy())]
        sums.append(np.column_stack([steps, counts, *columns]))
    steps, inverse = np.unique(np.concatenate(sums)[:, 0], return_inverse=True)
    totals = np.zeros((len(steps), 3))
    np.add.at(totals, inverse, np.concatenate(sums)[:, 1:])
    counts, at_ms, current_ua = totals.T
    return Trace(at_ms / counts / 1e3, voltage_v * current_ua / counts / 1e6, str(path))


def ppk2_markers(path: str | Path, channels: Mapping[int, str]) -> list[Marker]:
    """A marker of one inference each time that a digital channel of a PPK2 is high; `channels` {0: "name"}.

    They are on the meter's own clock, so nothing needs alignment. Raises BadRecording for an export without
    digital channels, or where none of these is ever high.
    """
    head, markers = _ppk2_head(path), []
    for channel, what in channels.items():
        if not 0 <= int(channel) < 8:
            raise BadParameter(f"{path}: channel {channel}, expected 0 to 7.")
        column = f"D{channel}" if f"D{channel}" in head else PPK2_DIGITAL
        if column not in head:
            raise BadRecording(f"{path}: no digital channels; export them, as one field or as eight.")
        markers += _pulses(path, column, int(channel) if column == PPK2_DIGITAL else 0, what)
    if not markers:
        names = ", ".join(map(str, channels))
        raise BadRecording(f"{path}: channels {names} are never high: is the wire right?")
    return sorted(markers)


def _pulses(path: str | Path, column: str, place: int, what: str) -> list[Marker]:
    times, high = [], []
    for chunk in _ppk2_chunks(path, [PPK2_TIME, column]):
        times.append(chunk[PPK2_TIME].to_numpy() / 1e3)
        high.append(chunk[column].str.get(place).isin(HIGH).to_numpy())
    at_s, is_high = np.concatenate(times), np.concatenate([[False], *high, [False]])
    ends_s = np.append(at_s, at_s[-1] + np.median(np.diff(at_s))).tolist()
    edges = np.flatnonzero(np.diff(is_high.astype(np.int8)))
    return [Marker(ends_s[a], ends_s[b], 1, what) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _ppk2_head(path: str | Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            head, first = (file.readline().strip().split(",") for _ in range(2))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecording(f"{path}: {error}; expected the CSV export of the Power Profiler.") from None
    if PPK2_TIME not in head or PPK2_CURRENT not in head:
        raise BadRecording(
            f"{path}: row 1 is {','.join(head)[:80]!r}, expected {PPK2_TIME},{PPK2_CURRENT} in it."
        )
    if len(first) > len(head):  # pandas would take the others for the names of rows
        raise BadRecording(f"{path}: row 2 has {len(first)} cells, expected {len(head)}: export again.")
    return head


def _ppk2_chunks(path: str | Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Tables of these columns: time and current as checked numbers, digital channels as text."""
    n_cells, n_rows, last_ms = len(_ppk2_head(path)), 0, -math.inf
    text = {name: str for name in columns if name not in (PPK2_TIME, PPK2_CURRENT)}
    try:
        for table in pd.read_csv(path, dtype=text, chunksize=CHUNK, encoding="utf-8-sig"):
            chunk, first = table[columns].copy(), n_rows + 2
            for name in chunk.columns.difference(list(text)):
                numbers = pd.to_numeric(chunk[name], errors="coerce")
                if numbers.isna().any():
                    k = int(numbers.isna().to_numpy().argmax())
                    raise BadRecording(
                        f"{path}: row {first + k} has {chunk[name].tolist()[k]!r} in {name}, expected a number."
                    )
                chunk[name] = numbers.astype(np.float64)
            back = np.flatnonzero(np.diff(chunk[PPK2_TIME], prepend=last_ms) <= 0)
            if len(back):
                raise BadRecording(
                    f"{path}: time does not go on at row {first + int(back[0])}: export again."
                )
            n_rows, last_ms = n_rows + len(chunk), float(chunk[PPK2_TIME].iloc[-1])
            yield chunk
    except (KeyError, ValueError) as error:  # not such a table, or not UTF-8
        raise BadRecording(
            f"{path}: {str(error).strip()}; expected {n_cells} cells a row: export again."
        ) from None
    if n_rows < 2:
        raise BadRecording(f"{path}: {n_rows} rows below the head, expected 2 or more: export again.")


READERS = {"csv": csv_log.read, "ppk2": read_ppk2, "nvidia-smi": read_smi}
