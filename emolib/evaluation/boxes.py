"""How good found boxes are. `found` holds a Found per picture, with boxes of any score; `truth` its boxes (n, 4).

Both are in the same pixels. Intervals are over pictures: a crowd is one draw, not a hundred.
"""

from collections.abc import Callable, Sequence

import numpy as np

from emolib.core.errors import BadSet
from emolib.evaluation.metrics import Interval
from emolib.signals.boxes import Found, iou

MATCH = 0.5  # IoU from which on a box counts as found
N_BOOT = 2000


def single_ious(found: Sequence[Found], truth: Sequence[np.ndarray], min_score: float) -> np.ndarray:
    """IoU (n,) of the best-scored box with the face, for every picture with exactly one, else BadSet; 0 where no box has
    `min_score`."""
    ious = []
    for boxes, faces in zip(found, truth, strict=True):
        if len(faces) == 1:
            is_found = len(boxes.scores) and boxes.scores.max() >= min_score
            ious.append(iou(boxes.boxes[[boxes.scores.argmax()]], faces)[0, 0] if is_found else 0.0)
    if not ious:
        raise BadSet(f"None of {len(truth)} pictures has exactly one face: choose others.")
    return np.array(ious, dtype=np.float64)


def hits(found: Found, truth: np.ndarray) -> np.ndarray:
    """Which boxes (n,) find a face, best score first. A box takes the free face of highest IoU, if that is MATCH, as in
    the reference evaluation of COCO (Lin et al. 2014)."""
    order = np.argsort(-found.scores, kind="stable")
    overlaps, right = iou(found.boxes[order], truth), np.zeros(len(order), bool)
    for row, overlap in enumerate(overlaps):
        if len(truth) and overlap.max() >= MATCH:
            overlaps[:, overlap.argmax()], right[row] = -1, True
    return right


def _ranked(found: Sequence[Found], truth: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, whether it is a hit, and picture of every box, best score first."""
    right = [hits(boxes, faces) for boxes, faces in zip(found, truth, strict=True)]
    scores = np.concatenate([np.sort(boxes.scores)[::-1] for boxes in found])
    picture = np.repeat(np.arange(len(found)), [len(of_picture) for of_picture in right])
    order = np.argsort(-scores, kind="stable")
    return scores[order], np.concatenate(right)[order], picture[order]


def average_precision(found: Sequence[Found], truth: Sequence[np.ndarray]) -> float:
    """AP at an IoU of 0.5; give it boxes down to scores near 0. Raises BadSet without a face."""
    return _ap(found, truth)(np.arange(len(truth)))


def _ap(found: Sequence[Found], truth: Sequence[np.ndarray]) -> Callable[[np.ndarray], float]:
    """A function that gives the AP of pictures `rows` (n,), in which one may come several times: the area under the
    best precision at a recall or beyond. Source: Everingham et al. (2015), "The Pascal visual object classes challenge:
    a retrospective", section 3."""
    n_faces = _n_faces(truth)
    _, right, picture = _ranked(found, truth)

    def area(rows: np.ndarray) -> float:
        times = np.bincount(rows, minlength=len(truth))
        weight, n_in_rows = times[picture], (times * n_faces).sum()
        precision = np.cumsum(right * weight) / np.maximum(np.cumsum(weight), 1e-12)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best * right * weight).sum() / n_in_rows) if n_in_rows else float("nan")

    return area


def evaluate(found: Sequence[Found], truth: Sequence[np.ndarray], min_score: float) -> dict[str, Interval]:
    """Over pictures with one face, the mean `iou` of the best-scored box and the share with IoU ≥ 0.5, `hit`; over all,
    `recall` and `precision` of the boxes with `min_score`, and `ap50`. Raises BadSet as the others do."""
    ious, n_faces = single_ious(found, truth, min_score), _n_faces(truth)
    scores, right, picture = _ranked(found, truth)
    sure = scores >= min_score
    n_found = np.bincount(picture[sure], minlength=len(truth))
    n_right = np.bincount(picture[sure & right], minlength=len(truth))
    of_single = {"iou": lambda rows: ious[rows].mean(), "hit": lambda rows: (ious[rows] >= MATCH).mean()}
    of_all = {
        "recall": lambda rows: n_right[rows].sum() / max(n_faces[rows].sum(), 1),
        "precision": lambda rows: n_right[rows].sum() / max(n_found[rows].sum(), 1),
        "ap50": _ap(found, truth),
    }
    intervals = {name: _bootstrapped(statistic, len(ious)) for name, statistic in of_single.items()}
    return intervals | {name: _bootstrapped(statistic, len(truth)) for name, statistic in of_all.items()}


def pick_threshold(found: Sequence[Found], truth: Sequence[np.ndarray]) -> float:
    """The score of highest F1 on validation pictures; boxes count from it on. Raises BadSet."""
    n_faces = _n_faces(truth).sum()
    scores, right, _ = _ranked(found, truth)
    if not right.any():
        raise BadSet(f"No face of {len(truth)} validation pictures was found: train longer.")
    last_of_score = np.append(scores[1:] < scores[:-1], True)
    f1 = 2 * np.cumsum(right) / (np.arange(len(right)) + 1 + n_faces)
    return float(scores[np.where(last_of_score, f1, -1).argmax()])


def _n_faces(truth: Sequence[np.ndarray]) -> np.ndarray:
    n_faces = np.array([len(boxes) for boxes in truth])
    if not n_faces.any():
        raise BadSet(f"None of {len(truth)} pictures has a face: choose others.")
    return n_faces


def _bootstrapped(statistic: Callable[[np.ndarray], float], n: int) -> Interval:
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.integers(0, n, n)) for _ in range(N_BOOT)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(float(statistic(np.arange(n))), float(low), float(high))
