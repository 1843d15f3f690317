"""A float32 .tflite file made static int8, or int8 with some int4 weights, on ranges that are ours.

ai-edge-quantizer does the work: activations per tensor and asymmetric, weights symmetric, per channel in
convolutions and per tensor in dense layers (older interpreters run others silently wrong).
"""

import re
import warnings
from collections.abc import Mapping

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.backends import native_silence
from emolib.quantization.flatbuffer import activations, check_operators, graph

FOUR_BIT = ("CONV_2D", "FULLY_CONNECTED")  # operators with a kernel for int4 weights and int8 activations
SAME_SCALE = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESHAPE")  # their output keeps the scale of their input
Ranges = Mapping[str, tuple[float, float]]


def quantize(content: bytes, ranges: Ranges, weight_bits: Mapping[str, int] | None = None) -> bytes:
    """The .tflite file in integers. `ranges`: least and largest value of every activation tensor, by name.

    `weight_bits`: 4 or 8 by the name of the operator's output; 8 where nothing is said. Raises BadParameter for
    a tensor without a range, other bits, or 4 bits where the operator has no kernel for them.
    """
    weight_bits = weight_bits or {}
    names = list(activations(content))
    if missing := [name for name in names if name not in ranges]:
        raise BadParameter(
            f"Tensor {missing[0]} has no range, expected one for each of {len(names)} tensors."
        )
    _check_bits(content, weight_bits)
    ranges = tied(content, ranges)
    quantizer = _quantizer(content, [name for name, bits in weight_bits.items() if bits == 4])
    found = {
        name: dict(zip(("min", "max"), np.reshape(np.float32(ranges[name]), (2, 1, 1)), strict=True))
        for name in names
    }
    with native_silence(), warnings.catch_warnings(action="ignore"):
        result = bytes(quantizer.quantize(found, enable_progress_report=False).quantized_model)
    check_operators(result, "static")
    return result


def tied(content: bytes, ranges: Ranges) -> Ranges:
    """The same ranges, but that of an operator which cannot change the scale is the range of its input."""
    found = dict(ranges)
    for operator in graph(content):
        if operator.name in SAME_SCALE:
            found[operator.outputs[0].name] = found[operator.inputs[0].name]
    return found


def _check_bits(content: bytes, weight_bits: Mapping[str, int]):
    operators = {op.outputs[0].name: op.name for op in graph(content)}
    for name, bits in weight_bits.items():
        if name not in operators:
            raise BadParameter(f"weight_bits names {name}, expected the output of an operator of the file.")
        if bits not in (4, 8):
            raise BadParameter(f"weight_bits of {name}: got {bits}, expected 4 or 8.")
        if bits == 4 and operators[name] not in FOUR_BIT:
            raise BadParameter(
                f"{name} is a {operators[name]}, which has no 4-bit kernel: give it 8 bits; "
                f"4 bits are for {' and '.join(FOUR_BIT)}."
            )


def _quantizer(content: bytes, four_bit: list[str]):
    """ai-edge-quantizer with the recipe; a later rule wins."""
    from ai_edge_quantizer import quantizer
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

    made = quantizer.Quantizer(content)
    made.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8)
    dense = TFLOperationName.FULLY_CONNECTED
    made.add_static_config(".*", dense, 8, 8, QuantGranularity.TENSORWISE)
    for name in four_bit:
        scope = f"^{re.escape(name)};?$"
        made.add_static_config(scope, TFLOperationName.CONV_2D, 8, 4)
        made.add_static_config(scope, dense, 8, 4, QuantGranularity.TENSORWISE)
    return made
