"""A network as ONNX for NPU compilers: float32, NCHW, batch of 1, one node per layer and a Relu where it has one.

Written from the folded Keras layers: tf2onnx leaves a Reshape at the input and a Squeeze behind the mean.
"""

from math import ceil

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from emolib.core.errors import BadArtifact, BadParameter
from emolib.quantization.folding import folded

OPSET = 13  # that of the compilers' tutorials
INPUT, LOGITS = "input", "logits"
TOLERANCE = 1e-4  # of a logit
Step = tuple[str, dict, list[np.ndarray]]  # operator, attributes, constants


def export(model: keras.Model) -> bytes:
    """The ONNX file of a trained model: input (1, c, h, w), logits (1, n_classes).

    Raises BadParameter, naming the layer, for a layer or an activation that has no node here.
    """
    network = folded(model)
    tensors, nodes, constants = {network.inputs[0].name: INPUT}, [], []
    for layer in network.layers[1:]:
        read = [tensors[tensor.name] for tensor in keras.tree.flatten(layer.input)]
        for operator, attributes, values in _steps(layer):
            name = f"{layer.name}_{operator.lower()}"
            own = [numpy_helper.from_array(value, f"{name}_{k}") for k, value in enumerate(values, 1)]
            nodes.append(helper.make_node(operator, read + [c.name for c in own], [name], name, **attributes))
            constants += own
            read = [name]
        tensors[layer.output.name] = read[0]
    nodes[-1].output[0] = LOGITS
    return _file(model, nodes, constants)


def _file(model: keras.Model, nodes: list, constants: list) -> bytes:
    _, h, w, c = model.input_shape
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in ((INPUT, (1, c, h, w)), (LOGITS, (1, model.output_shape[-1])))
    ]
    graph = helper.make_graph(nodes, "emolib", ends[:1], ends[1:], constants)
    opset = [helper.make_opsetid("", OPSET)]
    file = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="emolib")
    onnx.checker.check_model(file, full_check=True)
    return file.SerializeToString()


def _steps(layer: layers.Layer) -> list[Step]:
    """The nodes of one folded layer, each reading the one before it."""
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        return [_conv(layer), *_activation(layer)]
    if isinstance(layer, layers.Dense) and len(layer.input.shape) == 2:
        return [("Gemm", {}, [np.asarray(value) for value in layer.get_weights()]), *_activation(layer)]
    if isinstance(layer, layers.ReLU) and not (layer.max_value or layer.negative_slope or layer.threshold):
        return [("Relu", {}, [])]
    if isinstance(layer, layers.Add):
        return [("Add", {}, [])]
    if isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
        operator = "MaxPool" if isinstance(layer, layers.MaxPooling2D) else "AveragePool"
        return [(operator, _window(layer, layer.pool_size, (1, 1)), [])]
    if isinstance(layer, layers.GlobalAveragePooling2D) and not layer.keepdims:
        return [("GlobalAveragePool", {}, []), ("Flatten", {"axis": 1}, [])]
    raise BadParameter(
        f"Layer {layer.name}, a {type(layer).__name__}, has no ONNX node here: build the network from "
        "convolutions, ReLU, Add, pooling, GlobalAveragePooling2D and a dense layer behind it."
    )


def _activation(layer: layers.Layer) -> list[Step]:
    known = {"linear": [], "relu": [("Relu", {}, [])]}
    name = layer.activation.__name__
    if name not in known:
        raise BadParameter(f"Layer {layer.name}: activation {name} has no ONNX node here, expected relu.")
    return known[name]


def _conv(layer: layers.Layer) -> Step:
    """Keras keeps kernels as (h, w, in, out), depthwise ones as (h, w, in, multiplier); ONNX as (out, in, h, w)."""
    kernel, bias = layer.get_weights()
    groups = kernel.shape[2] if isinstance(layer, layers.DepthwiseConv2D) else layer.groups
    if isinstance(layer, layers.DepthwiseConv2D):
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    attributes = _window(layer, layer.kernel_size, layer.dilation_rate)
    attributes |= {"group": groups, "dilations": layer.dilation_rate}
    return "Conv", attributes, [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), bias]


def _window(layer: layers.Layer, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict:
    """What slides over the image, with pads top, left, bottom, right; "same" puts the odd one at the end."""
    begin, end = [], []
    for size, k, stride, d in zip(layer.input.shape[1:3], kernel, layer.strides, dilation, strict=True):
        span = (ceil(size / stride) - 1) * stride + (k - 1) * d + 1
        total = max(span - size, 0) if layer.padding == "same" else 0
        begin.append(total // 2)
        end.append(total - total // 2)
    return {"kernel_shape": kernel, "strides": layer.strides, "pads": begin + end}


def run(content: bytes, X: np.ndarray) -> np.ndarray:
    """Logits (n, n_classes) of X (n, h, w, c) on onnxruntime.

    Without the precise mode its int8 kernels overflow silently on x86 processors that lack VNNI.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    windows = np.ascontiguousarray(np.moveaxis(np.asarray(X, np.float32), -1, 1))
    return np.concatenate([session.run([LOGITS], {INPUT: window[None]})[0] for window in windows])


def parity(content: bytes, model: keras.Model, X: np.ndarray) -> float:
    """The largest difference of a logit between ONNX and Keras on X (n, h, w, c).

    Raises BadArtifact if it is above TOLERANCE, or not a number.
    """
    logits = np.asarray(model(np.asarray(X, np.float32), training=False))
    difference = float(np.abs(run(content, X) - logits).max())
    if not difference <= TOLERANCE:
        raise BadArtifact(
            f"The ONNX of {model.name} differs from Keras by {difference:.2g} in a logit, expected at most "
            f"{TOLERANCE:g}: train and export the fold again."
        )
    return difference
