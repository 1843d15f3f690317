"""The networks of heart, EEG and speech. Each maps NHWC input to logits (n_classes,)."""

from emolib.models.backend import keras
from emolib.models.blocks import classifier, conv, scaled, separable

layers = keras.layers


def heart(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.2) -> keras.Model:
    """Interval and rate features over time, (n_steps, 1, n_features). Long inputs are thinned to at most 16 steps.

    They are thinned by 2 before the first convolution and by 2 in it: a small NPU leaves strides above 3 to the CPU.
    """
    x = inputs = keras.Input(input_shape)
    is_long = input_shape[0] >= 64
    x = layers.AveragePooling2D((2, 1))(x) if is_long else x
    x = conv(x, scaled(16, width), (5, 1), strides=(2 if is_long else 1, 1))
    while x.shape[1] > 16:
        x = separable(x, scaled(24, width), (5, 1), strides=2)
    x = separable(x, scaled(32, width), (5, 1))
    return classifier(inputs, x, n_classes, dropout)


def eeg(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.4) -> keras.Model:
    """Band powers, entropies and asymmetries over time, (n_steps, 1, n_features).

    With a single step it is a small dense network.
    """
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
