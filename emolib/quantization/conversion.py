"""Every fold of a source converted to .tflite files and scored on litert; a file that is current is skipped.

A converter maps a Kit to the bytes of a file: what it may see ends where the test part begins.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from emolib.core.artifacts import Run
from emolib.core.experiment import model_name
from emolib.core.windows import Windows, each
from emolib.datasets import splits
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models.crossval import load_model, load_standardiser
from emolib.quantization.flatbuffer import compact
from emolib.signals.standardise import ByBranch, Standardiser

if TYPE_CHECKING:
    import keras

    from emolib.datasets.joint import JointSet


@dataclass(frozen=True, eq=False)
class Kit:
    """What a converter may look at of one fold: the trained network and people who train it, never the test part.

    `rows`: the calibration windows, of training people. X is standardised, (n, *shape).
    """

    run: Run
    name: str
    data: "EmotionSet | JointSet"
    fold: Fold
    rows: np.ndarray
    seed: int

    @cached_property
    def standardiser(self) -> Standardiser | ByBranch:
        return load_standardiser(self.run, self.name)

    @cached_property
    def model(self) -> "keras.Model":
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
        """X of validation and test windows, only to be answered."""
        return self.data.part(np.concatenate([self.fold.val, self.fold.test]), self.standardiser).X


Converters = Mapping[str, Callable[[Kit], bytes]]


def kits(
    run: Run, source: str, data: "EmotionSet | JointSet", folds: Sequence[Fold], n_calibration: int, seed: int
) -> list[Kit]:
    """One kit per fold, each with a branch of the run."""
    return [
        Kit(
            run.branch(),
            model_name(source, k),
            data,
            f,
            splits.calibration(data, f, n_calibration, seed),
            seed,
        )
        for k, f in enumerate(folds)
    ]


def convert_fold(kit: Kit, converters: Converters) -> dict[str, np.ndarray]:
    """Logits (n_val + n_test, n_classes) of each variant on litert; writes <name>-<variant>.tflite, or finds it."""
    X, run, logits = kit.scored, kit.run, {}
    for variant, converter in converters.items():
        file, calibration = f"{kit.name}-{variant}.tflite", kit.rows.tolist()
        if not run.is_current(file, calibration=calibration):
            run.write_bytes(file, compact(converter(kit)), calibration=calibration)
        with Model(run.folder / file) as interpreter:
            logits[variant] = interpreter.predict(X)
    return logits


def convert_folds(run: Run, of_folds: Sequence[Kit], converters: Converters) -> dict[str, np.ndarray]:
    """Scores (n_rows, n_classes) of each variant, in the order of `score_columns`."""
    found = [convert_fold(kit, converters) for kit in tqdm(of_folds, desc="convert")]
    for kit in of_folds:
        run.inputs |= kit.run.inputs
    return {variant: softmax(np.concatenate([logits[variant] for logits in found])) for variant in converters}
