"""How much the loss minds a change of each layer's kernel: the trace of its Hessian, by Hutchinson's method.

tr H = E[vᵀ H v] for v of independent ±1 (Hutchinson 1990, lemma 1). One v over all kernels gives every layer's
trace at once: in vᵢᵀ (H v)ᵢ the blocks of other layers have mean 0, they only widen the standard error.
"""

from collections.abc import Callable, Sequence
from math import prod

import keras
import numpy as np
import tensorflow as tf

from emolib.core.errors import BadParameter, BadSet
from emolib.core.windows import Windows, each, length, taken
from emolib.evaluation.cost import kind, layer_macs
from emolib.quantization.folding import folded, weighted_layers
from emolib.quantization.mixed_precision import WIDTHS, Layer

BATCH = 128  # windows that are differentiated twice at one time
PER_SCALE = {"Conv2D": (0, 1, 2), "DepthwiseConv2D": (0, 1), "Dense": (0, 1)}  # axes that share one


def sensitivities(model: keras.Model, X: Windows, y: np.ndarray, n_samples: int, seed: int) -> list[Layer]:
    """The layers with a kernel of a trained Keras model, batch norm folded; windows X (n, *shape), labels y (n,).

    `n_samples` random vectors estimate the traces. Raises BadParameter, BadSet as `traces` does.
    """
    model = folded(model)
    found = traces(model, X, y, n_samples, seed)
    return [_layer(layer, *found[layer.name]) for layer in weighted_layers(model)]


def _layer(layer, trace: float, error: float) -> Layer:
    kernel, operator = np.asarray(layer.kernel, np.float64), kind(layer)
    lost = {bits: float(((quantized(kernel, operator, bits) - kernel) ** 2).sum()) for bits in WIDTHS}
    return Layer(layer.name, operator, kernel.size, layer_macs(layer), trace, error, lost)


def quantized(kernel: np.ndarray, operator: str, bits: int) -> np.ndarray:
    """The values that a file holds: symmetric, a scale per output channel, in a Dense one per tensor."""
    top = 2 ** (bits - 1) - 1
    scale = np.abs(kernel).max(axis=PER_SCALE[operator], keepdims=True) / top
    return np.rint(kernel / np.where(scale > 0, scale, 1)) * scale


def traces(
    model: keras.Model, X: Windows, y: np.ndarray, n_samples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Trace and its standard error per layer with a kernel, for the mean cross-entropy (nats) of logits at X (n, *shape).

    Of a network with several heads, it is the mean over heads, as in training.
    The standard error is that of `n_samples` random vectors, not of the windows. Raises BadParameter for fewer
    than 2 vectors, BadSet for windows without labels.
    """
    if n_samples < 2:
        raise BadParameter(f"n_samples is {n_samples}, expected 2 or more: one has no standard error.")
    if not length(X) or length(X) != len(y):
        raise BadSet(f"Got {length(X)} windows and {len(y)} labels, expected as many of both, one or more.")

    *heads, n_classes = model.output.shape[1:]

    def loss(batch, labels):
        logits = tf.reshape(model(batch, training=False), (-1, n_classes))
        labels = tf.repeat(labels, prod(heads))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    found = weighted_layers(model)
    starts = range(0, length(X), BATCH)
    batches = [
        (each(tf.constant, taken(X, slice(i, i + BATCH))), y[i : i + BATCH].astype(np.int32)) for i in starts
    ]
    forms = curvatures(loss, [layer.kernel.value for layer in found], batches, n_samples, seed)
    errors = forms.std(axis=0, ddof=1) / np.sqrt(n_samples)
    named = zip(found, forms.mean(axis=0), errors, strict=True)
    return {layer.name: (float(trace), float(error)) for layer, trace, error in named}


def curvatures(
    loss: Callable, variables: Sequence[tf.Variable], batches: Sequence[tuple], n_samples: int, seed: int
) -> np.ndarray:
    """vᵢᵀ (H v)ᵢ for each random v and variable i, (n_samples, n_variables); H: of the loss's mean over batches.

    `loss(*batch)` is the mean over a batch's first axis; larger batches weigh more.
    """
    rng, rows = np.random.default_rng(seed), []
    weights = np.array([length(batch[0]) for batch in batches])

    @tf.function(reduce_retracing=True)
    def forms(vectors, batch):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                value = loss(*batch)
            slopes = inner.gradient(value, variables)
            along = tf.add_n([tf.reduce_sum(s * v) for s, v in zip(slopes, vectors, strict=True)])
        products = outer.gradient(along, variables, unconnected_gradients="zero")
        return tf.stack([tf.reduce_sum(v * p) for v, p in zip(vectors, products, strict=True)])

    for _ in range(n_samples):
        vectors = [np.float32(rng.choice((-1, 1), size=variable.shape)) for variable in variables]
        rows.append(np.average([forms(vectors, batch) for batch in batches], axis=0, weights=weights))
    return np.array(rows)
