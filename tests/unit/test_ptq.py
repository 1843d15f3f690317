from functools import partial

import compressed
import keras
import numpy as np
import pytest
import tensorflow as tf
from compressed import settled
from keras import layers

from emolib.core.errors import OverBudget
from emolib.device.interpreter import Model
from emolib.quantization.flatbuffer import check_operators, weighted
from emolib.quantization.ptq import convert, frozen

SHAPE = (16, 12, 1)
windows = partial(compressed.windows, shape=SHAPE, mean=1, sd=2)


@pytest.fixture(scope="module")
def model():
    """Every kind of layer that emolib.models uses, batch norm with statistics of its own, a dense layer."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = y = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.Add()([layers.BatchNormalization()(x), y])
    x = layers.Flatten()(layers.Dropout(0.3)(x))
    return settled(keras.Model(inputs, layers.Dense(4)(layers.Dense(16, activation="relu")(x))), windows(64))


@pytest.fixture(scope="module")
def files(model):
    return {variant: convert(model, variant, windows(50)) for variant in ("float32", "dynamic", "int8")}


def with_layer(function):
    class Custom(layers.Layer):
        def call(self, x):
            return function(x)

    inputs = keras.Input((4, 1, 3))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(Custom()(inputs))), name="odd")


def test_variants_compute_what_keras_does(model, files):
    X = windows(20, seed=1)
    expected = model.predict(X, verbose=0)
    for variant, tolerance in (("float32", 1e-6), ("dynamic", 0.005), ("int8", 0.03)):
        with Model(files[variant]) as interpreter:
            error = np.abs(interpreter.predict(X) - expected).mean() / np.ptp(expected)
        assert error < tolerance, (variant, error)
    assert len(files["int8"]) < 0.6 * len(files["float32"])


@pytest.mark.parametrize("variant", ["dynamic", "int8"])
def test_weights_are_per_channel_in_convolutions_alone(files, variant):
    found = {"FULLY_CONNECTED": set(), "CONV_2D": set(), "DEPTHWISE_CONV_2D": set()}
    for operator in weighted(files[variant]):
        weights = operator.inputs[1]
        if weights.dtype == "INT8":
            found[operator.name].add(len(weights.scale))
            assert not weights.zero_point.any()
    channels = {8} if variant == "int8" else set()
    assert found == {"FULLY_CONNECTED": {1}, "CONV_2D": channels, "DEPTHWISE_CONV_2D": channels}


def test_float_island_and_flex_operator_are_named(files):
    X = np.random.default_rng(0).uniform(size=(5, 4, 1, 3))
    with pytest.raises(OverBudget, match=r"odd: operator \d, SIN, has tensor \S+ in float32"):
        convert(with_layer(tf.sin), "int8", X)
    with pytest.raises(OverBudget, match="operator 0, CONV_2D"):
        check_operators(files["float32"], "int8")
    model = with_layer(tf.math.erf)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen(model)], model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    with pytest.raises(OverBudget, match="x.tflite: operator 0, FlexErf,"):
        check_operators(converter.convert(), "float32", "x.tflite")
