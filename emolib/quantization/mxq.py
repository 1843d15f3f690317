"""What Mobilint's compiler needs to make an .mxq file, in one zip. Nothing is compiled here: the compiler is not ours to ship.

The zip holds model.onnx, calibration windows as .npy (h, w, c) float32 without a batch axis, their list and JSON,
mxq.json with the arguments of each compiler version, and compile.py, which calls the compiler where it is installed.

Every ONNX node is checked against the operators that qubee 0.8 takes; later versions take more. Recurrent layers are out.
Concat joins channels. Mul and Div have a constant. Reduce is over height and width. Flatten stands before a dense layer,
Transpose only before such a Flatten. A batch axis is never moved.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import helper, numpy_helper

from emolib.core.errors import BadParameter, OverBudget
from emolib.quantization.conversion import check_calibration

SCRIPT = Path(__file__).with_name("compile_mxq.py")
PLAIN = (
    *("Conv", "Relu", "Clip", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Gemm", "MatMul"),
    "BatchNormalization",
)
DENSE = {"Gemm", "MatMul"}


def arguments(percentile: float, topk_ratio: float) -> dict[str, dict]:
    """The arguments that ask for MaxPercentile, by package and first version of the compiler; `below` is the first other one.

    Weights are per channel (method 1), outputs per layer (output 0). `modes` holds the integer of each method, which
    changed between versions. Raises BadParameter for a percentile, where a share is expected.
    """
    if percentile > 1:
        raise BadParameter(f"percentile: got {percentile}, expected a share of 1 at most.")
    shares = {"percentile": percentile, "topk_ratio": topk_ratio}
    return {
        "qubee 0.8": {
            "below": "1.0",
            "arguments": {
                "quantize_method": "maxpercentile",
                "quantize_percentile": percentile,
                "topk_ratio": topk_ratio,
                "is_quant_ch": True,
                "quant_output": "layer",
            },
        },
        "qbcompiler 1.0": {
            "below": "1.1",
            "modes": {"MaxPercentile": 2},
            "config": {"argument": "quantization_config", "maker": "QuantizationConfig.from_kwargs"},
            "values": {
                "quantization_method": 1,
                "quantization_output": 0,
                "quantization_mode": "MaxPercentile",
                **shares,
            },
        },
        "qbcompiler 1.1": {
            "below": "2.0",
            "modes": {"Max": 0, "MaxPercentile": 1, "Histogram": 2},
            "config": {"argument": "calibration_config", "maker": "CalibrationConfig"},
            "values": {"method": 1, "output": 0, "mode": "MaxPercentile", "max_percentile": shares},
        },
    }


def bundle(
    path: Path, content: bytes, X: np.ndarray, name: str, percentile: float = 0.9999, topk_ratio: float = 0.01
) -> list[str]:
    """Write the zip of an ONNX file and its calibration windows X (n, h, w, c), and return the names in it.

    Raises, before anything is written, OverBudget for a node that the compiler does not take, and BadSet as
    `check_calibration` does.
    """
    check_operators(content, name)
    [entry] = onnx.load_from_string(content).graph.input
    _, c, h, w = (axis.dim_value for axis in entry.type.tensor_type.shape.dim)
    X = check_calibration(X, (h, w, c))
    windows = [f"calibration/{k:03d}.npy" for k in range(len(X))]
    inputs = {
        "info": {"input names": [entry.name], "input shapes": [[h, w, c]]},
        "calib paths": [[window] for window in windows],  # a list of files per window
    }
    config = {
        "model": "model.onnx",
        "save": f"{name}.mxq",
        "calibration": "calibration.txt",
        "n_calibration": len(X),
        "compilers": arguments(percentile, topk_ratio),
    }
    files = {
        "model.onnx": content,
        "calibration.txt": "\n".join(windows) + "\n",
        "calibration.json": json.dumps(inputs, indent=1),
        "mxq.json": json.dumps(config, indent=1),
        "compile.py": SCRIPT.read_text(),
    }
    for file, window in zip(windows, X, strict=True):
        npy = io.BytesIO()
        np.save(npy, np.ascontiguousarray(window, np.float32), allow_pickle=False)
        files[file] = npy.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)  # without a date: the same content, the same bytes
    return list(files)


class Graph:
    """An ONNX graph as the rules look at it: constants, readers of a tensor, attributes of a node."""

    def __init__(self, graph: onnx.GraphProto):
        self.nodes = list(graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in (node for node in self.nodes if node.op_type == "Constant"):
            self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)

    def only_before(self, node: onnx.NodeProto, is_right: Callable[[onnx.NodeProto], bool]) -> bool:
        readers = [reader for reader in self.nodes if node.output[0] in reader.input]
        return bool(readers) and all(map(is_right, readers))

    def attribute(self, node: onnx.NodeProto, name: str, default=None):
        values = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        return values.get(name, default)

    def is_flatten(self, node: onnx.NodeProto) -> bool:
        """Whether it flattens all but the batch axis, before dense layers."""
        is_whole = node.op_type == "Flatten" and self.attribute(node, "axis", 1) == 1
        return is_whole and self.only_before(node, lambda reader: reader.op_type in DENSE)

    def axes(self, node: onnx.NodeProto) -> list[int]:
        """Of a Reduce node: an attribute, from opset 18 on its second input."""
        found = self.attribute(node, "axes", self.constants.get(node.input[-1], []))
        return sorted(int(axis) % 4 for axis in np.ravel(found))


RULES: dict[str, tuple[Callable[[Graph, onnx.NodeProto], bool], str]] = {
    "Concat": (lambda graph, node: graph.attribute(node, "axis") == 1, "only on the channel axis, 1"),
    "Mul": (lambda graph, node: any(name in graph.constants for name in node.input), "only by a constant"),
    "Div": (lambda graph, node: node.input[1] in graph.constants, "only by a constant"),
    "Flatten": (Graph.is_flatten, "only with axis 1 before a dense layer"),
    "Transpose": (
        lambda graph, node: graph.only_before(node, graph.is_flatten),
        "only before Flatten and a dense layer",
    ),
    "Constant": (lambda graph, node: True, ""),
} | {
    name: (lambda graph, node: graph.axes(node) == [2, 3], "only over height and width, axes 2 and 3")
    for name in ("ReduceMean", "ReduceMax", "ReduceSum")
}


def nodes(content: bytes) -> pd.DataFrame:
    """One row per node of an ONNX file: node, operator, allowed, and why it is not allowed."""
    graph, rows = Graph(onnx.load_from_string(content).graph), []
    for node in graph.nodes:
        rule, condition = RULES.get(node.op_type, (lambda graph, node: False, "not in the list"))
        allowed = node.op_type in PLAIN or rule(graph, node)
        rows.append((node.name or node.output[0], node.op_type, allowed, "" if allowed else condition))
    return pd.DataFrame(rows, columns=["node", "operator", "allowed", "why"])


def check_operators(content: bytes, name: str) -> pd.DataFrame:
    """The table of `nodes`. Raises OverBudget, naming the first node that is refused, for a graph with one."""
    table = nodes(content)
    for row in table[~table.allowed].itertuples():
        raise OverBudget(
            f"{name}: node {row.node}, {row.operator}, is not taken by the MXQ compiler ({row.why}): "
            "replace that layer."
        )
    return table
