"""4 or 8 bits for the weights of each layer: an integer linear program picks them, under a budget.

What a layer's bits cost is Ω = tr(H)/n · ‖Q(W) − W‖² (Yao et al. 2021, HAWQ-V3, section 3.4), where H is the Hessian of
the loss in the n weights W of the layer. Its trace is estimated by Hutchinson's method: tr H = E[vᵀ H v] for v of
independent ±1 (Hutchinson 1990, lemma 1). One v over all kernels gives the trace of every layer at once: in vᵢᵀ (H v)ᵢ the
blocks of other layers have mean 0 and only widen the standard error.
BOPs = MACs · weight bits · activation bits. Activations have 8 bits in every variant, because litert has no integer kernel
with 4 (TinyM²Net, Rashid et al. 2022, gives both the same bits).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import Bounds, LinearConstraint, milp

from emolib.core.errors import BadArtifact, BadParameter, OverBudget
from emolib.core.windows import Windows, each, length, taken
from emolib.evaluation.cost import kind, layer_macs
from emolib.quantization.flatbuffer import weighted
from emolib.quantization.folding import folded, weighted_layers

WIDTHS = (4, 8)
FOUR_BIT = ("Conv2D", "Dense")  # layers for whose operator litert has a 4-bit kernel
DRAWS = 20  # orders drawn for each random pick that is wanted
SAME = 1e-5  # of the largest weight: the converter folds batch norm in float32, folding.py in float64
OBJECTIVE = 1e4  # the largest coefficient: the solver stops at differences of about 1e-7
BATCH = 128  # windows that are differentiated twice at one time
PER_SCALE = {"Conv2D": (0, 1, 2), "DepthwiseConv2D": (0, 1), "Dense": (0, 1)}  # axes that share one
Bits = dict[str, int]  # 4 or 8 by layer


@dataclass(frozen=True)
class Layer:
    """A layer with weights: their number, its MACs, tr(H) with its standard error, and ‖Q(W) − W‖² by bits."""

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

    def perturbation(self, bits: int) -> float:
        """Ω in nats. A trace below its standard error counts as the error: the estimate cannot tell it from 0."""
        return max(self.trace, self.trace_error) / self.weights * self.squared_error[bits]

    @property
    def rise(self) -> float:
        """What 4 bits add to the perturbation at 8 bits, in nats."""
        return self.perturbation(4) - self.perturbation(8)

    def bytes(self, bits: int) -> int:
        """Packed weights in the file. Scales and int32 biases are not counted: they are the same at either width."""
        return -(-self.weights * bits // 8)

    def bops(self, bits: int) -> int:
        return self.macs * bits * 8


def sensitivities(model: keras.Model, X: Windows, y: np.ndarray, n_samples: int, seed: int) -> list[Layer]:
    """The layers with weights of a trained Keras model, its batch norm folded, as `traces` sees them."""
    model, layers = folded(model), []
    found = traces(model, X, y, n_samples, seed)
    for layer in weighted_layers(model):
        kernel, operator = np.asarray(layer.kernel, np.float64), kind(layer)
        lost = {bits: float(((quantized(kernel, operator, bits) - kernel) ** 2).sum()) for bits in WIDTHS}
        layers.append(Layer(layer.name, operator, kernel.size, layer_macs(layer), *found[layer.name], lost))
    return layers


def quantized(kernel: np.ndarray, operator: str, bits: int) -> np.ndarray:
    """The kernel as the file holds it: symmetric, with a scale per output channel, in a Dense one per tensor."""
    top = 2 ** (bits - 1) - 1
    scale = np.abs(kernel).max(axis=PER_SCALE[operator], keepdims=True) / top
    return np.rint(kernel / np.where(scale > 0, scale, 1)) * scale


def traces(model: keras.Model, X: Windows, y: np.ndarray, n_samples: int, seed: int) -> dict[str, tuple[float, float]]:
    """The trace of the Hessian and its standard error by layer, for the mean cross-entropy (nats) at windows X (n, *shape).

    With several heads the loss is the mean over heads, as in training. The standard error is that of `n_samples` random
    vectors, not of the windows. Raises BadParameter for fewer than 2 vectors.
    """
    if n_samples < 2:
        raise BadParameter(f"n_samples is {n_samples}, expected 2 or more: one has no standard error.")
    *heads, n_classes = model.output.shape[1:]
    found, rng, rows = weighted_layers(model), np.random.default_rng(seed), []
    variables = [layer.kernel.value for layer in found]

    @tf.function(reduce_retracing=True)
    def forms(vectors, windows, labels):
        """vᵢᵀ (H v)ᵢ for each kernel i, for the mean loss of a batch."""
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                logits = tf.reshape(model(windows, training=False), (-1, n_classes))
                labels = tf.repeat(labels, math.prod(heads))
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                value = tf.reduce_mean(losses)
            slopes = inner.gradient(value, variables)
            along = tf.add_n([tf.reduce_sum(s * v) for s, v in zip(slopes, vectors, strict=True)])
        products = outer.gradient(along, variables, unconnected_gradients="zero")
        return tf.stack([tf.reduce_sum(v * p) for v, p in zip(vectors, products, strict=True)])

    parts = [slice(i, i + BATCH) for i in range(0, length(X), BATCH)]
    batches = [(each(tf.constant, taken(X, part)), y[part].astype(np.int32)) for part in parts]
    sizes = [len(labels) for _, labels in batches]
    for _ in range(n_samples):
        vectors = [np.float32(rng.choice((-1, 1), size=variable.shape)) for variable in variables]
        rows.append(np.average([forms(vectors, *batch) for batch in batches], axis=0, weights=sizes))
    errors = np.std(rows, axis=0, ddof=1) / np.sqrt(n_samples)
    named = zip(found, np.mean(rows, axis=0), errors, strict=True)
    return {layer.name: (float(trace), float(error)) for layer, trace, error in named}


@dataclass(frozen=True)
class Total:
    """Sums over all layers at their bits: Ω (nats), bytes of packed weights, BOPs of one window."""

    perturbation: float
    bytes: int
    bops: int


def total(layers: Sequence[Layer], bits: Mapping[str, int]) -> Total:
    """What a choice of bits costs."""
    return Total(
        float(sum(layer.perturbation(bits[layer.name]) for layer in layers)),
        sum(layer.bytes(bits[layer.name]) for layer in layers),
        sum(layer.bops(bits[layer.name]) for layer in layers),
    )


def uniform(layers: Sequence[Layer], bits: int) -> Bits:
    """The same bits wherever a kernel has them, 8 elsewhere."""
    return {layer.name: bits if layer.four_bit else 8 for layer in layers}


def lowerable(layers: Sequence[Layer], budget: float) -> list[Layer]:
    """The layers that can have 4 bits. `budget` is the most bytes of packed weights, here and below. Raises OverBudget, with
    the smallest feasible one, where all of these do not fit."""
    least, whole = (total(layers, uniform(layers, bits)).bytes for bits in WIDTHS)
    if least > budget:
        raise OverBudget(
            f"Got a budget of {budget:.0f} bytes of weights, smallest feasible: {least} (size_share "
            f"{math.ceil(1e4 * least / whole) / 1e4}); raise the share, or lower the network's width."
        )
    return [layer for layer in layers if layer.four_bit]


def choose(layers: Sequence[Layer], budget: float) -> Bits:
    """The bits of least total perturbation within the budget, by HiGHS in SciPy. Raises OverBudget. HiGHS computes in
    floats: layers more than about 10⁶ times apart in weights are beyond its tolerance."""
    low, eight = lowerable(layers, budget), uniform(layers, 8)
    if not low:
        return eight
    rises = np.array([layer.rise for layer in low])
    saved, to_save = [layer.bytes(8) - layer.bytes(4) for layer in low], total(layers, eight).bytes - math.floor(budget)
    held = [LinearConstraint(saved, lb=to_save)] if to_save > 0 else []
    costs, exact = OBJECTIVE * rises / (np.abs(rises).max() or 1.0), {"mip_rel_gap": 0}
    found = milp(costs, integrality=1, bounds=Bounds(0, 1), constraints=held, options=exact)
    return eight | {layer.name: 4 for layer, four in zip(low, found.x, strict=True) if four > 0.5}


def lowered(layers: Sequence[Layer], order: Sequence[Layer], budget: float) -> Bits:
    """8 bits everywhere, then 4 for one layer of `order` after the other until the budget holds."""
    bits, queue = uniform(layers, 8), iter(order)
    while total(layers, bits).bytes > budget:
        bits[next(queue).name] = 4
    return bits


def greedy(layers: Sequence[Layer], budget: float) -> Bits:
    """4 bits first where a shorter weight adds least perturbation, until the budget holds. Raises OverBudget."""
    order = sorted(lowerable(layers, budget), key=lambda layer: layer.rise / layer.weights)
    return lowered(layers, order, budget)


def random_picks(layers: Sequence[Layer], budget: float, n: int, seed: int) -> list[Bits]:
    """At most n different choices: 4 bits for layers in random order until the budget holds. Small networks have fewer.
    Raises OverBudget."""
    rng, low, picks = np.random.default_rng(seed), lowerable(layers, budget), []
    for _ in range(DRAWS * n):
        pick = lowered(layers, [low[i] for i in rng.permutation(len(low))], budget)
        if pick not in picks:
            picks.append(pick)
        if len(picks) == n:
            break
    return picks


def exhaustive(layers: Sequence[Layer], budget: float) -> Bits:
    """The best of all choices within the budget, by trying every one. Raises OverBudget, and BadParameter for more than
    16 layers that can have 4 bits."""
    low = [layer.name for layer in lowerable(layers, budget)]
    if len(low) > 16:
        raise BadParameter(f"{len(low)} layers can have 4 bits, expected at most 16 to try every choice.")
    every = itertools.product(WIDTHS, repeat=len(low))
    choices = (uniform(layers, 8) | dict(zip(low, widths, strict=True)) for widths in every)
    within = (bits for bits in choices if total(layers, bits).bytes <= budget)
    return min(within, key=lambda bits: total(layers, bits).perturbation)


def outputs(content: bytes, kernels: Mapping[str, np.ndarray]) -> dict[str, str]:
    """For each layer, the output tensor's name of the operator that holds its weights in a float32 .tflite file.

    `kernels` are those of the folded network. Layers are found by their weights, because the converter orders branches in
    its own way and names an operator after what it fused into it. Raises BadArtifact unless just one fits a layer.
    """
    operators, found = weighted(content), {}
    for layer, kernel in kernels.items():
        orders = [each.ravel() for each in (kernel, np.moveaxis(kernel, -1, 0))]  # depthwise, other operators
        most = SAME * np.abs(kernel).max()
        names = [
            operator.outputs[0].name
            for operator in operators
            if (data := operator.inputs[1].data).size == 4 * kernel.size
            and any(np.allclose(data.view(np.float32), order, rtol=0, atol=most) for order in orders)
        ]
        if len(names) != 1:
            raise BadArtifact(
                f"Of {len(operators)} operators with weights in the .tflite file, {len(names)} hold those of "
                f"layer {layer}, expected 1: convert this network again."
            )
        found[layer] = names[0]
    return found
