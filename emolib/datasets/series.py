"""Pulse and EEG from CSV files that carry their own time: a start and a rate, or time stamps."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree
from emolib.datasets.tables import numbers, read_rows, read_table, whole_numbers
from emolib.signals.files import MOST_HZ

LEAST_HZ = {"ppg": 16.0, "ecg": 16.0, "bpm": 0.1, "raw": 16.0}  # below, time stamps are hardly seconds
HEART = ("ppg", "ecg", "bpm")
STAMPS = ("timestamp", "timestamps")
JITTER = 0.5  # of the median step; a lost sample is 1, and stamps at 256 Hz rounded to ms reach 0.25


class Recording(NamedTuple):
    """Fields of a Trial that a file gives."""

    data: np.ndarray
    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()


def read_heart(tree: Tree, name: str) -> Recording:
    """(n_times,) float32: an Empatica E4's BVP.csv, or a column ppg, ecg or bpm beside time stamps in seconds.

    Empty cells beside time stamps stay NaN. Raises BadRecording.
    """
    head = _head(tree, name)
    if _is_number(head[0]):
        return _empatica(tree, name)
    found = [column for column in head if column.lower() in HEART]
    if len(found) != 1:
        raise BadRecording(
            f"{tree.where(name)} has columns {', '.join(head)}; expected timestamp and one of "
            f"{', '.join(HEART)}, or the lines of an Empatica BVP.csv: name the columns in its first line."
        )
    kind = found[0].lower()
    data, sfreq = _stamped(tree, name, head, found, LEAST_HZ[kind])
    return Recording(data[0], sfreq, kind)


def read_eeg(tree: Tree, name: str) -> Recording:
    """(n_chans, n_times) float32 in µV: every column beside time stamps in seconds is a channel.

    Empty cells stay NaN. Raises BadRecording.
    """
    head = _head(tree, name)
    channels = tuple(column for column in head if column.lower() not in STAMPS)
    data, sfreq = _stamped(tree, name, head, channels, LEAST_HZ["raw"])
    return Recording(data, sfreq, "raw", channels)


def rate(time_s: np.ndarray, least_hz: float, where: str) -> float:
    """Rate in Hz, to four digits, of time stamps (n_times,) in seconds: steps over time, as they may be rounded.

    Raises BadRecording for a step that is half the median longer or shorter, and for an implausible rate.
    """
    if len(time_s) < 2:
        raise BadRecording(f"{where} has {len(time_s)} samples, expected two or more: record it again.")
    steps_s = np.diff(time_s)
    median_s = np.median(steps_s)
    uneven = np.flatnonzero(~(np.abs(steps_s - median_s) <= JITTER * median_s))
    if len(uneven) or median_s == 0:
        at = uneven[0] if len(uneven) else 0
        raise BadRecording(
            f"{where}: time stamps step by {steps_s[at]:g} s to data row {at + 2}, the median is {median_s:g} s; "
            f"expected all within {JITTER:.0%} of it: cut the recording there, or resample it evenly."
        )
    found = (len(time_s) - 1) / (time_s[-1] - time_s[0])
    if not least_hz <= found <= MOST_HZ:
        expected = f"{least_hz:g} or more" if found < least_hz else f"{MOST_HZ:g} or less"
        raise BadRecording(
            f"{where}: time stamps make {found:.4g} Hz, expected {expected}: write them in seconds."
        )
    return float(f"{found:.4g}")


def _stamped(tree: Tree, name: str, head: list[str], columns: Sequence[str], least_hz: float):
    """Columns (n_columns, n_times) float32 and their rate in Hz."""
    where = tree.where(name)
    stamps = [column for column in head if column.lower() in STAMPS]
    if len(stamps) != 1 or not columns or "" in head or len(set(head)) < len(head):
        raise BadRecording(
            f"{where} has columns {', '.join(head)}; expected timestamps and channels, each with a name of its "
            "own: mend its first line."
        )
    table = read_table(tree, name, head)
    sfreq = rate(whole_numbers(table[stamps], where)[:, 0], least_hz, where)
    return np.ascontiguousarray(numbers(table[list(columns)], where).T, np.float32), sfreq


def _empatica(tree: Tree, name: str) -> Recording:
    where = tree.where(name)
    values = whole_numbers(read_table(tree, name, ["bvp"], header=False), where)[:, 0]
    sfreq = values[1] if len(values) > 1 else 0.0
    if len(values) < 3 or not LEAST_HZ["ppg"] <= sfreq <= MOST_HZ:
        raise BadRecording(
            f"{where}: rate is {sfreq:g} Hz in line 2, expected {LEAST_HZ['ppg']:g} to {MOST_HZ:g} and samples of a "
            "pulse behind it: a heart rate needs a first line timestamp,bpm."
        )
    return Recording(values[2:].astype(np.float32), float(sfreq), "ppg")


def _head(tree: Tree, name: str) -> list[str]:
    cells = [cell.strip() for cell in next(read_rows(tree, name), [])]
    if not cells:
        raise BadRecording(f"{tree.where(name)} has nothing in its first line, expected a CSV table.")
    return cells


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
