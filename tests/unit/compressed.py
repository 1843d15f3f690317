"""A small trained-looking network and windows for the tests of compression."""

import keras
import numpy as np
from keras import layers

SHAPE = (24, 8, 1)


def windows(n: int, seed: int = 0, shape=SHAPE, mean: float = 0.5, sd: float = 1.5) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, sd, size=(n, *shape)).astype(np.float32)


def settled(model: keras.Model, X: np.ndarray, times: int = 5) -> keras.Model:
    """The model, its batch norms' statistics moved off 0 and 1 by windows X."""
    for _ in range(times):
        model(X, training=True)
    return model


def network() -> keras.Model:
    """Every kind of layer that emolib.models uses, batch norm with statistics of its own."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(SHAPE)
    x = layers.AveragePooling2D((2, 1))(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = y = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), y]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(4, name="logits")(x))
    for seed in range(5):
        model(windows(64, seed), training=True)
    return model
