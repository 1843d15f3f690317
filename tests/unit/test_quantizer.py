"""int4 weights that are really packed, and requests that no kernel can serve."""

import numpy as np
import pytest
from compressed import network, windows

from emolib.core.errors import BadParameter
from emolib.device.interpreter import Model, present
from emolib.quantization import flatbuffer, ptq
from emolib.quantization.calibration import observed
from emolib.quantization.clipping import Clipping
from emolib.quantization.flatbuffer import compact, graph, weighted
from emolib.quantization.quantizer import quantize


@pytest.fixture(scope="module")
def float32():
    return ptq.convert(network(), "float32")


@pytest.fixture(scope="module")
def ranges(float32):
    return Clipping("max").ranges(observed(float32, windows(60)))


def output(content, operator, which=0):
    return [op.outputs[0].name for op in graph(content) if op.name == operator][which]


def test_int4_weights_are_half_the_bytes_and_hold_the_rounded_kernel(float32, ranges):
    name = output(float32, "CONV_2D", 1)
    content = quantize(float32, ranges, {name: 4})
    [(operator, packed)] = [(op, data) for op, data in weighted(content) if op.outputs[0].name == name]
    kernel = next(d.view(np.float32) for op, d in weighted(float32) if op.outputs[0].name == name).reshape(
        8, 8
    )
    assert operator.inputs[1].dtype == "INT4" and len(packed) == kernel.size // 2
    scale = np.abs(kernel).max(axis=1) / 7
    np.testing.assert_allclose(operator.inputs[1].scale, scale, rtol=1e-6)
    nibbles = np.stack([packed & 15, packed >> 4], axis=1).ravel().astype(np.int8)
    signed = np.where(nibbles > 7, nibbles - 16, nibbles).reshape(8, 8)
    np.testing.assert_array_equal(signed, np.rint(kernel / scale[:, None]))


def test_int4_answers_are_those_of_the_rounded_network(float32, ranges):
    """litert's int4 kernel against the float network with rounded weights: apart by activations' int8 only."""
    bits = {output(float32, "CONV_2D", k): 4 for k in (0, 1)} | {output(float32, "FULLY_CONNECTED"): 4}
    rounded = flatbuffer.read(float32)
    for operator in graph(float32):
        if operator.outputs[0].name in bits:
            buffer = rounded.buffers[rounded.subgraphs[0].tensors[operator.inputs[1].index].buffer]
            kernel = np.asarray(buffer.data, np.uint8).view(np.float32).reshape(operator.inputs[1].shape)
            per = tuple(range(1, kernel.ndim)) if operator.name == "CONV_2D" else None
            scale = np.abs(kernel).max(axis=per, keepdims=True) / 7
            buffer.data = np.float32(np.rint(kernel / scale) * scale).view(np.uint8).ravel()
    X = windows(40, 5)
    with Model(flatbuffer.write(rounded)) as a, Model(quantize(float32, ranges, bits)) as b:
        expected, found = a.predict(X), b.predict(X)
    assert np.abs(found - expected).mean() < 0.02 * np.ptp(expected)


@pytest.mark.parametrize(
    "bits, message",
    [
        ({"nothing": 4}, "weight_bits names nothing, expected the output of an operator"),
        ({"CONV_2D": 2}, "weight_bits of .*: got 2, expected 4 or 8"),
        ({"DEPTHWISE_CONV_2D": 4}, "is a DEPTHWISE_CONV_2D, which has no 4-bit kernel: give it 8 bits"),
    ],
)
def test_bad_bits_name_the_layer(float32, ranges, bits, message):
    names = {op.name: op.outputs[0].name for op in graph(float32)}
    with pytest.raises(BadParameter, match=message):
        quantize(float32, ranges, {names.get(key, key): value for key, value in bits.items()})


def test_a_tensor_without_range_is_named(float32, ranges):
    name = list(ranges)[2]
    with pytest.raises(BadParameter, match="has no range") as error:
        quantize(float32, {key: value for key, value in ranges.items() if key != name})
    assert name in str(error.value)


@pytest.mark.parametrize("backend", present())
def test_a_compact_file_is_smaller_and_answers_alike(float32, ranges, backend):
    content = quantize(float32, ranges)
    small = compact(content)
    assert len(small) < 0.8 * len(content) and compact(small) == small
    X = windows(10, 3)
    with Model(content, backend) as a, Model(small, backend) as b:
        np.testing.assert_array_equal(a.predict(X), b.predict(X))


def test_compact_keeps_weights_scales_and_names_layers(float32, ranges):
    content = quantize(float32, ranges)
    for (a, x), (b, y) in zip(weighted(content), weighted(compact(content)), strict=True):
        np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(a.inputs[1].scale, b.inputs[1].scale)
    names = list(flatbuffer.activations(compact(float32)))
    assert len(set(names)) == len(names) and all("/" not in name for name in names[1:-1])
