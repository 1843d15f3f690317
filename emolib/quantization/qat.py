"""Quantization-aware training: a folded network trained on with its rounding in the graph, then converted.

Batch norm is folded with the statistics of the whole training, as at the end of Jacob et al. 2018, section 3.2.
Activations keep the range that they have on the calibration windows before; the scales of weights follow them.
"""

from collections import Counter
from collections.abc import Callable

import keras
import pandas as pd
import tensorflow as tf

from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.summary import number
from emolib.models.crossval import lost_entry, uar_entry
from emolib.models.training import Trainer, Training
from emolib.quantization.calibration import check_calibration
from emolib.quantization.conversion import Kit
from emolib.quantization.fake_quant import Ranges, activation_ranges, fake_quantized, load
from emolib.quantization.flatbuffer import check_operators, operators
from emolib.quantization.folding import folded, weighted_layers
from emolib.quantization.ptq import frozen, silence

BITS = (8, 4)
OPERATOR_OF = {
    "Conv2D": "CONV_2D",
    "DepthwiseConv2D": "DEPTHWISE_CONV_2D",
    "ReLU": "RELU",
    "Add": "ADD",
    "MaxPooling2D": "MAX_POOL_2D",
    "AveragePooling2D": "AVERAGE_POOL_2D",
    "GlobalAveragePooling2D": "MEAN",
    "Dense": "FULLY_CONNECTED",
}


class Converter:
    """A fold's network as .tflite bytes: int8 activations, weights of 8 or 4 bits, trained on by `options`.

    Without options the weights are rounded as they are, which is PTQ by the same way. Depthwise kernels keep
    8 bits. The training step is traced once for all folds of a source; a fold gives the same file in any order.
    Raises BadParameter for other bits, and, when called, BadSet for calibration windows that show no range.
    """

    def __init__(self, weight_bits: int, options: Training | None = None, augment: Callable | None = None):
        if weight_bits not in BITS:
            raise BadParameter(f"weight_bits: got {weight_bits}, expected 8 or 4.")
        self.weight_bits, self.options, self.augment = weight_bits, options, augment
        self.names: list[str] = []

    def __call__(self, kit: Kit) -> bytes:
        shape = tuple(kit.model.input_shape[1:])
        X = check_calibration(kit.calibration, shape, kit.calibration_y)
        network = folded(kit.model)
        ranges = activation_ranges(network, X)
        if self.options is not None:
            self.train(network, ranges, kit)
        return to_tflite(network, ranges, self.weight_bits)

    def train(self, network: keras.Model, ranges: Ranges, kit: Kit):
        """Train a folded network on within `ranges`, in place."""
        names = [layer.name for layer in network.layers]
        if names != self.names:
            self.names, bits = names, self.weight_bits
            self.trainer = Trainer(lambda: fake_quantized(network, bits), self.options, self.augment)
        self.trainer.reset()
        load(self.trainer.model, network, ranges)
        self.trainer.initial = [variable.numpy() for variable in self.trainer.variables]
        self.trainer.fit(kit.train, kit.val, f"{kit.fold.name}, {self.weight_bits}-bit weights")
        for layer in weighted_layers(network):
            layer.set_weights(self.trainer.model.get_layer(layer.name).get_weights())


def to_tflite(network: keras.Model, ranges: Ranges, weight_bits: int) -> bytes:
    """A folded network as .tflite bytes for batch 1, on the scales of its fake-quantized graph.

    Raises OverBudget, naming the operator, where a float is left.
    """
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


def fusion(model: keras.Model, content: bytes) -> pd.DataFrame:
    """Where the layers of a trained network went: layer, trained, folded, operator, file; how many of each."""
    trained, after = (Counter(type(layer).__name__ for layer in of.layers) for of in (model, folded(model)))
    in_file = Counter(operators(content)["operator"])
    rows = [
        (kind, trained[kind], after[kind], OPERATOR_OF.get(kind), in_file.pop(OPERATOR_OF.get(kind), 0))
        for kind in dict.fromkeys([*trained, *after])
        if kind != "InputLayer"
    ]
    rows += [(None, 0, 0, operator, n) for operator, n in in_file.items()]
    return pd.DataFrame(rows, columns=["layer", "trained", "folded", "operator", "file"])


def numbers(source: str, table: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json of one source: uar, bytes, and points lost to float32 of each variant made here.

    `table` as `crossval.compared` with float32 gives it, with a column bytes.
    """
    named, artifact, found = Experiment.parse(source), f"tables/{source}-qat.csv", {}
    for _, row in table[table.variant.str.contains("ptq|qat")].iterrows():
        found[named.key(row.variant, "uar")] = uar_entry(row, artifact)
        found[named.key(row.variant, "bytes")] = number(row.bytes, unit="bytes", n=1, artifact=artifact)
        found[named.key(f"{row.variant}_drop", "points")] = lost_entry(row, artifact)
    return found
