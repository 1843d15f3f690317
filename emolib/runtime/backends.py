"""One interpreter each for a .tflite file of one input and one output, behind the same three methods.

`run` takes and gives arrays as the file stores them (int8 or float32, batch of 1): nothing is quantised here.
"""

import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from emolib.errors import BadArtifact
from emolib.runtime.quiet import native_silence

ARENA_BYTES = 8 << 20  # of tflite-micro; more than any model within our budgets needs, float32 included


class Port(NamedTuple):
    """An input or output: its shape with the batch, its dtype's name; scale 0 where it is not quantised."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


def port(details: dict) -> Port:
    """Port of what TFLite interpreters say of a tensor."""
    quantization = details["quantization_parameters"]
    scales, zero_points = (np.ravel(quantization[key]) for key in ("scales", "zero_points"))
    quantised = np.dtype(details["dtype"]) == np.int8 and len(scales) == 1
    return Port(
        tuple(int(n) for n in details["shape"]),
        np.dtype(details["dtype"]).name,
        float(scales[0]) if quantised else 0.0,
        int(zero_points[0]) if quantised else 0,
    )


class Backend:
    """`run` (1, *shape) → (1, n_classes); `times` the same `repeats` times over; `close`."""

    input: Port
    output: Port
    run: Callable[[np.ndarray], np.ndarray]

    def times(self, x: np.ndarray, repeats: int) -> np.ndarray:
        """Nanoseconds of each of `repeats` runs, (repeats,) int64: copy in, invoke, copy out."""
        run, clock, taken = self.run, time.perf_counter_ns, np.empty(repeats, np.int64)
        for n in range(repeats):
            start = clock()
            run(x)
            taken[n] = clock() - start
        return taken

    def close(self):
        pass


class TFLite(Backend):
    """ai-edge-litert's, tflite-runtime's and TensorFlow's Interpreter, which share one interface."""

    def __init__(self, interpreter_class: type, content: bytes, threads: int):
        with native_silence(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to litert
            self.interpreter = interpreter_class(model_content=content, num_threads=threads)
            self.interpreter.allocate_tensors()
        inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise BadArtifact(f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one each")
        self.input, self.output = port(inputs[0]), port(outputs[0])
        self.indices = inputs[0]["index"], outputs[0]["index"]

    def run(self, x: np.ndarray) -> np.ndarray:
        self.interpreter.set_tensor(self.indices[0], x)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.indices[1])


class Micro(Backend):
    """tflite-micro: float32 and static int8 files; it refuses dynamic ones, whose kernels it lacks."""

    def __init__(self, content: bytes):
        from tflite_micro.python.tflite_micro import runtime

        with native_silence():
            self.interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
        self.input = port(self.interpreter.get_input_details(0))
        self.output = port(self.interpreter.get_output_details(0))

    def run(self, x: np.ndarray) -> np.ndarray:
        self.interpreter.set_input(x, 0)
        self.interpreter.invoke()
        return self.interpreter.get_output(0)


def tflite_runtime(content: bytes, threads: int) -> TFLite:
    """tflite-runtime in this process, which must not have imported TensorFlow."""
    from tflite_runtime.interpreter import Interpreter

    return TFLite(Interpreter, content, threads)


def litert(content: bytes, threads: int) -> TFLite:
    from ai_edge_litert.interpreter import Interpreter

    return TFLite(Interpreter, content, threads)


def tensorflow(content: bytes, threads: int) -> TFLite:
    from tensorflow import lite

    return TFLite(lite.Interpreter, content, threads)
