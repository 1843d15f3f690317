"""Which ONNX nodes Mobilint's compiler takes, by the list of qubee 0.8; later versions take more.

Recurrent layers are out. Concat joins channels; Mul and Div have a constant; Reduce is over height and width;
Flatten stands before a dense layer; Transpose only before such a Flatten. A batch axis is never moved.
"""

from collections.abc import Callable, Iterable

import numpy as np
import onnx
import pandas as pd
from onnx import helper, numpy_helper

from emolib.core.errors import OverBudget

PLAIN = (
    *("Conv", "Relu", "Clip", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Gemm", "MatMul"),
    "BatchNormalization",
)
DENSE = {"Gemm", "MatMul"}


class Graph:
    """What the rules ask of an ONNX graph: constants, readers of a tensor, attributes of a node."""

    def __init__(self, graph: onnx.GraphProto):
        self.nodes = list(graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in (node for node in self.nodes if node.op_type == "Constant"):
            self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)

    def readers(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        return [reader for reader in self.nodes if node.output[0] in reader.input]

    def only_before(self, node: onnx.NodeProto, operators: Iterable[str]) -> bool:
        readers = self.readers(node)
        return bool(readers) and all(reader.op_type in operators for reader in readers)

    def attribute(self, node: onnx.NodeProto, name: str, default=None):
        values = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        return values.get(name, default)

    def axes(self, node: onnx.NodeProto) -> list[int] | None:
        """Of a Reduce node: an attribute, from opset 18 on its second input."""
        found = self.attribute(node, "axes")
        if found is None and len(node.input) > 1:
            found = self.constants.get(node.input[1])
        return None if found is None else sorted(int(axis) % 4 for axis in np.ravel(found))


Rule = Callable[[Graph, onnx.NodeProto], bool]


def _flatten(graph: Graph, node: onnx.NodeProto) -> bool:
    return graph.attribute(node, "axis", 1) == 1 and graph.only_before(node, DENSE)


def _transpose(graph: Graph, node: onnx.NodeProto) -> bool:
    readers = graph.readers(node)
    return graph.only_before(node, ["Flatten"]) and all(_flatten(graph, reader) for reader in readers)


def _with_constant(graph: Graph, node: onnx.NodeProto) -> bool:
    return any(name in graph.constants for name in node.input)


RULES: dict[str, tuple[Rule, str]] = {
    "Concat": (lambda graph, node: graph.attribute(node, "axis") == 1, "only on the channel axis, 1"),
    "Mul": (_with_constant, "only by a constant"),
    "Div": (lambda graph, node: node.input[1] in graph.constants, "only by a constant"),
    "Flatten": (_flatten, "only with axis 1 before a dense layer"),
    "Transpose": (_transpose, "only before Flatten and a dense layer"),
    "Constant": (lambda graph, node: True, ""),
} | {
    name: (lambda graph, node: graph.axes(node) == [2, 3], "only over height and width, axes 2 and 3")
    for name in ("ReduceMean", "ReduceMax", "ReduceSum")
}


def why_not(graph: Graph, node: onnx.NodeProto) -> str:
    """The reason that a node is refused; empty if it is taken."""
    if node.op_type in PLAIN:
        return ""
    rule, condition = RULES.get(node.op_type, (lambda graph, node: False, "not in the list"))
    return "" if rule(graph, node) else condition


def operators(content: bytes) -> pd.DataFrame:
    """One row per node of an ONNX file: node, operator, allowed, why (not)."""
    graph = Graph(onnx.load_from_string(content).graph)
    rows = [(node.name or node.output[0], node.op_type, why_not(graph, node)) for node in graph.nodes]
    table = pd.DataFrame(rows, columns=["node", "operator", "why"])
    table.insert(2, "allowed", table.why == "")
    return table


def check_operators(content: bytes, name: str) -> pd.DataFrame:
    """The table of `operators`. Raises OverBudget, naming the first node that is refused, for a graph with one."""
    table = operators(content)
    for row in table[~table.allowed].itertuples():
        raise OverBudget(
            f"{name}: node {row.node}, {row.operator}, is not taken by the MXQ compiler ({row.why}): "
            "replace that layer."
        )
    return table
