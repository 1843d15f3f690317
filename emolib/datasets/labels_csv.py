"""labels.csv of a corpus of your own: whose each trial is, and what it means."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from emolib.core.errors import BadRecording, BadSet
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.tables import read_rows

NEEDED = ("trial", "subject", "label")
RATINGS = ("valence", "arousal")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Row:
    """What labels.csv says of a trial; `label` and `split` may be "", ratings are from -1 to 1, and may lack."""

    subject: str
    label: str
    split: str
    ratings: dict[str, float]


def find(tree: Tree) -> str:
    """Path of the topmost labels.csv. Raises CorpusMissing for none, BadRecording for several."""
    names = sorted(tree.need("labels.csv"), key=_depth)
    if len(names) > 1 and _depth(names[0]) == _depth(names[1]):
        raise BadRecording(f"{tree.root} holds {names[0]} and {names[1]}, expected one: remove the other.")
    return names[0]


def read(tree: Tree) -> dict[str, Row]:
    """Rows by trial, in order. Raises CorpusMissing without the file, BadRecording that names file and line."""
    name = find(tree)
    place = tree.where(name)
    head, *lines = list(read_rows(tree, name)) or [[]]
    head = [cell.strip().lower() for cell in head]
    _check_head(head, place)
    rows, first = {}, {}
    for number, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        trial, row = _row(head, line, f"{place} line {number}")
        if trial in rows:
            raise BadRecording(
                f"{place} line {number} names trial {trial} again, after line {first[trial]}; expected each "
                "trial once: remove one of them."
            )
        rows[trial], first[trial] = row, number
    return rows


def classes(root: Path) -> tuple[str, ...]:
    """The different labels of the corpus in `root`, sorted. Raises as `read`, and BadSet for fewer than two."""
    places = [*root.glob("*"), *root.glob("*/labels.csv")]  # labels.csv or what it lies in
    return _classes(root, tuple((place, place.stat().st_mtime_ns) for place in sorted(places)))


@lru_cache(maxsize=8)
def _classes(root: Path, state: tuple) -> tuple[str, ...]:
    tree = open_tree(root)
    found = sorted({row.label for row in read(tree).values()} - {""})
    if len(found) < 2:
        raise BadSet(
            f"{tree.where(find(tree))} has {len(found)} different labels, expected two or more for the task "
            "emotion: fill the column label, or take the task valence or arousal."
        )
    return tuple(found)


def name_of(text: str) -> str:
    """A trial's name in one spelling: file systems differ in how they write accents."""
    return unicodedata.normalize("NFC", text)


def _depth(name: str) -> int:
    return len(PurePosixPath(name).parts)


def _check_head(head: list[str], place: str):
    for column in (*NEEDED, *RATINGS, "split"):
        count = head.count(column)
        if count > 1 or (count == 0 and column in NEEDED):
            raise BadRecording(
                f"{place} has {count} columns {column}, expected one each of {', '.join(NEEDED)}, with commas "
                f"between; found {', '.join(head) or 'an empty file'}: mend its first line."
            )


def _row(head: list[str], line: list[str], where: str) -> tuple[str, Row]:
    if len(line) != len(head):
        raise BadRecording(f"{where} has {len(line)} cells, expected {len(head)} as the first line: mend it.")
    cells = dict(zip(head, map(str.strip, line), strict=True))
    for column in ("trial", "subject"):
        if not cells[column]:
            raise BadRecording(f"{where} has no {column}, expected one in every row: fill the cell.")
    split = cells.get("split", "").lower()
    if split not in ("", *SPLITS):
        raise BadRecording(f"{where}: split is {split!r}, expected {', '.join(SPLITS)} or nothing: mend it.")
    ratings = {column: _rating(cells[column], column, where) for column in RATINGS if cells.get(column)}
    return name_of(cells["trial"]), Row(cells["subject"], cells["label"], split, ratings)


def _rating(text: str, column: str, where: str) -> float:
    try:
        rating = float(text)
    except ValueError:
        rating = float("nan")
    if not -1 <= rating <= 1:
        raise BadRecording(
            f"{where}: {column} is {text!r}, expected a number from -1 to 1, 0 the middle: rescale the column, "
            "a scale from 1 to 9 by (rating - 5) / 4."
        )
    return rating
