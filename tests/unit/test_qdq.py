"""ONNX QDQ on our ranges: the file's scales are ours, its answers those of the .tflite file."""

import numpy as np
import pytest
from compressed import network, windows

from emolib.compression import calibration, ptq, qdq
from emolib.compression.clipping import Clipping
from emolib.compression.quantizer import quantize
from emolib.errors import BadSet
from emolib.npu import onnx

WAYS = [Clipping("max"), Clipping("percentile", 99.0)]


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def exported(model):
    return onnx.export(model)


@pytest.mark.parametrize("way", WAYS)
def test_scales_and_zero_points_are_ours(exported, way):
    limits = way.ranges(qdq.observed(exported, windows(60)))
    found = qdq.scales(qdq.convert(exported, way, windows(60)))
    compared = 0
    for name, (low, high) in limits.items():
        if name in found:
            scale = (high - low) / 255
            assert found[name] == (pytest.approx(scale, rel=1e-5), np.rint(-128 - low / scale))
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("way", WAYS)
def test_answers_are_those_of_the_tflite_file(model, exported, way, tmp_path):
    float32 = ptq.convert(model, "float32")
    file = tmp_path / "x.tflite"
    file.write_bytes(quantize(float32, way.ranges(calibration.observed(float32, windows(60)))))
    found = qdq.agreement(qdq.convert(exported, way, windows(60)), file, windows(50, 7)).iloc[0]
    assert found["n"] == 50 and found["lsb"] <= 2 and found["other_answers"] <= 1


def test_bad_calibration(exported):
    with pytest.raises(BadSet, match="no calibration windows"):
        qdq.convert(exported, WAYS[0], windows(0))
    with pytest.raises(BadSet, match="NaN"):
        qdq.convert(exported, WAYS[0], windows(3) * np.nan)
