"""Interpreters of a .tflite file of one output, behind the same three methods. Arrays are as the file stores them (int8
or float32, batch of 1), those of inputs in the file's order, one a branch."""

import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadArtifact

ARENA_BYTES = 8 << 20  # of tflite-micro; more than any model within our budgets needs, float32 included


@contextmanager
def native_silence(to: str | int = os.devnull):
    """Send file descriptors 1 and 2 elsewhere until the block ends: native libraries write there, past sys.stdout."""
    kept = [(sys.stdout, 1, os.dup(1)), (sys.stderr, 2, os.dup(2))]
    with open(to, "w", closefd=isinstance(to, str)) as nowhere:
        try:
            for stream, number, _ in kept:
                stream.flush()
                os.dup2(nowhere.fileno(), number)
            yield
        finally:
            for stream, number, descriptor in kept:
                stream.flush()
                os.dup2(descriptor, number)
                os.close(descriptor)


class Port(NamedTuple):
    """An input or output: its shape with the batch, its dtype's name; scale 0 where it is not quantised."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    branch: str = ""


def branch_of(name: str) -> str:
    """The branch whose window an input of a .tflite file takes: serving_default_speech:0 is speech."""
    return name.removeprefix("serving_default_").split(":")[0]


def port(details: dict) -> Port:
    """Port of what TFLite interpreters say of a tensor."""
    shape, dtype = tuple(int(n) for n in details["shape"]), np.dtype(details["dtype"]).name
    scales, zeros = (np.ravel(details["quantization_parameters"][key]) for key in ("scales", "zero_points"))
    scale, zero = (scales[0], zeros[0]) if dtype == "int8" and len(scales) == 1 else (0, 0)
    return Port(shape, dtype, float(scale), int(zero), branch_of(details.get("name", "")))


class Backend:
    """`run` (1, *shape) of each input → (1, n_classes); `times` the same `repeats` times over; `close`."""

    inputs: tuple[Port, ...]
    output: Port
    run: Callable[..., np.ndarray]

    def times(self, *windows: np.ndarray, repeats: int) -> np.ndarray:
        """Nanoseconds of each of `repeats` runs, (repeats,) int64: copy in, invoke, copy out."""
        run, clock, taken = self.run, time.perf_counter_ns, np.empty(repeats, np.int64)
        for n in range(repeats):
            start = clock()
            run(*windows)
            taken[n] = clock() - start
        return taken

    def close(self):
        pass


class TFLite(Backend):
    """ai-edge-litert's, tflite-runtime's or TensorFlow's Interpreter, with its `options`: all three share one interface."""

    def __init__(self, content: bytes, threads: int, package: str = "ai_edge_litert", **options):
        library = import_module(f"{package}.interpreter")
        options |= {"model_content": content, "num_threads": threads}
        with native_silence(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to litert
            self.interpreter = library.Interpreter(**options)
            try:
                self.interpreter.allocate_tensors()
            except RuntimeError as error:  # XNNPACK takes no layer that was silent in calibration
                if "Delegate" not in str(error):
                    raise
                plain = library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                self.interpreter = library.Interpreter(**options | {"experimental_op_resolver_type": plain})
                self.interpreter.allocate_tensors()
        inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        if not inputs or len(outputs) != 1:
            raise BadArtifact(f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one output")
        self.inputs, self.output = tuple(map(port, inputs)), port(outputs[0])
        self.fed, self.read = [each["index"] for each in inputs], outputs[0]["index"]

    def run(self, *windows: np.ndarray) -> np.ndarray:
        for index, window in zip(self.fed, windows, strict=True):
            self.interpreter.set_tensor(index, window)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.read)


class Micro(Backend):
    """tflite-micro: float32 and static int8 files of one input. It lacks the kernels of dynamic ones."""

    def __init__(self, content: bytes, threads: int = 1):
        from tflite_micro.python.tflite_micro import runtime

        with native_silence():
            self.interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
        self.inputs = (port(self.interpreter.get_input_details(0)),)
        self.output = port(self.interpreter.get_output_details(0))
        with suppress(IndexError), native_silence():
            self.interpreter.get_input_details(1)
            raise BadArtifact("it has several inputs, whose names tflite-micro does not tell, expected one")

    def run(self, window: np.ndarray) -> np.ndarray:
        self.interpreter.set_input(window, 0)
        self.interpreter.invoke()
        return self.interpreter.get_output(0)
