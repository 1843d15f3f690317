"""Faces in a picture and what each shows: detect, crop, resize, classify. numpy and an interpreter alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.signals.boxes import FILL, Grid, Letterbox
from emolib.signals.frontend import Windows
from emolib.signals.image import check, crop
from emolib.signals.standardise import Standardiser

STAGES = ("letterbox", "detector", "boxes", "crop", "classifier")


class Face(NamedTuple):
    """box (4,): x1 y1 x2 y2 in pixels. score: the detector's. scores (n_classes,): of the window X (*shape)."""

    box: np.ndarray
    score: float
    scores: np.ndarray
    X: np.ndarray


@dataclass(frozen=True)
class Detector:
    """A face detector: a model, what its outputs mean, and the least score of a face."""

    model: Model
    grid: Grid
    min_score: float


@dataclass(frozen=True)
class Classifier:
    """A model of single faces and what comes before it. margin: added on each side, in shares of the longer one."""

    model: Model
    front: Callable[[np.ndarray], Windows]
    standardiser: Standardiser
    margin: float = 0.1


def square(box: np.ndarray, margin: float) -> tuple[int, int, int, int]:
    """A square around a box (4,): left, top, right, bottom in whole pixels, never empty, maybe outside the picture."""
    side = max(1, round(float((box[2:] - box[:2]).max()) * (1 + 2 * margin)))
    left, top = np.rint((box[:2] + box[2:] - side) / 2).astype(int).tolist()
    return left, top, left + side, top + side


class FacePath:
    """Detector and classifier as one function: `faces = path(image)`. `ms`: of each stage of the last call."""

    def __init__(self, detector: Detector, classifier: Classifier):
        self.detector, self.classifier = detector, classifier
        self.ms: dict[str, float] = {}

    def __call__(self, image: np.ndarray) -> list[Face]:
        """The faces of a picture uint8 (height, width[, 3]), best first. A crop that the front end drops is no face.
        Raises BadRecording for an array that is no picture."""
        self.ms = dict.fromkeys(STAGES, 0.0)
        boxes, found = self.detect(image)
        after = self.classifier
        with self._stage("crop"):
            cut = [after.front(crop(image, *square(box, after.margin), FILL)).X for box in boxes]
            kept = [k for k, X in enumerate(cut) if len(X)]
        if not kept:
            return []
        with self._stage("classifier"):
            X = after.standardiser(np.concatenate([cut[k] for k in kept]))
            scores = softmax(after.model.predict(X))
        return [Face(boxes[k], float(found[k]), *told) for k, *told in zip(kept, scores, X, strict=True)]

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) in pixels of the picture, and their scores (n,), best first."""
        size, (side, _, n_channels) = check(image).shape[:2], self.detector.model.input_shape
        with self._stage("letterbox"):
            fit = Letterbox(size, side)
            x = np.float32(fit.image(image, n_channels)) / 255
        with self._stage("detector"):
            output = self.detector.model.invoke(x)
        with self._stage("boxes"):
            boxes, scores = self.detector.grid.found(output, side, self.detector.min_score)
            return fit.inverse(boxes), scores

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.ms[name] += 1e3 * (time.perf_counter() - start)
