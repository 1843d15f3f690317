"""Architectures one step smaller than another, and a lower bound of the FLOPs of all that lie below.

An architecture has axes: the input's side, the first stride (negative, so that smaller is less here too), the
filters of each convolution, the width of each hidden dense layer; 0 is a layer that was dropped. One architecture lies
below another of the same baseline if it is as small or smaller in every axis.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from functools import cache

from emolib.core.errors import BadParameter
from emolib.models.alexnet import Architecture, flops, key

SIZES = {  # the least, below which no step leads; a step; what a size is a multiple of
    "side": (32, math.sqrt(0.5), 8),
    "filters": (8, 0.5, 4),
    "dense": (32, 0.5, 4),
}
STRIDE_STEP = 2
FIRST_CONVOLUTION = 2  # its axis
Axes = tuple[int, ...]


@cache
def axes(architecture: Architecture) -> Axes:
    """side, -stride, filters of each block, width of each dense layer."""
    blocks = architecture.blocks
    return (architecture.side, -blocks[0].stride, *(block.filters for block in blocks), *architecture.dense)


def with_axes(architecture: Architecture, values: Axes) -> Architecture:
    """The architecture with other values of its axes. Raises BadParameter where a window does not fit."""
    side, stride, *widths = values
    n = len(architecture.blocks)
    pairs = zip(architecture.blocks, widths[:n], strict=True)
    first, *others = (replace(block, filters=filters) for block, filters in pairs)
    blocks = (replace(first, stride=-stride), *others)
    return replace(architecture, side=side, blocks=blocks, dense=tuple(widths[n:]))


@cache
def levels(architecture: Architecture, axis: int) -> tuple[int, ...]:
    """Values of an axis from the architecture's own to its least one, each a step; 0 comes last where a layer can go.

    The area of the input, filters and dense widths are halved; the first stride grows by 2 up to its kernel.
    """
    value = axes(architecture)[axis]
    filters, dense = (["filters"] * len(architecture.blocks), ["dense"] * len(architecture.dense))
    kind = ["side", "stride", *filters, *dense][axis]
    if kind == "stride":
        return tuple(range(value, -architecture.blocks[0].kernel - 1, -STRIDE_STEP))
    found, (least, step, multiple) = [value], SIZES[kind]
    while least <= (smaller := multiple * round(found[-1] * step / multiple)) < found[-1]:
        found.append(smaller)
    can_go = value and kind != "side" and axis != FIRST_CONVOLUTION
    return (*found, 0) if can_go else tuple(found)


def reductions(architecture: Architecture) -> dict[str, Architecture]:
    """The neighbours by what was changed: one axis one step smaller, or one layer dropped; fewer FLOPs, each network once.

    A dropped convolution leaves its pool where it was. What cannot be built is no neighbour.
    """
    found, seen, values = {}, set(), axes(architecture)
    convolutions = [f"conv{i}" for i in range(1, len(architecture.blocks) + 1)]
    dense = [f"dense{i}" for i in range(1, len(architecture.dense) + 1)]
    for axis, name in enumerate(["input", "first stride", *convolutions, *dense]):
        _, *smaller = levels(architecture, axis)
        for value in dict.fromkeys([*smaller[:1], *(v for v in smaller if v == 0)]):
            try:
                reduced = with_axes(architecture, (*values[:axis], value, *values[axis + 1 :]))
            except BadParameter:
                continue
            if key(reduced) not in seen and flops(reduced) < flops(architecture):
                seen.add(key(reduced))
                change = f"{abs(values[axis])} → {abs(value)}" if value else "dropped"
                found[f"{name} {change}"] = reduced
    return found


@cache
def least_flops(architecture: Architecture, at_least: Axes) -> int:
    """The least FLOPs that an architecture below this one with axes of `at_least` or more can have.

    Every layer that must be there is counted with the thinnest input that it can have, others not at all.
    """
    side, stride, *widths = at_least
    n, macs, thinnest = len(architecture.blocks), 0, architecture.channels
    for i, block in enumerate(architecture.blocks):
        block = replace(block, stride=-stride) if i == 0 else block
        side = max(1, block.convolved(side))
        needed = block.kernel**2 * side**2
        values = levels(architecture, FIRST_CONVOLUTION + i)
        macs, thinnest = _passed(macs, thinnest, widths[i], needed, values)
        side = max(1, block.pooled(side))
    thinnest *= side**2
    for i in range(n, len(widths)):
        macs, thinnest = _passed(macs, thinnest, widths[i], 1, levels(architecture, FIRST_CONVOLUTION + i))
    return 2 * (macs + thinnest * architecture.n_classes)


def _passed(macs: int, thinnest: int, width: int, needed: int, values: tuple[int, ...]) -> tuple[int, int]:
    """MACs and the thinnest output behind a layer of `width` or more, which is optional if that is 0."""
    if width:
        return macs + needed * thinnest * width, width
    return macs, min([thinnest, *(value for value in values if value)])


def bound(architecture: Architecture, rejected: Collection[Architecture] = ()) -> float:
    """A lower bound of the FLOPs of every architecture below this one, itself too, that is below no rejected one.

    Infinite where there is none. An architecture that is not below a rejected one is larger in some axis. Where only
    one axis can stay larger, it must, and all such axes are kept together. Of the other rejected ones the worst counts,
    with the cheapest axis to keep.
    """
    lowest = [levels(architecture, axis)[-1] for axis in range(len(axes(architecture)))]
    choices = [ways for other in rejected if len(ways := _ways(architecture, other)) != 1]
    if not all(choices):
        return math.inf
    for other in rejected:
        if len(ways := _ways(architecture, other)) == 1:
            axis, level = ways[0]
            lowest[axis] = max(lowest[axis], level)
    found = least_flops(architecture, tuple(lowest))
    for ways in choices:
        kept = ((*lowest[:axis], max(lowest[axis], level), *lowest[axis + 1 :]) for axis, level in ways)
        found = max(found, min(least_flops(architecture, way) for way in kept))
    return found


@cache
def _ways(architecture: Architecture, other: Architecture) -> tuple[tuple[int, int], ...]:
    """Axes in which an architecture is larger than another, each with its least level that still is."""
    above = [
        [value for value in levels(architecture, axis) if value > limit]
        for axis, limit in enumerate(axes(other))
    ]
    return tuple((axis, values[-1]) for axis, values in enumerate(above) if values)
