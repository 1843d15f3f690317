"""The rows of a CSV below its head, wherever that is, with their numbers in the file."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from emolib.core.errors import BadRecording
from emolib.evaluation.energy.columns import Columns, find

DELIMITERS = (";", "\t", ",")
COMMENTS = ("#", "%", "//")
HEAD_ROWS = 100  # the head is among these
MOST_CELLS = 1000  # in a row
Rows = list[tuple[int, list[str]]]  # number of a line in the file, its cells


def table(path: Path, names: dict[str, str]) -> tuple[list[str], Columns, Rows]:
    """Head, columns and the rows below it."""
    lines = _text(path).splitlines()
    seen = ""
    for k, line in enumerate(lines[:HEAD_ROWS]):
        if not line.strip():
            continue
        seen = seen or line
        delimiter = max(DELIMITERS, key=line.count)
        head = _cells(line.lstrip("#%/ "), k + 1, delimiter, path)
        if found := find(head, names, str(path)):
            body = lines[k + 1 :]
            return head, found, list(_rows(body, k + 2, delimiter, path))
    wanted = ", ".join(f"{part}={name}" for part, name in names.items() if name) or "time, and W or V and A"
    raise BadRecording(f"{path}: no row with columns of {wanted}; it begins with {seen[:80]!r}.")


def _rows(lines: Sequence[str], first: int, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    for k, line in enumerate(lines, first):
        if line.strip() and not line.lstrip().startswith(COMMENTS):
            yield k, _cells(line, k, delimiter, path)


def _cells(line: str, row: int, delimiter: str, path: Path) -> list[str]:
    if line.count(delimiter) >= MOST_CELLS:
        raise BadRecording(
            f"{path}: row {row} has {line.count(delimiter) + 1} cells, expected {MOST_CELLS} or fewer."
        )
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise BadRecording(f"{path}: row {row} is damaged ({error}), expected cells of a CSV.") from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRecording(
            f"{path}: {error.strerror}; expected the CSV that the meter's program writes."
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def kept(rows: Rows, head: list[str], keep: Mapping[str, str], origin: str, dropped: Counter) -> Rows:
    for name, value in keep.items():
        if name not in head:
            raise BadRecording(f"{origin}: no column {name} to keep {value!r} of; it has {', '.join(head)}.")
        place = head.index(name)
        kept = [row for row in rows if len(row[1]) > place and row[1][place] == value]
        dropped[f"other {name}"] += len(rows) - len(kept)
        rows = kept
    return rows


def whole(rows: Rows, head: list[str], origin: str, dropped: Counter) -> Rows:
    """Rows with all their cells; the last may be cut short, and a head may come again where a logger restarts."""
    whole = []
    for at, (k, row) in enumerate(rows):
        if row == head:
            dropped["head again"] += 1
        elif len(row) >= len(head):
            whole.append((k, row))
        elif at == len(rows) - 1:
            dropped["cut short"] += 1
        else:
            raise BadRecording(
                f"{origin}: row {k} has {len(row)} cells, expected {len(head)} as in its head."
            )
    return whole
