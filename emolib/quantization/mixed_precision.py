"""4 or 8 bits for the weights of each layer: an integer linear program picks, under a size and a BOPs budget.

What a layer's bits cost is Ω = tr(H)/n · ‖Q(W) − W‖² (Yao et al. 2021, HAWQ-V3, section 3.4), H of its kernel's n
weights. BOPs = MACs · weight bits · activation bits; activations have 8 bits in every variant, because litert has no
integer kernel with 4 (TinyM²Net, Rashid et al. 2022, gives both the same bits).
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emolib.core.errors import BadArtifact, BadParameter, OverBudget, check_names
from emolib.quantization import flatbuffer

ACTIVATION_BITS = 8
WIDTHS = (4, 8)
FOUR_BIT = ("Conv2D", "Dense")  # what has a 4-bit kernel: CONV_2D and FULLY_CONNECTED of int4
MOST_ENUMERATED = 16
DRAWS = 20  # orders drawn for each random pick that is wanted
SAME = 1e-5  # of the largest weight: the converter folds batch norm in float32, folding.py in float64
OBJECTIVE = 1e4  # the largest coefficient: CBC stops at differences of about 1e-7
CBC = ["preprocess off"]  # with it CBC drops the optimum where two budgets are tight, or MACs far apart
Bits = dict[str, int]  # 4 or 8 by layer


@dataclass(frozen=True)
class Layer:
    """A layer with a kernel: weights, MACs, trace of the Hessian with its standard error, ‖Q(W) − W‖² by bits."""

    name: str
    operator: str
    weights: int
    macs: int
    trace: float
    trace_error: float
    squared_error: Mapping[int, float]

    @property
    def four_bit(self) -> bool:
        return self.operator in FOUR_BIT

    @property
    def widths(self) -> tuple[int, ...]:
        return WIDTHS if self.four_bit else (8,)

    def perturbation(self, bits: int) -> float:
        """Ω in nats. A trace below its standard error counts as that: the estimate cannot tell it from 0."""
        return max(self.trace, self.trace_error) / self.weights * self.squared_error[bits]

    def bytes(self, bits: int) -> int:
        """Packed weights in the file; scales and int32 biases are the same at either width and not counted."""
        return -(-self.weights * bits // 8)

    def bops(self, bits: int) -> int:
        return self.macs * bits * ACTIVATION_BITS


@dataclass(frozen=True)
class Budget:
    """At most so many bytes of packed weights and so many BOPs; infinity is no limit."""

    bytes: float = np.inf
    bops: float = np.inf

    @classmethod
    def shares(cls, layers: Sequence[Layer], size: float | None, bops: float | None) -> "Budget":
        """Shares of what uniform 8 bits need; None is no limit. Raises BadParameter for a share of 0 or less."""
        for name, share in (("size_share", size), ("bops_share", bops)):
            if share is not None and not share > 0:
                raise BadParameter(
                    f"{name} is {share}, expected more than 0, at most 1, or None for no limit."
                )
        whole = total(layers, uniform(layers, 8))
        return cls(*(np.inf if s is None else s * n for s, n in ((size, whole.bytes), (bops, whole.bops))))

    def __str__(self) -> str:
        return f"{self.bytes:.0f} bytes of weights and {self.bops:.0f} BOPs".replace("inf", "any number of")

    def holds(self, found: "Total") -> bool:
        return found.bytes <= self.bytes and found.bops <= self.bops


@dataclass(frozen=True)
class Total:
    """Of all layers at their bits: the sum of Ω (nats), bytes of packed weights, BOPs of one window."""

    perturbation: float
    bytes: int
    bops: int


def total(layers: Sequence[Layer], bits: Mapping[str, int]) -> Total:
    """What a choice of bits costs. Raises BadParameter, naming the layer, as `check_bits` does."""
    check_bits(layers, bits)
    return Total(
        float(sum(layer.perturbation(bits[layer.name]) for layer in layers)),
        sum(layer.bytes(bits[layer.name]) for layer in layers),
        sum(layer.bops(bits[layer.name]) for layer in layers),
    )


def check_bits(layers: Sequence[Layer], bits: Mapping[str, int]):
    """Raises BadParameter for a layer without bits or unknown, bits other than 4 or 8, or 4 where no kernel has them."""
    check_names(bits, [layer.name for layer in layers], "the network")
    for layer in layers:
        given = bits.get(layer.name)
        if given not in WIDTHS:
            raise BadParameter(f"Layer {layer.name}: got {given} bits, expected 4 or 8.")
        if given == 4 and not layer.four_bit:
            raise BadParameter(
                f"Layer {layer.name} is a {layer.operator}, which has no 4-bit kernel (expected one of "
                f"{', '.join(FOUR_BIT)}): give it 8 bits."
            )


def uniform(layers: Sequence[Layer], bits: int) -> Bits:
    """The same bits wherever a kernel has them, 8 elsewhere."""
    return {layer.name: bits if layer.four_bit else 8 for layer in layers}


def check_budget(layers: Sequence[Layer], budget: Budget):
    """Raises OverBudget, with the smallest feasible budget, where even 4 bits wherever possible do not fit."""
    least, whole = (total(layers, uniform(layers, bits)) for bits in WIDTHS)
    if not budget.holds(least):
        raise OverBudget(
            f"Got a budget of {budget}, smallest feasible: {least.bytes} bytes of weights (size_share "
            f"{math.ceil(1e4 * least.bytes / whole.bytes) / 1e4}) and {least.bops} BOPs (bops_share "
            f"{math.ceil(1e4 * least.bops / whole.bops) / 1e4}); raise the share, or lower the network's width."
        )


def rise(layer: Layer) -> float:
    """What 4 bits add to the perturbation at 8."""
    return layer.perturbation(4) - layer.perturbation(8)


def choose(layers: Sequence[Layer], budget: Budget) -> Bits:
    """The bits of least total perturbation within the budget, by PuLP's CBC. Raises OverBudget.

    CBC computes in floats: layers more than about 10⁶ times apart in MACs are beyond its tolerance.
    """
    import pulp

    check_budget(layers, budget)
    low = [layer for layer in layers if layer.four_bit]
    unit = max((abs(rise(layer)) for layer in low), default=0) or 1.0
    four = [pulp.LpVariable(f"x{i}", cat="Binary") for i in range(len(low))]
    program = pulp.LpProblem("bits", pulp.LpMinimize)
    program += pulp.lpSum(OBJECTIVE * rise(layer) / unit * x for layer, x in zip(low, four, strict=True))
    for measure in ("bytes", "bops"):
        most = getattr(total(layers, uniform(layers, 8)), measure)
        saved = [getattr(layer, measure)(8) - getattr(layer, measure)(4) for layer in low]
        if most > getattr(budget, measure):
            needed = most - math.floor(getattr(budget, measure))
            program += pulp.lpSum(n * x for n, x in zip(saved, four, strict=True)) >= needed
    program.solve(pulp.PULP_CBC_CMD(msg=False, options=CBC))
    return uniform(layers, 8) | {layer.name: 4 for layer, x in zip(low, four, strict=True) if x.value() > 0.5}


def lowered(layers: Sequence[Layer], order: Sequence[Layer], budget: Budget) -> Bits:
    """8 bits, then 4 for one layer of `order` after the other until the budget holds."""
    bits, queue = uniform(layers, 8), iter(order)
    while not budget.holds(total(layers, bits)):
        bits[next(queue).name] = 4
    return bits


def greedy(layers: Sequence[Layer], budget: Budget) -> Bits:
    """4 bits first where a shorter weight adds least perturbation, until the budget holds. Raises OverBudget."""
    check_budget(layers, budget)
    low = [layer for layer in layers if layer.four_bit]
    return lowered(layers, sorted(low, key=lambda layer: rise(layer) / layer.weights), budget)


def random_picks(layers: Sequence[Layer], budget: Budget, n: int, seed: int) -> list[Bits]:
    """At most n different choices, 4 bits in random order until the budget holds; a small network has fewer.

    Raises OverBudget.
    """
    check_budget(layers, budget)
    rng, low, picks = np.random.default_rng(seed), [layer for layer in layers if layer.four_bit], []
    for _ in range(DRAWS * n):
        pick = lowered(layers, [low[i] for i in rng.permutation(len(low))], budget)
        if pick not in picks:
            picks.append(pick)
        if len(picks) == n:
            break
    return picks


def exhaustive(layers: Sequence[Layer], budget: Budget) -> Bits:
    """The best of every choice there is: the truth for small networks. Raises OverBudget, BadParameter if too many."""
    check_budget(layers, budget)
    within = (bits for bits in every(layers) if budget.holds(total(layers, bits)))
    return min(within, key=lambda bits: total(layers, bits).perturbation)


def every(layers: Sequence[Layer]) -> Iterator[Bits]:
    """Every choice of bits. Raises BadParameter for more than 16 layers that can have 4."""
    low = [layer.name for layer in layers if layer.four_bit]
    if len(low) > MOST_ENUMERATED:
        raise BadParameter(
            f"{len(low)} layers can have 4 bits, expected at most {MOST_ENUMERATED} to try every choice."
        )
    for widths in itertools.product(WIDTHS, repeat=len(low)):
        yield uniform(layers, 8) | dict(zip(low, widths, strict=True))


def outputs(content: bytes, kernels: Mapping[str, np.ndarray]) -> dict[str, str]:
    """By layer, the name of the output tensor of the operator that holds its weights in a float32 .tflite file.

    `kernels` are those of the folded network. Neither order nor name would tell: the converter has its own order
    of branches, and names an operator after what it fused into it. Raises BadArtifact unless one fits a layer.
    """
    operators = flatbuffer.weighted(content)
    found = {
        layer: [operator.outputs[0].name for operator, data in operators if holds(data, kernel)]
        for layer, kernel in kernels.items()
    }
    for layer, names in found.items():
        if len(names) != 1:
            raise BadArtifact(
                f"Of {len(operators)} operators with weights in the .tflite file, {len(names)} hold those of "
                f"layer {layer}, expected 1: convert this network again."
            )
    return {layer: name for layer, [name] in found.items()}


def holds(data: np.ndarray, kernel: np.ndarray) -> bool:
    """Whether float32 weights, flat uint8 as in the file, are a kernel's, in its order or outputs first."""
    if data.size != 4 * kernel.size:
        return False
    orders = (kernel, np.moveaxis(kernel, -1, 0))  # depthwise, other operators
    most = SAME * np.abs(kernel).max()
    return any(np.allclose(data.view(np.float32), order.ravel(), rtol=0, atol=most) for order in orders)
