"""A Keras network that computes what its integers will: weights and activations rounded in the graph.

x' = s · (clip(⌊x / s⌉ + z, least, largest) − z); its gradient is 1 within the range and 0 outside of it, as if
nothing were rounded (Jacob et al. 2018, section 3). TensorFlow's converter takes the scales of the file from it.
"""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from emolib.quantization.folding import WEIGHTED, readers

# What comes out has the scale that came in
MOVING = (layers.Flatten, layers.Reshape, layers.MaxPooling2D, layers.AveragePooling2D)
LEAST_LIMIT = 1e-4  # a channel of zeros needs a scale too
Ranges = Mapping[str, tuple[float, float]]


def symmetric(kernel: tf.Tensor, bits: int) -> tf.Tensor:
    """Weights (…, n_channels) in 2^(bits-1) - 1 steps to either side of 0, up to the largest of each channel.

    The kernel of a dense layer, (n_in, n_out), has one scale for all.
    """
    convolution = len(kernel.shape) == 4
    limit = tf.reduce_max(tf.abs(kernel), axis=(0, 1, 2) if convolution else None)
    limit = tf.maximum(limit, LEAST_LIMIT)
    of = tf.quantization
    rounded = of.fake_quant_with_min_max_vars_per_channel if convolution else of.fake_quant_with_min_max_vars
    return rounded(kernel, -limit, limit, num_bits=bits, narrow_range=True)


class Weighted(layers.Layer):
    """A convolution or dense layer that computes with its kernel on `bits` bits.

    Depthwise kernels stay at 8: the few weights of a channel are not worth a byte less, and int4 has no
    kernel for them.
    """

    def __init__(self, layer: layers.Layer, bits: int):
        super().__init__(name=layer.name)
        self.layer, self.bits = layer.__class__.from_config(layer.get_config()), bits

    def build(self, shape):
        self.layer.build(shape)

    def kernel(self) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.layer.kernel)
        if not isinstance(self.layer, layers.DepthwiseConv2D):
            return symmetric(kernel, self.bits)
        by_channel = tf.reshape(kernel, (*kernel.shape[:2], 1, -1))
        return tf.reshape(symmetric(by_channel, 8), kernel.shape)

    def call(self, x):
        return self.layer.stateless_call([self.kernel(), self.layer.bias], [], x)[0]


class Activations(layers.Layer):
    """Activations on 8 bits between two fixed values, one scale for all."""

    def build(self, shape):
        names = ("low", "high")
        self.low, self.high = (self.add_weight(shape=(), trainable=False, name=name) for name in names)

    def call(self, x):
        return tf.quantization.fake_quant_with_min_max_vars(x, self.low, self.high, num_bits=8)


def activation_ranges(model: keras.Model, X: np.ndarray) -> dict[str, tuple[float, float]]:
    """Least and largest value of every layer's output on windows X (n, *shape), 0 included, by the layer's name."""
    outputs = keras.Model(model.inputs[0], [layer.output for layer in model.layers])(X)
    found = {}
    for layer, values in zip(model.layers, map(np.asarray, outputs), strict=True):
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        found[layer.name] = (low, high if high > low else 1.0)
    return found


def fake_quantized(model: keras.Model, weight_bits: int, batch_size: int | None = None) -> keras.Model:
    """The graph of a folded network with weights on 8 or 4 bits and activations on 8; `load` fills it.

    Where a ReLU alone reads a layer, only what the ReLU gives is rounded: the two are one operator of the file.
    """
    fused = {n for n, after in readers(model).items() if [type(layer) for layer in after] == [layers.ReLU]}
    inputs = keras.Input(batch_shape=(batch_size, *model.input_shape[1:]))
    start = Activations(name=_range_name(model.layers[0]))(inputs)

    def replaced(layer: layers.Layer, x, **_):
        x = keras.tree.map_structure(lambda tensor: start if tensor is inputs else tensor, x)
        weighted = isinstance(layer, WEIGHTED)
        made = Weighted(layer, weight_bits) if weighted else layer.__class__.from_config(layer.get_config())
        if layer.name in fused or isinstance(layer, MOVING):
            return made(x)
        return Activations(name=_range_name(layer))(made(x))

    return keras.models.clone_model(
        model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=replaced
    )


def _range_name(layer: layers.Layer) -> str:
    return f"{layer.name}_range"


def load(graph: keras.Model, model: keras.Model, ranges: Ranges):
    """Weights of a folded network, and the ranges of its activations by layer, into its fake-quantized graph."""
    held = {layer.name: layer for layer in graph.layers}
    for layer in model.layers:
        if layer.weights:
            held[layer.name].set_weights(layer.get_weights())
        if _range_name(layer) in held:
            held[_range_name(layer)].set_weights([np.float32(end) for end in ranges[layer.name]])
