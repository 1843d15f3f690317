"""The five ways of Shved (2019) to augment a grey picture, alone or together, in the TensorFlow graph.

Batches are (n, height, width, 1) with values in `span`, where results stay. The same seed, two integers, gives the same
batch.
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
TRUNCATE = 3  # standard deviations at which the Gaussian ends
Span = tuple[float, float]


def blurred(X, sigma, radius: int):
    """X (n, height, width, 1) under Gaussians of sigma (n, 1) pixels, cut at `radius`; borders are mirrored."""
    taps = tf.range(-radius, radius + 1, dtype=X.dtype)[None]
    weights = tf.exp(-0.5 * tf.square(taps / tf.maximum(sigma, 1e-3)))
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    for axis in (1, 2):
        around = [[radius, radius] if i == axis else [0, 0] for i in range(4)]
        wide, size = tf.pad(X, around, "SYMMETRIC"), X.shape[axis]
        rows = [tf.gather(wide, tf.range(size) + tap, axis=axis) for tap in range(2 * radius + 1)]
        X = sum(row * weights[:, tap, None, None, None] for tap, row in enumerate(rows))
    return X


def blur(X, seed, span):
    """A Gaussian of up to BLUR of the height."""
    largest = BLUR * X.shape[1]
    return blurred(X, draw(X, seed, 0, 0.0, largest), math.ceil(TRUNCATE * largest))


def noise(X, seed, span):
    """Gaussian noise on every value, as strong as is drawn for the picture."""
    sd = draw(X, seed, 0, 0.0, NOISE * (span[1] - span[0]))
    values = tf.random.stateless_normal(tf.shape(X), tf.random.experimental.stateless_fold_in(seed, 1))
    return X + sd[:, None, None] * values


def shift(X, seed, span):
    """Up to SHIFT of a side in both directions."""
    right, down = X.shape[2] * draw(X, seed, 0, -SHIFT, SHIFT), X.shape[1] * draw(X, seed, 1, -SHIFT, SHIFT)
    return affine(X, tf.ones_like(right), tf.zeros_like(right), right, down)


def rotation(X, seed, span):
    """Up to TURN about the centre."""
    turn = draw(X, seed, 0, -TURN, TURN)
    still = tf.zeros_like(turn)
    return affine(X, tf.ones_like(turn), turn, still, still)


def light(X, seed, span):
    """Contrast and brightness."""
    low, high = span
    gain, offset = 1 + draw(X, seed, 2, -LIGHT, LIGHT), (high - low) * draw(X, seed, 3, -LIGHT, LIGHT)
    return lit(X, gain, offset + (low + high) / 2 * (1 - gain))


WAYS = {"blur": blur, "noise": noise, "shift": shift, "rotation": rotation, "light": light}


def five_ways(X, seed, ways: Sequence[str] = tuple(WAYS), span: Span = (0.0, 1.0)):
    """The pictures augmented by `ways` in the order given. Raises BadParameter for an unknown way."""
    check_names(ways, list(WAYS), "five_ways")
    for way in ways:
        X = WAYS[way](X, tf.random.experimental.stateless_fold_in(seed, list(WAYS).index(way)), span)
    return tf.clip_by_value(X, *span)
