"""What Mobilint's compiler needs to make an .mxq file, in one zip: the vendor's compiler is not ours to ship.

The zip holds model.onnx, calibration windows as .npy (h, w, c) float32 without a batch axis, their list and JSON,
mxq.json with the arguments of each compiler version, and compile.py, which calls the compiler where it is
installed. Nothing here compiles.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx

from emolib.core.errors import BadParameter
from emolib.quantization.calibration import check_calibration
from emolib.quantization.npu.accepted import check_operators

LIST, JSON, MODEL = "calibration.txt", "calibration.json", "model.onnx"
SCRIPT = Path(__file__).with_name("compile_mxq.py")


def arguments(percentile: float, topk_ratio: float) -> dict[str, dict]:
    """How each generation of the compiler is told MaxPercentile, by package and first version; `below` ends it.

    Weights per channel (method 1), outputs per layer (output 0). `modes`: the integers of the methods, which
    changed between versions. Raises BadParameter for numbers outside (0, 1].
    """
    for name, value in (("percentile", percentile), ("topk_ratio", topk_ratio)):
        if not 0 < value <= 1:
            raise BadParameter(f"{name}: got {value}, expected a share in (0, 1].")
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
    """Write the zip of an ONNX file and its calibration windows X (n, h, w, c); the names in it.

    Raises OverBudget for a node that the compiler does not take, BadSet for windows that are missing, of another
    shape or not finite; then nothing is written.
    """
    check_operators(content, name)
    X = check_calibration(X, _hwc(content))
    windows = [f"calibration/{k:03d}.npy" for k in range(len(X))]
    config = {
        "model": MODEL,
        "save": f"{name}.mxq",
        "calibration": LIST,
        "n_calibration": len(X),
        "compilers": arguments(percentile, topk_ratio),
    }
    files = {
        MODEL: content,
        LIST: "\n".join(windows) + "\n",
        JSON: json.dumps(_inputs(content, windows), indent=1),
        "mxq.json": json.dumps(config, indent=1),
        "compile.py": SCRIPT.read_text(),
        **{file: _npy(window) for file, window in zip(windows, X, strict=True)},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)  # without a date: the same content, the same bytes
    return list(files)


def _hwc(content: bytes) -> tuple[int, int, int]:
    """Height, width and channels of the one input (1, c, h, w)."""
    [entry] = onnx.load_from_string(content).graph.input
    _, c, h, w = (int(axis.dim_value) for axis in entry.type.tensor_type.shape.dim)
    return h, w, c


def _inputs(content: bytes, windows: list[str]) -> dict:
    """The calibration JSON: names and shapes of the inputs, and one list of files per sample."""
    [entry] = onnx.load_from_string(content).graph.input
    info = {"input names": [entry.name], "input shapes": [list(_hwc(content))]}
    return {"info": info, "calib paths": [[window] for window in windows]}


def _npy(window: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(window, np.float32), allow_pickle=False)
    return file.getvalue()
