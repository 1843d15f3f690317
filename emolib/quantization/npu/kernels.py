"""Where two sets of kernels part: each operator of an int8 model on litert's default and reference kernels.

Both are right to half a step, but a tie is rounded in floating point by one and in fixed point by the other.
"""

import numpy as np
import pandas as pd

from emolib.device.backends import native_silence
from emolib.device.interpreter import quantize
from emolib.quantization.flatbuffer import Operator, graph, read, write

Values = dict[str, np.ndarray]  # by tensor name


def alone(content: bytes, operator: Operator) -> bytes:
    """The .tflite file of one operator; what it computes from are the inputs."""
    model = read(content)
    [main] = model.subgraphs
    main.operators = [main.operators[operator.index]]
    main.inputs = [tensor.index for tensor in operator.inputs if not tensor.constant]
    main.outputs = [tensor.index for tensor in operator.outputs]
    model.signatureDefs = None
    return write(model)


class Kernel:
    """One operator in an interpreter of its own."""

    def __init__(self, content: bytes, operator: Operator, reference: bool):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        with native_silence():
            self.interpreter = Interpreter(
                model_content=alone(content, operator),
                num_threads=1,
                experimental_op_resolver_type=resolver,
            )
            self.interpreter.allocate_tensors()
        self.inputs = {entry["name"]: entry["index"] for entry in self.interpreter.get_input_details()}
        self.output = self.interpreter.get_output_details()[0]["index"]

    def __call__(self, values: Values) -> np.ndarray:
        for name, index in self.inputs.items():
            self.interpreter.set_tensor(index, values[name])
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output)


def rounding(content: bytes, X: np.ndarray) -> pd.DataFrame:
    """One row per operator of an int8 file, on windows X (n, *shape); differences in steps (LSB) of its output.

    alone_lsb, alone_percent: largest difference, share of values that differ, with equal inputs. grown_lsb,
    grown_percent: the same where each set of kernels reads what it computed itself.
    """
    operators = graph(content)
    plain, default = ([Kernel(content, op, flag) for op in operators] for flag in (True, False))
    entry = next(tensor for tensor in operators[0].inputs if not tensor.constant)
    found = [([], []) for _ in operators]
    for window in quantize(np.asarray(X, np.float32), float(entry.scale[0]), int(entry.zero_point[0])):
        ours, theirs = {entry.name: window[None]}, {entry.name: window[None]}
        for k, operator in enumerate(operators):
            name, same = operator.outputs[0].name, default[k](ours)
            ours[name], theirs[name] = plain[k](ours), default[k](theirs)
            for list_, other in zip(found[k], (same, theirs[name]), strict=True):
                list_.append(np.abs(other.astype(np.int32) - ours[name]).ravel())
    return pd.DataFrame([_row(op, *pair) for op, pair in zip(operators, found, strict=True)])


def _row(operator: Operator, same: list[np.ndarray], grown: list[np.ndarray]) -> dict:
    row = {"index": operator.index, "operator": operator.name}
    for name, differences in (("alone", np.stack(same)), ("grown", np.stack(grown))):
        row |= {
            f"{name}_lsb": int(differences.max()),
            f"{name}_percent": 100 * float((differences > 0).mean()),
        }
    return row
