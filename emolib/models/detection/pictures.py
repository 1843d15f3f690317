"""Pictures with boxes as a detector is trained on them: letterboxed, in memory as uint8."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from emolib.datasets.face_boxes import Picture
from emolib.signals.boxes import Letterbox


@dataclass(frozen=True)
class PictureSet:
    """Pictures X (n, side, side, n_channels) uint8, and the boxes of each, (n_faces, 4) in pixels of the square."""

    X: np.ndarray
    boxes: tuple[np.ndarray, ...]
    names: tuple[str, ...]

    @property
    def side(self) -> int:
        return self.X.shape[1]

    def digest(self) -> str:
        """A hash of all pixels and boxes."""
        digest = sha256(self.X.tobytes())
        for boxes in self.boxes:
            digest.update(boxes.astype(np.float64).tobytes())
        return digest.hexdigest()


def gather(pictures: Iterable[Picture], side: int, n_channels: int = 3) -> dict[str, PictureSet]:
    """The pictures of each split that occurs, letterboxed. Raises what a loader raises."""
    parts: dict[str, list] = {}
    for picture in pictures:
        fit = Letterbox(picture.image.shape[:2], side)
        row = (
            fit.image(picture.image, n_channels),
            fit.boxes(picture.boxes),
            f"{picture.corpus}/{picture.name}",
        )
        parts.setdefault(picture.split, []).append(row)
    columns = {split: tuple(zip(*rows, strict=True)) for split, rows in parts.items()}
    return {split: PictureSet(np.stack(X), boxes, names) for split, (X, boxes, names) in columns.items()}
