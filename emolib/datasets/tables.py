"""Tables of corpora: CSV files, and pulse, EEG and skin in CSV files that carry their own time."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import DAMAGED, Tree
from emolib.signals.files import FLOAT32_MAX, MOST_HZ
from emolib.signals.skin import CHANNELS, with_temperature

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 10_000  # a wider line is damage, and takes pandas minutes
# below, time stamps are hardly seconds
LEAST_HZ = {"ppg": 16.0, "ecg": 16.0, "bpm": 0.1, "raw": 16.0, "eda": 1.0, "temp": 0.1}
STAMPS = ("timestamp", "timestamps")
JITTER = 0.5  # of the median step; a lost sample is 1, and stamps at 256 Hz rounded to ms reach 0.25


def read_table(tree: Tree, name: str, columns: Sequence[str], *, header: bool = True) -> "pd.DataFrame":
    """The named columns of a CSV file; without a header these are all its columns, in order. `#` begins a comment.
    Raises BadRecording for a file that is empty, cut off inside its last row, or lacks a column."""
    import pandas as pd

    data = tree.read(name)
    widest = max((line.count(b",") for line in io.BytesIO(data)), default=0) + 1
    if widest > MOST_COLUMNS:
        raise tree.damaged(name, f"has a line of {widest} cells, expected {MOST_COLUMNS} or fewer")
    try:
        frame = pd.read_csv(io.BytesIO(data), header=0 if header else None, comment="#", low_memory=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise tree.damaged(name, f"is no CSV table ({' '.join(str(error).split())})") from error
    n_last = data.rstrip().rpartition(b"\n")[2].count(b",") + 1
    if n_last != frame.shape[1]:
        raise tree.damaged(name, f"was cut off: its last row has {n_last} cells, expected {frame.shape[1]}")
    if not header:
        if frame.shape[1] != len(columns):
            raise tree.damaged(name, f"has {frame.shape[1]} columns, expected {', '.join(columns)}")
        return frame.set_axis(list(columns), axis=1)
    frame = frame.rename(columns=str.strip)
    if missing := [column for column in columns if column not in frame]:
        raise tree.damaged(name, f"has no column {missing[0]}, found {', '.join(frame.columns[:8])}")
    return frame[list(columns)]


def read_numbers(
    tree: Tree, name: str, columns: Sequence[str], *, header: bool = True, gaps: bool = False
) -> np.ndarray:
    """The named columns of a CSV file as `cell_values`; raises as that and `read_table`."""
    return cell_values(read_table(tree, name, columns, header=header), tree.where(name), gaps=gaps)


def cell_values(frame: "pd.DataFrame", place: str, *, gaps: bool = False) -> np.ndarray:
    """A table's cells (n_rows, n_columns) float64; with `gaps`, empty ones are NaN. Raises BadRecording for text."""
    import pandas as pd

    values = frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    is_wrong = np.isnan(values) & (frame.notna().to_numpy() | (not gaps))
    wrong = np.argwhere(is_wrong | (np.abs(values) > FLOAT32_MAX))
    if len(wrong):
        row, column = wrong[0]
        cell, head = frame.iloc[:, column].tolist()[row], frame.columns[column]
        raise BadRecording(f"{place} holds {cell!r} in data row {row + 1}, column {head}, expected a number.")
    return values


def read_rows(tree: Tree, name: str) -> Iterator[list[str]]:
    """Cells of one row after the other, of a CSV file too large to hold. Raises BadRecording."""
    n_rows = 0
    try:
        with tree.open(name) as file:
            for cells in csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline="")):
                n_rows += 1
                yield cells
    except (*DAMAGED, OSError, csv.Error) as error:
        what = f"is damaged after row {n_rows} ({error}), expected CSV text in UTF-8"
        raise tree.damaged(name, what) from error


class Recording(NamedTuple):
    """Fields of a Trial that a file gives."""

    data: np.ndarray
    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()


def read_heart(tree: Tree, name: str) -> Recording:
    """(n_times,) float32, gaps NaN: an Empatica E4's BVP.csv, or ppg, ecg or bpm beside time stamps. Raises BadRecording."""
    head = _head(tree, name)
    with suppress(ValueError):
        float(head[0])  # no name: the start in Unix time
        return Recording(*read_empatica(tree, name)[1:], "ppg")
    found = [column for column in head if column.lower() in ("ppg", "ecg", "bpm")]
    if len(found) != 1:
        expected = "timestamp and one of ppg, ecg, bpm, or the lines of an Empatica BVP.csv"
        raise BadRecording(f"{tree.where(name)} has columns {', '.join(head) or 'none'}; expected {expected}.")
    kind = found[0].lower()
    data, sfreq = _stamped(tree, name, head, found, LEAST_HZ[kind])
    return Recording(data[0], sfreq, kind)


def read_eeg(tree: Tree, name: str) -> Recording:
    """(n_chans, n_times) float32 in µV, gaps NaN: every column beside time stamps is a channel. Raises BadRecording."""
    head = _head(tree, name)
    channels = tuple(column for column in head if column.lower() not in STAMPS)
    return Recording(*_stamped(tree, name, head, channels, LEAST_HZ["raw"]), "raw", channels)


def read_skin(tree: Tree, name: str) -> Recording:
    """(2, n_times) float32, gaps NaN: an Empatica E4's EDA.csv, or eda and, if recorded, temp beside time stamps. Raises
    BadRecording."""
    head = _head(tree, name)
    if len(head) == 1:
        _, eda, sfreq = read_empatica(tree, name, "eda")
        return Recording(with_temperature(eda), sfreq, "eda", CHANNELS)
    columns = [found[0] for one in CHANNELS if (found := [name for name in head if name.lower() == one])]
    if not columns or columns[0].lower() != "eda":
        expected = "timestamp, eda and, if recorded, temp, or the lines of an Empatica EDA.csv"
        raise BadRecording(f"{tree.where(name)} has columns {', '.join(head)}; expected {expected}.")
    data, sfreq = _stamped(tree, name, head, columns, LEAST_HZ["eda"])
    return Recording(data if len(data) == 2 else with_temperature(data[0]), sfreq, "eda", CHANNELS)


def read_empatica(tree: Tree, name: str, kind: str = "ppg") -> tuple[float, np.ndarray, float]:
    """An Empatica E4's BVP.csv, or one like it: start in Unix time, samples (n_times,) float32, rate in Hz. Raises
    BadRecording."""
    values = read_numbers(tree, name, [kind], header=False)[:, 0]
    if len(values) < 3 or not LEAST_HZ[kind] <= values[1] <= MOST_HZ:
        got = f"{values[1:2].tolist()} as rate in line 2, expected {LEAST_HZ[kind]:g} to {MOST_HZ:g} Hz"
        hint = "; a heart rate needs a line timestamp,bpm" if kind == "ppg" else ""
        raise BadRecording(f"{tree.where(name)}: got {got}{hint}.")
    return values[0], values[2:].astype(np.float32), float(values[1])


def read_session(tree: Tree, name: str) -> tuple[float, np.ndarray, float]:
    """An Empatica E4's EDA.csv with the TEMP.csv beside it, if there is one: start in Unix time, (2, n_times) float32 in µS
    and °C, rate in Hz. Raises BadRecording."""
    start_s, eda, sfreq = read_empatica(tree, name, "eda")
    for beside in tree.names(name.removesuffix("EDA.csv") + "TEMP.csv"):
        temp_start_s, temp, temp_hz = read_empatica(tree, beside, "temp")
        return start_s, with_temperature(eda, sfreq, temp, temp_hz, temp_start_s - start_s), sfreq
    return start_s, with_temperature(eda), sfreq


def sampling_rate(time_s: np.ndarray, least_hz: float, where: str) -> float:
    """Rate in Hz, to four digits, of time stamps in seconds, which may be rounded. Raises BadRecording for uneven ones."""
    if len(time_s) < 2:
        raise BadRecording(f"{where} has {len(time_s)} samples, expected two or more: record it again.")
    steps_s = np.diff(time_s)
    median_s = np.median(steps_s)
    is_even = np.abs(steps_s - median_s) <= JITTER * median_s
    if not (is_even.all() and median_s > 0):
        at = is_even.argmin()
        got = f"time stamps step by {steps_s[at]:g} s to data row {at + 2}, the median is {median_s:g} s"
        raise BadRecording(f"{where}: {got}, expected all within {JITTER:.0%} of it: resample it evenly.")
    found = (len(time_s) - 1) / (time_s[-1] - time_s[0])
    if not least_hz <= found <= MOST_HZ:
        expected = f"{least_hz:g} to {MOST_HZ:g}: write them in seconds"
        raise BadRecording(f"{where}: time stamps make {found:.4g} Hz, expected {expected}.")
    return float(f"{found:.4g}")


def _stamped(tree: Tree, name: str, head: list[str], columns: Sequence[str], least_hz: float):
    """Columns (n_columns, n_times) float32 beside time stamps, and their rate in Hz."""
    where = tree.where(name)
    stamps = [column for column in head if column.lower() in STAMPS]
    if len(stamps) != 1 or not columns or "" in head or len(set(head)) < len(head):
        expected = "timestamps and channels, each with a name of its own: mend line 1"
        raise BadRecording(f"{where} has columns {', '.join(head) or 'none'}; expected {expected}.")
    table = read_table(tree, name, head)
    sfreq = sampling_rate(cell_values(table[stamps], where)[:, 0], least_hz, where)
    return np.ascontiguousarray(cell_values(table[list(columns)], where, gaps=True).T, np.float32), sfreq


def _head(tree: Tree, name: str) -> list[str]:
    return [cell.strip() for cell in next(read_rows(tree, name), [])] or [""]
