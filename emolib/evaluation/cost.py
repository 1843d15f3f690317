"""What a Keras model costs on any device: parameters, MACs, the memory of its activations. NHWC, batch of 1.

Source of the formulas: Rashid et al. 2022 (TinyM²Net), Table 1; c: channels, k: kernel, h, w: of the output.
    convolution            parameters k²·c_in·c_out           computations k²·c_in·c_out·h·w
    depthwise separable    parameters k²·c_in + c_in·c_out    computations k²·c_in·h·w + c_in·c_out·h·w
Biases and batch norm are parameters but no MACs: a converter folds them into the convolution before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from emolib.core.errors import BadParameter, OverBudget

if TYPE_CHECKING:
    import keras
    import pandas as pd

# pJ, 45 nm, 0.9 V. Horowitz, ISSCC 2014, figure 1.1.9; a 32-bit access is half of the 64-bit one he gives
SOURCE = "Horowitz, ISSCC 2014: 45 nm, 0.9 V"
MAC_PJ = {"int8": 0.2 + 0.03, "float32": 3.7 + 0.9}  # multiply + add
ACCESS_PJ = {"8 kB SRAM": 5.0, "DRAM": 640.0}  # 32 bits; DRAM as Han et al. 2016 (EIE) read the same table
BYTES = {"int8": 1, "float32": 4}

# Layers that write over their input, or that a converter folds into the layer before them
IN_PLACE = {"BatchNormalization", "ReLU", "LeakyReLU", "Activation", "Dropout", "Flatten", "Reshape"}


@dataclass(frozen=True)
class Cost:
    """Of one inference. `moved_values`: parameters read, and activations written and read, each once."""

    params: int
    macs: int
    flops: int
    peak_activation_bytes: int
    peak_layer: str
    largest_layer: str
    moved_values: int


@dataclass(frozen=True)
class Step:
    """An operator on a device: it reads and writes tensors, known by id; sizes are numbers of values."""

    layer: str
    reads: tuple[int, ...]
    writes: int
    size: int


def conv_macs(layer) -> int:
    """k_h·k_w·(c_in / groups)·c_out·h·w"""
    _, h, w, c_out = layer.output.shape
    return prod(layer.kernel_size) * layer.input.shape[-1] // layer.groups * c_out * h * w


def depthwise_macs(layer) -> int:
    """k_h·k_w·c_in·depth_multiplier·h·w"""
    _, h, w, _ = layer.output.shape
    return prod(layer.kernel_size) * layer.input.shape[-1] * layer.depth_multiplier * h * w


def separable_macs(layer) -> int:
    """The depthwise convolution, then c_in·depth_multiplier·c_out·h·w of the pointwise one."""
    _, h, w, c_out = layer.output.shape
    return depthwise_macs(layer) + layer.input.shape[-1] * layer.depth_multiplier * c_out * h * w


def dense_macs(layer) -> int:
    """c_in·c_out, for every position where the input has more than one axis"""
    return layer.input.shape[-1] * prod(layer.output.shape[1:])


MACS = {
    "Conv2D": conv_macs,
    "DepthwiseConv2D": depthwise_macs,
    "SeparableConv2D": separable_macs,
    "Dense": dense_macs,
}


def kind(layer) -> str:
    return type(layer).__name__


def layer_macs(layer) -> int:
    """MACs of a layer, 0 for pooling, addition, activations. Raises BadParameter if there is no formula."""
    if kind(layer) in MACS:
        return MACS[kind(layer)](layer)
    if layer.weights and kind(layer) != "BatchNormalization":
        raise BadParameter(
            f"Layer {layer.name}: no cost formula for {kind(layer)}, expected one of {', '.join(MACS)}."
        )
    return 0


def layers(model: keras.Model) -> pd.DataFrame:
    """One row per layer: layer, type, output shape without the batch, params, macs."""
    import pandas as pd

    rows = [
        (each.name, kind(each), tuple(each.output.shape[1:]), each.count_params(), layer_macs(each))
        for each in model.layers
    ]
    return pd.DataFrame(rows, columns=["layer", "type", "output shape", "params", "macs"])


def against_traditional(model: keras.Model) -> pd.DataFrame:
    """One row per separable convolution: weights and MACs as it is, as a traditional convolution, and the ratios.

    By the formulas at the top (Rashid et al. 2022, Table 1): both ratios, of traditional to separable, are
    1 / (1 / c_out + 1 / k²).
    """
    import pandas as pd

    rows = []
    for layer in (each for each in model.layers if kind(each) == "SeparableConv2D"):
        _, h, w, c_out = layer.output.shape
        k, c_in = prod(layer.kernel_size), layer.input.shape[-1]
        params, macs = c_in * layer.depth_multiplier * (k + c_out), separable_macs(layer)
        whole = k * c_in * c_out
        ratios = (whole / params, whole * h * w / macs)
        rows.append((layer.name, tuple(layer.output.shape[1:]), params, whole, macs, whole * h * w, *ratios))
    names = (
        "weights",
        "weights if traditional",
        "MACs",
        "MACs if traditional",
        "weights ratio",
        "MACs ratio",
    )
    return pd.DataFrame(rows, columns=["layer", "output shape", *names])


def steps(model: keras.Model) -> list[Step]:
    """The model as a device runs it: folded layers are gone, a separable convolution is two operators."""
    found, same = [], {}
    for layer in model.layers:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        reads = tuple(same.get(id(tensor), id(tensor)) for tensor in inputs)
        shape = layer.output.shape[1:]
        if kind(layer) in IN_PLACE:
            same[id(layer.output)] = reads[0]
            continue
        if kind(layer) == "SeparableConv2D":
            channels = layer.input.shape[-1] * layer.depth_multiplier
            found.append(Step(layer.name, reads, id(layer), prod(shape[:-1]) * channels))
            reads = (id(layer),)
        reads = () if kind(layer) == "InputLayer" else reads
        found.append(Step(layer.name, reads, id(layer.output), prod(shape)))
    return found


def live_sizes(found: list[Step]) -> list[int]:
    """Values that are held while each step runs: its own tensors, and those a later step still reads."""
    last_read = {tensor: number for number, step in enumerate(found) for tensor in step.reads}
    sizes, alive, held = {step.writes: step.size for step in found}, set(), []
    for number, step in enumerate(found):
        alive.add(step.writes)
        held.append(sum(sizes[tensor] for tensor in alive))
        alive -= {tensor for tensor in step.reads if last_read[tensor] == number}
    return held


def cost(model: keras.Model) -> Cost:
    """Cost of one inference; the peak is of int8 activations, one byte each, freed after their last reader.

    That is what tflite-micro's arena holds, less alignment and bookkeeping.
    """
    table, found = layers(model), steps(model)
    held = live_sizes(found)
    params, macs = int(table.params.sum()), int(table.macs.sum())
    return Cost(
        params=params,
        macs=macs,
        flops=2 * macs,
        peak_activation_bytes=max(held),
        peak_layer=found[held.index(max(held))].layer,
        largest_layer=table.layer[table.params.idxmax()],
        moved_values=params + 2 * sum(step.size for step in found),
    )


def check_budgets(cost: Cost, file_bytes: int, max_file_bytes: int, max_activation_bytes: int):
    """Raises OverBudget, with the layer to begin with, for a file or int8 activations over their budget."""
    if file_bytes > max_file_bytes:
        raise OverBudget(
            f"The int8 file has {file_bytes} bytes, expected at most {max_file_bytes}: "
            f"thin layer {cost.largest_layer}, which holds most parameters, or lower `width`."
        )
    if cost.peak_activation_bytes > max_activation_bytes:
        raise OverBudget(
            f"Activations peak at {cost.peak_activation_bytes} bytes, expected at most "
            f"{max_activation_bytes}: thin layer {cost.peak_layer}, where they peak, or shrink the input."
        )


def modelled_energy(cost: Cost) -> pd.DataFrame:
    """A row per number format and memory: modelled µJ of one inference, of its MACs and of moving its data.

    A lower bound: parameters are read once, activations written and read once, control costs nothing.
    """
    import pandas as pd

    rows = [
        {
            "format": name,
            "memory": memory,
            "modelled_compute_uj": cost.macs * mac_pj / 1e6,
            "modelled_memory_uj": cost.moved_values * BYTES[name] / 4 * access_pj / 1e6,
            "modelled_by": SOURCE,
        }
        for name, mac_pj in MAC_PJ.items()
        for memory, access_pj in ACCESS_PJ.items()
    ]
    table = pd.DataFrame(rows)
    table.insert(4, "modelled_total_uj", table.modelled_compute_uj + table.modelled_memory_uj)
    return table
