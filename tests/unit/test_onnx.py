"""ONNX of folded Keras networks, and the nodes that Mobilint's compiler takes."""

import keras
import numpy as np
import onnx as onnx_library
import pytest
from compressed import settled
from keras import layers
from onnx import TensorProto, helper, numpy_helper
from scipy.signal import correlate2d

from emolib.core.errors import BadArtifact, BadParameter, OverBudget
from emolib.quantization.npu import accepted, onnx


def network(shape, *stack):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D(name="mean")(x)))


def windows(shape, n=5):
    return np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((15, 12, 2))
    x = layers.Conv2D(8, (5, 3), strides=(4, 2), padding="same", use_bias=False, name="first")(x)
    x = y = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(8, 3, padding="same", use_bias=False, name="second")(x)
    x = layers.Add()([layers.BatchNormalization()(x), y])
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return settled(keras.Model(inputs, layers.Dense(4, name="logits")(x)), windows((15, 12, 2), 64) + 1)


def test_graph_is_clean_and_equals_keras(model):
    content = onnx.export(model)
    table = accepted.check_operators(content, "x")
    assert table.operator.tolist() == [
        *("Conv", "Relu", "Conv", "Conv", "Add", "GlobalAveragePool", "Flatten", "Gemm"),
    ]
    assert table.node[0] == "first_conv" and table.allowed.all() and not table.why.any()
    X = windows((15, 12, 2))
    expected = np.asarray(model(X, training=False))
    np.testing.assert_allclose(onnx.run(content, X), expected, atol=1e-5)
    assert onnx.parity(content, model, X) < 1e-5


def test_input_is_one_window_with_channels_first(model):
    [entry] = onnx_library.load_from_string(onnx.export(model)).graph.input
    assert [axis.dim_value for axis in entry.type.tensor_type.shape.dim] == [1, 2, 15, 12]


def test_convolution_by_hand():
    made = network((6, 5, 1), layers.Conv2D(1, 3, padding="valid", name="c"))
    kernel, dense = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1), np.ones((1, 4), np.float32)
    made.get_layer("c").set_weights([kernel, np.array([0.5], np.float32)])
    made.get_layer("logits").set_weights([dense, np.zeros(4, np.float32)])
    X = windows((6, 5, 1), 1)
    expected = correlate2d(X[0, :, :, 0], kernel[:, :, 0, 0], "valid").mean() + 0.5
    np.testing.assert_allclose(onnx.run(onnx.export(made), X)[0], [expected] * 4, rtol=1e-5)


@pytest.mark.parametrize("size", [7, 8, 9, 10])
@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(3, 4, strides=3, padding="same"),
        layers.Conv2D(3, 3, dilation_rate=2, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.MaxPooling2D(2),
    ],
    ids=["conv", "dilated", "depthwise", "average", "max"],
)
def test_padding_of_every_remainder(layer, size):
    made = network((size, size + 1, 2), layer.__class__.from_config(layer.get_config()))
    X = windows((size, size + 1, 2))
    np.testing.assert_allclose(onnx.run(onnx.export(made), X), made(X, training=False), atol=1e-5)


@pytest.mark.parametrize(
    "layer, message",
    [
        (layers.UpSampling2D(name="up"), "Layer up, a UpSampling2D, has no ONNX node"),
        (layers.Conv2D(2, 1, activation="gelu", name="odd"), "Layer odd: activation gelu"),
        (layers.ReLU(6.0, name="six"), "Layer six, a ReLU"),
    ],
)
def test_layer_without_a_node_is_named(layer, message):
    with pytest.raises(BadParameter, match=message):
        onnx.export(network((4, 4, 1), layer))


def test_other_weights_are_noticed(model):
    content = onnx.export(model)
    other = keras.models.clone_model(model)
    with pytest.raises(BadArtifact, match="differs from Keras by .* in a logit, expected at most 0.0001"):
        onnx.parity(content, other, windows((15, 12, 2)))
    with pytest.raises(BadArtifact, match="differs from Keras by nan"):
        onnx.parity(content, model, np.full((1, 15, 12, 2), np.nan))


def graph(*nodes, constants=()):
    made = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 4, 4))],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants],
    )
    return helper.make_model(made).SerializeToString()


def node(operator, reads, writes, **attributes):
    return helper.make_node(operator, reads.split(), [writes], f"the_{operator.lower()}", **attributes)


FLAT = node("Flatten", "a", "b", axis=1), node("Gemm", "b w", "c")


@pytest.mark.parametrize(
    "made, refused",
    [
        ([node("Concat", "x x", "y", axis=1)], None),
        ([node("Concat", "x x", "y", axis=2)], "the_concat, Concat, .*channel axis"),
        ([node("Mul", "x w", "y")], None),
        ([node("Mul", "x x", "y")], "the_mul, Mul, .*constant"),
        ([node("Div", "w x", "y")], "the_div, Div, .*constant"),
        ([node("ReduceMean", "x", "y", axes=[2, 3])], None),
        ([node("ReduceMean", "x", "y", axes=[-1, -2])], None),
        ([node("ReduceMean", "x", "y", axes=[1])], "the_reducemean, ReduceMean, .*height and width"),
        ([node("ReduceMean", "x", "y")], "height and width"),
        ([node("Transpose", "x", "a", perm=[0, 2, 3, 1]), *FLAT], None),
        ([node("Transpose", "x", "y", perm=[0, 2, 3, 1])], "the_transpose, Transpose"),
        ([node("Relu", "x", "a"), FLAT[0], node("Relu", "b", "c")], "the_flatten, Flatten"),
        ([node("Relu", "x", "a"), node("Flatten", "a", "b", axis=0), FLAT[1]], "the_flatten, Flatten"),
        ([node("Reshape", "x w", "y")], "the_reshape, Reshape, .*not in the list"),
        ([node("LSTM", "x w w", "y", hidden_size=2)], "the_lstm, LSTM, .*not in the list"),
    ],
)
def test_rules(made, refused):
    content = graph(*made, constants=[("w", np.ones((48, 2), np.float32))])
    if refused is None:
        assert accepted.check_operators(content, "x").allowed.all()
        return
    with pytest.raises(OverBudget, match=f"net: node .*{refused}") as error:
        accepted.check_operators(content, "net")
    assert "\n" not in str(error.value)


def test_reduce_axes_may_be_an_input():
    content = graph(node("ReduceMean", "x axes", "y"), constants=[("axes", np.array([2, 3]))])
    assert accepted.operators(content).allowed.all()
