"""Losses of the detector, against loops in numpy and numbers worked out by hand."""

import numpy as np
import pytest

from emolib.signals import boxes
from emolib.signals.boxes import Grid

tf = pytest.importorskip("tensorflow")
from emolib.models.detection import loss  # noqa: E402

RNG = np.random.default_rng(0)


def example(grid, n=3, side=100):
    """Targets of a few faces, and outputs near 0.4, n pictures."""
    faces = [np.array([[10.0, 12, 40, 52], [60, 50, 90, 95]]), np.array([[5.0, 5, 30, 45]]), np.empty((0, 4))]
    targets = np.stack([grid.encode(faces[i % 3], side)[0] for i in range(n)])
    outputs = RNG.uniform(0.1, 0.7, (n, grid.n_cells, grid.n_cells, grid.n_outputs))
    return targets, np.float32(outputs)


def corner_box(cell, values, n_cells):
    x, y, root_w, root_h = values
    x, y = (cell[1] + x) / n_cells, (cell[0] + y) / n_cells
    return np.array([[x - root_w**2 / 2, y - root_h**2 / 2, x + root_w**2 / 2, y + root_h**2 / 2]])


def yolo_v1_by_loop(targets, outputs, n_cells, n_boxes):
    total = 0.0
    for target, output in zip(targets.astype(float), outputs.astype(float), strict=True):
        for cell in np.ndindex(n_cells, n_cells):
            x, y, w, h, has_face = target[cell]
            each = output[cell][:-1].reshape(n_boxes, 5)
            truth = corner_box(cell, target[cell][:4], n_cells)
            ious = [boxes.iou(corner_box(cell, box[:4], n_cells), truth)[0, 0] for box in each]
            for j, (bx, by, bw, bh, confidence) in enumerate(each):
                if has_face and j == int(np.argmax(ious)):
                    total += 5 * ((x - bx) ** 2 + (y - by) ** 2)
                    total += 5 * ((w - bw) ** 2 + (h - bh) ** 2)
                    total += (ious[j] - confidence) ** 2
                else:
                    total += 0.5 * confidence**2
            if has_face:
                total += (1 - output[cell][-1]) ** 2
    return total / len(targets)


@pytest.mark.parametrize(("n_cells", "n_boxes"), [(9, 2), (4, 1), (5, 3)])
def test_loss_1_is_what_a_loop_over_cells_and_boxes_adds_up_to(n_cells, n_boxes):
    grid = Grid(n_cells, n_boxes)
    targets, outputs = example(grid)
    assert targets[..., 4].sum() == 3
    expected = yolo_v1_by_loop(targets, outputs, n_cells, n_boxes)
    assert float(loss.yolo_v1(targets, outputs, grid)) == pytest.approx(expected, rel=1e-4)


def test_loss_1_of_one_cell_by_hand():
    # One cell, truth centred with sides 0.25; box 1 is right but for x, box 2 is far too large
    target = np.float32([[[[0.5, 0.5, 0.5, 0.5, 1]]]])
    output = np.float32([[[[0.6, 0.5, 0.5, 0.5, 0.9, 0.5, 0.5, 1, 1, 0.2, 0.7]]]])
    iou = 0.15 / 0.35  # shares 0.15 of 0.25 in width
    expected = 5 * 0.1**2 + (0.9 - iou) ** 2 + 0.5 * 0.2**2 + 0.3**2
    assert float(loss.yolo_v1(target, output, Grid(1, 2))) == pytest.approx(expected, rel=1e-4)
    nobody = np.zeros_like(target)
    assert float(loss.yolo_v1(nobody, output, Grid(1, 2))) == pytest.approx(0.5 * (0.9**2 + 0.2**2), rel=1e-4)


@pytest.mark.parametrize("name", ["yolo_v1", "iou_aware"])
def test_only_the_responsible_box_learns_where_the_face_is(name):
    grid = Grid(4, 2)
    targets, outputs = example(grid, 1)
    outputs = tf.Variable(outputs)
    with tf.GradientTape() as tape:
        total = getattr(loss, name)(targets, outputs, grid)
    gradient = tape.gradient(total, outputs).numpy()
    assert np.isfinite(gradient).all()
    moved = np.abs(gradient[..., :-1].reshape(1, 4, 4, 2, 5)[..., :4]).max(axis=-1) > 0
    np.testing.assert_array_equal(moved.sum(axis=-1), targets[..., 4])


def test_the_confidence_learns_the_iou_and_the_iou_does_not_learn_it():
    target = np.float32([[[[0.5, 0.5, 0.5, 0.5, 1]]]])
    output = tf.Variable(np.float32([[[[0.5, 0.5, 0.5, 0.5, 0.2, 1]]]]))
    with tf.GradientTape() as tape:
        total = loss.yolo_v1(target, output, Grid(1, 1))
    gradient = tape.gradient(total, output).numpy().ravel()
    np.testing.assert_allclose(gradient, [0, 0, 0, 0, 2 * (0.2 - 1), 0], atol=1e-5)


def test_overlap_is_the_iou_of_boxes():
    some, others = RNG.uniform(0, 1, (2, 50, 2)), RNG.uniform(0.1, 1, (2, 50, 2))
    a, b = (np.hstack([corner, corner + size]) for corner, size in zip(some, others, strict=True))
    np.testing.assert_allclose(loss.overlap(a, b), np.diag(boxes.iou(a, b)), rtol=1e-5)


def test_complete_iou_by_hand():
    a = np.array([[0.0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 4]])
    b = np.array([[0.0, 0, 2, 2], [3, 4, 5, 6], [0, 1, 4, 3]])
    apart = 0 - (9 + 16) / (25 + 36)  # centres 3 and 4 apart, hull 5 × 6
    iou, centres = 4 / 12, (1**2 + 0) / (16 + 16)
    aspect = 4 / np.pi**2 * (np.arctan(4 / 2) - np.arctan(2 / 4)) ** 2
    crossed = iou - centres - aspect * aspect / (1 - iou + aspect)
    np.testing.assert_allclose(loss.complete_iou(a, b), [1, apart, crossed], atol=1e-5)


def test_iou_aware_is_small_where_all_is_right_and_larger_for_each_mistake():
    grid = Grid(6, 1, reach=1.0)
    targets, _ = grid.encode(np.array([[20.0, 30, 60, 70]]), 100)
    right = np.concatenate([targets, targets[..., 4:]], axis=-1)[None]
    lowest = float(loss.iou_aware(targets[None], right, grid))
    assert 0 <= lowest < 1e-3
    taken = tuple(np.argwhere(right[..., 5] == 1)[0])
    free = tuple(np.argwhere(right[..., 5] == 0)[0])
    for cell, output, value in (
        (taken, 0, 0.9),
        (taken, 3, 0.2),
        (taken, 4, 0.3),
        (taken, 5, 0.1),
        (free, 5, 0.9),
    ):
        wrong = right.copy()
        wrong[(*cell, output)] = value
        assert float(loss.iou_aware(targets[None], wrong, grid)) > lowest + 0.02


def test_corners_are_what_the_device_decodes():
    for grid in (Grid(5, 2), Grid(6, 1, reach=1.0)):
        output = np.float32(RNG.uniform(0, 1, (grid.n_cells, grid.n_cells, grid.n_outputs)))
        values = output[None, ..., :-1].reshape(1, grid.n_cells, grid.n_cells, grid.n_boxes, 5)
        found = loss.corners(tf.constant(values), grid).numpy().reshape(-1, 4)
        np.testing.assert_allclose(found, grid.decode(output, 1).boxes, atol=1e-6)
