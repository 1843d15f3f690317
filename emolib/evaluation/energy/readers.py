"""Readers of meters' logs by name: CSV with named columns, nvidia-smi, and Nordic's Power Profiler Kit II."""

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter, BadRecording, check_names
from emolib.device.markers import Marker
from emolib.evaluation.energy.trace import Trace

NO_VALUE = ("-", "--", "[N/A]", "[Not Supported]", "unavailable", "unknown")  # beside those that pandas knows
AS_WRITTEN = {"index_col": False, "encoding": "utf-8-sig", "encoding_errors": "replace", "compression": None}
HEAD = 10_000  # bytes of the first line at most
PPK2_TIME, PPK2_CURRENT, PPK2_DIGITAL = "Timestamp(ms)", "Current(uA)", "D0-D7"
HIGH = ("1", "X")  # X: high and low within one sample
CHUNK = 1_000_000  # rows; ten seconds of 100 000 a second


def read(reader: str, path: str | Path, **options) -> Trace:
    """The trace of a log. Raises BadParameter for a reader or an option that does not exist, BadRecording."""
    if reader not in READERS:
        raise BadParameter(f"reader: got {reader!r}, expected one of {', '.join(READERS)}.")
    check_names(options, list(inspect.signature(READERS[reader]).parameters)[1:], f"reader {reader}")
    return READERS[reader](path, **options)


def read_csv(
    path: str | Path,
    time: str = "time_s",
    power: str = "power_w",
    current: str = "",
    voltage: str = "",
    voltage_v: float = math.nan,
    scale: float = 1.0,
    time_scale: float = 1.0,
    time_format: str = "",
    keep: Mapping[str, str] | None = None,
    sep: str = ",",
    decimal: str = ".",
    skiprows: int = 0,
) -> Trace:
    """The trace of a CSV: `power`, or where `current` is named, it times `voltage` or the fixed `voltage_v`.

    Their number times `scale` is W: 1e-3 for mW. Times are numbers that `time_scale` makes seconds, or dates with
    times, in ISO 8601 or by `time_format` as strptime takes it, in UTC where they name no zone. `keep` {column: cell}
    picks rows. The trace counts rows without a value, rows not kept, and rows with the time of another row, whose powers
    are averaged. Raises BadRecording.
    """
    keep, values = keep or {}, [name for name in (current, voltage) if name] if current else [power]
    if current and not (voltage or voltage_v > 0):
        raise BadRecording(f"{path}: {current} and no voltage: name its column, or give voltage_v in V.")
    with named(path):
        table = pd.read_csv(
            path, usecols=[time, *values, *keep], sep=sep, decimal=decimal, skiprows=skiprows, na_values=NO_VALUE,
            skipinitialspace=True, low_memory=False, **AS_WRITTEN,
        )  # fmt: skip
    dropped = {}
    for name, value in keep.items():
        others = table[name].astype(str) != value
        dropped[f"other {name}"], table = int(others.sum()), table[~others]
    power_w = scale * np.prod([numbers(table[name], path) for name in values], axis=0)
    power_w = voltage_v * power_w if current and not voltage else power_w
    known = np.isfinite(power_w)
    time_s = table[time][known]
    if time_format or not pd.api.types.is_numeric_dtype(time_s):
        with named(path):
            stamps = pd.to_datetime(time_s, format=time_format or "ISO8601", utc=True)
        time_s = (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    log = pd.DataFrame({"time_s": time_scale * time_s.to_numpy(np.float64), "power_w": power_w[known]})
    means = log.groupby("time_s", sort=False).power_w.mean()
    dropped |= {"no value": int((~known).sum()), "same time stamp, averaged": len(log) - len(means)}
    return Trace(means.index, means, str(path), {reason: k for reason, k in dropped.items() if k})


def write_csv(trace: Trace, path: str | Path):
    """A trace as CSV, as `read_csv` takes it."""
    pd.DataFrame({"time_s": trace.time_s, "power_w": trace.power_w}).to_csv(path, index=False)


def read_smi(path: str | Path, gpu: int = 0) -> Trace:
    """Power of one GPU in a log of `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv,nounits -lms 100`."""
    columns = {"time": "timestamp", "power": "power.draw [W]", "keep": {"index": str(gpu)}}
    return read_csv(path, **columns, time_format="%Y/%m/%d %H:%M:%S.%f")


def read_ppk2(path: str | Path, voltage_v: float = math.nan, step_ms: float = 1.0) -> Trace:
    """Power of the current of a PPK2 at `voltage_v`, to which it was set: the mean of every `step_ms` milliseconds.
    Raises BadParameter without a voltage, and BadRecording."""
    if not voltage_v > 0:
        raise BadParameter(f"{path}: voltage_v is {voltage_v}, expected the V that the PPK2 was set to.")
    chunks = _chunks(path, PPK2_TIME, PPK2_CURRENT)
    sums = pd.concat(chunk.assign(n=1).groupby(chunk[PPK2_TIME] // step_ms).sum() for chunk in chunks)
    sums = sums.groupby(level=0).sum()
    current_ua = sums[PPK2_CURRENT] / sums.n
    return Trace(sums[PPK2_TIME] / sums.n / 1e3, voltage_v * current_ua / 1e6, str(path))


def ppk2_markers(path: str | Path, channels: Mapping[int, str]) -> list[Marker]:
    """A marker of one inference each time that a digital channel of a PPK2 is high, on the meter's own clock; `channels`
    {0: "name"}. Raises BadRecording for an export without them, or where none of these is ever high."""
    with named(path):
        together = PPK2_DIGITAL in pd.read_csv(path, nrows=0, **AS_WRITTEN)
    markers = []
    for channel, what in channels.items():
        column = PPK2_DIGITAL if together else f"D{channel}"
        log = pd.concat(_chunks(path, PPK2_TIME, text=column))
        high = log[column].str.get(channel if together else 0).isin(HIGH).to_numpy()
        at_s = log[PPK2_TIME].to_numpy() / 1e3
        ends_s = np.append(at_s, at_s[-1] + np.median(np.diff(at_s)))
        edges = ends_s[np.flatnonzero(np.diff(high, prepend=False, append=False))]
        markers += [Marker(*span, 1, what) for span in edges.reshape(-1, 2).tolist()]
    if not markers:
        names = ", ".join(map(str, channels))
        raise BadRecording(f"{path}: channels {names} are never high: is the wire right?")
    return sorted(markers)


READERS = {"csv": read_csv, "ppk2": read_ppk2, "nvidia-smi": read_smi}


def _chunks(path: str | Path, *columns: str, text: str = "") -> Iterator[pd.DataFrame]:
    """Tables of these columns as checked numbers, and of one column as text. Time must go on."""
    last_ms = -math.inf
    options = {"usecols": [*columns, *filter(None, [text])], "dtype": {text: str}, "chunksize": CHUNK}
    with named(path):
        for chunk in pd.read_csv(path, **options, **AS_WRITTEN):
            chunk = chunk.assign(**{name: numbers(chunk[name], path) for name in columns})
            at_ms = chunk[PPK2_TIME].to_numpy()
            if not (np.diff(at_ms, prepend=last_ms) > 0).all():
                raise BadRecording(f"{path}: time does not go on after {last_ms} ms: export again.")
            last_ms = at_ms[-1]
            yield chunk


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """What pandas cannot read, or would take minutes for, is a BadRecording with the name of the file."""
    try:
        with open(path, "rb") as file:
            if len(file.readline(HEAD + 1)) > HEAD:
                raise ValueError(f"the first line has more than {HEAD} bytes, expected names of columns.")
        yield
    except (OSError, ValueError, OverflowError) as error:
        raise BadRecording(f"{path}: {' '.join(str(error).split())}") from None


def numbers(column: pd.Series, path: str | Path) -> np.ndarray:
    """Values (n,) in float64, NaN where there is none. Raises BadRecording, which names the row, for other text."""
    found = pd.to_numeric(column, errors="coerce")
    if (bad := found.isna() & column.notna()).any():
        row = bad.idxmax()
        place = f"record {row + 1} has {column[row]!r} in {column.name}"
        raise BadRecording(f"{path}: {place}, expected a number.")
    return found.to_numpy(np.float64)
