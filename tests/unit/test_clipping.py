"""Ranges by hand and against numpy and onnxruntime; files whose scales are ours."""

import numpy as np
import pytest
from compressed import SHAPE, network, windows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolib.core.errors import BadParameter, BadSet
from emolib.device.interpreter import Model
from emolib.quantization import clipping, flatbuffer, ptq
from emolib.quantization.calibration import observed
from emolib.quantization.clipping import Clipping
from emolib.quantization.quantizer import quantize, tied


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def float32(model):
    return ptq.convert(model, "float32")


@pytest.fixture(scope="module")
def values(float32):
    return observed(float32, windows(60))


X = np.arange(1000, dtype=np.float32).reshape(10, 100) - 200


def test_max_and_percentile_by_hand():
    assert Clipping("max").ranges({"x": X})["x"] == (-200, 799)
    low, high = Clipping("percentile", 99.0).ranges({"x": X})["x"]
    assert (low, high) == pytest.approx((-200 + 9.99, 799 - 9.99))


def test_max_percentile_is_the_percentile_of_each_windows_maxima():
    """One value of 100 is 1 %: the maxima of the windows are -101, -1, …, 799, the minima -200, …, 700."""
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


def test_kl_of_dead_activations_is_empty():
    assert Clipping("kl").ranges({"x": np.zeros((3, 4), np.float32)})["x"] == (0, 0)


@pytest.mark.parametrize("percentile", [0, -1, 100.1, 200])
@pytest.mark.parametrize("name", ["percentile", "weight_percentile"])
def test_percentiles_out_of_range(name, percentile):
    with pytest.raises(BadParameter, match=rf"{name}: got {percentile}, expected more than 0, at most 100"):
        Clipping(**{name: percentile})


def test_unknown_method():
    with pytest.raises(BadParameter, match="method: got 'min', expected one of max, percentile"):
        Clipping("min")


def test_names_tell_the_ways_of_a_sweep_apart():
    found = clipping.sweep([99.0, 99.9], [10], [99.5])
    assert list(found) == [
        *("max", "kl", "percentile_99", "percentile_99.9", "max_percentile_99", "max_percentile_99.9"),
        *("max_n10", "max_w99.5"),
    ]


def test_observed_values_are_what_keras_computes(model, values):
    import keras

    relu = keras.Model(model.inputs, next(x for x in model.layers if isinstance(x, keras.layers.ReLU)).output)
    expected = relu.predict(windows(60), verbose=0).reshape(60, -1)
    tensors = list(values)
    np.testing.assert_allclose(values[tensors[0]], windows(60).reshape(60, -1))
    np.testing.assert_allclose(values[tensors[2]], expected, atol=1e-5)
    np.testing.assert_allclose(values[tensors[-1]], model.predict(windows(60), verbose=0), atol=1e-5)


def test_pooling_keeps_the_scale_of_its_input(float32, values):
    limits = tied(float32, Clipping("max").ranges(values))
    entry, pooled = list(limits)[:2]
    assert limits[pooled] == limits[entry] != Clipping("max").ranges(values)[pooled]


@pytest.mark.parametrize("way", [Clipping("max"), Clipping("percentile", 98.0), Clipping("kl")])
def test_scales_in_the_file_are_ours(float32, values, way):
    limits = tied(float32, way.ranges(values))
    content = quantize(float32, limits)
    tensors = flatbuffer.activations(content)
    assert list(tensors) == list(limits)
    for name, (low, high) in limits.items():
        scale = (high - low) / 255
        assert tensors[name].scale == pytest.approx([scale], rel=1e-6)
        assert tensors[name].zero_point == [np.rint(-128 - low / scale)]
    assert clipping.largest_deviation(content, limits) < 1e-6
    wider = {name: (2 * low, 2 * high) for name, (low, high) in limits.items()}
    assert clipping.largest_deviation(content, wider) == pytest.approx(0.5, abs=1e-3)


def test_the_file_answers_as_keras_does(model, float32, values):
    expected = model.predict(windows(40, 9), verbose=0)
    with Model(quantize(float32, Clipping("max").ranges(values))) as interpreter:
        assert np.abs(interpreter.predict(windows(40, 9)) - expected).mean() < 0.03 * np.ptp(expected)


def test_clipped_weights_are_cut_channel_by_channel(float32):
    before = dict(enumerate(kernels(float32)))
    after = dict(enumerate(kernels(clipping.clip_weights(float32, 80.0))))
    for k, (operator, kernel) in before.items():
        axis = {"CONV_2D": (1, 2, 3), "DEPTHWISE_CONV_2D": (0, 1, 2), "FULLY_CONNECTED": None}[operator]
        limit = np.percentile(np.abs(kernel), 80, axis=axis, keepdims=True)
        np.testing.assert_allclose(after[k][1], np.clip(kernel, -limit, limit), atol=1e-7)
        assert (after[k][1] != kernel).mean() == pytest.approx(0.2, abs=0.12)


def kernels(content):
    for operator, data in flatbuffer.weighted(content):
        yield operator.name, data.view(np.float32).reshape(operator.inputs[1].shape)


def test_rounding_is_that_of_the_interpreter():
    x = np.linspace(-3, 3, 1001, dtype=np.float32)
    scale, zero = 4 / 255, np.rint(-128 + 1 / (4 / 255))
    expected = (np.clip(np.rint(x / scale + zero), -128, 127) - zero) * scale
    np.testing.assert_allclose(clipping.rounded(x, -1.0, 3.0), expected, atol=scale / 2 + 1e-6)
    assert np.abs(clipping.rounded(x, -1.0, 3.0) - np.clip(x, -1, 3)).max() <= scale


def test_quality_of_a_sine_is_that_of_the_textbook():
    """Uniform rounding of a full-scale sine has an SQNR of 6.02 · bits + 1.76 dB."""
    x = np.sin(np.linspace(0, 40 * np.pi, 100_001, dtype=np.float64))[None]
    table = clipping.quality({"x": x}, [Clipping("max")])
    assert table.sqnr_db[0] == pytest.approx(6.02 * 8 + 1.76, abs=0.2) and table.clipped[0] == 0
    assert clipping.quality({"x": X}, [Clipping("percentile", 95.0)]).clipped[0] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "X, y, message",
    [
        (windows(0), None, "no calibration windows"),
        (windows(4)[:, 1:], None, r"shape \(23, 8, 1\), expected \(24, 8, 1\)"),
        (np.full((2, *SHAPE), np.nan), None, "2 of 2 calibration windows hold NaN"),
        (windows(4), np.full(4, 2), "All 4 calibration windows are of class 2"),
    ],
)
def test_bad_calibration(float32, X, y, message):
    with pytest.raises(BadSet, match=message):
        observed(float32, X, y)
