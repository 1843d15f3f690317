"""The first sheet of a workbook, as far as a log written by hand reaches."""

import io
import zipfile
from itertools import islice

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree

MOST_BYTES = 4 << 20  # of all its parts, unfolded; in memory they are many times that
MOST_ROWS, MOST_COLUMNS = 1000, 256


def read_sheet(tree: Tree, name: str) -> list[tuple]:
    """Values of its cells, row by row, None for empty ones. Raises BadRecording for damage, and for a larger sheet."""
    from openpyxl import load_workbook

    content = io.BytesIO(tree.read(name))
    try:
        _check_parts(content)
        sheet = load_workbook(content, read_only=True, data_only=True).worksheets[0]
        rows = list(islice(sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True), MOST_ROWS + 1))
    except Exception as error:  # a damaged workbook fails in zip, XML or lookups
        raise BadRecording(
            f"{tree.where(name)} is no workbook with a table ({error}): fetch it again."
        ) from error
    if len(rows) > MOST_ROWS:
        raise BadRecording(
            f"{tree.where(name)} has more than {MOST_ROWS} rows, expected a table: fetch it again."
        )
    return rows


def _check_parts(content: io.BytesIO):
    """Raise ValueError for parts that unfold to too much, or not to what they claim; zipfile's errors for damage."""
    with zipfile.ZipFile(content) as parts:
        n_bytes = sum(part.file_size for part in parts.infolist())
        if n_bytes > MOST_BYTES:
            raise ValueError(f"it unfolds to {n_bytes} bytes, expected {MOST_BYTES} at most")
        if damaged := parts.testzip():
            raise ValueError(f"{damaged} in it is damaged")
