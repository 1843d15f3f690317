"""Heart: interval and rate features over time, (n_steps, 1, n_features)."""

import keras
from keras import layers

from emolib.models.augment import noise
from emolib.models.blocks import classifier, conv, scaled, separable

__all__ = ["augment", "build"]
augment = noise


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.2) -> keras.Model:
    """(n_steps, 1, n_features) → logits (n_classes,). Long inputs are thinned to at most 16 steps.

    By 2 before the first convolution and by 2 in it: no stride above 3, which small NPUs leave to the CPU.
    """
    x = inputs = keras.Input(input_shape)
    is_long = input_shape[0] >= 64
    x = layers.AveragePooling2D((2, 1))(x) if is_long else x
    x = conv(x, scaled(16, width), (5, 1), strides=(2 if is_long else 1, 1))
    while x.shape[1] > 16:
        x = separable(x, scaled(24, width), (5, 1), strides=2)
    x = separable(x, scaled(32, width), (5, 1))
    return classifier(inputs, x, n_classes, dropout)
