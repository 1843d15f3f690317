"""What a detector says, cell by cell, and the boxes that it means. Importing this needs numpy only.

A picture of side × side pixels is cut into n_cells × n_cells cells. A cell says, for each of its n_boxes boxes,
x, y, √w, √h and a confidence, and at the end one class probability: 5 · n_boxes + 1 numbers. x and y are the
centre's place in the cell, from 0 to 1; √w and √h the square roots of the box's sides in sides of the picture,
and a box's score is its confidence times the class probability.
Source: Redmon et al. (2016), "You only look once", section 2 and 2.2: there, as here, the network predicts
the square roots themselves.
With `reach` above 0, the cells around also speak for a centre that lies up to `reach` cells outside of them,
and x and y of 0 to 1 span the cell with that margin, as in Bochkovskiy et al. (2020), "YOLOv4", section 3.3.
"""

from dataclasses import dataclass

import numpy as np

from emolib.core.errors import BadParameter
from emolib.signals.boxes import Found, area, blended, nms

MAX_IOU = 0.5  # of two boxes that are taken for two faces


@dataclass(frozen=True)
class Grid:
    """Raises BadParameter for a size out of range."""

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
        line, column = np.mgrid[: self.n_cells, : self.n_cells]
        return np.stack([column, line], axis=-1)

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
        line, column = np.nonzero(taken)
        owner = owner[taken]
        targets[taken, :2] = (place[owner, line, column] + self.reach) / (1 + 2 * self.reach)
        targets[taken, 2:4] = np.sqrt(boxes[owner, 2:] - boxes[owner, :2])
        targets[taken, 4] = 1
        return targets, len(boxes) - len(np.unique(owner))

    def decode(self, output: np.ndarray, side: int) -> Found:
        """All boxes (n_cells² · n_boxes, 4) in pixels of the square, and their scores, of (n_cells, n_cells, n_outputs).

        Raises BadParameter for an output of another shape.
        """
        expected = (self.n_cells, self.n_cells, self.n_outputs)
        if output.shape != expected:
            raise BadParameter(
                f"The detector's output has shape {output.shape}, expected {expected} of {self}."
            )
        each = output[..., :-1].reshape(self.n_cells, self.n_cells, self.n_boxes, 5)
        centre = (self._cells[:, :, None] + each[..., :2] * (1 + 2 * self.reach) - self.reach) / self.n_cells
        half = np.maximum(each[..., 2:4], 0) ** 2 / 2
        boxes = np.concatenate([centre - half, centre + half], axis=-1) * side
        scores = each[..., 4] * output[..., -1:]
        return Found(boxes.reshape(-1, 4), scores.ravel())

    def found(self, output: np.ndarray, side: int, min_score: float, max_iou: float = MAX_IOU) -> Found:
        """The faces of one picture: boxes scored `min_score` or more, and one of those with an IoU above `max_iou`.

        That is the best of them, or, where several cells speak for a face, their mean.
        """
        boxes, scores = self.decode(output, side)
        boxes, scores = boxes[scores >= min_score], scores[scores >= min_score]
        if self.reach:
            return blended(boxes, scores, max_iou)
        kept = nms(boxes, scores, max_iou)
        return Found(boxes[kept], scores[kept])
