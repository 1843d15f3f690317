"""The bundle for Mobilint's compiler: its files, the nodes it takes, and its script with and without a compiler."""

import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from emolib.core.errors import BadSet, OverBudget
from emolib.quantization import mxq, onnx

SHAPE = (6, 5, 2)


@pytest.fixture(scope="module")
def content():
    x = inputs = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    return onnx.export(keras.Model(inputs, layers.Dense(3)(x)))


def windows(n=7):
    return np.random.default_rng(0).normal(size=(n, *SHAPE)).astype(np.float32)


@pytest.fixture
def unpacked(tmp_path, content):
    mxq.bundle(tmp_path / "x.zip", content, windows(), "net")
    zipfile.ZipFile(tmp_path / "x.zip").extractall(tmp_path / "x")
    return tmp_path / "x"


def test_calibration_is_one_hwc_float32_window_a_file(unpacked):
    listed = (unpacked / "calibration.txt").read_text().splitlines()
    assert len(listed) == 7
    for name, expected in zip(listed, windows(), strict=True):
        found = np.load(unpacked / name, allow_pickle=False)
        assert found.dtype == np.float32 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)
    record = json.loads((unpacked / "calibration.json").read_text())
    assert record["info"] == {"input names": ["input"], "input shapes": [[6, 5, 2]]}
    assert record["calib paths"] == [[name] for name in listed]
    assert (unpacked / "model.onnx").stat().st_size > 500


def test_bad_input_writes_nothing(tmp_path, content):
    with pytest.raises(BadSet, match="calibration windows hold NaN"):
        mxq.bundle(tmp_path / "x.zip", content, windows() * np.float32(np.nan), "net")
    for operator, why in ((b"Conv", "not in the list"), (b"Gemm", "only before a dense layer")):
        with pytest.raises(OverBudget, match=f"net: node .*{why}"):
            mxq.bundle(tmp_path / "x.zip", content.replace(operator, b"Odd!"), windows(), "net")
    assert not list(tmp_path.iterdir())


def compile_with(folder, packages):
    """Run the script in a Python that knows these packages: {name: (version, source)}."""
    for name, (version, source) in packages.items():
        package, info = folder / "site" / name, folder / "site" / f"{name}-{version}.dist-info"
        package.mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    options = {"env": {**os.environ, "PYTHONPATH": str(folder / "site")}, "capture_output": True, "text": True}
    return subprocess.run([sys.executable, folder / "compile.py"], cwd="/", **options)


RECORD = """
import json
def mxq_compile(save_path, **told):
    told = {key: getattr(value, "told", value) for key, value in told.items()}
    open("told.json", "w").write(json.dumps(told))
    open(save_path, "wb").write(b"made")
class Config:
    def __init__(self, **told): self.told = told
    @classmethod
    def from_kwargs(cls, **told): return cls(**told)
CalibrationConfig = QuantizationConfig = Config
"""
SHARES = {"percentile": 0.9999, "topk_ratio": 0.01}
OLDEST = {"quantize_method": "maxpercentile", "quantize_percentile": 0.9999, "topk_ratio": 0.01}
OLDEST |= {"is_quant_ch": True, "quant_output": "layer"}
OLD = {"quantization_method": 1, "quantization_output": 0, "quantization_mode": 2, **SHARES}
NEW = {"method": 1, "output": 0, "mode": 1, "max_percentile": SHARES}


@pytest.mark.parametrize("package, version, expected", [
    ("qubee", "0.12.0.0", OLDEST),
    ("qbcompiler", "1.0.1", {"quantization_config": OLD}),
    ("qbcompiler", "1.3.1.dev1", {"calibration_config": NEW}),
])  # fmt: skip
def test_each_version_is_told_in_its_own_words(unpacked, package, version, expected):
    done = compile_with(unpacked, {package: (version, RECORD)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"net.mxq: 4 bytes, compiled by {package} {version}.\n"
    told = json.loads((unpacked / "told.json").read_text())
    fixed = {"model": "model.onnx", "calib_data_path": "calibration.txt", "backend": "onnx"}
    assert told == fixed | expected


@pytest.mark.parametrize(("packages", "message"), [
    ({}, "pip install qbcompiler"),
    ({"qbcompiler": ("2.5.0", RECORD)}, "not qbcompiler 2.5.0"),
    ({"qubee": ("0.9.1", "def mxq_compile(**told): pass")}, "qubee 0.9.1 ended without an error"),
])  # fmt: skip
def test_what_is_not_compiled_is_told(unpacked, packages, message):
    (unpacked / "net.mxq").write_bytes(b"of an earlier run")
    done = compile_with(unpacked, packages)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Nothing was compiled") and message in done.stderr
