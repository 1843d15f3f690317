"""Int8 models on tflite-micro: the memory it takes, operators it lacks, how far its answers are from litert's.

Sizes are those of tflite-micro on this computer, with pointers of 8 bytes; a microcontroller has pointers of 4, so
its persistent part is smaller, and its own kernels (CMSIS-NN) may ask for scratch memory on top.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from emolib.core.errors import BadArtifact, BadParameter, OverBudget
from emolib.device.backends import ARENA_BYTES, Backend, Micro, TFLite, litert
from emolib.device.interpreter import apart, check_backend, quantize
from emolib.quantization.flatbuffer import graph

LACKS = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
ALLOCATED = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
ALIGNMENT = 16


@contextmanager
def native_output() -> Iterator[list[str]]:
    """What native code prints in the block; the list holds one text when it ends."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept, said = [os.dup(1), os.dup(2)], []
    with tempfile.TemporaryFile() as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield said
        finally:
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
            file.seek(0)
            said.append(file.read().decode(errors="replace"))


def _interpreter(content: bytes, arena_bytes: int):
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)


def check_operators(content: bytes, name: str = "The model"):
    """Raises OverBudget, naming the operator, for one without a kernel in tflite-micro."""
    check_backend("tflite_micro", 1)
    try:
        with native_output() as said:
            _interpreter(content, ARENA_BYTES)
    except RuntimeError as error:
        if not (match := LACKS.search(said[0])):
            reason = (said[0].strip().splitlines() or [str(error)])[-1]
            raise BadArtifact(
                f"{name} does not open on tflite-micro ({reason}): convert it again."
            ) from error
        first = next(op for op in graph(content) if op.name == match[1])
        raise OverBudget(
            f"{name}: operator {first.index}, {first.name} ({first.outputs[0].name.split(';')[0]}), has no kernel "
            "in tflite-micro: replace that layer."
        ) from error


def allocated(content: bytes) -> dict[str, int]:
    """Bytes that tflite-micro records: total, head (activations and scratch), tail (persistent structures)."""
    with native_output() as said:
        _interpreter(content, ARENA_BYTES).print_allocations()
    return {name: int(n) for name, n in ALLOCATED.findall(said[0])}


def arena_bytes(content: bytes) -> int:
    """The smallest arena, to 16 bytes, in which the model opens: more than it holds then, for a while."""
    low = allocated(content)["total"] // ALIGNMENT - 1
    high = ARENA_BYTES // ALIGNMENT
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _opens(content, middle * ALIGNMENT) else (middle, high)
    return high * ALIGNMENT


def _opens(content: bytes, size: int) -> bool:
    try:
        with native_output():
            _interpreter(content, size)
    except RuntimeError:
        return False
    return True


def reference(content: bytes) -> TFLite:
    """litert on its reference kernels, plain integer loops, instead of the vectorised ones it takes by default."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    made = partial(Interpreter, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    return TFLite(made, OpResolverType, content, threads=1)


def answers(backend: Backend, X: np.ndarray) -> np.ndarray:
    """Int8 outputs (n, n_classes), as int32, of windows X (n, *shape)."""
    [entry] = backend.inputs
    encoded = quantize(np.asarray(X, np.float32), entry.scale, entry.zero_point)
    return np.concatenate([backend.run(window[None]) for window in encoded]).astype(np.int32)


def differences(content: bytes, X: np.ndarray) -> dict[str, int]:
    """tflite-micro against litert, on windows X (n, *shape), in steps (LSB) of the int8 output.

    lsb_litert: the largest from litert's default kernels; lsb_reference: from its reference kernels;
    other_answers: windows with another class than from the default ones. Raises BadParameter for no windows.
    """
    if len(X) == 0:
        raise BadParameter(
            "Got no windows to compare tflite-micro and litert on: pass some of the test part."
        )
    micro, default, plain = (
        answers(backend, X) for backend in (Micro(content), litert(content, 1), reference(content))
    )
    from_default, from_plain = (apart(micro, other, step=1) for other in (default, plain))
    return {
        "n": len(X),
        "lsb_litert": from_default["lsb"],
        "lsb_reference": from_plain["lsb"],
        "other_answers": from_default["other_answers"],
    }


def measured(content: bytes, X: np.ndarray, name: str = "The model") -> dict[str, int]:
    """One row of measured numbers: operators, arena and its parts in bytes, `differences`.

    Raises OverBudget for an operator that tflite-micro lacks.
    """
    check_operators(content, name)
    parts = allocated(content)
    return {
        "operators": len(graph(content)),
        "arena_bytes": arena_bytes(content),
        "activation_bytes": parts["head"],
        "persistent_bytes": parts["tail"],
        **differences(content, X),
    }
