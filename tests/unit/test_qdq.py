"""ONNX QDQ on our ranges: the file's scales are ours, its answers those of the .tflite file."""

import numpy as np
import pytest
from compressed import network, windows
from onnx import load_from_string
from onnx.numpy_helper import to_array

from emolib.core.errors import BadSet
from emolib.quantization import calibration, clipping, ptq, qdq
from emolib.quantization.clipping import Clipping
from emolib.quantization.flatbuffer import weighted
from emolib.quantization.npu import onnx
from emolib.quantization.quantizer import quantize


class Windows:
    """What `convert` needs of a kit."""

    rows = np.arange(60)
    calibration = windows(60)
    calibration_y = np.arange(60) % 4


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
    found = qdq.scales(qdq.convert(exported, way, Windows))
    compared = 0
    for name, (low, high) in limits.items():
        if name in found and "pool" not in name and "flatten" not in name:
            scale = (high - low) / 255
            assert found[name] == (pytest.approx(scale, rel=1e-5), np.rint(-128 - low / scale))
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("way", WAYS)
def test_answers_are_those_of_the_tflite_file(model, exported, way, tmp_path):
    float32 = ptq.convert(model, "float32")
    file = tmp_path / "x.tflite"
    file.write_bytes(quantize(float32, way.ranges(calibration.observed(float32, windows(60)))))
    found = qdq.agreement(qdq.convert(exported, way, Windows), file, windows(50, 7)).iloc[0]
    assert found["n"] == 50 and found["lsb"] <= 2 and found["other_answers"] <= 1


def test_weights_are_cut_as_in_the_tflite_file(model, exported):
    """The kernels of both files have the same values, in another order."""
    float32 = ptq.convert(model, "float32")
    ours = [data.view(np.float32) for _, data in weighted(clipping.clip_weights(float32, 70.0))]
    graph = load_from_string(qdq.clip_weights(exported, 70.0)).graph
    theirs = [to_array(c) for c in graph.initializer if len(c.dims) > 1]
    assert len(ours) == len(theirs)
    for a, b in zip(sorted(ours, key=np.size), sorted(theirs, key=np.size), strict=True):
        np.testing.assert_allclose(np.sort(a.ravel()), np.sort(b.ravel()), atol=1e-6)


def test_bad_calibration(exported):
    with pytest.raises(BadSet, match="no calibration windows"):
        qdq.observed(exported, windows(0))
    with pytest.raises(BadSet, match="NaN"):
        qdq.observed(exported, windows(3) * np.nan)
