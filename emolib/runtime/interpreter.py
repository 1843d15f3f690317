"""Run a .tflite model on one of four interpreters behind one class. Importing this needs numpy only."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from emolib.errors import BadArtifact, BadParameter, BadSet
from emolib.runtime import backends
from emolib.runtime.quantization import dequantize, quantize
from emolib.runtime.worker import Worker

# backend: its package, the extra of emolib that installs it, what opens a model
KNOWN = {
    "litert": ("ai_edge_litert", "device", backends.litert),
    "tflite_runtime": ("tflite_runtime", "lab", Worker),
    "tensorflow": ("tensorflow", "lab", backends.tensorflow),
    "tflite_micro": ("tflite_micro", "lab", lambda content, threads: backends.Micro(content)),
}
BACKENDS = tuple(KNOWN)


def present() -> list[str]:
    """The backends that are installed here."""
    return [backend for backend in BACKENDS if find_spec(KNOWN[backend][0])]


def check_backend(backend: str, threads: int):
    """Raises BadParameter for an unknown or absent backend, or threads that it cannot use."""
    if backend not in KNOWN:
        raise BadParameter(f"backend: got {backend!r}, expected one of {', '.join(BACKENDS)}.")
    package, extra, _ = KNOWN[backend]
    if find_spec(package) is None:
        raise BadParameter(f"Backend {backend}: no package {package} here; pip install 'emolib[{extra}]'.")
    if threads < 1 or (backend == "tflite_micro" and threads > 1):
        allowed = "1" if backend == "tflite_micro" else "1 or more"
        raise BadParameter(f"threads: got {threads}, expected {allowed} on {backend}.")


def read(source: Path | str | bytes) -> tuple[str, bytes]:
    """Name and content of a model. Raises BadArtifact for a missing file, or one that is not .tflite."""
    if isinstance(source, bytes):
        name, content = "The model", source
    else:
        name = str(source)
        if not Path(source).is_file():
            raise BadArtifact(f"{name} is missing: run the notebook that converts models, or check the path.")
        content = Path(source).read_bytes()
    if content[4:8] != b"TFL3":
        raise BadArtifact(f"{name} is no .tflite file (no TFL3 at byte 4): convert the model again.")
    return name, content


class Model:
    """A model in an interpreter: `with Model("x.tflite") as model: logits = model.predict(X)`.

    Raises BadParameter for a backend that is unknown or not installed, BadArtifact for a file that is
    missing, corrupt, or needs operators that the backend lacks.
    """

    def __init__(self, source: Path | str | bytes, backend: str = "litert", threads: int = 1):
        check_backend(backend, threads)
        self.source, self.backend, self.threads = source, backend, threads
        self.name, content = read(source)
        try:
            self.runner = KNOWN[backend][2](content, threads)
        except Exception as error:  # each library has its own for a file it cannot read
            reason = " ".join(str(error).split()).rstrip(".")
            raise BadArtifact(
                f"{self.name} does not open on {backend} ({reason}): convert it again, or take another."
            ) from error
        self.input_shape = self.runner.input.shape[1:]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Free the interpreter; ends the process of tflite_runtime."""
        self.runner.close()

    def encode(self, X: np.ndarray) -> np.ndarray:
        """X (n, *input_shape) as the file takes it, int8 or float32. Raises BadSet for another shape, or NaN."""
        X = np.asarray(X, np.float32)
        if X.shape[1:] != self.input_shape:
            raise BadSet(f"{self.name} takes windows of shape {self.input_shape}, got {X.shape[1:]}.")
        if not np.isfinite(X).all():
            raise BadSet(f"{self.name} got NaN or infinity: windows like that must be dropped before.")
        _, dtype, scale, zero_point = self.runner.input
        return quantize(X, scale, zero_point) if dtype == "int8" else X

    def decode(self, y: np.ndarray) -> np.ndarray:
        """Logits, float32, of outputs as the file gives them."""
        _, dtype, scale, zero_point = self.runner.output
        return dequantize(y, scale, zero_point) if dtype == "int8" else y

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Logits (n, n_classes) float32 of X (n, *input_shape). Raises BadSet as `encode` does."""
        encoded = self.encode(X)
        raw = np.empty((len(encoded), *self.runner.output.shape[1:]), self.runner.output.dtype)
        for n in range(len(encoded)):
            raw[n] = self.runner.run(encoded[n : n + 1])[0]
        return self.decode(raw)

    def invoke(self, x: np.ndarray) -> np.ndarray:
        """Logits (n_classes,) of one window (*input_shape)."""
        return self.predict(x[None])[0]

    def times(self, x: np.ndarray, repeats: int) -> np.ndarray:
        """Nanoseconds (repeats,) of runs on one window: copy in, invoke, copy out; x is quantised before."""
        return self.runner.times(self.encode(x[None]), repeats)
