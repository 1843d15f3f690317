"""Run a .tflite model on one of four interpreters behind one class, quantising what it takes. numpy only at import."""

import sys
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from emolib.core import artifacts
from emolib.core.child import ending, limit, run_module
from emolib.core.errors import BadArtifact, BadParameter, BadSet
from emolib.core.windows import Windows, arrays, chunks, each, length, shape, taken
from emolib.device.backends import Micro, TFLite
from emolib.device.worker import Worker

# backend: its package, the extra of emolib that installs it, what opens a model
KNOWN = {
    "litert": ("ai_edge_litert", "device", TFLite),
    "tflite_runtime": ("tflite_runtime", "lab", Worker),
    "tensorflow": ("tensorflow", "lab", partial(TFLite, package="tensorflow.lite.python")),
    "tflite_micro": ("tflite_micro", "lab", Micro),
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
        raise BadParameter(f"threads: got {threads}, expected 1 or more, on tflite_micro 1.")


def quantize(x: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """int8 array of the shape of x, where real = scale · (int8 - zero_point); clipped to -128 and 127. Source: Jacob et
    al. 2018, eq. 1, rounding halves to even."""
    return np.clip(np.rint(x / np.float32(scale) + zero_point), -128, 127).astype(np.int8)


def dequantize(q: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    return (q.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def apart(logits: np.ndarray, others: np.ndarray, step: float) -> dict[str, int]:
    """How far two arrays of logits (n, n_classes) differ, in steps of the int8 output, and windows of other classes."""
    return {
        "lsb": round(np.abs(logits - others).max() / step),
        "other_answers": int((logits.argmax(axis=1) != others.argmax(axis=1)).sum()),
    }


class Model:
    """A model in an interpreter: `with Model("x.tflite") as model: logits = model.predict(X)`. `input_shape` is that of a
    window, (*shape,); of a file with several branches a dict of them by branch. Bytes are taken for ours, as is a file whose
    sidecar is right; any other file, which could crash its interpreter, runs in a limited child first.

    Raises BadParameter for a backend that is unknown or not installed, BadArtifact for a file that is
    missing, corrupt, or needs operators that the backend lacks.
    """

    def __init__(self, source: Path | str | bytes, backend: str = "litert", threads: int = 1, name: str = ""):
        check_backend(backend, threads)
        is_ours = isinstance(source, bytes)
        self.name = name or ("The model" if is_ours else str(source))
        try:
            content = source if is_ours else Path(source).read_bytes()
        except OSError as error:
            raise BadArtifact(f"{self.name} is missing: run the notebook that converts models.") from error
        if content[4:8] != b"TFL3":
            raise BadArtifact(f"{self.name} is no .tflite file (no TFL3 at byte 4): convert the model again.")
        if not (is_ours or artifacts.vouches(Path(source), content)) and (reason := crash(content, backend)):
            raise BadArtifact(f"{self.name} does not run on {backend} ({reason}): convert it again.")
        try:
            self.runner = KNOWN[backend][2](content, threads)
        except Exception as error:  # each library has its own for a file it cannot read
            raise BadArtifact(f"{self.name} does not open on {backend} ({error}): convert it again.") from error
        self.shapes = {port.branch: port.shape[1:] for port in self.runner.inputs}
        self.input_shape = self.shapes if len(self.shapes) > 1 else next(iter(self.shapes.values()))
        self.close = self.runner.close

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def encode(self, X: Windows) -> list[np.ndarray]:
        """Windows X (n, *input_shape), or by branch, as an array for each input of the file, int8 or float32. Raises
        BadSet for another shape, other branches, or NaN."""
        X = each(lambda x: np.asarray(x, np.float32), X)
        expected = self.shapes if isinstance(X, dict) else self.input_shape
        if shape(X) != expected:
            raise BadSet(f"{self.name} takes windows of shape {expected}, got {shape(X)}.")
        if not all(np.isfinite(x).all() for x in arrays(X)):
            raise BadSet(f"{self.name} got NaN or infinity: windows like that must be dropped before.")
        ordered = [X[port.branch] if isinstance(X, dict) else X for port in self.runner.inputs]
        return [
            quantize(x, port.scale, port.zero_point) if port.dtype == "int8" else x
            for x, port in zip(ordered, self.runner.inputs, strict=True)
        ]

    def decode(self, y: np.ndarray) -> np.ndarray:
        """Logits, float32, of outputs as the file gives them."""
        port = self.runner.output
        return dequantize(y, port.scale, port.zero_point) if port.dtype == "int8" else y

    def predict(self, X: Windows) -> np.ndarray:
        """Logits (n, n_classes) float32 of X (n, *input_shape), or by branch. Raises BadSet as `encode` does."""
        raw = np.empty((length(X), *self.runner.output.shape[1:]), self.runner.output.dtype)
        for rows in chunks(arrays(X)[0]):
            encoded = self.encode(taken(X, rows))
            for n, window in enumerate(zip(*encoded, strict=True), start=rows.start):
                try:
                    raw[n] = self.runner.run(*(x[None] for x in window))[0]
                except (RuntimeError, ValueError) as error:  # a damaged file that opened
                    raise BadArtifact(f"{self.name} does not run ({error}): convert it again.") from error
        return self.decode(raw)

    def invoke(self, x: Windows) -> np.ndarray:
        """Logits (n_classes,) of one window (*input_shape), or of one a branch."""
        return self.predict(each(lambda window: window[None], x))[0]

    def times(self, x: Windows, repeats: int) -> np.ndarray:
        """Nanoseconds (repeats,) of runs on one window: copy in, invoke, copy out; x is quantised before."""
        return self.runner.times(*self.encode(each(lambda window: window[None], x)), repeats=repeats)


def crash(content: bytes, backend: str) -> str:
    """Why a child that runs a model ended, "" where it did not crash."""
    done = run_module("emolib.device.interpreter", backend, input=content, capture_output=True)
    return "" if done.returncode == 0 else ending(done.returncode)


def _run_in_child(content: bytes, backend: str):
    limit(len(content))
    with suppress(BadArtifact, MemoryError), Model(content, backend) as model:  # the parent meets it again, and says it
        model.invoke(each(lambda shape: np.ones(shape, np.float32), model.input_shape))


if __name__ == "__main__":
    _run_in_child(sys.stdin.buffer.read(), sys.argv[1])
