"""Layers that the networks share: only what TFLite runs in int8 and small NPUs know.

Convolutions have two spatial axes even where one has length 1: Conv1D would bring EXPAND_DIMS into the file.
"""

from emolib.models.backend import keras

layers = keras.layers

MOMENTUM = 0.9  # of batch statistics: a few hundred steps are a whole training here


def normed(x, relu=True):
    """Batch norm, ReLU."""
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.ReLU()(x) if relu else x


def conv(x, filters: int, kernel=3, strides=1, padding="same", relu=True):
    """Convolution, batch norm, ReLU: one CONV_2D in the file."""
    return normed(layers.Conv2D(filters, kernel, strides, padding, use_bias=False)(x), relu)


def separable(x, filters: int, kernel=3, strides=1, relu=True):
    """Depthwise then 1 × 1 convolution, batch norm, ReLU: DEPTHWISE_CONV_2D and CONV_2D in the file."""
    return normed(layers.SeparableConv2D(filters, kernel, strides, "same", use_bias=False)(x), relu)


def fully_connected(x, units: int, name: str):
    """Dense layer, batch norm, ReLU: one FULLY_CONNECTED in the file."""
    return normed(layers.Dense(units, use_bias=False, name=name)(x))


def residual(x, filters: int):
    """Two separable convolutions beside the input itself; `filters` must be the input's."""
    y = separable(separable(x, filters), filters, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def classifier(inputs, x, n_classes: int, dropout: float) -> keras.Model:
    """The mean over both spatial axes, dropout, and one dense layer of logits."""
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(n_classes, name="logits")(x))


def scaled(filters: int, width: float) -> int:
    """`width` times the filters, in multiples of 8 as NPUs like them, at least 8."""
    return max(8, round(filters * width / 8) * 8)
