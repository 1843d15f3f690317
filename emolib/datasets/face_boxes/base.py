"""What a corpus of face boxes gives: pictures with boxes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.base import Dropped
from emolib.signals.boxes import area, clipped

SHARES = (("test", 0.2), ("val", 0.3))  # of a corpus without an official split: below this place of the hash


@dataclass(frozen=True)
class Picture:
    """One picture and its faces. Raises BadRecording for a box that is upside down, or not finite.

    image: uint8 (height, width[, 3]); boxes: (n, 4) x1 y1 x2 y2 in pixels; labels: (n,) the corpus's own words.
    `split` is train | val | test.
    """

    corpus: str
    name: str
    split: str
    image: np.ndarray
    boxes: np.ndarray
    labels: tuple[str, ...]

    def __post_init__(self):
        for number, (x1, y1, x2, y2) in enumerate(self.boxes, 1):
            if not (np.isfinite([x1, y1, x2, y2]).all() and x1 < x2 and y1 < y2):
                raise BadRecording(
                    f"{self.corpus}, {self.name}: box {number} goes from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}), "
                    "expected left above right below: mend its annotation."
                )


@dataclass(frozen=True)
class BoxCorpus:
    """An entry of the registry; `pictures(root, dropped)` yields lazily and says in `dropped` what it left out.

    Raises CorpusMissing where nothing is found, BadRecording for a file that cannot be used.
    """

    name: str
    title: str
    licence: str
    cite: str
    layout: str
    where: str
    pictures: Callable[[Path, list[Dropped]], Iterator[Picture]]


def held_out(name: str) -> str:
    """The split of a picture of a corpus without an official one: 20 % test, 10 % val, by a hash of its name."""
    place = int(sha256(name.encode()).hexdigest()[:8], 16) / 16**8
    return next((split for split, below in SHARES if place < below), "train")


def cut(picture: Picture, dropped: list[Dropped]) -> Picture:
    """The picture with boxes that end at its border; boxes outside of it go. Both are counted in `dropped`."""
    inside = clipped(picture.boxes, picture.image.shape[:2])
    for number, (box, whole) in enumerate(zip(inside, picture.boxes, strict=True), 1):
        if (box != whole).any():
            what = "cut at the picture's border" if area(box) else "outside the picture"
            dropped.append(Dropped(f"{picture.name}, box {number}", f"box {what}"))
    kept = area(inside) > 0
    labels = tuple(label for label, keep in zip(picture.labels, kept, strict=True) if keep)
    return Picture(picture.corpus, picture.name, picture.split, picture.image, inside[kept], labels)
