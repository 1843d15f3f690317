"""Training of a face detector: pictures in memory, and random views of them.

A view is a window of the stored picture, mirrored or not, at another scale, light and colour, and its boxes move along.
It is drawn in numpy and made in the TensorFlow graph. Half of the views look at one face chosen at random and bring it to
a height drawn evenly on a logarithmic scale: so crowds become pictures of large faces, which are few.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np

from emolib.core.bars import progress_bar
from emolib.core.errors import BadSet
from emolib.core.windows import each
from emolib.datasets.face_boxes import Picture
from emolib.evaluation.boxes import average_precision, single_ious
from emolib.models.backend import keras, tf
from emolib.models.checkpoint import History
from emolib.models.detector import LOSSES, grid_of
from emolib.models.training import OPTIMIZERS, Loop, batched_logits, check_options
from emolib.signals.boxes import FILL, Letterbox, area, clipped

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
WARM_UP = 0.05  # share of all steps over which the rate rises
LEAST_SCORE = 0.05  # of boxes that average precision on validation pictures counts
PREDICTED = 32  # pictures of one call


@dataclass(frozen=True)
class PictureSet:
    """Pictures X (n, side, side, n_channels) uint8, and the boxes of each, (n_faces, 4) in pixels of the square."""

    X: np.ndarray
    boxes: tuple[np.ndarray, ...]
    names: tuple[str, ...]

    @property
    def side(self) -> int:
        return self.X.shape[1]

    def digest(self) -> str:
        """A hash of all pixels and boxes."""
        digest = sha256(self.X.tobytes())
        for boxes in self.boxes:
            digest.update(boxes.astype(np.float64).tobytes())
        return digest.hexdigest()


def gather(pictures: Iterable[Picture], side: int, n_channels: int = 3) -> dict[str, PictureSet]:
    """The pictures of each split that occurs, letterboxed. Raises what a loader raises."""
    parts: dict[str, list] = {}
    for picture in pictures:
        fit = Letterbox(picture.image.shape[:2], side)
        name, X = f"{picture.corpus}/{picture.name}", fit.image(picture.image, n_channels)
        parts.setdefault(picture.split, []).append((X, fit.boxes(picture.boxes), name))
    columns = {split: tuple(zip(*rows, strict=True)) for split, rows in parts.items()}
    return {split: PictureSet(np.stack(X), boxes, names) for split, (X, boxes, names) in columns.items()}


def view_window(boxes: np.ndarray, stored: int, rng) -> tuple[np.ndarray, np.ndarray]:
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


def faces_in_view(boxes: np.ndarray, side: int) -> np.ndarray:
    """The boxes (n, 4) that stay faces in a view of side × side, cut to it."""
    inside = clipped(boxes, (side, side))
    large = (inside[:, 2:] - inside[:, :2]).min(axis=1, initial=side) >= SMALLEST * side
    return inside[large & (area(inside) >= VISIBLE * area(boxes))]


def draw_views(boxes: tuple[np.ndarray, ...], stored: int, side: int, rng) -> tuple[dict, list[np.ndarray]]:
    """One view of side × side of every picture, as `render_views` takes it, and its boxes. `boxes` are in pixels of the
    stored square. transforms (n, 8), gain and offset (n, 1, 1, 3), colour (n, 1, 1, 1)."""
    transforms, moved = np.zeros((len(boxes), 8), np.float32), []
    for row, faces in enumerate(boxes):
        size, corner = view_window(faces, stored, rng)
        scale, mirrored = size / side, rng.uniform() < 0.5
        faces = (faces - np.tile(corner, 2)) / np.tile(scale, 2)
        if mirrored:
            faces = np.stack([side - faces[:, 2], faces[:, 1], side - faces[:, 0], faces[:, 3]], axis=1)
        moved.append(faces_in_view(faces, side))
        across = [-scale[0], 0, corner[0] + size[0]] if mirrored else [scale[0], 0, corner[0]]
        transforms[row] = [*across, 0, scale[1], corner[1], 0, 0]
    n, one = len(boxes), (len(boxes), 1, 1, 1)
    gain = 1 + rng.uniform(-LIGHT, LIGHT, one) + rng.uniform(-COLOUR, COLOUR, (n, 1, 1, 3))
    offset = rng.uniform(-LIGHT, LIGHT, one) / 2 + rng.uniform(-COLOUR, COLOUR, (n, 1, 1, 3))
    light = {"gain": gain, "offset": offset, "colour": rng.uniform(size=one) >= GREY}
    return {"transforms": transforms, **{name: np.float32(value) for name, value in light.items()}}, moved


def render_views(X, transforms, gain, offset, colour, side: int):
    """Views (n, side, side, n_channels) in [0, 1] of stored pictures X (n, stored, stored, n_channels) uint8. The
    transforms lead from places in the view to places in the stored picture; pixel 0 lies at place 0.5."""
    a, b, c, d, e, f, *zeros = tf.split(transforms, 8, axis=1)
    between_pixels = tf.concat([a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2, *zeros], axis=1)
    view = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(X, tf.float32),
        transforms=between_pixels,
        output_shape=(side, side),
        fill_value=float(FILL),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    n_channels = X.shape[-1]
    view = tf.reshape(view, (-1, side, side, n_channels)) / 255
    view = view * colour + tf.reduce_mean(view, axis=-1, keepdims=True) * (1 - colour)
    return tf.clip_by_value((view - 0.5) * gain[..., :n_channels] + 0.5 + offset[..., :n_channels], 0.0, 1.0)


@dataclass(frozen=True)
class Recipe:
    """How to train a detector. The rate rises over the first steps, then falls to 0 along half a cosine. Raises
    BadParameter for a value out of range."""

    loss: str = "yolo_v1"
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    epochs: int = 60
    batch_size: int = 8
    seed: int = 0

    def __post_init__(self):
        check_options(self, loss=LOSSES, optimizer=OPTIMIZERS)


class Trainer(Loop):
    """The training of a detector on pictures in memory."""

    measure = "IoU {val_iou:.3f}"

    def __init__(self, factory: Callable[[], keras.Model], recipe: Recipe):
        super().__init__(factory, recipe)
        self.grid, self.side, self.units = grid_of(self.model), self.model.input_shape[1], recipe.epochs

    def _steps(self, X, targets, first):
        return self._step(each(lambda x: x[0], X), targets[0], first)

    def seen(self, batch, number):
        return render_views(**batch, side=self.side)

    def loss(self, targets, outputs):
        return LOSSES[self.options.loss](targets, outputs, self.grid)

    def encode(self, boxes: Iterable[np.ndarray]) -> tuple[np.ndarray, int]:
        """Targets of many pictures, and how many faces share their cell with another and are lost."""
        targets, lost = zip(*(self.grid.encode(faces, self.side) for faces in boxes), strict=True)
        return np.stack(targets), sum(lost)

    def drawn(self, train: PictureSet, rng):
        views, boxes = draw_views(train.boxes, train.side, self.side, rng)
        targets, n_lost = self.encode(boxes)
        return {"X": train.X, **views}, targets, {"faces_lost": n_lost}

    def rate(self, number: int, share: float) -> float:
        done = (number + share) / self.options.epochs
        return self.options.learning_rate * min(1, done / WARM_UP) * (1 + math.cos(math.pi * done)) / 2

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Outputs (n, n_cells, n_cells, n_outputs) of pictures X (n, side, side, n_channels) uint8."""
        return batched_logits(lambda part: self.forward(np.float32(part / 255)), X, PREDICTED)

    def validate(self, val: PictureSet, name: str) -> dict[str, float]:
        """Loss, mean IoU on single faces and AP of validation pictures. Raises BadParameter if training diverged."""
        outputs = self.predict(val.X)
        self.check_finite(outputs, name)
        targets, _ = self.encode(val.boxes)
        found = [self.grid.found(output, self.side, LEAST_SCORE) for output in outputs]
        return {
            "val_loss": float(self.loss(targets, outputs)),
            "val_iou": float(single_ious(found, val.boxes, LEAST_SCORE).mean()),
            "val_ap50": average_precision(found, val.boxes),
        }

    def best(self, history: History) -> int:
        """The last epoch, from 0, of most IoU on single faces, the goal, and AP, which has more faces to go by."""
        return max(range(len(history)), key=lambda k: (history[k]["val_iou"] + history[k]["val_ap50"], k))

    def fit(self, train: PictureSet, val: PictureSet, name="detector", state=None) -> History:
        """`train` with a progress bar; a `state` is of `identity(train, val)`. Raises BadParameter where training
        diverges, BadSet for training pictures without a face, or validation pictures of which none has exactly one."""
        if not any(map(len, train.boxes)):
            raise BadSet(f"None of {len(train.X)} training pictures has a face: check the corpus and splits.")
        with progress_bar(self.units, name, "epochs") as bar:
            return self.train(train, val, name, state, bar)

    def identity(self, train: PictureSet, val: PictureSet) -> dict:
        """All that decides the numbers: recipe, network, pictures."""
        shapes = [list(variable.shape) for variable in self.model.variables]
        pictures = {"train": train.digest(), "val": val.digest()}
        return asdict(self.options) | pictures | {"model": self.model.name, "shapes": shapes}
