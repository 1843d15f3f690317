"""Face: a grey image, (height, width, 1)."""

import keras

from emolib.models.augment import image
from emolib.models.blocks import classifier, conv, residual, scaled, separable

__all__ = ["augment", "build"]
augment = image


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """(height, width, 1) → logits (n_classes,). Residual separable stages, each at half the size."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(16, width), 3, strides=2)
    for filters in (32, 64, 128):
        x = separable(x, scaled(filters, width), strides=2)
        x = residual(x, scaled(filters, width))
    return classifier(inputs, x, n_classes, dropout)
