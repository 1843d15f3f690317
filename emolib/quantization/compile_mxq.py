"""Compile the model beside this file with Mobilint's compiler: `python compile.py`, where its SDK is installed.

Reads mxq.json. Needs nothing but the compiler.
"""

import importlib
import json
import os
import sys
from importlib import metadata, util
from pathlib import Path

MISSING = (
    "Nothing was compiled: no Mobilint compiler in this Python. Install the wheel of qbcompiler 1.1 or later (or "
    "qubee 0.8 to 0.12) from the SDK that Mobilint gives its customers, `pip install qbcompiler-*.whl`, then run "
    "`python compile.py` here again."
)


def arguments(package, version, compiler, percentile, topk_ratio):
    """Keyword arguments of mxq_compile that ask for MaxPercentile, weights per channel (1) and outputs per layer (0).

    The program ends for a version that is not known: the integers of the modes changed between versions.
    """
    shares = {"percentile": percentile, "topk_ratio": topk_ratio}
    numbers = tuple(int(part) for part in version.split(".")[:2])  # 1.0.1.dev2 is (1, 0)
    if package == "qubee" and (0, 8) <= numbers < (1, 0):
        told = {
            "quantize_method": "maxpercentile",
            "quantize_percentile": percentile,
            "topk_ratio": topk_ratio,
        }
        return {**told, "is_quant_ch": True, "quant_output": "layer"}
    if package == "qbcompiler" and (1, 0) <= numbers < (1, 1):
        told = {"quantization_method": 1, "quantization_output": 0, "quantization_mode": 2}
        return {"quantization_config": compiler.QuantizationConfig.from_kwargs(**told, **shares)}
    if package == "qbcompiler" and (1, 1) <= numbers < (2, 0):
        told = compiler.CalibrationConfig(method=1, output=0, mode=1, max_percentile=shares)
        return {"calibration_config": told}
    sys.exit(
        f"Nothing was compiled: compile.py knows qubee 0.8 to 0.12 and qbcompiler 1, not {package} {version}: add its "
        "arguments there."
    )


def main():
    os.chdir(Path(__file__).resolve().parent)
    config = json.loads(Path("mxq.json").read_text())
    package = next((name for name in ("qbcompiler", "qubee") if util.find_spec(name)), None)
    if package is None:
        sys.exit(MISSING)
    version, compiler = metadata.version(package), importlib.import_module(package)
    told = arguments(package, version, compiler, config["percentile"], config["topk_ratio"])
    saved = Path(config["save"])
    saved.unlink(missing_ok=True)
    compiler.mxq_compile(
        model=config["model"],
        calib_data_path=config["calibration"],
        save_path=str(saved),
        backend="onnx",
        **told,
    )
    if not saved.is_file():
        sys.exit(f"Nothing was compiled: {package} {version} ended without an error but wrote no {saved}.")
    print(f"{saved}: {saved.stat().st_size} bytes, compiled by {package} {version}.")


if __name__ == "__main__":
    main()
