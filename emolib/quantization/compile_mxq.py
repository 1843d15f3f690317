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


def chosen(compilers, package, version):
    """What this version must be told; the program ends for a version that the table does not hold."""
    for key, told in compilers.items():
        name, first = key.split()
        if name == package and major_minor(first) <= major_minor(version) < major_minor(told["below"]):
            return told
    known = ", ".join(f"{key} (below {told['below']})" for key, told in compilers.items())
    sys.exit(
        f"Nothing was compiled: mxq.json knows {known}, not {package} {version}: add its arguments there; the "
        "integers of the calibration modes changed between versions."
    )


def options(told, compiler):
    """Keyword arguments of mxq_compile; a mode's name becomes the integer of this version."""
    if "config" not in told:
        return told["arguments"]
    modes = told["modes"]
    values = {key: modes.get(v, v) if isinstance(v, str) else v for key, v in told["values"].items()}
    maker = reduce(getattr, told["config"]["maker"].split("."), compiler)
    return {told["config"]["argument"]: maker(**values)}


def main():
    os.chdir(Path(__file__).resolve().parent)
    config = json.loads(Path("mxq.json").read_text())
    package = next((name for name in ("qbcompiler", "qubee") if util.find_spec(name)), None)
    if package is None:
        sys.exit(MISSING)
    version = metadata.version(package)
    told = chosen(config["compilers"], package, version)
    compiler, saved = importlib.import_module(package), Path(config["save"])
    saved.unlink(missing_ok=True)
    compiler.mxq_compile(
        model=config["model"],
        calib_data_path=config["calibration"],
        save_path=str(saved),
        backend="onnx",
        **options(told, compiler),
    )
    if not saved.is_file():
        sys.exit(f"Nothing was compiled: {package} {version} ended without an error but wrote no {saved}.")
    print(f"{saved}: {saved.stat().st_size} bytes, compiled by {package} {version}.")


if __name__ == "__main__":
    main()
