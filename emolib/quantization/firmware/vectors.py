"""Inputs with the outputs that a model gives, both int8: what a firmware tests itself by."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadArtifact, CorpusMissing
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.datasets.face_boxes import pictures
from emolib.datasets.splits import few
from emolib.device.backends import Backend, Micro
from emolib.device.interpreter import quantize
from emolib.models import crossval
from emolib.quantization.npu import tflm
from emolib.signals.boxes import Letterbox

N, SEED = 4, 0
MAX_LSB = 2  # that tflite-micro may be from litert's reference kernels: rounding, see emolib.quantization.npu.kernels
NOISE = "uniform noise, seed 0"


@dataclass(frozen=True)
class Vectors:
    """inputs (n, n_values) int8, outputs (n, n_outputs) int8 of litert's reference kernels; `max_lsb`: how far
    tflite-micro is from these on a computer; `origin`: what the inputs are."""

    inputs: np.ndarray
    outputs: np.ndarray
    max_lsb: int
    origin: str


def outputs(backend: Backend, inputs: np.ndarray) -> np.ndarray:
    """(n, n_outputs) int8 of inputs (n, n_values) int8."""
    [port] = backend.inputs
    return np.stack([backend.run(x.reshape(port.shape)).ravel() for x in inputs])


def lsb(found: np.ndarray, expected: np.ndarray) -> int:
    """The largest difference of int8 values."""
    return int(np.abs(found.astype(int) - expected).max())


def vectors(content: bytes, X: np.ndarray | None, name: str) -> Vectors:
    """N vectors of windows X (n, *shape), or of noise. Raises BadArtifact where tflite-micro is over MAX_LSB away."""
    micro = Micro(content)
    [port] = micro.inputs
    shape = (N, int(np.prod(port.shape)))
    if X is None:
        inputs = np.random.default_rng(SEED).integers(-128, 128, shape, np.int8)
    else:
        inputs = quantize(X, port.scale, port.zero_point).reshape(len(X), -1)
    expected = outputs(tflm.reference(content), inputs)
    apart = lsb(outputs(micro, inputs), expected)
    if apart > MAX_LSB:
        raise BadArtifact(
            f"{name}: tflite-micro is {apart} steps from litert's reference kernels, expected {MAX_LSB} or less: "
            "compare their kernels by emolib.quantization.npu.kernels.rounding."
        )
    return Vectors(inputs, expected, apart, NOISE if X is None else "test windows of the run")


def of_source(run: Run, name: str, entry: Mapping) -> np.ndarray:
    """Standardised test windows (N, *shape) of the fold whose model the bundle holds. Raises BadArtifact."""
    fold = entry.get("fold", 0)
    check_same(run, f"{model_name(name, fold)}-{INT8}.tflite", entry)
    data, folds, _ = crossval.opened(run, Experiment.parse(name))
    standardiser = crossval.load_standardiser(run, model_name(name, fold))
    return standardiser(data.X[few(folds[fold].test, N, SEED)])


def of_detector(run: Run, name: str, entry: Mapping) -> np.ndarray | None:
    """Test pictures (N, side, side, n_channels) in [0, 1]; None where their corpus is not here. Raises BadArtifact."""
    check_same(run, f"models/{name}-{INT8}.tflite", entry)
    made = run.parameters_of(f"rows/{name}-detector.csv")
    try:
        tested = (each.image for each in pictures(made["corpora"], []) if each.split == "test")
        images = list(islice(tested, N))
    except CorpusMissing:
        return None
    fitted = [Letterbox(x.shape[:2], made["side"]).image(x, made["n_channels"]) for x in images]
    return np.float32(np.stack(fitted)) / 255


def check_same(run: Run, file: str, entry: Mapping):
    """Raises BadArtifact where the run's model is not the bundle's."""
    found: Path = run.read(file)
    if sha256(found) != entry["sha256"]:
        raise BadArtifact(
            f"{found} is not the model of the bundle, expected sha256 {entry['sha256'][:12]}: give the run that "
            "the bundle was exported from, or export again."
        )
