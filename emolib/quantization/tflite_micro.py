"""Int8 models on tflite-micro: the memory it takes, the operators it lacks, and how far its answers are from litert's.

Sizes are measured on this computer, with pointers of 8 bytes. A microcontroller has pointers of 4, so its persistent part
is smaller; its own kernels (CMSIS-NN) may ask for scratch memory on top.

`rounding` shows where litert's default and reference kernels part, operator by operator. Both are right to half a step,
but one rounds a tie in floating point and the other in fixed point.
"""

import re
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd

from emolib.core.errors import BadArtifact, OverBudget
from emolib.device.backends import ARENA_BYTES, Backend, Micro, TFLite, native_silence
from emolib.device.interpreter import apart, check_backend, quantize
from emolib.quantization.flatbuffer import Operator, graph, read, write

LACKS = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
ALLOCATED = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")


def _tried(content: bytes, size: int) -> tuple[bool, str]:
    """Whether the model opens in an arena of this many bytes; and what native code prints of it, its allocations last."""
    from tflite_micro.python.tflite_micro import runtime

    is_open = False
    with tempfile.TemporaryFile() as file:
        with native_silence(file.fileno()), suppress(RuntimeError):
            runtime.Interpreter.from_bytes(content, arena_size=size).print_allocations()
            is_open = True
        file.seek(0)
        return is_open, file.read().decode(errors="replace")


def check_operators(content: bytes, name: str = "The model"):
    """Raises OverBudget, naming the operator, for one without a kernel in tflite-micro."""
    check_backend("tflite_micro", 1)
    is_open, said = _tried(content, ARENA_BYTES)
    if is_open:
        return
    if not (match := LACKS.search(said)):
        reason = (said.strip().splitlines() or ["it does not say why"])[-1]
        raise BadArtifact(f"{name} does not open on tflite-micro ({reason}): convert it again.")
    first = next(op for op in graph(content) if op.name == match[1])
    raise OverBudget(
        f"{name}: operator {first.index}, {first.name} ({first.outputs[0].name.split(';')[0]}), has no kernel "
        "in tflite-micro: replace that layer."
    )


def allocated(content: bytes) -> dict[str, int]:
    """Bytes that tflite-micro records of its arena: total, head (activations and scratch), tail (persistent structures)."""
    return {name: int(n) for name, n in ALLOCATED.findall(_tried(content, ARENA_BYTES)[1])}


def arena_bytes(content: bytes) -> int:
    """The smallest arena, to 16 bytes, in which the model opens. Opening needs more for a while than the model holds then."""
    sizes = range(allocated(content)["total"] // 16 * 16, ARENA_BYTES, 16)
    return sizes[bisect_left(sizes, True, key=lambda size: _tried(content, size)[0])]


def reference(content: bytes) -> TFLite:
    """litert on its reference kernels: plain integer loops instead of the default, vectorised ones."""
    from ai_edge_litert.interpreter import OpResolverType

    return TFLite(content, threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)


def answers(backend: Backend, X: np.ndarray) -> np.ndarray:
    """Outputs (n, n_outputs) int8, as int32, of windows X: (n, *shape) float32, or int8 (n, n_values)."""
    [entry] = backend.inputs
    encoded = X if X.dtype == np.int8 else quantize(np.float32(X), entry.scale, entry.zero_point)
    return np.stack([backend.run(window.reshape(entry.shape)).ravel() for window in encoded]).astype(np.int32)


def measured(content: bytes, X: np.ndarray, name: str = "The model") -> dict[str, int]:
    """One row of measured numbers: operators, the arena and its parts in bytes, and how far tflite-micro is from litert.

    lsb_from_litert and lsb_from_reference: the largest difference from its default and from its reference kernels on windows
    X (n, *shape), in steps (LSB) of the int8 output. other_answers: windows that get another class than from the default
    kernels. Raises OverBudget for an operator that tflite-micro lacks.
    """
    check_operators(content, name)
    parts, backends = allocated(content), (Micro(content), TFLite(content, 1), reference(content))
    micro, default, plain = (answers(backend, X) for backend in backends)
    from_default = apart(micro, default, step=1)
    return {
        "operators": len(graph(content)),
        "arena_bytes": arena_bytes(content),
        "activation_bytes": parts["head"],
        "persistent_bytes": parts["tail"],
        "n": len(X),
        "lsb_from_litert": from_default["lsb"],
        "lsb_from_reference": apart(micro, plain, step=1)["lsb"],
        "other_answers": from_default["other_answers"],
    }


def kernel(content: bytes, operator: Operator, resolver) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """One operator in an interpreter of its own: its output, from values by tensor name."""
    model = read(content)
    [main] = model.subgraphs
    main.operators = [main.operators[operator.index]]
    main.inputs = [tensor.index for tensor in operator.inputs if not len(tensor.data)]
    main.outputs = [tensor.index for tensor in operator.outputs]
    model.signatureDefs = None
    alone = TFLite(write(model), 1, experimental_op_resolver_type=resolver)
    names = [entry["name"] for entry in alone.interpreter.get_input_details()]
    return lambda values: alone.run(*(values[name] for name in names))


def rounding(content: bytes, X: np.ndarray) -> pd.DataFrame:
    """How far the two sets of kernels are apart: one row per operator of an int8 file, on windows X (n, *shape).

    alone_lsb: the largest difference in steps (LSB) of the operator's output where both read the same input.
    alone_percent: the share of values that differ. grown_lsb, grown_percent: the same where each set reads its own results.
    """
    from ai_edge_litert.interpreter import OpResolverType

    operators, kinds = graph(content), (OpResolverType.BUILTIN_REF, OpResolverType.AUTO)
    plain, default = ([kernel(content, op, kind) for op in operators] for kind in kinds)
    entry = next(tensor for tensor in operators[0].inputs if not len(tensor.data))
    found = [{"alone": [], "grown": []} for _ in operators]
    for window in quantize(np.asarray(X, np.float32), float(entry.scale[0]), int(entry.zero_point[0])):
        ours, theirs = {entry.name: window[None]}, {entry.name: window[None]}
        for k, operator in enumerate(operators):
            name, same = operator.outputs[0].name, default[k](ours).astype(np.int32)
            ours[name], theirs[name] = plain[k](ours), default[k](theirs)
            found[k]["alone"].append(np.abs(same - ours[name]))
            found[k]["grown"].append(np.abs(theirs[name].astype(np.int32) - ours[name]))
    rows = []
    for operator, of_operator in zip(operators, found, strict=True):
        row = {"index": operator.index, "operator": operator.name}
        for name, differences in of_operator.items():
            row[f"{name}_lsb"] = int(np.max(differences))
            row[f"{name}_percent"] = 100 * float((np.stack(differences) > 0).mean())
        rows.append(row)
    return pd.DataFrame(rows)
