"""EEG: band powers, entropies and asymmetries over time, (n_steps, 1, n_features)."""

import keras

from emolib.models.augment import noise
from emolib.models.blocks import classifier, conv, scaled

__all__ = ["augment", "build"]
augment = noise


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.4) -> keras.Model:
    """(n_steps, 1, n_features) → logits (n_classes,). A single step makes it a small dense network."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(32, width), 1)
    x = conv(x, scaled(32, width), (min(3, input_shape[0]), 1))
    return classifier(inputs, x, n_classes, dropout)
