"""The five ways of Shved (2019) to augment a picture, alone or together, in the TensorFlow graph.

Batches are (n, height, width, 1 or 3) with values in `span`, where results stay; grey pictures have light but
no colour. The same seed, two integers, gives the same batch, in `tf.data` too:

    pictures.batch(32).enumerate().map(lambda i, X: five_ways(X, tf.stack([0, tf.cast(i, tf.int32)])))
"""

import math
from collections.abc import Sequence

from emolib.core.errors import check_names
from emolib.models.augment import LIGHT, affine, draw, lit
from emolib.models.backend import tf

BLUR = 0.02  # largest standard deviation of the Gaussian, of a side
NOISE = 0.05  # largest standard deviation, of the span
SHIFT = 0.1  # of a side
TURN = 0.3  # radians
COLOUR = 0.1  # gain of each channel
SATURATION = 0.5  # largest share of grey that is added or taken away
TRUNCATE = 3  # standard deviations at which the Gaussian ends
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
Span = tuple[float, float]


def blurred(X, sigma, radius: int):
    """X (n, height, width, n_channels) under Gaussians of sigma (n, 1) pixels, cut at `radius`; borders are
    mirrored."""
    taps = tf.range(-radius, radius + 1, dtype=X.dtype)[None]
    weights = tf.exp(-0.5 * tf.square(taps / tf.maximum(sigma, 1e-3)))
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    for axis in (1, 2):
        around = [[radius, radius] if i == axis else [0, 0] for i in range(4)]
        wide, size = tf.pad(X, around, "SYMMETRIC"), X.shape[axis]
        rows = [tf.gather(wide, tf.range(size) + tap, axis=axis) for tap in range(2 * radius + 1)]
        X = sum(row * weights[:, tap, None, None, None] for tap, row in enumerate(rows))
    return X


def blur(X, seed, strength, span):
    """A Gaussian of up to BLUR of the height."""
    largest = strength * BLUR * X.shape[1]
    return blurred(X, draw(tf.shape(X)[0], seed, 0, 0.0, largest), math.ceil(TRUNCATE * largest))


def noise(X, seed, strength, span):
    """Gaussian noise on every value, as strong as is drawn for the picture."""
    sd = draw(tf.shape(X)[0], seed, 0, 0.0, strength * NOISE * (span[1] - span[0]))
    values = tf.random.stateless_normal(tf.shape(X), tf.random.experimental.stateless_fold_in(seed, 1))
    return X + sd[:, None, None] * values


def shift(X, seed, strength, span):
    """Up to SHIFT of a side in both directions."""
    n, most = tf.shape(X)[0], strength * SHIFT
    right, down = X.shape[2] * draw(n, seed, 0, -most, most), X.shape[1] * draw(n, seed, 1, -most, most)
    return affine(X, tf.ones((n, 1)), tf.zeros((n, 1)), right, down)


def rotation(X, seed, strength, span):
    """Up to TURN about the centre."""
    n, most = tf.shape(X)[0], strength * TURN
    still = tf.zeros((n, 1))
    return affine(X, tf.ones((n, 1)), draw(n, seed, 0, -most, most), still, still)


def light(X, seed, strength, span):
    """Contrast and brightness; where there are three channels their balance and saturation too."""
    n, most, (low, high) = tf.shape(X)[0], strength * LIGHT, span
    if X.shape[-1] == 3:
        colour, grey = strength * COLOUR, strength * SATURATION
        balance, amount = 1 + draw(n, seed, 0, -colour, colour, width=3), 1 + draw(n, seed, 1, -grey, grey)
        X = lit(X, balance, low * (1 - balance))
        luma = tf.reduce_sum(X * tf.constant(LUMA, X.dtype), axis=-1, keepdims=True)
        X = lit(X, amount, tf.zeros_like(amount)) + luma * (1 - amount[:, None, None])
    gain, offset = 1 + draw(n, seed, 2, -most, most), (high - low) * draw(n, seed, 3, -most, most)
    return lit(X, gain, offset + (low + high) / 2 * (1 - gain))


WAYS = {"blur": blur, "noise": noise, "shift": shift, "rotation": rotation, "light": light}


def five_ways(X, seed, strength: float = 1.0, ways: Sequence[str] = tuple(WAYS), span: Span = (0.0, 1.0)):
    """The pictures augmented by `ways` in the order given; strength 0 leaves them, 1 is the constants above.

    Raises BadParameter for an unknown way.
    """
    check_names(ways, list(WAYS), "five_ways")
    for way in ways:
        number = list(WAYS).index(way)
        X = WAYS[way](X, tf.random.experimental.stateless_fold_in(seed, number), strength, span)
    return tf.clip_by_value(X, *span)
