"""Functionals of an utterance: one hidden layer on (1, n_functionals, 1)."""

import keras
import tensorflow as tf
from keras import layers

from emolib.errors import BadParameter
from emolib.models.blocks import classifier, conv

NOISE = 0.3  # standard deviations: as far as the same words said again may be


def augment(X, seed):
    """Gaussian noise on every functional of a standardised batch (n, 1, n_functionals, 1)."""
    return X + tf.random.stateless_normal(tf.shape(X), seed, 0.0, NOISE)


def build(input_shape, n_classes: int, units: int = 384, dropout: float = 0.5) -> keras.Model:
    """(1, n_functionals, 1) → logits (n_classes,). The dense layer is a convolution over all functionals, whose batch
    norm a converter folds. Raises BadParameter for other windows."""
    if input_shape[0] != 1 or input_shape[2] != 1:
        raise BadParameter(
            f"Windows of shape {tuple(input_shape)}, expected (1, n_functionals, 1): give the speech front end "
            "functionals: true."
        )
    inputs = keras.Input(input_shape)
    x = conv(layers.Dropout(dropout / 2)(inputs), units, (1, input_shape[1]), padding="valid")
    return classifier(inputs, x, n_classes, dropout)
