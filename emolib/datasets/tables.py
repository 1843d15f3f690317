"""Tables of corpora: CSV files read whole, with every cell that is not a number named, or row by row."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import DAMAGED, Tree
from emolib.signals.files import FLOAT32_MAX

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 10_000  # a wider line is damage, and takes pandas minutes


def read_table(tree: Tree, name: str, columns: Sequence[str], *, header: bool = True) -> "pd.DataFrame":
    """The named columns of a CSV file; without a header these are all its columns, in order.

    Lines behind `#` are left out. Raises BadRecording for a file that is empty, cut off inside its last row,
    lacks a column or has more than MOST_COLUMNS.
    """
    import pandas as pd

    data, place = tree.read(name), tree.where(name)
    _check_width(data, place)
    options = {"header": 0 if header else None, "comment": "#", "low_memory": False}
    try:
        frame = pd.read_csv(io.BytesIO(data), **options)
    except (ValueError, pd.errors.ParserError) as error:
        reason = str(error).strip().replace("\n", " ")
        raise BadRecording(f"{place} is no CSV table ({reason}): fetch it again.") from error
    _check_last_row(data, frame.shape[1], place)
    return _named(frame, columns, header, place)


def read_rows(tree: Tree, name: str) -> Iterator[list[str]]:
    """Cells of one row after the other, of a CSV file too large to hold.

    Raises BadRecording for a damaged archive member, and for what is not CSV text in UTF-8.
    """
    n_rows = 0
    try:
        with tree.open(name) as file:
            for cells in csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline="")):
                n_rows += 1
                yield cells
    except (*DAMAGED, OSError, csv.Error) as error:
        raise BadRecording(
            f"{tree.where(name)} is damaged after row {n_rows} ({error}), expected CSV text in UTF-8: "
            "fetch it again."
        ) from error


def numbers(frame: "pd.DataFrame", place: str) -> np.ndarray:
    """A table's cells (n_rows, n_columns) float64; empty ones are NaN.

    Raises BadRecording for other text, and for what float32 takes for infinity.
    """
    import pandas as pd

    parsed = frame.apply(pd.to_numeric, errors="coerce")
    values = parsed.to_numpy(np.float64)
    wrong = np.argwhere((parsed.isna() & frame.notna()).to_numpy() | (np.abs(values) > FLOAT32_MAX))
    if len(wrong):
        row, column = wrong[0]
        raise BadRecording(
            f"{place} holds {frame.iloc[:, column].tolist()[row]!r} in data row {row + 1}, column {frame.columns[column]}"
            ", expected a number: mend the cell or fetch the file again."
        )
    return values


def whole_numbers(frame: "pd.DataFrame", place: str) -> np.ndarray:
    """As `numbers`, for a table in which an empty cell is an error too."""
    values = numbers(frame, place)
    empty = np.argwhere(np.isnan(values))
    if len(empty):
        row, column = empty[0]
        raise BadRecording(
            f"{place} has no value in data row {row + 1}, column {frame.columns[column]}, "
            "expected a number: fetch the file again."
        )
    return values


def _check_width(data: bytes, place: str):
    widest = max((line.count(b",") for line in io.BytesIO(data)), default=0) + 1
    if widest > MOST_COLUMNS:
        raise BadRecording(
            f"{place} has a line of {widest} cells, expected {MOST_COLUMNS} or fewer: fetch it again."
        )


def _check_last_row(data: bytes, n_columns: int, place: str):
    last = data.rstrip().rpartition(b"\n")[2].count(b",") + 1
    if last != n_columns:
        raise BadRecording(
            f"{place} ends in a row of {last} cells, expected {n_columns}: it was cut off, fetch it again."
        )


def _named(frame: "pd.DataFrame", columns: Sequence[str], header: bool, place: str) -> "pd.DataFrame":
    if not header:
        if frame.shape[1] != len(columns):
            raise BadRecording(
                f"{place} has {frame.shape[1]} columns, expected {len(columns)} ({', '.join(columns)}): "
                "fetch it again."
            )
        return frame.set_axis(list(columns), axis=1)
    frame = frame.rename(columns=str.strip)
    missing = [column for column in columns if column not in frame]
    if missing:
        raise BadRecording(
            f"{place} has no column {', '.join(missing)}, found {', '.join(frame.columns[:8])}: "
            "check that it is the file of this corpus."
        )
    return frame[list(columns)]
