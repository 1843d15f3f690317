"""Networks of faces: a grey image (height, width, 1) → logits (n_classes,)."""

from emolib.models.backend import keras
from emolib.models.blocks import MOMENTUM, classifier, conv, residual, scaled, separable

layers = keras.layers


def face(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """The modality's own: residual separable stages, each at half the size."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(16, width), 3, strides=2)
    for filters in (32, 64, 128):
        x = separable(x, scaled(filters, width), strides=2)
        x = residual(x, scaled(filters, width))
    return classifier(inputs, x, n_classes, dropout)


def resnet(input_shape, n_classes: int, dropout: float = 0.3) -> keras.Model:
    """Larger and slower: 96 k parameters at seven classes.

    Dense 3 × 3 convolutions where there are few filters: on a CPU they train three times faster per MAC than
    depthwise ones. The last stage, with most parameters, is separable.
    """
    x = inputs = keras.Input(input_shape)
    for filters in (28, 44):
        x = _dense_block(conv(x, filters, 3, strides=2), filters)
    x = residual(conv(x, 64, 3, strides=2), 64)
    return classifier(inputs, x, n_classes, dropout)


def _dense_block(x, filters: int):
    """Two dense convolutions beside the input itself; `filters` must be the input's. He et al. (2016), figure 2."""
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(conv(x, filters))
    y = layers.BatchNormalization(momentum=MOMENTUM)(y)
    return layers.ReLU()(layers.Add()([x, y]))


def table2(input_shape, n_classes: int) -> keras.Model:
    """The classifier of Mikhaylevskiy et al. (2021), Table II: a grey face of 64 × 64 to four emotions, as printed.

    What the table leaves open, and what is taken here:
    - Its end does not fit together: an adaptive average pool "2x2" is to make 1×1×16 of 2×2×64. Taken: the mean over
      2×2 and a dense layer 64 → n_classes. Other readings change the parameters by 3 % at most.
    - A depthwise separable convolution is 3×3, then 1×1, as its column "Size" says; the text names the 1×1 first.
    - The shortcuts are convolutions of stride 2 with batch norm, added to what the max-pool gives, with no ReLU behind
      the sum: 1×1 in blocks 3 and 4, 3×3 in block 5, as printed, which is more than half of all parameters.
    - Strides and padding are not printed: the shapes ask for stride 2 in layers 1 and 2, in pools and shortcuts.
    - Convolutions have no bias, since a batch norm follows each of them.

    For four classes it has 30,964 parameters and 703,232 MACs a face; as .tflite 0.13 MB in float32 and 0.05 MB in int8.
    The printed 1.1 MB is neither.
    """
    x = inputs = keras.Input(input_shape)
    x = conv(conv(x, 8, strides=2), 8, strides=2)
    for filters, kernel in ((16, 1), (32, 1), (64, 3)):
        x = _xception_block(x, filters, kernel)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(n_classes, name="logits")(x))


def _xception_block(x, filters: int, kernel: int):
    """Two separable convolutions and a max-pool beside a strided convolution, at half the size."""
    y = separable(x, filters)
    y = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization(momentum=MOMENTUM)(y)
    y = layers.MaxPooling2D(3, strides=2, padding="same")(y)
    shortcut = layers.Conv2D(filters, kernel, strides=2, padding="same", use_bias=False)(x)
    return layers.Add()([y, layers.BatchNormalization(momentum=MOMENTUM)(shortcut)])
