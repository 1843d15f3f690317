"""CSV logs of power, read by the names of their columns."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.errors import BadRecording
from emolib.evaluation.energy.trace import Trace

NO_VALUE = ("-", "--", "[N/A]", "[Not Supported]", "unavailable", "unknown")  # beside those that pandas knows
HEAD = 10_000  # bytes of the first line at most
AS_WRITTEN = {"index_col": False, "encoding": "utf-8-sig", "encoding_errors": "replace", "compression": None}


def read(
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
    keep = dict(keep or {})
    values = [name for name in ((current, voltage) if current else (power,)) if name]
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
    if current and not voltage:
        power_w = voltage_v * power_w
        if not voltage_v > 0:
            raise BadRecording(f"{path}: {current} and no voltage: name its column, or give voltage_v in V.")
    known = np.isfinite(power_w)
    with named(path):
        time_s = time_scale * seconds(table[time][known], time_format)
    log = pd.DataFrame({"time_s": time_s, "power_w": power_w[known]})
    means = log.groupby("time_s", sort=False).power_w.mean()
    dropped |= {"no value": int((~known).sum()), "same time stamp, averaged": len(log) - len(means)}
    return Trace(means.index, means, str(path), {reason: k for reason, k in dropped.items() if k})


def write(trace: Trace, path: str | Path):
    """A trace as CSV, as `read` takes it: time_s, power_w."""
    pd.DataFrame({"time_s": trace.time_s, "power_w": trace.power_w}).to_csv(path, index=False)


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
        raise BadRecording(
            f"{path}: record {row + 1} has {column[row]!r} in {column.name}, expected a number."
        )
    return found.to_numpy(np.float64)


def seconds(column: pd.Series, time_format: str) -> np.ndarray:
    """Times (n,): numbers as they are, dates with times as seconds since 1970."""
    if pd.api.types.is_numeric_dtype(column) and not time_format:
        return column.to_numpy(np.float64)
    stamps = pd.to_datetime(column, format=time_format or "ISO8601", utc=True)
    return ((stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy()
