"""The search of Shved (2019), Algorithm 1, which its author ran by hand: an A*-like search over architectures.

His recursion goes on from a network that keeps the quality, gives up below one that does not, and stops at a target of
FLOPs. Ours walks the same tree with a queue. An architecture has f = g + h: g is its FLOPs, whatever the path to it; h is
minus the most that reductions can still save below it. So f is a lower bound of the FLOPs of all that lies below it
(`bound`). An architecture whose f is the FLOPs of the best accepted one or more is skipped. When the queue is empty,
the optimum is found. The queue gives the fewest FLOPs first, not the least f. Both orders find the same optimum, but
trainings cost much, and this order finds a good network early (on the toy space of the tests the optimum itself at training
6 instead of 112).

The search assumes that nothing below a rejected architecture would be accepted. Then f grows with every rejection and saves
trainings. It is an assumption, since measured AUCs are noisy.

An architecture has axes: the input's side, the first stride (negative, so that smaller is less here too), the filters of each
convolution, the width of each hidden dense layer; 0 is a layer that was dropped. One architecture lies below another of the
same baseline if it is as small or smaller in every axis.
"""

import heapq
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd

from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter
from emolib.models.alexnet import Architecture, flops, key

CHANCE = 0.5
RULES = ("margin", "auc")
SIZES = {  # the least, below which no step leads; a step; what a size is a multiple of
    "side": (32, math.sqrt(0.5), 8),
    "filters": (8, 0.5, 4),
    "dense": (32, 0.5, 4),
}
STRIDE_STEP = 2
FIRST_CONVOLUTION = 2  # its axis
Axes = tuple[int, ...]


@dataclass(frozen=True)
class Tried:
    """A trained architecture: its number in the order of trainings from 0, its parent's number, and what was changed."""

    number: int
    parent: int | None
    change: str
    architecture: Architecture
    flops: int
    numbers: Mapping[str, float]
    accepted: bool


def least_auc(baseline_auc: float, share: float = 0.8, rule: str = "margin") -> float:
    """β₀, the AUC that an accepted architecture has at least: `share` of the baseline's margin over 0.5.

    The rule "auc" takes the share of the AUC itself, as the paper prints it: 80 % of 0.7 is 0.56, a margin of 30 %.
    Raises BadParameter for another rule, a share out of (0, 1], a baseline that is no better than chance.
    """
    if rule not in RULES or not 0 < share <= 1:
        raise BadParameter(f"rule {rule!r}, share {share}: expected {' or '.join(RULES)}, above 0 to 1.")
    if not baseline_auc > CHANCE:
        raise BadParameter(
            f"The baseline's AUC is {baseline_auc:.3f}, expected above {CHANCE}: train it longer or on more "
            "pictures, there is no margin to keep."
        )
    return share * baseline_auc if rule == "auc" else CHANCE + share * (baseline_auc - CHANCE)


@dataclass(eq=False)
class Search:
    """A search from `baseline`; `run` yields after every training.

    `evaluate` is T of the algorithm: an architecture's numbers on validation pictures, "auc" among them. The search
    ends at `target_flops`, after `budget` trainings (the baseline's and remembered ones too), or with the optimum;
    `stopped` says which: target | budget | optimum. `skipped` counts architectures that f ruled out. Raises BadParameter.
    """

    baseline: Architecture
    evaluate: Callable[[Architecture], Mapping[str, float]]
    budget: int
    target_flops: int = 0
    share: float = 0.8
    rule: str = "margin"
    tried: list[Tried] = field(default_factory=list, init=False)
    skipped: int = field(default=0, init=False)
    stopped: str = field(default="", init=False)

    def __post_init__(self):
        least_auc(1.0, self.share, self.rule)
        self.queue, self.seen = [], set()

    @property
    def least_auc(self) -> float:
        """β₀ of this search, once the baseline is trained."""
        return least_auc(self.tried[0].numbers["auc"], self.share, self.rule)

    @property
    def best(self) -> Tried:
        """The accepted architecture with the fewest FLOPs, the first of equals."""
        return min((one for one in self.tried if one.accepted), key=lambda one: one.flops)

    def run(self) -> Iterator[Tried]:
        """Train, yield, go on with the neighbours of what was accepted."""
        self._push(None, "baseline", self.baseline)
        with progress_bar(self.budget, "search", "trainings") as bar:
            while not self.stopped:
                size, _, parent, change, architecture = heapq.heappop(self.queue)
                numbers, number = self.evaluate(architecture), len(self.tried)
                first_auc = self.tried[0].numbers["auc"] if number else numbers["auc"]
                floor = least_auc(first_auc, self.share, self.rule)  # raises where the baseline knows nothing
                accepted = number == 0 or bool(numbers["auc"] >= floor)
                one = Tried(number, parent, change, architecture, size, numbers, accepted)
                self.tried.append(one)
                best = f"best: {self.best.flops / 1e6:.3g} MFLOP, AUC {self.best.numbers['auc']:.3f}"
                bar.set_postfix_str(best, refresh=False)
                bar.update(1)
                yield one
                if one.accepted:
                    for change, architecture in reductions(one.architecture).items():
                        self._push(one.number, change, architecture)
                self.stopped = self._reason()

    def _push(self, parent: int | None, change: str, architecture: Architecture):
        """Put an architecture into the queue, once: fewest FLOPs first, then the order of arrival."""
        if key(architecture) not in self.seen:
            self.seen.add(key(architecture))
            entry = (flops(architecture), len(self.seen), parent, change, architecture)
            heapq.heappush(self.queue, entry)

    def _reason(self) -> str:
        """Why to stop, "" for going on; then the first in the queue is worth a training."""
        if self.best.flops <= self.target_flops:
            return "target"
        rejected = [one.architecture for one in self.tried if not one.accepted]
        while self.queue and bound(self.queue[0][-1], rejected) >= self.best.flops:
            heapq.heappop(self.queue)
            self.skipped += 1
        if not self.queue:
            return "optimum"
        return "budget" if len(self.tried) >= self.budget else ""


def trace(tried: Collection[Tried]) -> pd.DataFrame:
    """One row per training: order, parent, change, flops, auc, the other numbers, accepted, architecture (its key)."""
    return pd.DataFrame(
        {
            **{"order": one.number, "parent": one.parent, "change": one.change, "flops": one.flops},
            **{"auc": one.numbers["auc"], **one.numbers},
            **{"accepted": one.accepted, "architecture": key(one.architecture)},
        }
        for one in tried
    ).astype({"parent": "Int64"})


# Architectures below another, and the least FLOPs there


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
    The area of the input, filters and dense widths are halved; the first stride grows by 2 up to its kernel."""
    value, n = axes(architecture)[axis], len(architecture.blocks)
    kind = ["side", "stride", *["filters"] * n, *["dense"] * len(architecture.dense)][axis]
    if kind == "stride":
        return tuple(range(value, -architecture.blocks[0].kernel - 1, -STRIDE_STEP))
    found, (least, step, multiple) = [value], SIZES[kind]
    while least <= (smaller := multiple * round(found[-1] * step / multiple)) < found[-1]:
        found.append(smaller)
    can_go = value and kind != "side" and axis != FIRST_CONVOLUTION
    return (*found, 0) if can_go else tuple(found)


def reductions(architecture: Architecture) -> dict[str, Architecture]:
    """The neighbours by what was changed: one axis one step smaller, or one layer dropped; fewer FLOPs, each network
    once. A dropped convolution leaves its pool where it was. What cannot be built is no neighbour."""
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
    """The least FLOPs that an architecture below this one with axes of `at_least` or more can have. Every layer that
    must be there is counted with the thinnest input that it can have, others not at all."""
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
