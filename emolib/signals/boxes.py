"""Geometry of face boxes: overlap, the square that a detector sees, and what its grid of outputs means. numpy only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter
from emolib.signals.image import resize, to_grey

FILL = 128  # grey of the bars beside a picture
MAX_IOU = 0.5  # of two boxes that are taken for two faces


class Found(NamedTuple):
    """What a detector found in one picture: boxes (n, 4), scores (n,) in [0, 1], best first."""

    boxes: np.ndarray
    scores: np.ndarray


def area(boxes: np.ndarray) -> np.ndarray:
    """Areas (…,) of boxes (…, 4); 0 of a box that is upside down."""
    return np.prod(np.clip(boxes[..., 2:] - boxes[..., :2], 0, None), axis=-1)


def clipped(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (n, 4) cut to a picture of size (height, width)."""
    return np.clip(boxes, 0, [*size[::-1]] * 2)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes a (n, 4) and b (m, 4); 0 where both are empty."""
    a, b = a[:, None], b[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.prod(np.clip(sides, 0, None), axis=-1)
    union = area(a) + area(b) - both
    return np.divide(both, union, out=np.zeros_like(both, dtype=float), where=union > 0)


def piles(boxes: np.ndarray, scores: np.ndarray, max_iou: float) -> Iterator[np.ndarray]:
    """Rows of the boxes (n, 4) that mean the same face, pile by pile, the best score first in each and among them. As
    non-maximum suppression: the best box that is left takes all with an IoU above `max_iou` to it."""
    order = np.argsort(-scores, kind="stable")
    while len(order):
        same = iou(boxes[order[:1]], boxes[order])[0] > max_iou
        same[0] = True
        yield order[same]
        order = order[~same]


@dataclass(frozen=True)
class Letterbox:
    """A picture of `size` (height, width), resized into a square of `side` pixels, with grey bars beside it."""

    size: tuple[int, int]
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture within the square; the longer is `side`."""
        longest = max(self.size)
        return tuple(max(1, round(length * self.side / longest)) for length in self.size)

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the picture's top left pixel within the square."""
        return tuple((self.side - length) // 2 for length in self.inner)

    def image(self, image: np.ndarray, n_channels: int = 3) -> np.ndarray:
        """The square, (side, side, n_channels) uint8, of a picture (height, width[, 3]). Raises BadRecording."""
        image = resize(to_grey(image) if n_channels == 1 else image, *self.inner)
        square = np.full((self.side, self.side, n_channels), FILL, np.uint8)
        (top, left), (height, width) = self.corner, self.inner
        square[top : top + height, left : left + width] = image if image.ndim == 3 else image[..., None]
        return square

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of the picture in pixels of the square."""
        scale, shift = self._moved
        return boxes * scale + shift

    def inverse(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of the square in pixels of the picture, cut to it."""
        scale, shift = self._moved
        return clipped((boxes - shift) / scale, self.size)

    @property
    def _moved(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift, (4,), from boxes of the picture to those of the square."""
        return np.tile(np.divide(self.inner, self.size)[::-1], 2), np.tile(self.corner[::-1], 2)


@dataclass(frozen=True)
class Grid:
    """What a detector says, cell by cell, and the boxes that it means. Raises BadParameter for a size out of range.

    A picture is cut into n_cells × n_cells cells. A cell gives 5 · n_boxes + 1 numbers: for each of its boxes x, y, √w,
    √h and a confidence, and at the end one class probability. x and y are the centre's place in the cell, from 0 to 1;
    w and h are in sides of the picture. A box's score is its confidence times the class probability. With `reach` above
    0 a cell also speaks for a centre up to `reach` cells outside of it; x and y of 0 to 1 then span the cell with that
    margin. Sources: Redmon et al. (2016), "You only look once", section 2; for the margin Bochkovskiy et al. (2020),
    "YOLOv4", section 3.3.
    """

    n_cells: int = 9
    n_boxes: int = 2
    reach: float = 0.0

    def __post_init__(self):
        if min(self.n_cells, self.n_boxes) < 1 or not 0 <= self.reach <= 1:
            raise BadParameter(f"Got {self}, expected n_cells and n_boxes of 1 or more, reach of 0 to 1.")

    @property
    def n_outputs(self) -> int:
        return 5 * self.n_boxes + 1

    @property
    def _cells(self) -> np.ndarray:
        """Column and line of every cell, (n_cells, n_cells, 2)."""
        return np.indices((self.n_cells, self.n_cells))[::-1].transpose(1, 2, 0)

    def encode(self, boxes: np.ndarray, side: int) -> tuple[np.ndarray, int]:
        """Targets (n_cells, n_cells, 5) float32: x, y, √w, √h, and 1 where the cell has a face; and n_lost.

        `boxes` (n, 4) lie in a square of `side` pixels. A cell takes the box whose centre is nearest to its
        own middle, of equally near ones the larger; n_lost counts the boxes that no cell took.
        """
        targets = np.zeros((self.n_cells, self.n_cells, 5), np.float32)
        if len(boxes) == 0:
            return targets, 0
        boxes = boxes[np.argsort(-area(boxes), kind="stable")] / side
        centre = np.clip((boxes[:, :2] + boxes[:, 2:]) / 2 * self.n_cells, 0, self.n_cells - 1e-6)
        place = centre[:, None, None] - self._cells  # (n, n_cells, n_cells, 2)
        speaks = ((place >= -self.reach) & (place < 1 + self.reach)).all(axis=-1)
        owner = np.where(speaks, np.abs(place - 0.5).max(axis=-1), np.inf).argmin(axis=0)
        taken = speaks.any(axis=0)
        owner = owner[taken]
        targets[taken, :2] = (place[owner, *np.nonzero(taken)] + self.reach) / (1 + 2 * self.reach)
        targets[taken, 2:4] = np.sqrt(boxes[owner, 2:] - boxes[owner, :2])
        targets[taken, 4] = 1
        return targets, len(boxes) - len(np.unique(owner))

    def decode(self, output: np.ndarray, side: int) -> Found:
        """All boxes in pixels of the square, and their scores. Raises BadParameter for an output of another shape."""
        expected = (self.n_cells, self.n_cells, self.n_outputs)
        if output.shape != expected:
            raise BadParameter(f"A detector's output has shape {output.shape}, expected {expected} of {self}.")
        each = output[..., :-1].reshape(self.n_cells, self.n_cells, self.n_boxes, 5)
        centre = (self._cells[:, :, None] + each[..., :2] * (1 + 2 * self.reach) - self.reach) / self.n_cells
        half = np.maximum(each[..., 2:4], 0) ** 2 / 2
        boxes = np.concatenate([centre - half, centre + half], axis=-1) * side
        scores = each[..., 4] * output[..., -1:]
        return Found(boxes.reshape(-1, 4), scores.ravel())

    def found(self, output: np.ndarray, side: int, min_score: float, max_iou: float = MAX_IOU) -> Found:
        """The faces of one picture: one box of each of the `piles` of boxes scored `min_score` or more.

        That is the best of the pile. Where several cells speak for a face, it is the mean of the pile, weighted by score:
        Bazarevsky et al. (2019), "BlazeFace", section 3.4.
        """
        boxes, scores = self.decode(output, side)
        boxes, scores = boxes[scores >= min_score], scores[scores >= min_score]
        each = list(piles(boxes, scores, max_iou))
        best = [pile[0] for pile in each]
        if not self.reach:
            return Found(boxes[best], scores[best])
        means = [np.average(boxes[pile], axis=0, weights=scores[pile]) for pile in each]
        return Found(np.reshape(means, (-1, 4)), scores[best].astype(float))
