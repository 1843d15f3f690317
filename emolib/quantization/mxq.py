"""What Mobilint's compiler needs to make an .mxq file, in one zip. Nothing is compiled here: the compiler is not ours to ship.

The zip holds model.onnx, calibration windows as .npy (h, w, c) float32 without a batch axis, their list and JSON,
mxq.json with the compiler's parameters, and compile.py, which calls the compiler where it is installed.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pandas as pd

from emolib.core.errors import OverBudget
from emolib.quantization.conversion import check_calibration

SCRIPT = Path(__file__).with_name("compile_mxq.py")
TAKEN = ["Conv", "Relu", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Gemm"]  # by qubee 0.8 and later


def bundle(path: Path, content: bytes, X: np.ndarray, name: str):
    """Write the zip of an ONNX file and its calibration windows X (n, h, w, c). Raises, before anything is written,
    OverBudget for a node that the compiler does not take, and BadSet as `check_calibration` does."""
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
        "percentile": 0.9999,
        "topk_ratio": 0.01,
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
        np.save(npy, np.ascontiguousarray(window), allow_pickle=False)
        files[file] = npy.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)  # without a date: the same content, the same bytes


def check_operators(content: bytes, name: str) -> pd.DataFrame:
    """One row per node of an ONNX file: node and operator. Raises OverBudget, naming the first node that the compiler
    does not take, for a graph with one."""
    graph, rows = onnx.load_from_string(content).graph, []
    dense = {node.input[0] for node in graph.node if node.op_type == "Gemm"}
    for node in graph.node:
        why = "" if node.op_type in TAKEN else "not in the list"
        if node.op_type == "Flatten":
            why = "" if node.output[0] in dense else "only before a dense layer"
        if why:
            raise OverBudget(
                f"{name}: node {node.name}, {node.op_type}, is not taken by the MXQ compiler ({why}): replace that layer."
            )
        rows.append((node.name, node.op_type))
    return pd.DataFrame(rows, columns=["node", "operator"])
