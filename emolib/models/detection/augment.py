"""Random views of pictures whose boxes move along: drawn in numpy, made in the TensorFlow graph.

A view is a window of the stored picture, mirrored or not, at another scale, light and colour. Half of the views
look at one face chosen at random and bring it to a height drawn evenly on a logarithmic scale: crowds so become
pictures of large faces, which are few.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from emolib.signals.boxes import FILL, area, clipped

FOCUSED = 0.5  # share of the views that look at one face
HEIGHTS = 0.12, 0.55  # of that face, in sides of the view
ZOOMS = 0.7, 1.4  # of the other views
LARGEST_ZOOM = 3.0  # of any: beyond, a face is a blur
STRETCH = 0.1  # of width against height
SHIFT = 0.25  # of the view, where it looks at no face
VISIBLE = 0.4  # share of a box that must lie inside the view, for it to stay a face
SMALLEST = 0.02  # side of a box, in sides of the view
LIGHT, COLOUR = 0.3, 0.08  # gain and offset
GREY = 0.1  # share of views without colour


@dataclass(frozen=True)
class Views:
    """Of n pictures: transforms (n, 8), gain and offset (n, 1, 1, 3), colour (n, 1, 1, 1), boxes of each."""

    transforms: np.ndarray
    gain: np.ndarray
    offset: np.ndarray
    colour: np.ndarray
    boxes: list[np.ndarray]

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """What `render` needs of some of the pictures."""
        return self.transforms[rows], self.gain[rows], self.offset[rows], self.colour[rows]


def window(boxes: np.ndarray, stored: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Size (w, h) and corner (x, y) of a window of a stored picture, in its pixels; it may reach outside."""
    stretch = np.exp(rng.uniform(-STRETCH, STRETCH) * np.array([0.5, -0.5]))
    if len(boxes) and rng.uniform() < FOCUSED:
        face = boxes[rng.integers(len(boxes))]
        height = np.exp(rng.uniform(*np.log(HEIGHTS)))
        zoom = height * stored / (face[3] - face[1])
        size = stored / np.clip(zoom, ZOOMS[0], LARGEST_ZOOM) * stretch
        room = np.maximum(size - (face[2:] - face[:2]), 0)
        return size, face[:2] - rng.uniform(0, 1, 2) * room
    size = stored / np.exp(rng.uniform(*np.log(ZOOMS))) * stretch
    return size, (stored - size) / 2 + rng.uniform(-SHIFT, SHIFT, 2) * size


def seen(boxes: np.ndarray, side: int) -> np.ndarray:
    """The boxes (n, 4) that stay faces in a view of side × side, cut to it."""
    inside = clipped(boxes, (side, side))
    large = (inside[:, 2:] - inside[:, :2]).min(axis=1, initial=side) >= SMALLEST * side
    return inside[large & (area(inside) >= VISIBLE * area(boxes))]


def draw(boxes: tuple[np.ndarray, ...], stored: int, side: int, rng: np.random.Generator) -> Views:
    """One view of side × side of every picture; `boxes` in pixels of the stored square."""
    transforms, moved = np.zeros((len(boxes), 8), np.float32), []
    for row, faces in enumerate(boxes):
        size, corner = window(faces, stored, rng)
        scale, mirrored = size / side, rng.uniform() < 0.5
        faces = (faces - np.tile(corner, 2)) / np.tile(scale, 2)
        if mirrored:
            faces = np.stack([side - faces[:, 2], faces[:, 1], side - faces[:, 0], faces[:, 3]], axis=1)
        moved.append(seen(faces, side))
        across = [-scale[0], 0, corner[0] + size[0]] if mirrored else [scale[0], 0, corner[0]]
        transforms[row] = [*across, 0, scale[1], corner[1], 0, 0]
    n, one = len(boxes), (len(boxes), 1, 1, 1)
    gain = 1 + rng.uniform(-LIGHT, LIGHT, one) + rng.uniform(-COLOUR, COLOUR, (n, 1, 1, 3))
    offset = rng.uniform(-LIGHT, LIGHT, one) / 2 + rng.uniform(-COLOUR, COLOUR, (n, 1, 1, 3))
    colour = rng.uniform(size=one) >= GREY
    return Views(transforms, *(each.astype(np.float32) for each in (gain, offset, colour)), moved)


def render(X, transforms, gain, offset, colour, side: int):
    """Views (n, side, side, n_channels) in [0, 1] of stored pictures X (n, stored, stored, n_channels) uint8.

    The transforms lead from places in the view to places in the stored picture; pixel 0 lies at place 0.5.
    """
    a, b, c, d, e, f, *zeros = (transforms[:, i : i + 1] for i in range(8))
    between_pixels = tf.concat([a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2, *zeros], axis=1)
    view = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(X, tf.float32),
        transforms=between_pixels,
        output_shape=(side, side),
        fill_value=float(FILL),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    view = tf.reshape(view, (-1, side, side, X.shape[-1])) / 255
    view = view * colour + tf.reduce_mean(view, axis=-1, keepdims=True) * (1 - colour)
    n_channels = X.shape[-1]
    return tf.clip_by_value((view - 0.5) * gain[..., :n_channels] + 0.5 + offset[..., :n_channels], 0.0, 1.0)
