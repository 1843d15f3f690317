"""The loop that trains every network, and what it needs to train one tiny classifier fold by fold.

A network is built and traced once. Every fold starts from the same seeded weights, so a fold gives the same model whether
it comes first or last. One call of the graph trains many batches: with networks this small, anything else spends its
time around the arithmetic. A training set of more than HELD_BYTES stays in its file, and the windows of a call are read
for that call.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from tqdm import tqdm

from emolib import models
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.parameters import Training, check
from emolib.core.windows import Windows, arrays, each, length, taken
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
N_DRAWN = 4  # of the training windows, where they are drawn anew and weights are solved
PREDICTED = 256  # windows of one call
HELD_BYTES = 1 << 30  # a training set up to this size is held in memory
TRACED = ("optimizer", "batch_size", "focal_gamma", "augment", "seed")  # options that a Trainer is built of
TINY = 1e-12  # of a score before its logarithm
LEAST = 1e-7  # of 1 - p in the focal loss: its slope is infinite at 0 where gamma is below 1


def options(seed: int, fit: dict) -> Training:
    """A Training from the fields in `fit` that differ from their defaults. Raises BadParameter for a bad name or value."""
    return check(Training, {"seed": seed} | fit, "fit")


def use_threads(n: int):
    """Limit TensorFlow to n threads, so that jobs can run side by side. Raises BadParameter once a model exists."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n)
        tf.config.threading.set_inter_op_parallelism_threads(n)
    except RuntimeError as error:
        raise BadParameter(f"{n} threads: too late, expected before the first model made.") from error


def focal(log_p, gamma: float):
    """(1 - p)^gamma log p, in the shape of log_p: minus what a class adds to the focal loss. Source: Lin et al. (2017),
    "Focal loss for dense object detection", equation 4. Its alpha are the class weights."""
    return log_p * tf.maximum(-tf.math.expm1(log_p), LEAST) ** gamma if gamma else log_p


def batches(n: int, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffled rows of one epoch, (n_batches, batch_size). Rows of the first batch fill up the last."""
    return np.resize(rng.permutation(n).astype(np.int32), (math.ceil(n / batch_size), batch_size))


def trainer_of(source: Experiment, data: EmotionSet, model: dict, options: Training) -> "Trainer":
    """A Trainer of the source's network, with its options `model`, for windows and classes like those of `data`. Raises
    BadParameter for an option that the network does not have."""
    shape, n_classes = data.X.shape[1:], len(data.classes)
    _, augment, solve = models.network(source.modality, source.network)
    factory = partial(models.build, source.modality, shape, n_classes, source.network, **model)
    return Trainer(factory, options, augment, solve)


def forward(model: keras.Model) -> Callable:
    """The model's inference as one graph, for any number of windows."""
    signature = each(lambda x: tf.TensorSpec((None, *x.shape[1:])), model.input)
    return tf.function(lambda X: model(X, training=False), input_signature=[signature])


def batched_logits(forward: Callable, X: Windows, n: int = PREDICTED) -> np.ndarray:
    """Logits (n_windows, …) of X (n_windows, …), n windows at a time."""
    parts = (taken(X, slice(i, i + n)) for i in range(0, length(X), n))
    return np.concatenate([forward(part).numpy() for part in parts])


def in_memory(X: Windows) -> Windows:
    """X in memory if it has at most HELD_BYTES, else as it is."""
    n_bytes = sum(x.dtype.itemsize * math.prod(x.shape) for x in arrays(X))
    return X if n_bytes > HELD_BYTES else each(np.asarray, X)


def over_heads(logits: np.ndarray) -> np.ndarray:
    """One row of logits a window, (n, n_classes). Of several heads, (n, n_heads, n_classes), the log of their mean score."""
    return logits if logits.ndim == 2 else np.log(softmax(logits).mean(axis=1) + TINY)


class Loop:
    """A network, its compiled training step, and the loop over epochs: that of classifiers and of detectors.

    `factory()` builds the network after the seeds are set. A subclass says what is `drawn` for an epoch, how a batch is
    `seen`, its `loss` and `rate`, how to `validate`, and which epoch is `best`.
    """

    steps_a_call = 1  # batches that one call of `steps` trains

    def __init__(self, factory: Callable[[], keras.Model], options):
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(options.seed)
        self.options, self.model = options, factory()
        self.optimizer = OPTIMIZERS[options.optimizer](options.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.initial = [variable.numpy() for variable in self.variables]
        self.forward = forward(self.model)
        self.steps, self.units = tf.function(self._steps), 1  # units of a progress bar in one training

    def _steps(self, X, targets, first):
        """Train on batches (n_steps, batch_size, …), numbered from `first`. Returns their mean loss."""
        n_steps, total = tf.shape(targets)[0], 0.0
        for step in tf.range(n_steps):
            total += self._step(each(lambda x, step=step: x[step], X), targets[step], first + step)
        return total / tf.cast(n_steps, tf.float32)

    def _step(self, batch, target, number):
        batch = self.seen(batch, number)
        with tf.GradientTape() as tape:
            loss = self.loss(target, self.model(batch, training=True))
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def reset(self):
        """Back to the seeded weights and a fresh optimizer."""
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def epoch(self, train, number: int, bar: tqdm) -> dict[str, float]:
        """Train one epoch. Returns the learning rate at its end and its mean loss."""
        rng = np.random.default_rng((self.options.seed, number))
        X, targets, record = self.drawn(train, rng)
        rows, losses = batches(len(targets), self.options.batch_size, rng), []
        for first in range(0, len(rows), self.steps_a_call):
            some = rows[first : first + self.steps_a_call]
            rate = self.rate(number, (first + len(some)) / len(rows))
            self.optimizer.learning_rate.assign(rate)
            batch = each(lambda x, some=some: x[some.ravel()].reshape(*some.shape, *x.shape[1:]), X)
            place = tf.constant(number * len(rows) + first)
            losses += [float(self.steps(batch, targets[some], place))] * len(some)
            bar.update(self.units * len(some) / len(rows) / self.options.epochs)
        return {"learning_rate": rate, **record, "loss": float(np.mean(losses))}

    def train(self, train, val, name: str, state: Checkpoint | None, bar: tqdm) -> History:
        """Train from the seeded weights. `model` then holds those of the best epoch. Returns one record an epoch. With
        `state`, every epoch is logged and a training that was killed goes on."""
        self.reset()
        history, kept = state.restore(self.variables) if state else ([], [])
        before = bar.n
        bar.update(self.units * len(history) / self.options.epochs)
        best = self.best(history) if history else 0
        patience = getattr(self.options, "patience", self.options.epochs)
        while len(history) < self.options.epochs and len(history) - 1 - best < patience:
            history.append(self.epoch(train, len(history), bar) | self.validate(val, name))
            best = self.best(history)
            if best == len(history) - 1:
                kept = [variable.numpy() for variable in self.model.variables]
            told = f"{name}: best epoch {best + 1} of {len(history)}, validation "
            bar.set_postfix_str(told + self.measure.format(**history[best]), refresh=False)
            if state:
                state.epoch(self.variables, kept, history)
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        bar.update(before + self.units - bar.n)
        return history

    def check_finite(self, outputs: np.ndarray, name: str):
        """Raise BadParameter, with the training's name, if it diverged."""
        if not np.isfinite(outputs).all():
            now = f"lower learning_rate (now {self.options.learning_rate})"
            raise BadParameter(f"{name}: training diverged, its outputs are NaN or infinite: {now}.")


class Trainer(Loop):
    """The training of a classifier, used for every fold of a source.

    `augment(X, seed)` changes a standardised batch inside the graph, unless the options turn augmentation off. Where the
    weights have a closed form, `solve(X, y, n_classes)` gives them in one epoch without steps or seed.
    """

    steps_a_call = 32
    measure = "UAR {val_uar:.3f}"

    def __init__(self, factory: Callable, options: Training, augment=None, solve=None):
        super().__init__(factory, options)
        self.augment, self.solve = augment if options.augment else None, solve
        self.n_classes, size = self.model.output_shape[-1], options.batch_size
        X = each(lambda x: tf.TensorSpec((None, size, *x.shape[1:])), self.model.input)
        signature = [X, tf.TensorSpec((None, size, self.n_classes)), tf.TensorSpec((), tf.int32)]
        self.steps = tf.function(self._steps, input_signature=signature)

    def seen(self, batch, number):
        return self.augment(batch, tf.stack([self.options.seed, number])) if self.augment else batch

    def loss(self, target, logits):
        """Of weighted targets (n, n_classes). If the network has several heads, they are the same for each."""
        gain = focal(tf.nn.log_softmax(logits), self.options.focal_gamma)
        target = target if len(logits.shape) == 2 else target[:, None]
        return -tf.reduce_mean(tf.reduce_sum(target * gain, axis=-1))

    def drawn(self, train, rng):
        X, targets = train
        return X(rng) if callable(X) else X, targets, {}

    def rate(self, number: int, share: float) -> float:
        return self.options.learning_rate * (1 + math.cos(math.pi * number / self.options.epochs)) / 2

    def serves(self, options: Training) -> bool:
        """Whether this Trainer, given these `options`, trains as a new one would: its graph holds none that differ."""
        return all(getattr(self.options, name) == getattr(options, name) for name in TRACED)

    def predict(self, X: Windows) -> np.ndarray:
        """Logits (n_windows, n_classes), or of several heads (n_windows, n_heads, n_classes)."""
        return batched_logits(self.forward, X)

    def targets(self, y: np.ndarray) -> np.ndarray:
        """One-hot labels, smoothed and times their class weight, (n, n_classes)."""
        smooth = self.options.label_smoothing
        targets = np.eye(self.n_classes)[y] * (1 - smooth) + smooth / self.n_classes
        if self.options.class_weights:  # under which every class weighs the same
            targets *= (len(y) / self.n_classes / np.bincount(y, minlength=self.n_classes))[y][:, None]
        return np.float32(targets)

    def validate(self, val: EmotionSet, name: str) -> dict[str, float]:
        """Loss and UAR on the validation set. Raises BadParameter if training diverged."""
        logits = over_heads(self.predict(val.X))
        self.check_finite(logits, name)
        recall = float(uar(confusion(val.y, softmax(logits))))
        return {"val_loss": cross_entropy(val.y, logits), "val_uar": recall}

    def best(self, history: History) -> int:
        """The first epoch, from 0, of the lowest validation loss."""
        return int(np.argmin([row["val_loss"] for row in history]))

    def fit(self, train: EmotionSet, val: EmotionSet, name="fold", state=None, bar=None, anew=None) -> dict[str, list]:
        """`train` on standardised sets, where no person of `val` is in `train`. `anew(rng)` draws X of `train` anew for every
        epoch, or N_DRAWN times for weights that are solved.

        The history has one number an epoch of learning_rate, loss (weighted, smoothed, focused), val_loss (mean over
        classes) and val_uar. Raises BadSet as `check_trainable` does, BadParameter if training diverges.
        """
        train.check_trainable()
        val, bar = replace(val, X=in_memory(val.X)), tqdm(disable=True) if bar is None else bar
        if self.solve:
            train = replace(train, X=np.asarray(train.X))
            drawn = [anew(np.random.default_rng((self.options.seed, k))) for k in range(N_DRAWN)] if anew else [train.X]
            self.model.set_weights(self.solve(np.concatenate(drawn), np.tile(train.y, len(drawn)), self.n_classes))
            history = [{"loss": self.validate(train, name)["val_loss"], **self.validate(val, name)}]
            bar.update(1)
        else:
            history = self.train((anew or in_memory(train.X), self.targets(train.y)), val, name, state, bar)
        return {key: [epoch[key] for epoch in history] for key in history[0]}
