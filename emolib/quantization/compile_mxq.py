"""Compile the model beside this file with Mobilint's compiler: `python compile.py`, where its SDK is installed.

Reads mxq.json, which says what each version of the compiler is to be told. Needs nothing but the compiler.
"""

import importlib
import json
import os
import sys
from functools import reduce
from importlib import metadata, util
from pathlib import Path

MISSING = (
    "Nothing was compiled: no Mobilint compiler in this Python. Install the wheel of qbcompiler 1.1 or later (or "
    "qubee 0.8 to 0.12) from the SDK that Mobilint gives its customers, `pip install qbcompiler-*.whl`, then run "
    "`python compile.py` here again."
)


def major_minor(version):
    """1.0.1.dev2 → (1, 0)"""
    return tuple(int(part) for part in version.split(".")[:2])


def arguments(compilers, package, version, compiler):
    """Keyword arguments of mxq_compile for this version; the program ends for one that the table does not hold."""
    for key, told in compilers.items():
        name, first = key.split()
        if name != package or not major_minor(first) <= major_minor(version) < major_minor(told["below"]):
            continue
        if "config" not in told:
            return told["arguments"]
        modes, config = told["modes"], told["config"]  # a mode's name becomes the integer of this version
        values = {key: modes.get(v, v) if isinstance(v, str) else v for key, v in told["values"].items()}
        return {config["argument"]: reduce(getattr, config["maker"].split("."), compiler)(**values)}
    known = ", ".join(f"{key} (below {told['below']})" for key, told in compilers.items())
    sys.exit(
        f"Nothing was compiled: mxq.json knows {known}, not {package} {version}: add its arguments there; the "
        "integers of the calibration modes changed between versions."
    )


def main():
    os.chdir(Path(__file__).resolve().parent)
    config = json.loads(Path("mxq.json").read_text())
    package = next((name for name in ("qbcompiler", "qubee") if util.find_spec(name)), None)
    if package is None:
        sys.exit(MISSING)
    version, compiler = metadata.version(package), importlib.import_module(package)
    told, saved = arguments(config["compilers"], package, version, compiler), Path(config["save"])
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
