"""Batch norm folded into weights: the same answers from fewer layers."""

import keras
import numpy as np
import pytest
from keras import layers

from emolib.core.errors import BadParameter
from emolib.models import build
from emolib.quantization.folding import folded, weighted_layers

SHAPES = {"heart": (128, 1, 4), "eeg": (6, 1, 10), "speech": (40, 24, 1), "face": (48, 48, 1)}


def with_statistics(model: keras.Model, seed: int = 0) -> keras.Model:
    """The model with random kernels, biases, and batch statistics that are far from 0 and 1."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        low, high = (0.2, 3.0) if "variance" in variable.name or "gamma" in variable.name else (-0.5, 0.5)
        variable.assign(rng.uniform(low, high, variable.shape))
    return model


def model_of(*chain: layers.Layer, shape=(9, 7, 3)) -> keras.Model:
    x = inputs = keras.Input(shape)
    for layer in chain:
        x = layer(x)
    return with_statistics(keras.Model(inputs, x))


def assert_same(model: keras.Model, atol: float = 1e-5) -> keras.Model:
    X = np.random.default_rng(1).normal(size=(5, *model.input_shape[1:])).astype(np.float32)
    result, expected = folded(model), np.asarray(model(X, training=False))
    np.testing.assert_allclose(result(X), expected, atol=atol * np.abs(expected).max(), rtol=1e-4)
    return result


@pytest.mark.parametrize("modality", SHAPES)
def test_every_network_gives_the_same_logits(modality):
    result = assert_same(with_statistics(build(modality, SHAPES[modality], 4)))
    gone = layers.BatchNormalization | layers.Dropout | layers.SeparableConv2D
    assert not any(isinstance(layer, gone) for layer in result.layers)
    assert all(layer.use_bias for layer in weighted_layers(result))
    assert result.layers[-1].name == "logits"


@pytest.mark.parametrize("chain", [
    (layers.DepthwiseConv2D(3, depth_multiplier=2), layers.BatchNormalization()),
    (layers.SeparableConv2D(4, 3, depth_multiplier=2, dilation_rate=2), layers.BatchNormalization()),
    (layers.Conv2D(6, 3, groups=3), layers.BatchNormalization(scale=False)),
    (layers.Conv2D(6, (3, 1), strides=2, padding="same"), layers.BatchNormalization(center=False)),
    (layers.SeparableConv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3)),
])  # fmt: skip
def test_layers_that_no_network_here_has(chain):
    assert_same(model_of(*chain))


@pytest.mark.parametrize("wrong", ["pool", "activation", "reader", "output"])
def test_batch_norm_that_cannot_be_folded_is_named(wrong):
    inputs = keras.Input((8, 8, 2))
    activation = "relu" if wrong == "activation" else None
    before = layers.MaxPooling2D() if wrong == "pool" else layers.Conv2D(4, 3, activation=activation)
    y = before(inputs)
    x = layers.BatchNormalization(name="norm")(y)
    outputs = {"reader": layers.Add()([x, y]), "output": [x, y]}.get(wrong, x)
    with pytest.raises(BadParameter, match=f"norm follows {before.name}, expected .* move the batch norm"):
        folded(keras.Model(inputs, outputs))
