"""Boxes, the letterbox, and the grid of a detector, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.signals.boxes import FILL, Grid, Letterbox, area, clipped, iou, piles
from emolib.signals.image import resize


def test_numbers_of_two_squares_that_share_a_quarter():
    b = np.array([[5.0, 5.0, 15.0, 15.0], [0, 0, 10, 10], [10, 0, 20, 10], [2, 2, 4, 4]])
    np.testing.assert_allclose(iou(np.array([[0.0, 0, 10, 10]]), b), [[25 / 175, 1, 0, 4 / 100]])
    np.testing.assert_allclose(area(b), [100, 100, 100, 4])
    np.testing.assert_array_equal(clipped(b, (8, 12))[0], [5, 5, 12, 8])


@pytest.mark.parametrize("max_iou, expected", [(0.5, [[1, 0, 4, 3], [2], [5]]), (0.99, [[1], [0, 4], [3], [2], [5]])])
def test_boxes_of_a_face_are_a_pile(max_iou, expected):
    """1 and 0 (as 4) have an IoU of 9/11, 3 and 1 of 7/13 = 0.54, 3 and 0 of 6/14 = 0.43."""
    boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [4, 0, 14, 10], [0, 0, 10, 10], [5, 5, 5, 5.0]]
    boxes, scores = np.array(boxes), np.array([0.8, 0.9, 0.3, 0.7, 0.8, 0.1])
    assert [pile.tolist() for pile in piles(boxes, scores, max_iou)] == expected


@pytest.mark.parametrize("size", [(100, 200), (500, 3)])
def test_a_box_goes_into_the_square_and_back(size):
    fit = Letterbox(size, 64)
    boxes = np.array([[0.0, 0.0, size[1], size[0]], [size[1] / 4, 0, size[1] / 2, size[0] / 3]])
    inside = fit.boxes(boxes)
    (top, left), (height, width) = fit.corner, fit.inner
    np.testing.assert_allclose(inside[0], [left, top, left + width, top + height])
    np.testing.assert_allclose(fit.inverse(inside), boxes, atol=1e-9)
    np.testing.assert_allclose(fit.inverse(np.array([[-9.0, -9, 99, 99]])), boxes[:1])


def test_letterbox_lays_the_picture_in_the_middle():
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    square = Letterbox((100, 200), 64).image(image)
    assert square.shape == (64, 64, 3) and (square[[*range(16), *range(48, 64)]] == FILL).all()
    np.testing.assert_array_equal(square[16:48], resize(image, 32, 64))


def test_encode_by_hand():
    targets, n_lost = Grid(9, 2).encode(np.array([[16.0, 32, 80, 160]]), 288)
    # centre (48, 96) px = (1.5, 3.0) cells of 32 px; sides 64 and 128 of 288
    assert n_lost == 0 and targets[..., 4].sum() == 1
    np.testing.assert_allclose(targets[3, 1], [0.5, 0, np.sqrt(64 / 288), np.sqrt(128 / 288), 1], atol=1e-6)
    near, far = [100.0, 100, 120, 120], [97.0, 97, 137, 137]  # centres (110, 110), (117, 117); cell 96 to 128
    targets, n_lost = Grid(9, 2).encode(np.array([far, near]), 288)
    assert n_lost == 1, "two faces in one cell lose one"
    np.testing.assert_allclose(targets[3, 3, :2], 14 / 32, rtol=1e-6)  # 110 is nearer to the middle, 112


def test_with_reach_the_neighbours_speak_too():
    grid = Grid(9, 1, reach=1.0)
    box = np.array([[100.0, 96, 140, 128]])  # centre (120, 112) px = (3.75, 3.5) cells
    targets, n_lost = grid.encode(box, 288)
    assert n_lost == 0 and targets[..., 4].sum() == 9 and targets[2:5, 2:5, 4].all()
    np.testing.assert_allclose(targets[3, 2, :2], [(1.75 + 1) / 3, 0.5], rtol=1e-6)
    output = np.concatenate([targets, targets[..., 4:]], axis=-1)
    output[3, 3, 5] = 0.8  # the probability of its face
    boxes, scores = grid.decode(output, 288)
    assert scores[3 * 9 + 3] == pytest.approx(0.8)
    np.testing.assert_allclose(boxes[scores > 0.5], np.repeat(box, 9, axis=0), rtol=1e-5)
    output[3, 3, 5] = 1
    output[3, 2, 4] = 0.5  # one cell of nine is half as sure, and sees the face 10 px lower
    output[3, 2, 1] += 10 / 32 / 3
    found = grid.found(output, 288, 0.3)
    np.testing.assert_allclose(found.boxes, box + np.array([0, 1, 0, 1]) * 10 * 0.5 / 8.5, rtol=1e-5)
    assert found.scores.tolist() == [1]


BOXES = st.lists(st.tuples(*[st.floats(0.02, 0.98)] * 2, *[st.floats(0.02, 0.9)] * 2), min_size=1, max_size=8)


@given(BOXES, st.integers(3, 24), st.integers(1, 3))
def test_boxes_come_back_where_no_two_share_a_cell(places, n_cells, n_boxes):
    cells = {(int(x * n_cells), int(y * n_cells)): (x, y, w, h) for x, y, w, h in places}
    x, y, w, h = np.array(list(cells.values())).T * 192
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
    grid = Grid(n_cells, n_boxes)
    targets, n_lost = grid.encode(boxes, 192)
    output = np.concatenate([targets] * n_boxes + [targets[..., 4:]], axis=-1)
    found, scores = grid.decode(output, 192)
    found = np.unique(np.round(found[scores > 0.5], 2), axis=0)
    assert n_lost == 0 and len(found) == len(boxes)
    np.testing.assert_allclose(found[np.lexsort(found.T)], boxes[np.lexsort(np.round(boxes, 2).T)], atol=0.02)
