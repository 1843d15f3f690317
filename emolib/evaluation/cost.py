"""What a Keras model needs on any device: parameters, MACs, memory of activations. Counted for NHWC, batch of 1.

Source of the formulas: Rashid et al. 2022 (TinyM²Net), Table 1; c: channels, k: kernel, h, w: of the output.
    convolution            parameters k²·c_in·c_out           computations k²·c_in·c_out·h·w
    depthwise separable    parameters k²·c_in + c_in·c_out    computations k²·c_in·h·w + c_in·c_out·h·w
Biases and batch norm are parameters but no MACs: a converter folds them into the convolution before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from emolib.core.errors import BadParameter, OverBudget

if TYPE_CHECKING:
    import keras

# Layers that write over their input, or that a converter folds into the layer before them
IN_PLACE = {"BatchNormalization", "ReLU", "LeakyReLU", "Activation", "Dropout", "Flatten", "Reshape"}


@dataclass(frozen=True)
class Cost:
    """Needs of one inference. `peak_layer` is where activations peak; `largest_layer` holds most parameters.
    `moved_values` counts parameters read, and activations written and read, each once."""

    params: int
    macs: int
    flops: int
    peak_activation_bytes: int
    peak_layer: str
    largest_layer: str
    moved_values: int


class Step(NamedTuple):
    """An operator on a device: it reads tensors and writes one of `size` values. Tensors are known by id."""

    layer: str
    reads: tuple[int, ...]
    writes: int
    size: int


def kind(layer) -> str:
    return type(layer).__name__


def layer_macs(layer) -> int:
    """MACs of a layer, 0 for pooling, addition, activations. Raises BadParameter if there is no formula."""
    if not layer.weights or kind(layer) == "BatchNormalization":
        return 0
    if kind(layer) == "Dense":  # at every position where the input has more than one axis
        return layer.input.shape[-1] * prod(layer.output.shape[1:])
    if kind(layer) not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        raise BadParameter(f"Layer {layer.name}: no cost formula for {kind(layer)}.")
    _, h, w, c_out = layer.output.shape
    k, c_in = prod(layer.kernel_size), layer.input.shape[-1]
    if kind(layer) == "Conv2D":
        return k * c_in // layer.groups * c_out * h * w
    channels = c_in * layer.depth_multiplier
    return channels * h * w * (k if kind(layer) == "DepthwiseConv2D" else k + c_out)


def layers(model: keras.Model) -> pd.DataFrame:
    """One row per layer: layer, type, output shape without the batch, params, macs."""
    rows = [
        (layer.name, kind(layer), tuple(layer.output.shape[1:]), layer.count_params(), layer_macs(layer))
        for layer in model.layers
    ]
    return pd.DataFrame(rows, columns=["layer", "type", "output shape", "params", "macs"])


def against_traditional(model: keras.Model) -> pd.DataFrame:
    """One row per separable convolution: weights and MACs as it is, as a traditional convolution, and the ratios, both
    1 / (1 / c_out + 1 / k²)."""
    rows = []
    for layer in (layer for layer in model.layers if kind(layer) == "SeparableConv2D"):
        _, h, w, c_out = layer.output.shape
        k, c_in, macs = prod(layer.kernel_size), layer.input.shape[-1], layer_macs(layer)
        weights, whole = c_in * layer.depth_multiplier * (k + c_out), k * c_in * c_out
        ratios = whole / weights, whole * h * w / macs
        rows.append((layer.name, (h, w, c_out), weights, whole, macs, whole * h * w, *ratios))
    names = ["layer", "output shape", "weights", "weights if traditional", "MACs", "MACs if traditional"]
    return pd.DataFrame(rows, columns=[*names, "weights ratio", "MACs ratio"])


def steps(model: keras.Model) -> list[Step]:
    """The model as a device runs it: folded layers are gone, a separable convolution is two operators."""
    found, same = [], {}  # same: a tensor that a folded layer writes, and the one it is on a device
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


def cost(model: keras.Model) -> Cost:
    """Cost of one inference. The peak is of int8 activations, one byte each, freed after their last reader: what
    tflite-micro's arena holds, less alignment and bookkeeping. Raises BadParameter for a layer without a formula."""
    table, found = layers(model), steps(model)
    last_read = {tensor: k for k, step in enumerate(found) for tensor in step.reads}
    alive, held = {}, []  # sizes of tensors that exist, and their sum while each step runs
    for k, step in enumerate(found):
        alive[step.writes] = step.size
        held.append(sum(alive.values()))
        alive = {tensor: size for tensor, size in alive.items() if last_read.get(tensor) != k}
    params, macs = int(table.params.sum()), int(table.macs.sum())
    peak, moved = max(held), params + 2 * sum(step.size for step in found)
    names = found[held.index(peak)].layer, table.layer[table.params.idxmax()]
    return Cost(params, macs, 2 * macs, peak, *names, moved)


def check_budgets(cost: Cost, file_bytes: int, max_file_bytes: int, max_activation_bytes: int):
    """Raises OverBudget, with the layer to begin with, for a file or int8 activations over their budget."""
    peak = cost.peak_activation_bytes
    if file_bytes > max_file_bytes:
        thin = f"thin layer {cost.largest_layer}, which holds most parameters, or lower `width`"
        raise OverBudget(f"The int8 file has {file_bytes} bytes, expected at most {max_file_bytes}: {thin}.")
    if peak > max_activation_bytes:
        thin = f"thin layer {cost.peak_layer}, where they peak, or shrink the input"
        raise OverBudget(f"Activations peak at {peak} bytes, expected at most {max_activation_bytes}: {thin}.")
