"""Heart: interval and rate features over time, (n_steps, 1, n_features)."""

import keras

from emolib.models.augment import noise
from emolib.models.blocks import classifier, conv, scaled, separable

__all__ = ["augment", "build"]
augment = noise


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.2) -> keras.Model:
    """(n_steps, 1, n_features) → logits (n_classes,). Long inputs are thinned to at most 16 steps."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(16, width), (5, 1), strides=(4 if input_shape[0] >= 64 else 1, 1))
    while x.shape[1] > 16:
        x = separable(x, scaled(24, width), (5, 1), strides=2)
    x = separable(x, scaled(32, width), (5, 1))
    return classifier(inputs, x, n_classes, dropout)
