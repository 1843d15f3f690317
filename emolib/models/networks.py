"""The networks of heart, EEG, speech, faces and skin. Each maps NHWC input to logits (n_classes,)."""

from emolib.models.backend import keras
from emolib.models.blocks import classifier, conv, normed, residual, scaled, separable

layers = keras.layers


def heart(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.2) -> keras.Model:
    """Interval and rate features over time, (n_steps, 1, n_features). Long inputs are thinned to at most 16 steps. They
    are thinned by 2 before the first convolution and by 2 in it: a small NPU leaves strides above 3 to the CPU."""
    x = inputs = keras.Input(input_shape)
    is_long = input_shape[0] >= 64
    x = layers.AveragePooling2D((2, 1))(x) if is_long else x
    x = conv(x, scaled(16, width), (5, 1), strides=(2 if is_long else 1, 1))
    while x.shape[1] > 16:
        x = separable(x, scaled(24, width), (5, 1), strides=2)
    x = separable(x, scaled(32, width), (5, 1))
    return classifier(inputs, x, n_classes, dropout)


skin = heart  # features over time as well


def eeg(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.4) -> keras.Model:
    """Band powers, entropies and asymmetries over time, (n_steps, 1, n_features). With a single step it is a small
    dense network."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(32, width), 1)
    x = conv(x, scaled(32, width), (min(3, input_shape[0]), 1))
    return classifier(inputs, x, n_classes, dropout)


def speech(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """Log-mel spectrogram, (n_frames, n_mels, 1).

    Time and mel bands are thinned by 2 before the first convolution and by 2 in it: a small NPU leaves strides above 3
    to the CPU. The last convolution spans all bands that are left, so it knows where in the spectrum it looks. The mean
    is over time alone.
    """
    x = inputs = keras.Input(input_shape)
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = conv(x, scaled(16, width), 5, strides=2)
    x = conv(x, scaled(32, width), 3, strides=2)
    x = conv(x, scaled(64, width), (min(3, x.shape[1]), x.shape[2]), padding="valid")
    return classifier(inputs, x, n_classes, dropout)


def face(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """A grey face, (height, width, 1): residual separable stages, each at half the size."""
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(16, width), 3, strides=2)
    for filters in (32, 64, 128):
        x = separable(x, scaled(filters, width), strides=2)
        x = residual(x, scaled(filters, width))
    return classifier(inputs, x, n_classes, dropout)


def resnet(input_shape, n_classes: int, dropout: float = 0.3) -> keras.Model:
    """A grey face; larger and slower: 96 k parameters at seven classes.

    Dense 3 × 3 convolutions where there are few filters: on a CPU they train three times faster per MAC than
    depthwise ones. The last stage, with most parameters, is separable.
    """
    x = inputs = keras.Input(input_shape)
    for filters in (28, 44):
        x = conv(x, filters, strides=2)
        second = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        x = layers.ReLU()(layers.Add()([x, normed(second(conv(x, filters)), relu=False)]))
    x = residual(conv(x, 64, strides=2), 64)
    return classifier(inputs, x, n_classes, dropout)


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
        y = separable(separable(x, filters), filters, relu=False)
        y = layers.MaxPooling2D(3, strides=2, padding="same")(y)
        x = layers.Add()([y, conv(x, filters, kernel, strides=2, relu=False)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(n_classes, name="logits")(x))
