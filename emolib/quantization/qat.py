"""Quantization-aware training (QAT): a folded network trained on with its rounding in the graph, then converted.

In the graph weights and activations are rounded, x' = s · (clip(⌊x / s⌉ + z, least, largest) − z). The gradient is 1
within the range and 0 outside of it, as if nothing were rounded (Jacob et al. 2018, section 3). TensorFlow's converter
takes the scales of the file from this graph. Batch norm is folded with the statistics of the whole training, as at the
end of section 3.2. Activations keep the range that they have on the calibration windows; the scales of weights follow
the weights.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from emolib.models.training import Trainer, Training
from emolib.quantization.clipping import Clipping, Ranges
from emolib.quantization.conversion import CalibrationData
from emolib.quantization.flatbuffer import check_operators
from emolib.quantization.folding import WEIGHTED, folded, readers, weighted_layers
from emolib.quantization.ptq import frozen, silence

MOVING = (layers.Flatten, layers.Reshape, layers.MaxPooling2D, layers.AveragePooling2D)  # keep the scale
LEAST_LIMIT = 1e-4  # a channel of zeros needs a scale too


class Converter:
    """Called with the CalibrationData of a fold: its network as .tflite bytes, int8 activations, 8- or 4-bit weights.

    The network is trained on with `options`. Without options its weights are rounded as they are: PTQ in the same graph.
    Depthwise kernels keep 8 bits. The training step is traced once for all folds, and a fold gives the same file in any
    order.
    """

    def __init__(self, weight_bits: int, options: Training | None = None, augment: Callable | None = None):
        self.weight_bits, self.options, self.augment = weight_bits, options, augment
        self.names: list[str] = []

    def __call__(self, fold: CalibrationData) -> bytes:
        network = folded(fold.model)
        ranges = activation_ranges(network, fold.calibration)
        if self.options is not None:
            self.train(network, ranges, fold)
        return to_tflite(network, ranges, self.weight_bits)

    def train(self, network: keras.Model, ranges: Ranges, fold: CalibrationData):
        """Train a folded network on within `ranges`, in place."""
        names = [layer.name for layer in network.layers]
        if names != self.names:
            self.names, bits = names, self.weight_bits
            self.trainer = Trainer(lambda: fake_quantized(network, bits), self.options, self.augment)
        self.trainer.reset()
        load(self.trainer.model, network, ranges)
        self.trainer.initial = [variable.numpy() for variable in self.trainer.variables]
        self.trainer.fit(fold.train, fold.val, f"{fold.fold.name}, {self.weight_bits}-bit weights")
        for layer in weighted_layers(network):
            layer.set_weights(self.trainer.model.get_layer(layer.name).get_weights())


def to_tflite(network: keras.Model, ranges: Ranges, weight_bits: int) -> bytes:
    """A folded network as .tflite bytes for batch 1, on the scales of its fake-quantized graph. Raises OverBudget,
    naming the operator, where a float is left."""
    graph = fake_quantized(network, weight_bits, batch_size=1)
    load(graph, network, ranges)
    with silence():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen(graph)], tf.Module())
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        content = converter.convert()
    check_operators(content, "int8", network.name)
    return content


def symmetric(kernel: tf.Tensor, bits: int) -> tf.Tensor:
    """A kernel (…, n_channels) rounded to 2^(bits-1) - 1 steps to either side of 0. A convolution has a scale per
    channel, a dense layer (n_in, n_out) one for all."""
    axes, rounded = None, tf.quantization.fake_quant_with_min_max_vars
    if len(kernel.shape) == 4:
        axes, rounded = (0, 1, 2), tf.quantization.fake_quant_with_min_max_vars_per_channel
    limit = tf.maximum(tf.reduce_max(tf.abs(kernel), axis=axes), LEAST_LIMIT)
    return rounded(kernel, -limit, limit, num_bits=bits, narrow_range=True)


class Weighted(layers.Layer):
    """A convolution or dense layer that computes with its weights on `bits` bits. Depthwise ones stay at 8: their few
    weights are not worth a byte less, and litert has no int4 kernel for them."""

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


def activation_ranges(model: keras.Model, X: np.ndarray) -> Ranges:
    """Least and largest value of every layer's output on windows X (n, *shape), 0 included, by the layer's name."""
    outputs = keras.Model(model.inputs[0], {layer.name: layer.output for layer in model.layers})(X)
    found = Clipping("max").ranges({name: np.asarray(values) for name, values in outputs.items()})
    return {name: (low, high if high > low else 1.0) for name, (low, high) in found.items()}


def fake_quantized(model: keras.Model, weight_bits: int, batch_size: int | None = None) -> keras.Model:
    """The graph of a folded network with its rounding: weights on 8 or 4 bits, activations on 8. `load` fills it. Where
    only a ReLU reads a layer, only the ReLU's output is rounded: the two are one operator of the file."""
    fused = {n for n, after in readers(model).items() if [type(layer) for layer in after] == [layers.ReLU]}
    inputs = keras.Input(batch_shape=(batch_size, *model.input_shape[1:]))
    start = Activations(name=f"{model.layers[0].name}_range")(inputs)

    def replaced(layer: layers.Layer, x, **_):
        x = keras.tree.map_structure(lambda tensor: start if tensor is inputs else tensor, x)
        weighted = isinstance(layer, WEIGHTED)
        made = Weighted(layer, weight_bits) if weighted else layer.__class__.from_config(layer.get_config())
        if layer.name in fused or isinstance(layer, MOVING):
            return made(x)
        return Activations(name=f"{layer.name}_range")(made(x))

    return keras.models.clone_model(
        model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=replaced
    )


def load(graph: keras.Model, model: keras.Model, ranges: Ranges):
    """Copy the weights of a folded network, and the ranges of its activations by layer, into its fake-quantized graph."""
    held = {layer.name: layer for layer in graph.layers}
    for layer in model.layers:
        if layer.weights:
            held[layer.name].set_weights(layer.get_weights())
        if (name := f"{layer.name}_range") in held:
            held[name].set_weights([np.float32(end) for end in ranges[layer.name]])
