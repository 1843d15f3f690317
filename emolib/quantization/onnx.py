"""A network as ONNX: float32 for NPU compilers, and int8 in QDQ form on ranges that are ours.

float32: channels first, batch of 1, one node a layer and a Relu where it has one. We write it from the folded Keras
layers, because tf2onnx leaves a Reshape at the input and a Squeeze behind the mean.
QDQ: the same network with QuantizeLinear and DequantizeLinear. onnxruntime writes it; we do not use its calibrators.
Weights are int8 per channel, activations int8.
"""

from collections.abc import Mapping
from math import ceil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from emolib.core.errors import BadArtifact, BadParameter
from emolib.device.interpreter import Model, apart
from emolib.models.backend import keras
from emolib.quantization.clipping import Clipping, clipped
from emolib.quantization.conversion import CalibrationData, check_calibration
from emolib.quantization.folding import folded

layers = keras.layers
OPSET = 13  # that of the compilers' tutorials
INPUT, LOGITS = "input", "logits"
TOLERANCE = 1e-4  # of a logit
Step = tuple[str, dict, list[np.ndarray]]  # operator, attributes, constants
SAME_SCALE = ("AveragePool", "MaxPool", "Flatten")  # as in the .tflite file
QUANTIZED = ("Conv", "Relu", "Add", "AveragePool", "MaxPool", "GlobalAveragePool", "Flatten", "Gemm")


def export(model: keras.Model) -> bytes:
    """The ONNX file of a trained model: input (1, c, h, w), logits (1, n_classes). Raises BadParameter as `_steps` does."""
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
    _, h, w, c = model.input_shape
    entry = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, (1, c, h, w))
    logits = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, (1, model.output_shape[-1]))
    graph = helper.make_graph(nodes, "emolib", [entry], [logits], constants)
    opset = [helper.make_opsetid("", OPSET)]
    file = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="emolib")
    onnx.checker.check_model(file, full_check=True)
    return file.SerializeToString()


def _steps(layer: layers.Layer) -> list[Step]:
    """The nodes of one folded layer, each reading the one before it. Raises BadParameter for a layer that has none here."""
    activations = {keras.activations.linear: [], keras.activations.relu: [("Relu", {}, [])]}
    activation = activations.get(getattr(layer, "activation", None))
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D) and activation is not None:
        return [_conv(layer), *activation]
    if isinstance(layer, layers.Dense) and len(layer.input.shape) == 2 and activation is not None:
        return [("Gemm", {}, layer.get_weights()), *activation]
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
        "convolutions, ReLU, Add, pooling, GlobalAveragePooling2D and a dense layer behind it; no other activation."
    )


def _conv(layer: layers.Layer) -> Step:
    """A Conv. Kernels are (h, w, in, out) in Keras, depthwise ones (h, w, in, multiplier), and (out, in, h, w) in ONNX."""
    kernel, bias = layer.get_weights()
    groups = kernel.shape[2] if isinstance(layer, layers.DepthwiseConv2D) else layer.groups
    if isinstance(layer, layers.DepthwiseConv2D):
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    attributes = _window(layer, layer.kernel_size, layer.dilation_rate)
    attributes |= {"group": groups, "dilations": layer.dilation_rate}
    return "Conv", attributes, [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), bias]


def _window(layer: layers.Layer, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict:
    """Kernel, strides and pads (top, left, bottom, right) of what slides over the image; "same" puts the odd pad at the end."""
    begin, end = [], []
    for size, k, stride, d in zip(layer.input.shape[1:3], kernel, layer.strides, dilation, strict=True):
        span = (ceil(size / stride) - 1) * stride + (k - 1) * d + 1
        total = max(span - size, 0) if layer.padding == "same" else 0
        begin.append(total // 2)
        end.append(total - total // 2)
    return {"kernel_shape": kernel, "strides": layer.strides, "pads": begin + end}


def run(content: bytes, X: np.ndarray) -> np.ndarray:
    """Logits (n, n_classes) of X (n, h, w, c) on onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # else int8 overflows on x86 without VNNI
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    windows = np.ascontiguousarray(np.moveaxis(np.asarray(X, np.float32), -1, 1))
    return np.concatenate([session.run([LOGITS], {INPUT: window[None]})[0] for window in windows])


def parity(content: bytes, model: keras.Model, X: np.ndarray) -> float:
    """The largest difference of a logit between ONNX and Keras on X (n, h, w, c). Raises BadArtifact above TOLERANCE."""
    logits = np.asarray(model(np.asarray(X, np.float32), training=False))
    difference = float(np.abs(run(content, X) - logits).max())
    if not difference <= TOLERANCE:
        raise BadArtifact(
            f"The ONNX of {model.name} differs from Keras by {difference:.2g} in a logit, expected at most "
            f"{TOLERANCE:g}: train and export the fold again."
        )
    return difference


def observed(content: bytes, X: np.ndarray) -> dict[str, np.ndarray]:
    """The values of every activation tensor of an ONNX file that `export` wrote, by name, (n, size) each; X (n, h, w,
    c). Raises BadSet as `check_calibration` does."""
    model = onnx.load_from_string(content)
    shape = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)[1:]
    X = check_calibration(X, (*shape[1:], shape[0]))
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    windows = np.ascontiguousarray(np.moveaxis(X, -1, 1))
    answers = [session.run(names, {INPUT: window[None]}) for window in windows]
    values = [np.reshape(of_tensor, (len(X), -1)) for of_tensor in zip(*answers, strict=True)]
    return {INPUT: windows.reshape(len(X), -1)} | dict(zip(names, values, strict=True))


def convert_to_qdq(content: bytes, clipping: Clipping, fold: CalibrationData) -> bytes:
    """The QDQ file of a fold's ONNX file that `export` wrote, on the ranges and weights that `clipping` chooses."""
    ranges = clipping.ranges(observed(content, fold.calibration[clipping.used(fold)]))
    return to_qdq(clip_weights(content, clipping.weight_percentile), ranges)


def to_qdq(content: bytes, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """The int8 QDQ file of an ONNX file, on the range of each activation tensor."""
    model = onnx.load_from_string(content)
    limits = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    for node in model.graph.node:
        if node.op_type in SAME_SCALE:
            limits[node.output[0]] = limits[node.input[0]]
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=list(QUANTIZED),
        extra_options={"ForceQuantizeNoInputCheck": True},  # pooling may come first
    )
    quantizer.quantize_model()
    return quantizer.model.model.SerializeToString()


def clip_weights(content: bytes, percentile: float) -> bytes:
    """The ONNX file with each kernel cut as `clipping.clip_weights` cuts that of a .tflite file."""
    model = onnx.load_from_string(content)
    for constant in model.graph.initializer:
        kernel = numpy_helper.to_array(constant)
        if kernel.ndim > 1:
            cut = clipped(kernel, 0 if kernel.ndim == 4 else None, percentile)
            constant.CopyFrom(numpy_helper.from_array(cut, constant.name))
    return model.SerializeToString()


def agreement(content: bytes, file: Path, X: np.ndarray) -> pd.DataFrame:
    """How far a QDQ file is from the .tflite file on litert, on windows X (n, h, w, c): one row, bytes, n, lsb,
    other_answers. lsb is the largest difference of a logit in steps of the .tflite file's output."""
    with Model(file) as model:
        logits, step = model.predict(X), model.runner.output.scale
    return pd.DataFrame([{"bytes": len(content), "n": len(X), **apart(run(content, X), logits, step)}])
