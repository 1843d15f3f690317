"""Own pictures in YOLO's layout: images/a.jpg and labels/a.txt, a line a face: class, centre x, y, width, height."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Dropped
from emolib.datasets.face_boxes.base import BoxCorpus, Picture, cut, held_out
from emolib.datasets.images import PATTERNS, read_image

SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}  # folder: split


def pictures(root: Path, dropped: list[Dropped]) -> Iterator[Picture]:
    """Every picture; one without a text file has no faces, as YOLO says. The class number is the label.

    The split is a folder's name, images/train or train/images, else a hash of the picture's own name.
    """
    tree = open_tree(root)
    images = tree.need(*(f"images/{pattern}" for pattern in PATTERNS))
    labels = {labels_of(name) for name in images}
    for name in tree.names("labels/*.txt"):
        if name not in labels and PurePosixPath(name).name != "classes.txt":
            raise BadRecording(
                f"{tree.where(name)} has no picture in images: put it there, or delete the text."
            )
    present = set(tree.names("labels/*.txt"))
    for name in images:
        text = labels_of(name)
        faces = _faces(tree, text) if text in present else np.empty((0, 5))
        yield cut(_picture(tree, name, faces), dropped)


def labels_of(image: str) -> str:
    """images/train/a.jpg → labels/train/a.txt; of several folders `images` the last one counts."""
    parts = list(PurePosixPath(image).with_suffix(".txt").parts)
    last = max(i for i, part in enumerate(parts) if part.lower() == "images")
    return "/".join([*parts[:last], "labels", *parts[last + 1 :]])


def _faces(tree: Tree, name: str) -> np.ndarray:
    """(n, 5): class, then centre and sides in shares of the picture."""
    rows = [line.split() for line in tree.read(name).decode("utf-8", "replace").splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        try:
            label, *place = map(float, row)
            good = (
                len(place) == 4 and label == int(label) and min(place[2:]) > 0 and max(map(abs, place)) <= 2
            )
        except (ValueError, OverflowError):
            good = False
        if not good:
            raise BadRecording(
                f"{tree.where(name)}, line {number}: {' '.join(row)!r}, expected a class and the centre x, y, "
                "width and height in shares of the picture."
            )
    return np.array(rows, dtype=float).reshape(-1, 5)


def _picture(tree: Tree, name: str, faces: np.ndarray) -> Picture:
    image = read_image(tree, name)
    centre, half = faces[:, 1:3], faces[:, 3:] / 2
    boxes = np.hstack([centre - half, centre + half]) * np.tile(image.shape[1::-1], 2)
    folders = [SPLITS[part.lower()] for part in PurePosixPath(name).parts[:-1] if part.lower() in SPLITS]
    split = folders[-1] if folders else held_out(PurePosixPath(name).name)
    return Picture("yolo", name, split, image, boxes, tuple(str(int(label)) for label in faces[:, 0]))


CORPUS = BoxCorpus(
    name="yolo",
    title="Your own pictures, as YOLO's tools write them",
    licence="yours",
    cite="",
    layout="images/a.jpg and labels/a.txt with lines `0 0.5 0.4 0.2 0.3`: class, centre x, y, width, height",
    where="any labelling tool that exports YOLO",
    pictures=pictures,
)
