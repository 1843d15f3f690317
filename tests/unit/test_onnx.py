"""ONNX of folded Keras networks, and its QDQ form: scales are ours, answers those of the .tflite file."""

from types import SimpleNamespace

import compressed
import keras
import numpy as np
import onnx as onnx_library
import pytest
from compressed import windows
from keras import layers
from onnx.numpy_helper import to_array

from emolib.core.errors import BadArtifact
from emolib.quantization import clipping, conversion, mxq, onnx, ptq
from emolib.quantization.clipping import Clipping
from emolib.quantization.flatbuffer import weighted


def network(shape, *stack):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D(name="mean")(x)))


@pytest.fixture(scope="module")
def model():
    return compressed.network()


@pytest.fixture(scope="module")
def float32(model):
    return ptq.convert(model, "float32")


@pytest.fixture(scope="module")
def content(model):
    return onnx.export(model)


def test_graph_is_clean_and_equals_keras(model, content):
    table = mxq.check_operators(content, "x")
    expected = "AveragePool Conv Relu Conv Conv Add Relu GlobalAveragePool Flatten Gemm"
    assert table.operator.tolist() == expected.split()
    [entry] = onnx_library.load_from_string(content).graph.input
    assert [axis.dim_value for axis in entry.type.tensor_type.shape.dim] == [1, 1, 24, 8]
    X = windows(5)
    np.testing.assert_allclose(onnx.run(content, X), np.asarray(model(X, training=False)), atol=1e-5)
    assert onnx.parity(content, model, X) < 1e-5
    # other weights are noticed
    with pytest.raises(BadArtifact, match="differs from Keras by .* in a logit, expected at most 0.0001"):
        onnx.parity(content, keras.models.clone_model(model), windows(5))


@pytest.mark.parametrize("size", [7, 8, 9])
@pytest.mark.parametrize("layer", [
    layers.Conv2D(3, 4, strides=3, padding="same"),
    layers.Conv2D(3, 3, dilation_rate=2, padding="same", activation="relu"),
    layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
    layers.AveragePooling2D(3, strides=2, padding="same"),
    layers.MaxPooling2D(2),
])  # fmt: skip
def test_padding_of_every_remainder(layer, size):
    made = network((size, size + 1, 2), layer.__class__.from_config(layer.get_config()))
    X = windows(5, shape=(size, size + 1, 2))
    np.testing.assert_allclose(onnx.run(onnx.export(made), X), made(X, training=False), atol=1e-5)


# What `convert_to_qdq` needs of a fold's CalibrationData
FOLD = SimpleNamespace(rows=np.arange(60), calibration=windows(60), calibration_y=np.arange(60) % 4)


@pytest.mark.parametrize("way", [Clipping("max"), Clipping("percentile", 99.0)])
def test_qdq_has_our_scales_and_the_answers_of_the_tflite_file(float32, content, way, tmp_path):
    qdq = onnx.convert_to_qdq(content, way, FOLD)
    limits = way.ranges(onnx.observed(content, FOLD.calibration))
    graph = onnx_library.load_from_string(qdq).graph
    constants = {c.name: to_array(c) for c in graph.initializer}
    quantized = [node.input for node in graph.node if node.op_type == "QuantizeLinear"]
    found = {name: (float(constants[scale]), int(constants[zero])) for name, scale, zero in quantized}
    compared = [name for name in limits if name in found and "pool" not in name and "flatten" not in name]
    assert len(compared) >= 5
    for name in compared:
        low, high = limits[name]
        scale = (high - low) / 255
        assert found[name] == (pytest.approx(scale, rel=1e-5), np.rint(-128 - low / scale))
    file = tmp_path / "x.tflite"
    observed = conversion.observed(float32, FOLD.calibration)
    file.write_bytes(clipping.quantize(float32, way.ranges(observed)))
    apart = onnx.agreement(qdq, file, windows(50, 7)).iloc[0]
    assert apart["n"] == 50 and apart["lsb"] <= 2 and apart["other_answers"] <= 1


def test_weights_are_cut_as_in_the_tflite_file(float32, content):
    """The kernels of both files have the same values, in another order."""
    ours = [each.inputs[1].data.view(np.float32) for each in weighted(clipping.clip_weights(float32, 70.0))]
    graph = onnx_library.load_from_string(onnx.clip_weights(content, 70.0)).graph
    theirs = [to_array(c) for c in graph.initializer if len(c.dims) > 1]
    assert len(ours) == len(theirs)
    for a, b in zip(sorted(ours, key=np.size), sorted(theirs, key=np.size), strict=True):
        np.testing.assert_allclose(np.sort(a.ravel()), np.sort(b.ravel()), atol=1e-6)
