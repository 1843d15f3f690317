"""Ranges by hand and against numpy; integer files whose scales are ours; a pick that looks at validation people alone."""

import numpy as np
import pandas as pd
import pytest
from compressed import network, windows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolib.core.errors import BadSet
from emolib.device.interpreter import Model, present
from emolib.quantization import clipping, flatbuffer, ptq
from emolib.quantization.clipping import Clipping, quantize, tied
from emolib.quantization.conversion import observed
from emolib.quantization.flatbuffer import compact, weighted
from emolib.studies import clipping as study

X = np.arange(1000, dtype=np.float32).reshape(10, 100) - 200


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def float32(model):
    return ptq.convert(model, "float32")


@pytest.fixture(scope="module")
def values(float32):
    return observed(float32, windows(60))


def test_ranges_by_hand():
    """One value of 100 is 1 %: the maxima of the windows are -101, -1, …, 799, the minima -200, …, 700."""
    assert Clipping("max").ranges({"x": X})["x"] == (-200, 799)
    assert Clipping("percentile", 99.0).ranges({"x": X})["x"] == pytest.approx((-200 + 9.99, 799 - 9.99))
    low, high = Clipping("max_percentile", 90.0).ranges({"x": X})["x"]
    assert high == pytest.approx(np.percentile(X.max(axis=1), 90))
    assert low == pytest.approx(np.percentile(X.min(axis=1), 10))


@given(arrays(np.float32, (7, 30), elements=st.floats(-100, 100, width=32)))
def test_percentile_100_is_max_and_zero_is_inside(x):
    expected = Clipping("max").ranges({"x": x})
    for method in ("percentile", "max_percentile"):
        assert Clipping(method, 100.0).ranges({"x": x})["x"] == pytest.approx(expected["x"])
    for way in (Clipping("kl"), Clipping("percentile", 90.0), Clipping("max_percentile", 90.0)):
        low, high = way.ranges({"x": x})["x"]
        assert expected["x"][0] <= low <= 0 <= high <= expected["x"][1]


def test_kl_cuts_an_outlier_and_leaves_a_flat_histogram():
    rng = np.random.default_rng(0)
    flat = rng.uniform(0, 1, size=(10, 1000)).astype(np.float32)
    assert Clipping("kl").ranges({"x": flat})["x"][1] > 0.95
    tailed = np.abs(rng.normal(size=(10, 10000))).astype(np.float32)
    tailed[0, 0] = 60.0
    assert Clipping("kl").ranges({"x": tailed})["x"][1] < 20
    assert Clipping("kl").ranges({"x": np.zeros((3, 4), np.float32)})["x"] == (0, 0)


def test_observed_values_are_what_keras_computes(model, values):
    import keras

    relu = keras.Model(model.inputs, next(x for x in model.layers if isinstance(x, keras.layers.ReLU)).output)
    tensors = list(values)
    np.testing.assert_allclose(values[tensors[0]], windows(60).reshape(60, -1))
    expected = relu.predict(windows(60), verbose=0).reshape(60, -1)
    np.testing.assert_allclose(values[tensors[2]], expected, atol=1e-5)
    np.testing.assert_allclose(values[tensors[-1]], model.predict(windows(60), verbose=0), atol=1e-5)


@pytest.mark.parametrize("way", [Clipping("percentile", 98.0), Clipping("kl")])
def test_scales_in_the_file_are_ours(float32, values, way):
    limits = tied(float32, way.ranges(values))
    entry, pooled = list(limits)[:2]
    assert limits[pooled] == limits[entry] != way.ranges(values)[pooled]  # pooling keeps the scale
    content = quantize(float32, limits)
    tensors = flatbuffer.activations(content)
    assert list(tensors) == list(limits)
    for name, (low, high) in limits.items():
        scale = (high - low) / 255
        assert tensors[name].scale == pytest.approx([scale], rel=1e-6)
        assert tensors[name].zero_point == [np.rint(-128 - low / scale)]


def kernels(content):
    for operator in weighted(content):
        tensor = operator.inputs[1]
        yield operator.name, tensor.data.view(np.float32).reshape(tensor.shape)


def test_clipped_weights_are_cut_channel_by_channel(float32):
    cut = list(kernels(clipping.clip_weights(float32, 80.0)))
    for (operator, kernel), (_, after) in zip(kernels(float32), cut, strict=True):
        axis = {"CONV_2D": (1, 2, 3), "DEPTHWISE_CONV_2D": (0, 1, 2), "FULLY_CONNECTED": None}[operator]
        limit = np.percentile(np.abs(kernel), 80, axis=axis, keepdims=True)
        np.testing.assert_allclose(after, np.clip(kernel, -limit, limit), atol=1e-7)
        assert (after != kernel).mean() == pytest.approx(0.2, abs=0.12)


def test_quality_of_a_sine_is_that_of_the_textbook():
    """Uniform rounding of a full-scale sine has an SQNR of 6.02 · bits + 1.76 dB."""
    x = np.sin(np.linspace(0, 40 * np.pi, 100_001, dtype=np.float64))[None]
    table = study.quality({"x": x}, [Clipping("max")])
    assert table.sqnr_db[0] == pytest.approx(6.02 * 8 + 1.76, abs=0.2) and table.clipped[0] == 0
    assert study.quality({"x": X}, [Clipping("percentile", 95.0)]).clipped[0] == pytest.approx(0.1)


@pytest.mark.parametrize(("X", "message"), [
    (windows(0), "no calibration windows"),
    (windows(4) * np.nan, "4 calibration windows hold NaN"),
    (windows(4, shape=(24, 7, 1)), "have shape"),
])  # fmt: skip
def test_bad_calibration(float32, X, message):
    with pytest.raises(BadSet, match=message):
        observed(float32, X)


@pytest.mark.parametrize("backend", present())
def test_a_compact_file_is_smaller_and_answers_alike(float32, values, backend):
    content = quantize(float32, Clipping("max").ranges(values))
    small = compact(content)
    assert len(small) < 0.8 * len(content) and compact(small) == small
    with Model(content, backend) as a, Model(small, backend) as b:
        np.testing.assert_array_equal(a.predict(windows(10, 3)), b.predict(windows(10, 3)))
    names = list(flatbuffer.activations(compact(float32)))
    assert len(set(names)) == len(names) and all("/" not in name for name in names[1:-1])


def test_pick_by_validation_not_by_test():
    columns = {
        "fold": np.zeros(8, int),
        "part": np.array(["val"] * 4 + ["test"] * 4),
        "y": np.array([0, 0, 1, 1] * 2),
        "subject": np.array(["a", "a", "b", "b", "c", "c", "d", "d"]),
        "trial": np.arange(8).astype(str),
    }
    given = {
        "float32": [0, 0, 1, 1, 0, 0, 1, 1],
        "good_on_test": [0, 1, 1, 1, 0, 0, 1, 1],
        "good_on_val": [0, 0, 1, 1, 1, 1, 0, 0],
    }
    scores = {name: np.eye(2)[answers] * 0.8 + 0.1 for name, answers in given.items()}
    table = pd.DataFrame({"variant": list(given), "bytes": [4000, 1000, 1000]})
    found = study.with_efficiency(table, columns, scores, "window")
    assert found.val_accuracy.tolist() == [1, 0.75, 1] and found.efficiency.tolist() == [1, 3, 4]
    assert study.pick(found) == "good_on_val"
