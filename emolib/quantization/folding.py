"""Batch norm folded into the weights before it: the network as a device computes it.

w' = w · γ / √(σ² + ε),  b' = β + (b − μ) · γ / √(σ² + ε)   (Jacob et al. 2018, equation 14).
"""

import keras
import numpy as np
from keras import layers

from emolib.core.errors import BadParameter
from emolib.core.windows import each

WEIGHTED = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)


def folded(model: keras.Model) -> keras.Model:
    """The same function for inference: convolutions with biases, no batch norm, no dropout.

    A SeparableConv2D becomes a DepthwiseConv2D (named <layer>_depthwise) and a Conv2D (<layer>). Every other
    layer keeps its name. Raises BadParameter, naming the layer, for a batch norm that cannot be folded.
    """
    absorbed, weights = _absorbed(model), {}

    def replaced(layer: layers.Layer, x, **_):
        norm = absorbed.get(layer.name)
        if isinstance(layer, layers.BatchNormalization | layers.Dropout):
            return x
        if isinstance(layer, layers.SeparableConv2D):
            return _separable(layer, norm, x, weights)
        if isinstance(layer, WEIGHTED):
            return _weighted(layer, norm, x, weights)
        return layer.__class__.from_config(layer.get_config())(x)

    inputs = each(lambda x: keras.Input(x.shape[1:], name=x.name), model.input)
    result = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=replaced
    )
    for name, values in weights.items():
        result.get_layer(name).set_weights(values)
    return result


def weighted_layers(model: keras.Model) -> list[layers.Layer]:
    """Layers of a folded model that hold a kernel, in order of execution."""
    return [layer for layer in model.layers if isinstance(layer, WEIGHTED)]


def readers(model: keras.Model) -> dict[str, list[layers.Layer]]:
    """The layers that take in the output of each layer, by its name."""
    made = {layer.output.name: layer.name for layer in model.layers}
    found: dict[str, list[layers.Layer]] = {layer.name: [] for layer in model.layers}
    for layer in model.layers:
        for tensor in keras.tree.flatten(layer.input):
            if made[tensor.name] != layer.name:
                found[made[tensor.name]].append(layer)
    return found


def _absorbed(model: keras.Model) -> dict[str, layers.BatchNormalization]:
    """The batch norm that each layer with weights takes in, by the layer's name."""
    reads, found = readers(model), {}
    for before in model.layers:
        for norm in (layer for layer in reads[before.name] if isinstance(layer, layers.BatchNormalization)):
            weighted = isinstance(before, (*WEIGHTED, layers.SeparableConv2D))
            is_output = any(before.output is tensor for tensor in model.outputs)
            alone = len(reads[before.name]) == 1 and not is_output
            if not weighted or not alone or before.activation is not keras.activations.linear:
                raise BadParameter(
                    f"{norm.name} follows {before.name}, expected a convolution or dense layer without an "
                    "activation that nothing else reads: move the batch norm."
                )
            found[before.name] = norm
    return found


def _fold(layer, norm, kernel, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Kernel and bias after a batch norm, or none; `shape` broadcasts one number per channel over the kernel."""
    kernel = np.asarray(kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else 0.0
    scale, shift = np.float64(1), np.float64(0)
    if norm is not None:
        mean, variance = (np.asarray(v, np.float64) for v in (norm.moving_mean, norm.moving_variance))
        scale = (np.asarray(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
        shift = (np.asarray(norm.beta) if norm.center else 0.0) - mean * scale
    scale, shift = (np.broadcast_to(value, int(np.prod(shape))) for value in (scale, shift))
    return [np.float32(kernel * scale.reshape(shape)), np.float32(bias * scale + shift)]


def _weighted(layer, norm, x, weights):
    shape = layer.kernel.shape
    kept = 2 if isinstance(layer, layers.DepthwiseConv2D) else len(shape) - 1
    weights[layer.name] = _fold(layer, norm, layer.kernel, (1,) * kept + tuple(shape[kept:]))
    return layer.__class__.from_config(layer.get_config() | {"use_bias": True})(x)


def _separable(layer, norm, x, weights):
    """As two layers; what lies between them has no bias of its own, so the first one's is zero."""
    geometry = {name: getattr(layer, name) for name in ("strides", "padding", "dilation_rate")}
    name = f"{layer.name}_depthwise"
    first = layers.DepthwiseConv2D(layer.kernel_size, depth_multiplier=layer.depth_multiplier, name=name, **geometry)
    second = layers.Conv2D(layer.filters, 1, activation=layer.activation, name=layer.name)
    kernel = np.asarray(layer.depthwise_kernel)
    weights[name] = [kernel, np.zeros(kernel.shape[2] * kernel.shape[3], np.float32)]
    weights[layer.name] = _fold(layer, norm, layer.pointwise_kernel, (1, 1, 1, layer.filters))
    return second(first(x))
