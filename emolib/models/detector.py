"""Face detectors: a picture (side, side, n_channels) of values in [0, 1] → the outputs of a Grid, cell by cell."""

import keras
from keras import layers

from emolib.core.errors import check_names
from emolib.models.blocks import conv, residual, scaled, separable
from emolib.signals.boxes import Grid

FEW = -4.6  # logit of 1 %
HEADS = {"table1": {"n_boxes": 2, "reach": 0.0}, "small": {"n_boxes": 1, "reach": 1.0}}


def table1(side: int = 288, n_channels: int = 3) -> keras.Model:
    """Table I of Mikhaylevskiy et al. (2021), layer by layer: (side, side, n_channels) → (side/32, side/32, 11).

    The last convolution has no activation, as printed, and as in Redmon et al. (2016), section 2.2. Convolutions
    before a batch norm have no bias. With its four convolutions of 192 the table has 1.54 M parameters, 6.14 MB
    in float32; the paper's 4.95 MB are near what three of them have, 4.81 MB.
    """
    x = inputs = keras.Input((side, side, n_channels))
    for filters in (8, 16, 32, 64, 128):
        x = conv(conv(x, filters), filters)
        x = layers.MaxPooling2D(2)(x)
    for _ in range(4):
        x = conv(x, 192)
    return keras.Model(inputs, layers.Conv2D(11, 3, padding="same", name="cells")(x), name="table1")


def small(side: int = 192, n_channels: int = 3, width: float = 1.0) -> keras.Model:
    """Our own, depthwise separable: (side, side, n_channels) → (side/8, side/8, 6), side a multiple of 16.

    The coarse half sees a face whole; it is enlarged and added to the fine half, which knows where its edges
    are. A sigmoid ends it: in int8, every output then has the scale 1/256. Its biases say that few cells have a
    face, as in Lin et al. (2017), "Focal loss", section 4.1.
    """
    x = inputs = keras.Input((side, side, n_channels))
    x = conv(x, scaled(16, width), strides=2)
    x = separable(x, scaled(32, width), strides=2)
    x = separable(x, scaled(64, width), strides=2)
    x = fine = residual(residual(x, scaled(64, width)), scaled(64, width))
    x = separable(x, scaled(128, width), strides=2)
    x = residual(residual(x, scaled(128, width)), scaled(128, width))
    x = layers.UpSampling2D(2, interpolation="bilinear")(conv(x, scaled(64, width), 1))
    x = residual(layers.Add()([x, fine]), scaled(64, width))
    cells = layers.Conv2D(6, 1, activation="sigmoid", name="cells")
    model = keras.Model(inputs, cells(x), name="small")
    cells.bias.assign([0, 0, 0, 0, 0, FEW])
    return model


def grid_of(model: keras.Model) -> Grid:
    """What the outputs of a detector mean. Raises BadParameter for a model of another name."""
    check_names([model.name], list(HEADS), "the detectors")
    return Grid(n_cells=model.output_shape[1], **HEADS[model.name])
