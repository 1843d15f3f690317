"""How good found boxes are, by hand, and against slow code that follows the definitions."""

import numpy as np
import pytest
from found_boxes import NOBODY, found, shifted

from emolib.evaluation import boxes as evaluation
from emolib.signals.boxes import Found

FACE = np.array([[0.0, 0, 10, 10]])


def test_single_face_counts_the_best_scored_box_and_a_miss_as_0():
    boxes = [found(shifted(0, 0.6), shifted(5, 0.9)), found(shifted(0, 0.8)), found(), found(shifted(0, 0.1))]
    result = evaluation.evaluate([*boxes, found()], [FACE] * 4 + [np.vstack([FACE, FACE + 20])], 0.5)
    assert result["iou"].value == pytest.approx((1 / 3 + 1 + 0 + 0) / 4)
    assert result["hit"].value == 0.25
    assert result["iou"].low < 1 / 3 < result["iou"].high <= 1


def test_a_face_is_found_once_and_by_the_box_that_fits_it():
    two = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10]])
    # The first fits face 1 best and takes it; the next one, nearest to it too, has to take face 2 (IoU 7/13)
    boxes = found(shifted(0.5, 0.9), shifted(1, 0.8), shifted(0, 0.7), shifted(40, 0.6))
    assert evaluation.hits(boxes, two).tolist() == [True, True, False, False]
    assert evaluation.hits(found(shifted(0, 0.3), shifted(1, 0.9)), FACE).tolist() == [True, False]
    assert evaluation.hits(found(shifted(0, 0.3)), NOBODY).tolist() == [False]
    assert evaluation.hits(found(), FACE).tolist() == []


def test_average_precision_by_hand():
    boxes = [found(shifted(0, 0.9), shifted(40, 0.7)), found(shifted(20, 0.8), shifted(1, 0.6)), found()]
    truth = [FACE, FACE, FACE]
    # Ranked: hit, miss, miss, hit; precision 1 at recall 1/3, then 2/4 at 2/3; one face is never found
    assert evaluation.average_precision(boxes, truth) == pytest.approx((1 + 0.5 + 0) / 3)
    # Precision of a rank is the best of any later rank: miss, hit, hit has 2/3 at both
    late = [found(shifted(40, 0.9)), found(shifted(0, 0.8)), found(shifted(0, 0.7))]
    assert evaluation.average_precision(late, truth) == pytest.approx(2 / 3 * 2 / 3)


def crowd(seed, n=30):
    """Faces, boxes near some of them, and boxes anywhere."""
    rng, boxes, truth = np.random.default_rng(seed), [], []
    for _ in range(n):
        faces = np.array([[x, y, x + 10, y + 10] for x, y in rng.uniform(0, 80, (rng.integers(0, 5), 2))])
        faces = faces.reshape(-1, 4)
        near = faces + rng.normal(0, 1.5, faces.shape)
        some = np.vstack([near, [[x, y, x + 10, y + 10] for x, y in rng.uniform(0, 80, (2, 2))]])
        boxes.append(Found(some, rng.uniform(0.1, 1, len(some))))
        truth.append(faces)
    return boxes, truth


def test_the_threshold_has_the_highest_f1():
    boxes, truth = crowd(3)
    best, area = evaluation.pick_threshold(boxes, truth), evaluation.evaluate(boxes, truth, 0.5)["ap50"]
    assert 0 < area.low < area.value < area.high < 1
    hit = np.concatenate([evaluation.hits(*pair) for pair in zip(boxes, truth, strict=True)])
    scores = np.concatenate([np.sort(each.scores)[::-1] for each in boxes])
    n_faces = sum(map(len, truth))
    f1 = {score: 2 * hit[scores >= score].sum() / ((scores >= score).sum() + n_faces) for score in scores}
    assert best == max(f1, key=f1.get) and min(scores) < best < max(scores)
