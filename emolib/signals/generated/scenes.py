"""Scenes: faces of several sizes before cluttered backgrounds, with their boxes, to train detectors on."""

import numpy as np

from emolib.core.errors import BadParameter
from emolib.signals.boxes import area, clipped, iou
from emolib.signals.generated import drawing, face
from emolib.signals.generated.affect import QUADRANTS

MAX_IOU = 0.1
MIN_VISIBLE = 0.6  # share of a face's box inside the picture


def clutter(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A background, (height, width, 3) float32: a gradient under boxes, discs, bars, some skin-coloured."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    slope = rng.uniform(-60, 60, (2, 3))
    image = rng.uniform(50, 200, 3) + x[..., None] / width * slope[0] + y[..., None] / height * slope[1]
    for _ in range(rng.integers(8, 20)):
        x0, y0, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.03, 0.2) * min(size)
        colour = face.SKINS[rng.integers(5)] if rng.uniform() < 0.3 else rng.uniform(0, 255, 3)
        dx, dy = np.abs(x - x0) / rng.uniform(0.5, 1.5), np.abs(y - y0)
        inside = (np.hypot(dx, dy), np.maximum(dx, dy), np.minimum(dx, dy) * 5)[rng.integers(3)] < radius
        image[inside] += rng.uniform(0.3, 1) * (colour - image[inside])
    return image.astype(np.float32)


def someone(rng: np.random.Generator) -> tuple[str, drawing.Portrait]:
    """A random person with a random emotion: its word and the portrait of one frame."""
    word = str(rng.choice(list(QUADRANTS)))
    felt = np.array(QUADRANTS[word])[:, None] + rng.normal(0, 0.4, (2, 1))
    return word, drawing.Portrait(person=face.person(rng), **face.expression(*felt, rng), **face.pose(1, rng))


def place(shown: drawing.Portrait, taken: np.ndarray, size: tuple[int, int], rng: np.random.Generator):
    """Patch side, corner (x, y) and cut box (1, 4) of a free place. Raises BadParameter after 400 attempts."""
    unit = face.face_regions(shown, 1)["face"][0]
    for _ in range(400):
        height = rng.uniform(0.15, 0.5) * min(size)  # of the face's box
        side = int(height / (unit[3] - unit[1]))
        corner = np.array([rng.integers(-side, size[1]), rng.integers(-side, size[0])])
        whole = (unit * side + np.tile(corner, 2))[None]
        seen = clipped(whole, size)
        free = (iou(seen, taken) <= MAX_IOU).all()
        if free and area(seen)[0] >= MIN_VISIBLE * area(whole)[0]:
            return side, corner, seen
    raise BadParameter(f"n_faces: a scene of {size} has room for {len(taken)}, got more: ask for fewer.")


def paste(image: np.ndarray, shown: drawing.Portrait, side: int, corner: np.ndarray):
    """Draw a portrait of side × side pixels at corner (x, y), cut to the picture, into image in place."""
    rgb, alpha = drawing.render(shown, side)
    (x, y), (height, width) = corner, image.shape[:2]
    here = slice(max(y, 0), min(y + side, height)), slice(max(x, 0), min(x + side, width))
    there = slice(here[0].start - y, here[0].stop - y), slice(here[1].start - x, here[1].stop - x)
    image[here] += alpha[0][there][..., None] * (rgb[0][there] - image[here])


def scene(seed: int, size: tuple[int, int] = (240, 320), n_faces: int = 3) -> tuple[np.ndarray, ...]:
    """A picture (height, width, 3) uint8, boxes (n_faces, 4) x1 y1 x2 y2 in pixels, emotions (n_faces,) str. Boxes
    reach from forehead to chin and are cut at the border. Raises BadParameter where n_faces find no room."""
    rng = np.random.default_rng([seed, n_faces, *size])
    image, boxes, words = clutter(size, rng), np.empty((0, 4)), []
    for _ in range(n_faces):
        word, shown = someone(rng)
        side, corner, box = place(shown, boxes, size, rng)
        paste(image, shown, side, corner)
        boxes, words = np.concatenate([boxes, box]), [*words, word]
    noisy = np.rint(image + rng.normal(0, 5, image.shape))
    return np.clip(noisy, 0, 255).astype(np.uint8), boxes, np.array(words, dtype=str)
