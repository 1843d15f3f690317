"""Trainings of a search, each once: a network and its numbers, named by the hash of the architecture."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from emolib.core.artifacts import Run
from emolib.datasets.base import EmotionSet
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models.alexnet import Architecture, build, description, key

if TYPE_CHECKING:  # both import TensorFlow
    from emolib.models.checkpoint import Checkpoint
    from emolib.models.training import Training

Train = Callable[[Architecture, Path, "Checkpoint"], dict]


class Store:
    """T of a search with a memory: `folder`/<key>.keras and .json of a run; what is there and current is not
    trained.

    `train(architecture, path, state)` writes its network to `path` and returns its numbers; killed, it goes
    on from `state`. `matters`, JSON-able: what they depend on beside the architecture and the run's inputs so
    far.
    """

    def __init__(self, run: Run, folder: str, train: Train, matters: dict):
        self.run, self.folder, self.train, self.matters = run, folder, train, matters
        self.inputs = dict(run.inputs)

    def name(self, architecture: Architecture) -> str:
        """Artifact name of the architecture's network, without .keras."""
        return f"{self.folder}/{key(architecture)}"

    def __call__(self, architecture: Architecture) -> dict:
        from emolib.models.checkpoint import Checkpoint

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


def trained(
    train: EmotionSet, val: EmotionSet, options: "Training", augment: Callable | None = None
) -> Train:
    """For a Store: train on `train`, stopped on `val`, pictures of one size whatever the architecture's side.

    The numbers are those of the epoch of least validation loss: `judged` on val, epochs, seconds with
    tracing.
    """
    import keras

    from emolib.models.training import Trainer

    def fit(architecture: Architecture, path: Path, state: "Checkpoint") -> dict:
        keras.backend.clear_session()  # with the graphs and the optimizer of the network before
        start = perf_counter()
        trainer = Trainer(lambda: build(architecture, train.X.shape[1:]), options, augment)
        history = trainer.fit(train, val, key(architecture), state)
        trainer.model.save(path)
        found = judged(val.y, softmax(trainer.predict(val.X)))
        return {**found, "epochs": len(history["val_loss"]), "seconds": perf_counter() - start}

    return fit


def judged(y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """auc (one class against the rest, mean), accuracy, precision, recall (means over classes), from labels
    and scores."""
    counts = metrics.confusion(y, scores)
    found = {"auc": metrics.auc(y, scores), "accuracy": metrics.accuracy(counts)}
    found |= {"precision": metrics.macro_precision(counts), "recall": metrics.uar(counts)}
    return {name: float(value) for name, value in found.items()}
