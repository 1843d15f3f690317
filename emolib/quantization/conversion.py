"""Convert every fold of a source to .tflite files and score them on litert. A file that is current is not made again.

A converter maps the CalibrationData of a fold to the bytes of a file, so it never sees the test part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.bars import with_progress
from emolib.core.errors import BadSet
from emolib.core.experiment import model_name
from emolib.core.windows import Windows, arrays, each, length, shape
from emolib.datasets import splits
from emolib.datasets.base import EmotionSet
from emolib.datasets.joint import JointSet
from emolib.datasets.splits import Fold
from emolib.device.backends import TFLite
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models.backend import keras
from emolib.models.crossval import load_model, load_standardiser
from emolib.quantization.flatbuffer import activations, compact
from emolib.signals.standardise import Standardiser
from emolib.signals.standardisers import ByBranch


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """What a converter may use of one fold: the trained network, `calibration`, `train` and `val`. None holds a test window.

    `name` is the stem of the fold's artifacts. `rows` are the calibration windows, all of training people.
    Windows are standardised, (n, *shape).
    """

    run: Run
    name: str
    data: EmotionSet | JointSet
    fold: Fold
    rows: np.ndarray
    seed: int

    @cached_property
    def standardiser(self) -> Standardiser | ByBranch:
        return load_standardiser(self.run, self.name)

    @cached_property
    def model(self) -> keras.Model:
        return load_model(self.run, self.name)

    @cached_property
    def float32(self) -> bytes:
        """The fold's float32 .tflite file."""
        return self.run.read(f"{self.name}-float32.tflite").read_bytes()

    @cached_property
    def calibration(self) -> Windows:
        return each(np.asarray, self.data.part(self.rows, self.standardiser).X)

    @property
    def calibration_y(self) -> np.ndarray:
        return self.data.y[self.rows]

    @cached_property
    def train(self) -> EmotionSet:
        return self.data.part(self.fold.train, self.standardiser)

    @cached_property
    def val(self) -> EmotionSet:
        return self.data.part(self.fold.val, self.standardiser)

    @cached_property
    def scored(self) -> Windows:
        """The validation and test windows that the finished file answers: for `convert_fold` alone."""
        return self.data.part(np.concatenate([self.fold.val, self.fold.test]), self.standardiser).X


Converters = Mapping[str, Callable[[CalibrationData], bytes]]


def calibration_data(
    run: Run, source: str, data: EmotionSet | JointSet, folds: Sequence[Fold], n_calibration: int, seed: int
) -> list[CalibrationData]:
    """The CalibrationData of each fold, each with a branch of the run."""
    rows = [splits.evenly(data.y, fold.train, n_calibration, seed) for fold in folds]
    return [
        CalibrationData(run.branch(), model_name(source, k), data, fold, rows[k], seed) for k, fold in enumerate(folds)
    ]


def convert_fold(fold: CalibrationData, converters: Converters) -> dict[str, np.ndarray]:
    """Logits (n_val + n_test, n_classes) of each variant on litert; writes <name>-<variant>.tflite, or finds it."""
    X, run, logits = fold.scored, fold.run, {}
    for variant, converter in converters.items():
        file, calibration = f"{fold.name}-{variant}.tflite", fold.rows.tolist()
        if not run.is_current(file, calibration=calibration):
            run.write_bytes(file, compact(converter(fold)), calibration=calibration)
        with Model(run.folder / file) as interpreter:
            logits[variant] = interpreter.predict(X)
    return logits


def convert_folds(run: Run, folds: Sequence[CalibrationData], converters: Converters) -> dict[str, np.ndarray]:
    """Scores (n_rows, n_classes) of each variant, in the order of `crossval.score_columns`."""
    found = [convert_fold(fold, converters) for fold in with_progress(folds, "convert", "folds")]
    for fold in folds:
        run.inputs |= fold.run.inputs
    return {variant: softmax(np.concatenate([logits[variant] for logits in found])) for variant in converters}


def check_calibration(X: Windows | None, expected) -> Windows:
    """The calibration windows X (n, *expected) as float32; for several branches, X and `expected` are by branch. Raises
    BadSet where X cannot show the range of the activations: no windows, another shape, NaN or infinity."""
    if X is None or length(X) == 0:
        raise BadSet("Got no calibration windows: pass about 100 of the training subjects.")
    X = each(lambda x: np.asarray(x, np.float32), X)
    if shape(X) != expected:
        raise BadSet(f"Calibration windows have shape {shape(X)}, expected {expected} as the model takes.")
    if not all(np.isfinite(x).all() for x in arrays(X)):
        raise BadSet(f"Some of {length(X)} calibration windows hold NaN or infinity: drop them before.")
    return X


def observed(content: bytes, X: Windows) -> dict[str, np.ndarray]:
    """The values of every activation tensor of a float32 .tflite file on windows X, by name, (n, size) each. X is (n,
    *shape), or such an array by branch. Raises BadSet as `check_calibration` does."""
    backend = TFLite(content, threads=1, experimental_preserve_all_tensors=True)
    shapes = {port.branch: port.shape[1:] for port in backend.inputs}
    several = isinstance(X, dict) or len(shapes) > 1
    X = check_calibration(X, shapes if several else next(iter(shapes.values())))
    tensors = activations(content)
    found = {name: np.empty((length(X), int(np.prod(t.shape))), np.float32) for name, t in tensors.items()}
    for i in range(length(X)):
        backend.run(*((X[branch] if several else X)[i : i + 1] for branch in shapes))
        for name, tensor in tensors.items():
            found[name][i] = backend.interpreter.get_tensor(tensor.index).ravel()
    return found
