"""Detectors: the seed's table row by row, and a small one whose int8 file holds what an NPU takes."""

import numpy as np
import pytest

from emolib.core.errors import BadParameter
from emolib.models.detection.pictures import gather
from emolib.signals.boxes import Grid

keras = pytest.importorskip("keras")
from emolib.datasets.face_boxes import load  # noqa: E402
from emolib.device.interpreter import Model  # noqa: E402
from emolib.evaluation.cost import cost  # noqa: E402
from emolib.models import detector  # noqa: E402
from emolib.quantization import ptq  # noqa: E402

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


def kind(layer):
    return type(layer).__name__


def shape(tensor):
    _, height, width, channels = tensor.shape
    assert height == width
    return height, channels


def test_table_1_row_by_row():
    model = detector.table1()
    rows = [layer for layer in model.layers if kind(layer) in ("Conv2D", POOL)]
    for layer, (name, filters, kernel, before, after) in zip(rows, TABLE, strict=True):
        assert (kind(layer), shape(layer.input), shape(layer.output)) == (name, before, after)
        if name == POOL:
            assert layer.pool_size == (kernel, kernel)
        else:
            assert (layer.filters, layer.kernel_size, layer.strides) == (filters, (kernel, kernel), (1, 1))
    after = [kind(layer) for layer in model.layers]
    convolutions = [at for at, name in enumerate(after) if name == "Conv2D"]
    assert all(after[at + 1 : at + 3] == ["BatchNormalization", "ReLU"] for at in convolutions[:-1])
    assert convolutions[-1] == len(after) - 1 and rows[-1].activation is keras.activations.linear
    assert detector.grid_of(model) == Grid(9, 2) and detector.grid_of(model).n_outputs == 11


def test_table_1_by_numbers():
    weights = sum(9 * before[1] * after[1] for name, _, _, before, after in TABLE if name == "Conv2D")
    norms = 4 * sum(after[1] for name, _, _, _, after in TABLE[:-1] if name == "Conv2D")
    found = cost(detector.table1())
    assert found.params == weights + norms + 11 == 1_535_139
    assert found.params * 4 / 1e6 == pytest.approx(6.14, abs=0.01)  # the seed says 4.95 MB
    assert found.macs == sum(9 * b[1] * a[1] * a[0] ** 2 for name, _, _, b, a in TABLE if name == "Conv2D")


@pytest.fixture(scope="module")
def int8():
    """`small` with outputs that differ, its int8 file, and pictures it saw."""
    keras.utils.set_random_seed(0)
    model = detector.small()
    kernel, bias = model.get_layer("cells").get_weights()
    model.get_layer("cells").set_weights([100 * kernel, 0 * bias])
    X = np.float32(gather(load("scenes", n=8), 192)["train"].X[:4] / 255)
    return model, ptq.convert(model, "int8", X), X


def test_small_is_small(int8):
    model, content, _ = int8
    found = cost(model)
    assert len(content) <= 300_000
    assert found.macs * 12 < cost(detector.table1()).macs
    assert detector.grid_of(model) == Grid(24, 1, reach=1.0) and detector.grid_of(model).n_outputs == 6
    for layer in model.layers:
        assert max(getattr(layer, "strides", (1,))) <= 3


def test_small_in_int8_says_what_it_says_in_float32(int8):
    model, content, X = int8
    outputs = model.predict(X, verbose=0)
    with Model(content) as quantised:
        found = quantised.predict(X)
        assert quantised.runner.output[2:4] == (1 / 256, -128)  # scale and zero point of a sigmoid
        assert quantised.runner.inputs[0].scale == pytest.approx(1 / 255, rel=0.02)
    assert outputs.std() > 0.1 and np.abs(found - outputs).mean() < 0.02


def test_small_runs_whole_on_an_ethos_u(int8):
    vela = pytest.importorskip("emolib.quantization.npu.vela")
    operators = vela.compile_for(int8[1], "ethos-u55-128").operators
    assert len(operators) > 20
    assert operators["on_npu"].all(), operators.loc[~operators["on_npu"], ["operator", "why"]].to_string()


def test_a_model_of_another_name_is_refused():
    inputs = keras.Input((32, 32, 3))
    with pytest.raises(BadParameter, match="smal does not exist in the detectors: did you mean small"):
        detector.grid_of(keras.Model(inputs, keras.layers.Conv2D(6, 1)(inputs), name="smal"))


@pytest.mark.parametrize(("side", "n_channels"), [(96, 1), (160, 3)])
def test_other_sides_and_grey_pictures(side, n_channels):
    outputs = detector.small(side, n_channels)(np.zeros((2, side, side, n_channels), np.float32)).numpy()
    assert outputs.shape == (2, side // 8, side // 8, 6) and outputs.min() > 0 and outputs.max() < 1
    assert detector.table1(side, n_channels).output_shape == (None, side // 32, side // 32, 11)
