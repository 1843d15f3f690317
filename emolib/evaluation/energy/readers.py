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
    return READERS[reader](path, **options)


def read_smi(path: str | Path, gpu: int = 0) -> Trace:
    """Power of one GPU in a log of `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv,nounits -lms 100`."""
    return csv_log.read(
        path, time="timestamp", power="power.draw [W]", keep={"index": str(gpu)}, time_format="%Y/%m/%d %H:%M:%S.%f"
    )  # fmt: skip


def read_ppk2(path: str | Path, voltage_v: float = math.nan, step_ms: float = 1.0) -> Trace:
    """Power of the current of a PPK2 at `voltage_v`, to which it was set: the mean of every `step_ms` milliseconds.

    Raises BadParameter without a voltage, and BadRecording.
    """
    if not voltage_v > 0:
        raise BadParameter(f"{path}: voltage_v is {voltage_v}, expected the V that the PPK2 was set to.")
    sums = [
        chunk.assign(n=1).groupby(chunk[PPK2_TIME] // step_ms).sum()
        for chunk in _chunks(path, PPK2_TIME, PPK2_CURRENT)
    ]
    sums = pd.concat(sums).groupby(level=0).sum()
    current_ua = sums[PPK2_CURRENT] / sums.n
    return Trace(sums[PPK2_TIME] / sums.n / 1e3, voltage_v * current_ua / 1e6, str(path))


def ppk2_markers(path: str | Path, channels: Mapping[int, str]) -> list[Marker]:
    """A marker of one inference each time that a digital channel of a PPK2 is high, on the meter's own clock; `channels`
    {0: "name"}. Raises BadRecording for an export without them, or where none of these is ever high."""
    with csv_log.named(path):
        together = PPK2_DIGITAL in pd.read_csv(path, nrows=0, **csv_log.AS_WRITTEN)
    markers = []
    for channel, what in channels.items():
        column = PPK2_DIGITAL if together else f"D{channel}"
        log = pd.concat(_chunks(path, PPK2_TIME, text=column))
        high = log[column].str.get(channel if together else 0).isin(HIGH).to_numpy()
        at_s = log[PPK2_TIME].to_numpy() / 1e3
        ends_s = np.append(at_s, at_s[-1] + np.median(np.diff(at_s))).tolist()
        edges = np.flatnonzero(np.diff(high, prepend=False, append=False))
        markers += [
            Marker(ends_s[a], ends_s[b], 1, what) for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
    if not markers:
        names = ", ".join(map(str, channels))
        raise BadRecording(f"{path}: channels {names} are never high: is the wire right?")
    return sorted(markers)


def _chunks(path: str | Path, *columns: str, text: str = "") -> Iterator[pd.DataFrame]:
    """Tables of these columns as checked numbers, and of one column as text. Time must go on."""
    last_ms = -math.inf
    options = {"usecols": [*columns, *filter(None, [text])], "dtype": {text: str}, "chunksize": CHUNK}
    with csv_log.named(path):
        for chunk in pd.read_csv(path, **options, **csv_log.AS_WRITTEN):
            chunk = chunk.assign(**{name: csv_log.numbers(chunk[name], path) for name in columns})
            at_ms = chunk[PPK2_TIME].to_numpy()
            if not (np.diff(at_ms, prepend=last_ms) > 0).all():
                raise BadRecording(f"{path}: time does not go on after {last_ms} ms: export again.")
            last_ms = at_ms[-1]
            yield chunk


READERS = {"csv": csv_log.read, "ppk2": read_ppk2, "nvidia-smi": read_smi}
