"""ONNX in QDQ form: the float network with QuantizeLinear and DequantizeLinear at ranges that are ours.

onnxruntime writes the file; its own calibrators are not used. Weights are int8 per channel, activations int8.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from emolib.device.interpreter import Model, apart
from emolib.quantization.calibration import check_calibration
from emolib.quantization.clipping import Clipping, clipped
from emolib.quantization.conversion import Kit
from emolib.quantization.npu.onnx import INPUT, run
from emolib.quantization.quantizer import Ranges

SAME_SCALE = ("AveragePool", "MaxPool", "Flatten")  # as in the .tflite file
OPERATORS = ("Conv", "Relu", "Add", "AveragePool", "MaxPool", "GlobalAveragePool", "Flatten", "Gemm")


def observed(content: bytes, X: np.ndarray, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The values of every activation tensor of an ONNX file of ours, (n, size) each, by name; X (n, h, w, c).

    Raises BadSet as `check_calibration` does.
    """
    model = onnx.load_from_string(content)
    shape = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)[1:]
    X = check_calibration(X, (*shape[1:], shape[0]), y)
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    windows = np.ascontiguousarray(np.moveaxis(X, -1, 1))
    answers = [session.run(names, {INPUT: window[None]}) for window in windows]
    found = {
        name: np.stack([a.ravel() for a in values])
        for name, values in zip(names, zip(*answers, strict=True), strict=True)
    }
    return {INPUT: windows.reshape(len(X), -1)} | found


def quantize(content: bytes, ranges: Ranges) -> bytes:
    """The QDQ file of an ONNX file, `ranges` by tensor name."""
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
        op_types_to_quantize=list(OPERATORS),
        extra_options={"ForceQuantizeNoInputCheck": True},  # pooling may come first
    )
    quantizer.quantize_model()
    return quantizer.model.model.SerializeToString()


def convert(content: bytes, clipping: Clipping, kit: Kit) -> bytes:
    """The QDQ file of a fold's ONNX file by a way of clipping, on the windows and weights that it says."""
    seen = clipping.seen(kit)
    limits = clipping.ranges(observed(content, kit.calibration[seen], kit.calibration_y[seen]))
    return quantize(clip_weights(content, clipping.weight_percentile), limits)


def clip_weights(content: bytes, percentile: float) -> bytes:
    """The ONNX file with each kernel cut as `clipping.clip_weights` cuts that of a .tflite file."""
    model = onnx.load_from_string(content)
    for constant in model.graph.initializer:
        kernel = numpy_helper.to_array(constant)
        if kernel.ndim > 1:
            cut = clipped(kernel, 0 if kernel.ndim == 4 else None, percentile)
            constant.CopyFrom(numpy_helper.from_array(cut, constant.name))
    return model.SerializeToString()


def scales(content: bytes) -> dict[str, tuple[float, int]]:
    """Scale and zero point of each activation tensor in a QDQ file, by name."""
    graph = onnx.load_from_string(content).graph
    constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    return {
        node.input[0]: (float(constants[node.input[1]]), int(constants[node.input[2]]))
        for node in graph.node
        if node.op_type == "QuantizeLinear"
    }


def agreement(content: bytes, file: Path, X: np.ndarray) -> pd.DataFrame:
    """One row: n windows X (n, h, w, c), their largest difference from the .tflite file on litert in steps of its
    output (lsb), and how many get another answer."""
    with Model(file) as model:
        logits, step = model.predict(X), model.runner.output.scale
    return pd.DataFrame([{"bytes": len(content), "n": len(X), **apart(run(content, X), logits, step)}])
