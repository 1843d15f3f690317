"""Speech: log-mel spectrogram, (n_frames, n_mels, 1)."""

import keras
from keras import layers

from emolib.models.augment import spectrogram
from emolib.models.blocks import classifier, conv, scaled

__all__ = ["augment", "build"]
augment = spectrogram


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """(n_frames, n_mels, 1) → logits (n_classes,).

    Time and mel bands are thinned by 2 before the first convolution and by 2 in it: no stride above 3, which
    small NPUs leave to the CPU. The last one spans all bands that are left, so that it knows where in the
    spectrum it looks, and the mean is over time alone.
    """
    x = inputs = keras.Input(input_shape)
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = conv(x, scaled(16, width), 5, strides=2)
    x = conv(x, scaled(32, width), 3, strides=2)
    x = conv(x, scaled(64, width), (min(3, x.shape[1]), x.shape[2]), padding="valid")
    return classifier(inputs, x, n_classes, dropout)
