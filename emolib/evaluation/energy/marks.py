"""Markers of a device, read back, and the blocks of work that they make."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import COLUMNS, Marker
from emolib.evaluation.energy.readers import AS_WRITTEN, named, numbers


def read(path: str | Path) -> list[Marker]:
    """Markers of a file, by start. Raises BadRecording, which names file and row, for none or odd ones."""
    with named(path):
        table = pd.read_csv(
            path,
            usecols=COLUMNS,
            dtype={"what": str},
            keep_default_na=False,
            float_precision="round_trip",
            **AS_WRITTEN,
        )
    start_s, end_s, n = (numbers(table[name], path) for name in COLUMNS[:3])
    is_span = (-np.inf < start_s) & (start_s < end_s) & (end_s < np.inf) & (n >= 0) & (n % 1 == 0)
    if not is_span.all():
        k = is_span.argmin()
        got, expected = (",".join(map(str, table.loc[k])), f"start_s < end_s and n from 0 in {','.join(COLUMNS)}")
        raise BadRecording(f"{path}: row {k + 2} is {got!r}, expected {expected}.")
    if not len(table):
        raise BadRecording(f"{path}: no marker, expected one or more: mark the work with a Recorder.")
    return sorted(map(Marker, start_s.tolist(), end_s.tolist(), n.astype(int).tolist(), table.what))


def joined(markers: Iterable[Marker], apart_s: float) -> list[Marker]:
    """Markers in blocks: those of one kind of work that follow each other within `apart_s` seconds become one. Raises
    BadParameter where two kinds of work overlap: their energy cannot be told apart."""
    blocks: list[Marker] = []
    for marker in sorted(markers):
        last = blocks[-1] if blocks else None
        if last and last.what == marker.what and marker.start_s - last.end_s < apart_s:
            blocks[-1] = last._replace(end_s=max(last.end_s, marker.end_s), n=last.n + marker.n)
        elif last and marker.start_s < last.end_s:
            both = f"{marker.what} starts at {marker.start_s:.3f} s while {last.what} runs until {last.end_s:.3f}"
            raise BadParameter(f"markers: {both} s: mark one kind of work at a time.")
        else:
            blocks.append(marker)
    return blocks
