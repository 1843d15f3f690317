"""Detectors: the reference paper's table row by row, a small one for NPUs, and losses against loops and by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from emolib.datasets.face_boxes import load
from emolib.device.interpreter import Model
from emolib.evaluation.cost import cost
from emolib.models import detector
from emolib.models.detector_training import gather
from emolib.quantization import ptq
from emolib.signals import boxes
from emolib.signals.boxes import Grid

POOL = "MaxPooling2D"
TABLE = [  # layer, filters, kernel, side and channels of its input, of its output, as Table I prints them
    ("Conv2D", 8, 3, (288, 3), (288, 8)), ("Conv2D", 8, 3, (288, 8), (288, 8)), (POOL, 0, 2, (288, 8), (144, 8)),
    ("Conv2D", 16, 3, (144, 8), (144, 16)), ("Conv2D", 16, 3, (144, 16), (144, 16)), (POOL, 0, 2, (144, 16), (72, 16)),
    ("Conv2D", 32, 3, (72, 16), (72, 32)), ("Conv2D", 32, 3, (72, 32), (72, 32)), (POOL, 0, 2, (72, 32), (36, 32)),
    ("Conv2D", 64, 3, (36, 32), (36, 64)), ("Conv2D", 64, 3, (36, 64), (36, 64)), (POOL, 0, 2, (36, 64), (18, 64)),
    ("Conv2D", 128, 3, (18, 64), (18, 128)), ("Conv2D", 128, 3, (18, 128), (18, 128)), (POOL, 0, 2, (18, 128), (9, 128)),
    ("Conv2D", 192, 3, (9, 128), (9, 192)), ("Conv2D", 192, 3, (9, 192), (9, 192)),
    ("Conv2D", 192, 3, (9, 192), (9, 192)), ("Conv2D", 192, 3, (9, 192), (9, 192)),
    ("Conv2D", 11, 3, (9, 192), (9, 11)),
]  # fmt: skip
RNG = np.random.default_rng(0)


def kind(layer):
    return type(layer).__name__


def test_table_1_row_by_row():
    model = detector.table1()
    rows = [layer for layer in model.layers if kind(layer) in ("Conv2D", POOL)]
    for layer, (name, filters, kernel, before, after) in zip(rows, TABLE, strict=True):
        assert (kind(layer), layer.input.shape[2:], layer.output.shape[2:]) == (name, before, after)
        if name == "Conv2D":
            assert (layer.filters, layer.kernel_size, layer.strides) == (filters, (kernel, kernel), (1, 1))
    kinds = [kind(layer) for layer in model.layers]
    convolutions = [at for at, name in enumerate(kinds) if name == "Conv2D"]
    assert all(kinds[at + 1 : at + 3] == ["BatchNormalization", "ReLU"] for at in convolutions[:-1])
    assert rows[-1].activation is keras.activations.linear
    assert detector.grid_of(model) == Grid(9, 2) and detector.grid_of(model).n_outputs == 11
    assert cost(model).params == 1_535_139


def test_small_in_int8_says_what_it_says_in_float32():
    """`small` with outputs that differ, on pictures it saw."""
    keras.utils.set_random_seed(0)
    model = detector.small()
    kernel, bias = model.get_layer("cells").get_weights()
    model.get_layer("cells").set_weights([100 * kernel, 0 * bias])
    X = np.float32(gather(load("scenes", n=8), 192)["train"].X[:4] / 255)
    content = ptq.convert(model, "int8", X)
    assert len(content) <= 300_000 and detector.grid_of(model) == Grid(24, 1, reach=1.0)
    outputs = model.predict(X, verbose=0)
    with Model(content) as quantised:
        found = quantised.predict(X)
        assert quantised.runner.output[2:4] == (1 / 256, -128)  # scale and zero point of a sigmoid
    assert outputs.std() > 0.1 and np.abs(found - outputs).mean() < 0.02


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
                    total += 5 * ((x - bx) ** 2 + (y - by) ** 2 + (w - bw) ** 2 + (h - bh) ** 2)
                    total += (ious[j] - confidence) ** 2
                else:
                    total += 0.5 * confidence**2
            total += has_face * (1 - output[cell][-1]) ** 2
    return total / len(targets)


@pytest.mark.parametrize(("n_cells", "n_boxes"), [(9, 2), (4, 1)])
def test_loss_1_is_what_a_loop_over_cells_and_boxes_adds_up_to(n_cells, n_boxes):
    grid = Grid(n_cells, n_boxes)
    targets, outputs = example(grid)
    assert targets[..., 4].sum() == 3
    expected = yolo_v1_by_loop(targets, outputs, n_cells, n_boxes)
    assert float(detector.yolo_v1(targets, outputs, grid)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", detector.LOSSES)
def test_only_the_responsible_box_learns_where_the_face_is(name):
    grid = Grid(4, 2)
    targets, outputs = example(grid, 1)
    outputs = tf.Variable(outputs)
    with tf.GradientTape() as tape:
        total = detector.LOSSES[name](targets, outputs, grid)
    gradient = tape.gradient(total, outputs).numpy()
    assert np.isfinite(gradient).all()
    moved = np.abs(gradient[..., :-1].reshape(1, 4, 4, 2, 5)[..., :4]).max(axis=-1) > 0
    np.testing.assert_array_equal(moved.sum(axis=-1), targets[..., 4])


def test_complete_iou_by_hand():
    a = np.array([[0.0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 4]])
    b = np.array([[0.0, 0, 2, 2], [3, 4, 5, 6], [0, 1, 4, 3]])
    apart = 0 - (9 + 16) / (25 + 36)  # centres 3 and 4 apart, hull 5 × 6
    iou, centres = 4 / 12, (1**2 + 0) / (16 + 16)
    aspect = 4 / np.pi**2 * (np.arctan(4 / 2) - np.arctan(2 / 4)) ** 2
    crossed = iou - centres - aspect * aspect / (1 - iou + aspect)
    np.testing.assert_allclose(detector.complete_iou(a, b), [1, apart, crossed], atol=1e-5)


def test_corners_are_what_the_device_decodes():
    for grid in (Grid(5, 2), Grid(6, 1, reach=1.0)):
        output = np.float32(RNG.uniform(0, 1, (grid.n_cells, grid.n_cells, grid.n_outputs)))
        values = output[None, ..., :-1].reshape(1, grid.n_cells, grid.n_cells, grid.n_boxes, 5)
        found = detector.corners(tf.constant(values), grid).numpy().reshape(-1, 4)
        np.testing.assert_allclose(found, grid.decode(output, 1).boxes, atol=1e-6)
