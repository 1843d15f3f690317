"""Drawn faces before drawn clutter: no files needed, nothing learnt about people."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.core.errors import BadParameter
from emolib.datasets.base import Dropped
from emolib.datasets.face_boxes.base import BoxCorpus, Picture, held_out
from emolib.signals.generated.scenes import scene

SIZES = ((240, 320), (320, 240), (270, 360), (300, 300))
FACES = (0, 1, 1, 1, 2, 3)


def pictures(root: Path, dropped: list[Dropped], n: int = 200, seed: int = 0) -> Iterator[Picture]:
    """n pictures of none to three faces, labelled by their emotion; the same n of the same seed. Nothing is read."""
    if n < 1:
        raise BadParameter(f"n: got {n}, expected 1 or more scenes.")
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        size, n_faces = SIZES[rng.integers(len(SIZES))], FACES[rng.integers(len(FACES))]
        image, boxes, words = scene(int(rng.integers(2**31)), size, n_faces)
        name = f"scene-{seed}-{number}"
        yield Picture("scenes", name, held_out(name), image, boxes, tuple(words.tolist()))


CORPUS = BoxCorpus(
    name="scenes",
    title="Synthetic scenes",
    licence="as emolib's",
    cite="emolib",
    layout="no files",
    where="made by emolib.signals.generated.scenes",
    pictures=pictures,
)
