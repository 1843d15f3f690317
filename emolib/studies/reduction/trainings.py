"""The trainings of a search over architectures: on which pictures and labels, each once, and what the networks answer.

Shved (2019) had one label an image from a hurried crowd and measured 9 % of them wrong. On a corpus with better labels
the same share can be put in, to see what it costs. Only training labels may change: wrong labels in validation or test
would move the measure itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.bars import with_progress
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, few
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models.alexnet import Architecture, build, description, key
from emolib.models.augment import five_ways
from emolib.models.backend import keras, tf
from emolib.models.checkpoint import Checkpoint
from emolib.models.training import Trainer, Training, batched_logits

SPAN = (-1.0, 1.0)  # of a pixel, as the front end gives it
PREDICTED = 128  # pictures of one call
AUGMENT = tf.function(partial(five_ways, span=SPAN))  # traced once and not with every network
Train = Callable[[Architecture, Path, Checkpoint], dict]


def parts(data: EmotionSet, fold: Fold, n_train: int, n_val: int, seed: int) -> dict[str, EmotionSet]:
    """train and val (at most n_train and n_val pictures of the fold's) and test."""
    rows = {"train": few(fold.train, n_train, seed), "val": few(fold.val, n_val, seed), "test": fold.test}
    return {name: data.part(of_part) for name, of_part in rows.items()}


def mislabelled(train: EmotionSet, share: float, seed: int) -> EmotionSet:
    """The training set with exactly round(share × n) of its labels wrong, every wrong class as likely; seeded."""
    rng, n, n_classes, y = np.random.default_rng(seed), len(train.y), len(train.classes), train.y.copy()
    picked = rng.choice(n, round(share * n), replace=False, p=np.full(n, 1 / n))
    for label in np.unique(train.y[picked]):
        same = picked[train.y[picked] == label]
        y[same] = rng.choice(n_classes, len(same), p=(np.arange(n_classes) != label) / (n_classes - 1))
    return replace(train, y=y)


class Store:
    """The search's training with a memory, `folder`/<key>.keras and .json of a run: what is current is not trained again.

    `train(architecture, path, state)` writes its network to `path` and returns its numbers; a killed one goes on from
    `state`. `matters`, JSON-able: what the numbers depend on beside the architecture and the run's inputs so far.
    """

    def __init__(self, run: Run, folder: str, train: Train, matters: dict):
        self.run, self.folder, self.train, self.matters = run, folder, train, matters
        self.inputs = dict(run.inputs)

    def name(self, architecture: Architecture) -> str:
        """Artifact name of the architecture's network, without .keras."""
        return f"{self.folder}/{key(architecture)}"

    def __call__(self, architecture: Architecture) -> dict:
        """The numbers of the architecture, trained or found."""
        name = self.name(architecture)
        job = self.run.branch({**self.matters, **description(architecture)})
        job.inputs = dict(self.inputs)
        if not job.is_current(f"{name}.json"):
            state = Checkpoint(job.folder / f"{name}-state", {**job.parameters, "inputs": job.inputs})
            with job.write(f"{name}.keras") as path:
                numbers = self.train(architecture, path, state)
            job.read(f"{name}.keras")
            job.write_json(f"{name}.json", {"architecture": asdict(architecture), "numbers": numbers})
            state.done()
        return self.run.json(f"{name}.json")["numbers"]


def trained(train: EmotionSet, val: EmotionSet, options: Training, augment: Callable | None = None) -> Train:
    """For a Store: train on `train`, stopped on `val`, pictures of one size whatever the architecture's side. The
    numbers are those of the epoch of least validation loss: `judged` on val, epochs, seconds with tracing."""

    def fit(architecture: Architecture, path: Path, state: Checkpoint) -> dict:
        keras.backend.clear_session()  # with the graphs and the optimizer of the network before
        start = perf_counter()
        trainer = Trainer(lambda: build(architecture, train.X.shape[1:]), options, augment)
        history = trainer.fit(train, val, key(architecture), state)
        trainer.model.save(path)
        found = judged(val.y, softmax(trainer.predict(val.X)))
        return {**found, "epochs": len(history["val_loss"]), "seconds": perf_counter() - start}

    return fit


def judged(y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """auc (one class against the rest, mean), accuracy, precision, recall (means over classes) of scores (n, n_classes)."""
    counts = metrics.confusion(y, scores)
    found = {"accuracy": metrics.accuracy, "precision": metrics.macro_precision, "recall": metrics.uar}
    return {"auc": metrics.auc(y, scores)} | {name: float(of(counts)) for name, of in found.items()}


@dataclass(frozen=True)
class Answers:
    """What a network answered on one part, val or test: labels (n,), scores (n, n_classes), subjects (n,)."""

    model: str
    part: str
    architecture: Architecture
    y: np.ndarray
    scores: np.ndarray
    subject: np.ndarray


def answers(run: Run, chosen: Mapping[str, tuple], of: Mapping[str, EmotionSet]) -> list[Answers]:
    """What networks answer on the sets `of`; `chosen`: by name the Store, which trains what it does not hold, and the
    architecture."""
    found = []
    for name, (store, architecture) in with_progress(chosen.items(), "answers", "networks"):
        store(architecture)
        model = keras.models.load_model(run.read(f"{store.name(architecture)}.keras"))
        for part, data in of.items():
            scores = softmax(batched_logits(partial(model, training=False), data.X, PREDICTED))
            found.append(Answers(name, part, architecture, data.y, scores, data.subject))
    return found
