"""Readers of logs by name, with their options checked."""

import inspect
from pathlib import Path

from emolib.core.errors import BadParameter, BadRecording, check_names
from emolib.evaluation.energy import csv_log, ppk2
from emolib.evaluation.energy.trace import Trace


def read_smi(path: str | Path, gpu: int = 0) -> Trace:
    """Power of one GPU in a log of `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv -lms 100`.

    Without a column index the log must be of one GPU alone. Raises BadRecording.
    """
    with_index = Path(path).is_file() and "index" in _first_line(path)
    return csv_log.read(path, keep={"index": str(gpu)} if with_index else None)


def _first_line(path: str | Path) -> list[str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return [cell.strip() for cell in file.readline().split(",")]


READERS = {"csv": csv_log.read, "ppk2": ppk2.read, "nvidia-smi": read_smi}


def read(reader: str, path: str | Path, **options) -> Trace:
    """The trace of a log. Raises BadParameter for a reader or an option that does not exist, BadRecording."""
    if reader not in READERS:
        raise BadParameter(f"reader: got {reader!r}, expected one of {', '.join(READERS)}.")
    check_names(options, list(inspect.signature(READERS[reader]).parameters)[1:], f"reader {reader}")
    if not Path(path).is_file():
        raise BadRecording(f"{path}: no such log, expected a file that reader {reader} takes.")
    return READERS[reader](path, **options)
