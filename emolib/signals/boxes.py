"""Boxes (n, 4) as x1 y1 x2 y2 in pixels, and what a detector found. Importing this needs numpy only."""

from typing import NamedTuple

import numpy as np


class Found(NamedTuple):
    """What a detector found in one picture: boxes (n, 4), scores (n,) in [0, 1], best first."""

    boxes: np.ndarray
    scores: np.ndarray


def area(boxes: np.ndarray) -> np.ndarray:
    """Areas (…,) of boxes (…, 4); 0 of a box that is upside down."""
    return np.prod(np.clip(boxes[..., 2:] - boxes[..., :2], 0, None), axis=-1)


def clipped(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (n, 4) cut to a picture of size (height, width)."""
    height, width = size
    return np.clip(boxes, 0, [width, height, width, height])


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes a (n, 4) and b (m, 4); 0 where both are empty."""
    a, b = a[:, None], b[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.prod(np.clip(sides, 0, None), axis=-1)
    union = area(a) + area(b) - both
    return np.divide(both, union, out=np.zeros_like(both, dtype=float), where=union > 0)


def nms(boxes: np.ndarray, scores: np.ndarray, max_iou: float) -> np.ndarray:
    """Rows (n_kept,) of the boxes that non-maximum suppression keeps, best score first.

    Greedy: a box falls if its IoU with a kept one of a higher score is above `max_iou`; of equal scores the
    first in the list goes first.
    """
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(first)
        order = rest[iou(boxes[first][None], boxes[rest])[0] <= max_iou]
    return np.array(kept, dtype=int)


def blended(boxes: np.ndarray, scores: np.ndarray, max_iou: float) -> Found:
    """As `nms`, but a kept box becomes the score-weighted mean of itself and those that fall for it.

    Source: Bazarevsky et al. (2019), "BlazeFace", section 3.4.
    """
    order, merged, best = np.argsort(-scores, kind="stable"), [], []
    while len(order):
        same = iou(boxes[order[:1]], boxes[order])[0] > max_iou
        same[0] = True
        rows = order[same]
        merged.append(np.average(boxes[rows], axis=0, weights=scores[rows]))
        best.append(scores[rows[0]])
        order = order[~same]
    return Found(np.reshape(merged, (-1, 4)), np.array(best, dtype=float))
