"""Augmentation of standardised batches (n, …) in the TensorFlow graph. The same seed, two integers, gives the same batch."""

import math
from collections.abc import Sequence

from emolib.core.errors import check_names
from emolib.models.backend import tf

NOISE = 0.1  # standard deviations
SHIFT = 0.1  # of a side
TURN = 0.15  # radians
LIGHT = 0.2  # gain and offset of an image
LEVEL = 0.1  # offset of a spectrogram
MASKS = {1: 0.1, 2: 0.1}  # largest share of frames and of mel bands that a mask covers


def draw(X, seed, part: int, low: float, high: float):
    """A uniform number for each of X, (n, 1); `part` keeps the draws of one batch apart."""
    seed = tf.random.experimental.stateless_fold_in(seed, part)
    return tf.random.stateless_uniform((tf.shape(X)[0], 1), seed, low, high)


def noise(X, seed):
    """Gaussian noise on every value."""
    return X + tf.random.stateless_normal(tf.shape(X), seed, 0.0, NOISE)


def affine(X, mirror, turn, right, down):
    """Images X (n, height, width, n_channels) moved: mirrored where `mirror` is -1, turned about the centre by `turn`
    radians against the clock, moved `right` pixels left and `down` pixels up; each (n, 1). Borders repeat."""
    height, width, n_channels = X.shape[1:]
    cos, sin, zero = tf.cos(turn), tf.sin(turn), tf.zeros_like(turn)
    a, b, c, d = mirror * cos, -mirror * sin, sin, cos
    x0, y0 = (width - 1) / 2, (height - 1) / 2
    right += x0 - a * x0 - b * y0
    down += y0 - c * x0 - d * y0
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=X,
        transforms=tf.concat([a, b, right, c, d, down, zero, zero], axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.reshape(moved, (-1, height, width, n_channels))


def lit(X, gain, offset):
    """Images (n, height, width, n_channels) times gain plus offset, each (n, 1)."""
    return X * gain[:, None, None] + offset[:, None, None]


def image(X, seed):
    """Mirror, turn about the centre, shift and light of each image of (n, height, width, 1)."""
    turn = draw(X, seed, 0, -TURN, TURN)
    mirror = tf.where(draw(X, seed, 1, 0.0, 1.0) < 0.5, -1.0, 1.0)
    right, down = X.shape[2] * draw(X, seed, 2, -SHIFT, SHIFT), X.shape[1] * draw(X, seed, 3, -SHIFT, SHIFT)
    moved = affine(X, mirror, turn, right, down)
    return lit(moved, draw(X, seed, 4, 1 - LIGHT, 1 + LIGHT), draw(X, seed, 5, -LIGHT, LIGHT))


def spectrogram(X, seed):
    """Level, time shift, a time and a mel mask of each log-mel of (n, n_frames, n_mels, 1). SpecAugment (Park et al.
    2019) without the warp."""
    n_frames = X.shape[1]
    shift = tf.cast(n_frames * draw(X, seed, 0, -SHIFT, SHIFT), tf.int32)
    frames = tf.clip_by_value(tf.range(n_frames)[None] + shift, 0, n_frames - 1)
    X = tf.gather(X, frames, axis=1, batch_dims=1) + draw(X, seed, 1, -LEVEL, LEVEL)[..., None, None]
    for axis, share in MASKS.items():
        size = X.shape[axis]
        length = draw(X, seed, 2 * axis, 0.0, share * size)
        first = draw(X, seed, 2 * axis + 1, 0.0, 1.0) * (size - length)
        place = tf.range(size, dtype=tf.float32)[None]
        keep = tf.cast((place < first) | (place >= first + length), X.dtype)
        X *= keep[:, :, None, None] if axis == 1 else keep[:, None, :, None]
    return X


# The five ways of Shved (2019) to augment a grey picture (n, height, width, 1), alone or together; values stay in `span`

BLUR = 0.02  # largest standard deviation of the Gaussian, of a side
GRAIN = 0.05  # largest standard deviation of the noise, of the span
ROTATED = 0.3  # radians
TRUNCATE = 3  # standard deviations at which the Gaussian ends


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


def grain(X, seed, span):
    """Gaussian noise on every value, as strong as is drawn for the picture."""
    sd = draw(X, seed, 0, 0.0, GRAIN * (span[1] - span[0]))
    values = tf.random.stateless_normal(tf.shape(X), tf.random.experimental.stateless_fold_in(seed, 1))
    return X + sd[:, None, None] * values


def shift(X, seed, span):
    """Up to SHIFT of a side in both directions."""
    right, down = X.shape[2] * draw(X, seed, 0, -SHIFT, SHIFT), X.shape[1] * draw(X, seed, 1, -SHIFT, SHIFT)
    return affine(X, tf.ones_like(right), tf.zeros_like(right), right, down)


def rotation(X, seed, span):
    """Up to ROTATED about the centre."""
    turn = draw(X, seed, 0, -ROTATED, ROTATED)
    still = tf.zeros_like(turn)
    return affine(X, tf.ones_like(turn), turn, still, still)


def light(X, seed, span):
    """Contrast and brightness."""
    low, high = span
    gain, offset = 1 + draw(X, seed, 2, -LIGHT, LIGHT), (high - low) * draw(X, seed, 3, -LIGHT, LIGHT)
    return lit(X, gain, offset + (low + high) / 2 * (1 - gain))


WAYS = {"blur": blur, "noise": grain, "shift": shift, "rotation": rotation, "light": light}


def five_ways(X, seed, ways: Sequence[str] = tuple(WAYS), span: tuple[float, float] = (0.0, 1.0)):
    """The pictures augmented by `ways` in the order given. Raises BadParameter for an unknown way."""
    check_names(ways, list(WAYS), "five_ways")
    for way in ways:
        X = WAYS[way](X, tf.random.experimental.stateless_fold_in(seed, list(WAYS).index(way)), span)
    return tf.clip_by_value(X, *span)
