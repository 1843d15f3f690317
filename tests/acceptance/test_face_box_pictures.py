"""Counts of the real corpus of face boxes, and that no picture lies on two sides of its splits."""

from collections import Counter

import numpy as np
import pytest

from emolib.datasets import root_of
from emolib.datasets.face_boxes import load
from emolib.signals.image import resize, to_grey

pytestmark = pytest.mark.acceptance
ALIKE = 0.99  # correlation of two thumbnails


@pytest.fixture(scope="module")
def facemask():
    if not root_of("facemask").is_dir():
        pytest.skip("facemask absent: set EMOLIB_DATA")
    dropped = []
    return list(load("facemask", dropped)), dropped


def test_counts(facemask):
    pictures, dropped = facemask
    n_faces = Counter(len(picture.boxes) for picture in pictures)
    assert (len(pictures), sum(len(picture.boxes) for picture in pictures)) == (853, 4072)
    assert (n_faces[1], max(n_faces), n_faces[0]) == (329, 115, 0)
    assert Counter(label for picture in pictures for label in picture.labels) == {
        "with_mask": 3232, "without_mask": 717, "mask_weared_incorrect": 123,
    }  # fmt: skip
    assert Counter(drop.reason for drop in dropped) == {"box cut at the picture's border": 12}
    assert Counter(picture.split for picture in pictures) == {"train": 607, "val": 66, "test": 180}
    for picture in pictures:
        height, width = picture.image.shape[:2]
        assert picture.boxes.min() >= 0 and (picture.boxes <= [width, height, width, height]).all()


def test_pictures_that_look_alike_lie_in_one_split(facemask):
    pictures, _ = facemask
    thumbs = np.stack([resize(to_grey(picture.image), 16, 16, "box").ravel() for picture in pictures]).astype(
        float
    )
    pairs = np.argwhere(np.triu(np.corrcoef(thumbs), 1) > ALIKE)
    assert len(pairs) == 12
    assert all(pictures[a].split == pictures[b].split for a, b in pairs)
