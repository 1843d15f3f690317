"""Tables of corpora, as CSV files. Those of an own clock are read by `emolib.signals.readers`."""

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
