"""Training of a detector in steps of one epoch that a killed run goes on from with the same numbers."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter, BadSet
from emolib.evaluation.boxes import average_precision, single_ious
from emolib.models.checkpoint import Checkpoint, History
from emolib.models.detection import augment
from emolib.models.detection.loss import iou_aware, yolo_v1
from emolib.models.detection.pictures import PictureSet
from emolib.models.detector import grid_of
from emolib.models.training import OPTIMIZERS, batches, forward

LOSSES: dict[str, Callable] = {"yolo_v1": yolo_v1, "iou_aware": iou_aware}
WARM_UP = 0.05  # share of all steps over which the rate rises
LEAST_SCORE = 0.05  # of boxes that average precision on validation pictures counts
PREDICTED = 32  # pictures of one call


@dataclass(frozen=True)
class Recipe:
    """How to train a detector. The rate rises over the first steps, then falls to 0 along half a cosine.

    Raises BadParameter for a value out of range.
    """

    loss: str = "yolo_v1"
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    epochs: int = 60
    batch_size: int = 8
    seed: int = 0

    def __post_init__(self):
        for name, known in (("loss", LOSSES), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise BadParameter(
                    f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(known)}."
                )
        for name in ("learning_rate", "epochs", "batch_size"):
            if getattr(self, name) <= 0:
                raise BadParameter(f"{name}: got {getattr(self, name)}, expected more than 0.")

    def rate(self, share: float) -> float:
        """The learning rate after this share of the training."""
        return self.learning_rate * min(1, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2


class Trainer:
    """One detector and its compiled step. `factory()` builds the network after the seed is set."""

    def __init__(self, factory: Callable[[], keras.Model], recipe: Recipe):
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(recipe.seed)
        self.model, self.recipe = factory(), recipe
        self.grid, self.side = grid_of(self.model), self.model.input_shape[1]
        self.loss = LOSSES[recipe.loss]
        self.optimizer = OPTIMIZERS[recipe.optimizer](recipe.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.forward = forward(self.model)
        self.step = tf.function(self._step, reduce_retracing=True)

    def _step(self, X, view, targets):
        """Train on one batch of stored pictures, seen as `view` says; its loss."""
        batch = augment.render(X, *view, self.side)
        with tf.GradientTape() as tape:
            loss = self.loss(targets, self.model(batch, training=True), self.grid)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def encode(self, boxes: list[np.ndarray]) -> tuple[np.ndarray, int]:
        """Targets of many pictures, and how many faces share their cell with another and are lost."""
        targets, lost = zip(*(self.grid.encode(faces, self.side) for faces in boxes), strict=True)
        return np.stack(targets), sum(lost)

    def epoch(self, train: PictureSet, number: int, bar) -> dict[str, float]:
        """Train one epoch; its mean loss, the faces that no cell took, and the learning rate at its end."""
        rng = np.random.default_rng((self.recipe.seed, number))
        views = augment.draw(train.boxes, train.side, self.side, rng)
        targets, n_lost = self.encode(views.boxes)
        rows, losses = batches(len(train.X), self.recipe.batch_size, rng), []
        for place, some in enumerate(rows):
            rate = self.recipe.rate((number + (place + 1) / len(rows)) / self.recipe.epochs)
            self.optimizer.learning_rate.assign(rate)
            losses.append(float(self.step(train.X[some], views.of(some), targets[some])))
            bar.update(min(1 / len(rows), bar.total - bar.n))
        return {"learning_rate": rate, "faces_lost": n_lost, "loss": float(np.mean(losses))}

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Outputs (n, n_cells, n_cells, n_outputs) of pictures X (n, side, side, n_channels) uint8."""
        starts = range(0, len(X), PREDICTED)
        return np.concatenate([self.forward(np.float32(X[i : i + PREDICTED] / 255)).numpy() for i in starts])

    def validate(self, val: PictureSet) -> dict[str, float]:
        """Loss, mean IoU on single faces and AP of validation pictures. Raises BadParameter where training diverged."""
        outputs = self.predict(val.X)
        if not np.isfinite(outputs).all():
            raise BadParameter(f"Training diverged: lower learning_rate (now {self.recipe.learning_rate}).")
        targets, _ = self.encode(val.boxes)
        found = [self.grid.found(output, self.side, LEAST_SCORE) for output in outputs]
        return {
            "val_loss": float(self.loss(targets, outputs, self.grid)),
            "val_iou": float(single_ious(found, val.boxes, LEAST_SCORE).mean()),
            "val_ap50": average_precision(found, val.boxes),
        }

    def fit(
        self, train: PictureSet, val: PictureSet, name: str = "detector", state: Checkpoint | None = None
    ) -> History:
        """Train; `model` then holds the weights of the best epoch, by `goodness`. One record an epoch.

        With a `state` of `identity(train, val)` every epoch is logged, and a training that was killed goes on.
        Raises BadParameter where training diverges, BadSet for training pictures without a face, or validation
        pictures of which none has exactly one.
        """
        if not any(map(len, train.boxes)):
            raise BadSet(
                f"None of {len(train.X)} training pictures has a face: check the corpus and its splits."
            )
        history, best = state.restore(self.variables) if state else ([], [])
        with progress_bar(self.recipe.epochs, name, "epochs") as bar:
            bar.update(len(history))
            for number in range(len(history), self.recipe.epochs):
                history.append(self.epoch(train, number, bar) | self.validate(val))
                if goodness(history[-1]) >= max(map(goodness, history)):
                    best = [variable.numpy() for variable in self.model.variables]
                if state:
                    state.epoch(self.variables, best, history)
        for variable, value in zip(self.model.variables, best, strict=True):
            variable.assign(value)
        return history

    def identity(self, train: PictureSet, val: PictureSet) -> dict:
        """All that decides the numbers: recipe, network, pictures."""
        shapes = [list(variable.shape) for variable in self.model.variables]
        pictures = {"train": train.digest(), "val": val.digest()}
        return asdict(self.recipe) | pictures | {"model": self.model.name, "shapes": shapes}


def goodness(record: dict[str, float]) -> float:
    """What the best epoch has most of: IoU on single faces, the goal, and AP, which has more faces to go by."""
    return record["val_iou"] + record["val_ap50"]
