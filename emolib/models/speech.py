"""Speech: log-mel spectrogram, (n_frames, n_mels, 1)."""

import keras

from emolib.models.augment import spectrogram
from emolib.models.blocks import classifier, conv, scaled

__all__ = ["augment", "build"]
augment = spectrogram


def build(input_shape, n_classes: int, width: float = 1.0, dropout: float = 0.3) -> keras.Model:
    """(n_frames, n_mels, 1) → logits (n_classes,).

    The first layer thins time and mel bands by 4; the last spans all bands that are left, so that it knows
    where in the spectrum it looks, and the mean is over time alone.
    """
    x = inputs = keras.Input(input_shape)
    x = conv(x, scaled(16, width), 5, strides=4)
    x = conv(x, scaled(32, width), 3, strides=2)
    x = conv(x, scaled(64, width), (min(3, x.shape[1]), x.shape[2]), padding="valid")
    return classifier(inputs, x, n_classes, dropout)
