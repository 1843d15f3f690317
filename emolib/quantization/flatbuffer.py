"""Look inside a .tflite file (operators, weights, scales), and write the same file in fewer bytes."""

from dataclasses import dataclass

import flatbuffers
import numpy as np
import pandas as pd
from ai_edge_litert import schema_py_generated as schema

from emolib.core.errors import OverBudget

BRIDGES = ("QUANTIZE", "DEQUANTIZE")  # stand before and after a float island
OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
DTYPES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the graph. scale and zero_point are (n_channels,) or (0,). `data`: the values as they lie in the file
    (packed if int4), flat uint8; empty for a tensor that is computed."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    data: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator; `index` counts in order of execution. An optional input that it does not have is not in `inputs`."""

    index: int
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read(content: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(content, 0)


def graph(content: bytes) -> list[Operator]:
    """The operators of a .tflite file, in order of execution."""
    model = read(content)
    [main] = model.subgraphs
    tensors, found = [], []
    for i, tensor in enumerate(main.tensors):
        told = tensor.quantization or schema.QuantizationParametersT()
        about = tensor.name.decode(), tuple(_array(tensor.shape, int).tolist()), DTYPES[tensor.type]
        scales = _array(told.scale, np.float32), _array(told.zeroPoint, np.int64)
        tensors.append(Tensor(i, *about, _array(model.buffers[tensor.buffer].data, np.uint8), *scales))
    for i, op in enumerate(main.operators):
        sides = (tuple(tensors[n] for n in side if n >= 0) for side in (op.inputs, op.outputs))
        code = model.operatorCodes[op.opcodeIndex]
        name = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        found.append(Operator(i, code.customCode.decode() if code.customCode else name, *sides))
    return found


def _array(values, dtype) -> np.ndarray:
    return np.asarray([] if values is None else values, dtype)


def weighted(content: bytes) -> list[Operator]:
    """Operators that hold weights: the second of their inputs."""
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    return [operator for operator in graph(content) if operator.name in kinds]


def activations(content: bytes) -> dict[str, Tensor]:
    """Every tensor that the graph computes, and its input, by name, in order of execution."""
    every = (tensor for operator in graph(content) for tensor in (*operator.inputs, *operator.outputs))
    return {tensor.name: tensor for tensor in every if not len(tensor.data)}


def operators(content: bytes) -> pd.DataFrame:
    """One row per operator of a .tflite file: index, operator, and the dtypes of inputs and outputs."""

    def dtypes(side: tuple[Tensor, ...]) -> str:
        return ", ".join(tensor.dtype.lower() for tensor in side)

    rows = [(op.index, op.name, dtypes(op.inputs), dtypes(op.outputs)) for op in graph(content)]
    return pd.DataFrame(rows, columns=["index", "operator", "inputs", "outputs"])


def check_operators(content: bytes, variant: str, name: str = "The model"):
    """Raises OverBudget, naming operator and tensor, for a custom operator (Flex) or a float tensor in a model of
    integers. Of several float tensors it names the first one of an operator that does arithmetic."""
    found = graph(content)
    for operator in found:
        if not operator.name.isupper():
            raise OverBudget(
                f"{name}: operator {operator.index}, {operator.name}, is not TFLite's own: replace that layer."
            )
    if variant in ("float32", "dynamic"):
        return
    islands = [(op, t) for op in found for t in (*op.inputs, *op.outputs) if "FLOAT" in t.dtype]
    for operator, tensor in sorted(islands, key=lambda island: island[0].name in BRIDGES)[:1]:
        raise OverBudget(
            f"{name}: operator {operator.index}, {operator.name}, has tensor {tensor.name} in "
            f"{tensor.dtype.lower()}, expected integers throughout: replace that layer."
        )


class _Builder(flatbuffers.Builder):
    """Writes equal vectors and strings only once, for example the zero points of layers of one width."""

    def __init__(self):
        super().__init__(1024)
        self.written = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self.written:
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]

    def CreateString(self, s, *options) -> int:
        if s not in self.written:
            self.written[s] = super().CreateString(s, *options)
        return self.written[s]


def write(model: schema.ModelT) -> bytes:
    """The .tflite file of what `read` gave."""
    builder = _Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def compact(content: bytes) -> bytes:
    """The same network in fewer bytes: short names, equal vectors only once, no notes of the converter. Weights, scales
    and operators stay as they are, so every interpreter gives the same answers."""
    model = read(content)
    model.metadata = model.metadataBuffer = model.description = None
    [main] = model.subgraphs
    used = sorted({0} | {tensor.buffer for tensor in main.tensors})
    names: set[str] = set()
    for i, tensor in enumerate(main.tensors):
        # "functional_1/re_lu_1/Relu;functional_1/…" is "re_lu_1"
        layer = tensor.name.decode().split(";")[0].split("/")[:2][-1]
        short = str(i) if len(_array(model.buffers[tensor.buffer].data, np.uint8)) else layer
        tensor.name = short if short not in names else f"{short}_{i}"
        names.add(tensor.name)
        tensor.buffer = used.index(tensor.buffer)
        if scales := tensor.quantization:
            scales.min = scales.max = None  # the ranges behind the scales
            for field, dtype in (("scale", np.float32), ("zeroPoint", np.int64)):
                if (values := getattr(scales, field)) is not None:
                    setattr(scales, field, np.asarray(values, dtype))  # so that the builder sees equal ones
    model.buffers = [model.buffers[i] for i in used]
    return write(model)
