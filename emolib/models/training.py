"""Training of one tiny network, fold by fold, on one core.

A Trainer builds and traces its network once. Every fold starts from the same seeded weights, so a fold gives the same
model whether it comes first or last. One call of the graph trains many batches: with networks this small, anything
else spends its time around the arithmetic. A training set of more than HELD_BYTES stays in its file, and the windows
of a call are read for that call.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from tqdm import tqdm

from emolib import models
from emolib.core.errors import BadParameter, BadSet, check_names
from emolib.core.experiment import Experiment
from emolib.core.windows import Windows, arrays, each, length, shape, taken
from emolib.datasets.base import EmotionSet
from emolib.evaluation.metrics import confusion, cross_entropy, uar
from emolib.fusion.scores import softmax
from emolib.models.backend import keras, tf
from emolib.models.checkpoint import Checkpoint, History

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}
PREDICTED = 256  # windows of one call
STEPS_A_CALL = 32  # batches that one call of the graph trains
HELD_BYTES = 1 << 30  # a training set up to this size is held in memory
TRACED = ("optimizer", "batch_size", "focal_gamma", "augment", "seed")  # options that a Trainer is built of
TINY = 1e-12  # of a score before its logarithm
LEAST = 1e-7  # of 1 - p in the focal loss: its slope is infinite at 0 where gamma is below 1


@dataclass(frozen=True)
class Training:
    """How to train. The learning rate falls from `learning_rate` to 0 along half a cosine over `epochs`.

    A training ends after `patience` epochs without a lower validation loss, and the best epoch is kept. The loss
    decides, not the UAR, which jumps where few people validate. Raises BadParameter for a value out of range.
    """

    optimizer: str = "adam"
    learning_rate: float = 3e-3
    epochs: int = 30
    batch_size: int = 32
    patience: int = 10
    class_weights: bool = True
    label_smoothing: float = 0.1
    focal_gamma: float = 0.0
    augment: bool = True
    seed: int = 0

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise BadParameter(f"optimizer: got {self.optimizer!r}, expected one of {', '.join(OPTIMIZERS)}.")
        for name in ("learning_rate", "epochs", "batch_size", "patience"):
            if getattr(self, name) <= 0:
                raise BadParameter(f"{name}: got {getattr(self, name)}, expected more than 0.")
        if not 0 <= self.label_smoothing < 1:
            raise BadParameter(f"label_smoothing: got {self.label_smoothing}, expected 0 to below 1.")
        if not 0 <= self.focal_gamma < math.inf:
            raise BadParameter(f"focal_gamma: got {self.focal_gamma}, expected 0 (cross-entropy) or more.")


def options(seed: int, fit: dict) -> Training:
    """A Training from the fields in `fit` that differ from their defaults. Raises BadParameter for an unknown field."""
    check_names(fit, [field.name for field in fields(Training)], "fit")
    return Training(**{"seed": seed, **fit})


def use_threads(n: int):
    """Limit TensorFlow to n threads, so that jobs can run side by side. Raises BadParameter once a model exists."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n)
        tf.config.threading.set_inter_op_parallelism_threads(n)
    except RuntimeError as error:
        raise BadParameter(
            f"{n} threads: too late, expected before the first model of the process."
        ) from error


def balanced(y: np.ndarray, n_classes: int) -> np.ndarray:
    """A weight per class, (n_classes,), under which every class of y (n,) weighs n / n_classes."""
    return len(y) / n_classes / np.bincount(y, minlength=n_classes)


def focused(log_p, gamma: float):
    """(1 - p)^gamma log p, in the shape of log_p: minus what a class adds to the focal loss. Gamma 0 gives log_p itself.

    Source: Lin et al. (2017), "Focal loss for dense object detection", equation 4. Its alpha are the class weights.
    """
    return log_p * tf.maximum(-tf.math.expm1(log_p), LEAST) ** gamma if gamma else log_p


def batches(n: int, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffled rows of one epoch, (n_batches, batch_size). Rows of the first batch fill up the last."""
    return np.resize(rng.permutation(n).astype(np.int32), (math.ceil(n / batch_size), batch_size))


def trainer_of(source: Experiment, data: EmotionSet, model: dict, options: Training) -> "Trainer":
    """A Trainer of the source's network for windows and classes like those of `data`; `model` holds the network's options.

    Raises BadParameter for an option that the network does not have.
    """
    shape, n_classes = data.X.shape[1:], len(data.classes)
    network = models.network(source.modality, source.network)
    kind = partial(Solver, network.solve) if network.solve else Trainer
    return kind(
        lambda: models.build(source.modality, shape, n_classes, source.network, **model),
        options,
        network.augment,
    )


def forward(model: keras.Model) -> Callable:
    """The model's inference as one graph, for any number of windows."""
    signature = each(lambda x: tf.TensorSpec((None, *x.shape[1:])), model.input)
    return tf.function(lambda X: model(X, training=False), input_signature=[signature])


def answered(forward: Callable, X: Windows) -> np.ndarray:
    """Logits (n_windows, …) of X (n_windows, …), PREDICTED windows at a time."""
    parts = (taken(X, slice(i, i + PREDICTED)) for i in range(0, length(X), PREDICTED))
    return np.concatenate([forward(part).numpy() for part in parts])


def held(X: Windows) -> Windows:
    """X in memory if it has at most HELD_BYTES, else as it is."""
    n_bytes = sum(x.dtype.itemsize * math.prod(x.shape) for x in arrays(X))
    return X if n_bytes > HELD_BYTES else each(np.asarray, X)


def over_heads(logits: np.ndarray) -> np.ndarray:
    """One row of logits a window, (n, n_classes). Of several heads, (n, n_heads, n_classes), the log of their mean score."""
    return logits if logits.ndim == 2 else np.log(softmax(logits).mean(axis=1) + TINY)


def best_epoch(history: History) -> int:
    """The first epoch, from 0, of the lowest validation loss."""
    return int(np.argmin([row["val_loss"] for row in history]))


class Trainer:
    """One network and its compiled training step, used for every fold of a source.

    `factory()` builds the network after the seeds are set. `augment(X, seed)` changes a standardised batch inside the
    graph, unless the options turn augmentation off.
    """

    def __init__(
        self, factory: Callable[[], keras.Model], options: Training, augment: Callable | None = None
    ):
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(options.seed)
        self.options, self.augment = options, augment if options.augment else None
        self.model = factory()
        self.n_classes = self.model.output_shape[-1]
        self.optimizer = OPTIMIZERS[options.optimizer](options.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.initial = [variable.numpy() for variable in self.variables]
        self.forward = forward(self.model)
        X = each(lambda x: tf.TensorSpec((None, options.batch_size, *x.shape[1:])), self.model.input)
        y = tf.TensorSpec((None, options.batch_size, self.n_classes))
        self.steps = tf.function(self._steps, input_signature=[X, y, tf.TensorSpec((), tf.int32)])

    def _steps(self, X, targets, first):
        """Train on batches (n_steps, batch_size, …), numbered from `first`. Returns their mean loss."""
        n_steps, total = tf.shape(targets)[0], 0.0
        for step in tf.range(n_steps):
            batch, target = each(lambda x, step=step: x[step], X), targets[step]
            if self.augment is not None:
                batch = self.augment(batch, tf.stack([self.options.seed, first + step]))
            with tf.GradientTape() as tape:
                log_p = tf.nn.log_softmax(self.model(batch, training=True))
                gain = focused(log_p, self.options.focal_gamma)
                loss = -tf.reduce_mean(tf.reduce_sum(self.to_heads(target) * gain, axis=-1))
            variables = self.model.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            total += loss
        return total / tf.cast(n_steps, tf.float32)

    def serves(self, options: Training) -> bool:
        """Whether this Trainer, given these `options`, trains as a new one would: its graph holds none that differ."""
        return all(getattr(self.options, name) == getattr(options, name) for name in TRACED)

    def reset(self):
        """Back to the seeded weights and a fresh optimizer."""
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def predict(self, X: Windows) -> np.ndarray:
        """Logits (n_windows, n_classes) of X (n_windows, …) by the weights of the last fit.

        A network with several heads gives (n_windows, n_heads, n_classes).
        """
        return answered(self.forward, X)

    def to_heads(self, target):
        """Targets (n, n_classes) as the network needs them: (n, 1, n_classes), the same for each, if it has several heads."""
        return target if len(self.model.output_shape) == 2 else target[:, None]

    def targets(self, y: np.ndarray) -> np.ndarray:
        """One-hot labels, smoothed and times their class weight, (n, n_classes)."""
        smooth = self.options.label_smoothing
        onehot = np.eye(self.n_classes)[y] * (1 - smooth) + smooth / self.n_classes
        weights = balanced(y, self.n_classes) if self.options.class_weights else np.ones(self.n_classes)
        return np.float32(onehot * weights[y][:, None])

    def epoch(self, X, targets, number: int, bar: tqdm) -> dict[str, float]:
        """Train one epoch. Returns its learning rate and mean loss. `bar` counts trainings."""
        rate = self.options.learning_rate * (1 + math.cos(math.pi * number / self.options.epochs)) / 2
        self.optimizer.learning_rate.assign(rate)
        rng = np.random.default_rng((self.options.seed, number))
        rows, losses = batches(len(targets), self.options.batch_size, rng), []
        for first in range(0, len(rows), STEPS_A_CALL):
            some = rows[first : first + STEPS_A_CALL]
            batch = each(lambda x, some=some: x[some.ravel()].reshape(*some.shape, *x.shape[1:]), X)
            losses += [float(self.steps(batch, targets[some], number * len(rows) + first))] * len(some)
            bar.update(len(some) / len(rows) / self.options.epochs)
        return {"learning_rate": rate, "loss": float(np.mean(losses))}

    def validate(self, val: EmotionSet, name: str) -> dict[str, float]:
        """Loss and UAR on the validation set. Raises BadParameter, with the fold's name, if training diverged."""
        logits = over_heads(self.predict(val.X))
        if not np.isfinite(logits).all():
            raise BadParameter(
                f"{name}: training diverged, its logits are NaN or infinite: lower learning_rate "
                f"(now {self.options.learning_rate})."
            )
        return {
            "val_loss": cross_entropy(val.y, logits),
            "val_uar": float(uar(confusion(val.y, softmax(logits)))),
        }

    def check(self, train: EmotionSet, val: EmotionSet):
        """Raise BadSet for a class without windows, for a single subject, or if the shapes are not the model's."""
        train.check_trainable()
        for name, data in (("training", train), ("validation", val)):
            found = shape(data.X), len(data.classes)
            expected = shape(self.model.input), self.n_classes
            if found != expected:
                raise BadSet(
                    f"The {name} set has shape and classes {found}, expected {expected} as the model's."
                )

    def goes_on(self, history: History) -> bool:
        """Whether epochs are left and the best is among the last `patience`."""
        return len(history) < self.options.epochs and (
            not history or len(history) - 1 - best_epoch(history) < self.options.patience
        )

    def fit(
        self,
        train: EmotionSet,
        val: EmotionSet,
        name: str = "fold",
        state: Checkpoint | None = None,
        bar: tqdm | None = None,
    ) -> dict[str, list[float]]:
        """Train from the seeded weights. `model` then holds those of the best epoch, until the next fit.

        Both sets are standardised, and no person of `val` is in `train`. The history has one number an epoch of
        learning_rate, loss (weighted, smoothed, focused), val_loss (mean over classes) and val_uar.
        With `state`, every epoch is logged and a training that was killed goes on. `bar` counts trainings and says how
        this one goes. Raises BadSet as `check` does, BadParameter if training diverges.
        """
        self.check(train, val)
        self.reset()
        X, targets, val = held(train.X), self.targets(train.y), replace(val, X=held(val.X))
        history, kept = state.restore(self.variables) if state else ([], [])
        bar = tqdm(disable=True) if bar is None else bar
        trained_before = bar.n
        bar.update(len(history) / self.options.epochs)
        while self.goes_on(history):
            history.append(self.epoch(X, targets, len(history), bar) | self.validate(val, name))
            best = best_epoch(history)
            if best == len(history) - 1:
                kept = [variable.numpy() for variable in self.model.variables]
            told = f"best epoch {best + 1} of {len(history)}, validation UAR {history[best]['val_uar']:.3f}"
            bar.set_postfix_str(f"{name}: {told}", refresh=False)
            if state:
                state.epoch(self.variables, kept, history)
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        bar.update(trained_before + 1 - bar.n)
        return {key: [epoch[key] for epoch in history] for key in history[0]}


class Solver(Trainer):
    """A Trainer of a network whose weights have a closed form, `solve(X, y, n_classes)`: no steps, no seed, one epoch."""

    def __init__(self, solve: Callable, *of_trainer):
        super().__init__(*of_trainer)
        self.solve = solve

    def fit(
        self,
        train: EmotionSet,
        val: EmotionSet,
        name: str = "fold",
        state: Checkpoint | None = None,
        bar: tqdm | None = None,
    ) -> dict[str, list[float]]:
        """As a Trainer does, but `val` picks nothing, and the training set is held in memory."""
        self.check(train, val)
        X = np.asarray(train.X)
        self.model.set_weights(self.solve(X, train.y, self.n_classes))
        loss = self.validate(replace(train, X=X), name)["val_loss"]
        if bar is not None:
            bar.update(1)
        return {key: [value] for key, value in {"loss": loss, **self.validate(val, name)}.items()}
