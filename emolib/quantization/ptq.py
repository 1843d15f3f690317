"""Post-training quantization with TensorFlow's converter: Keras model → .tflite bytes for batch 1.

float32: as trained. dynamic: int8 weights where a tensor has 1024 values or more, float32 activations.
int8: int8 weights and activations, input and output included.
Convolution weights have a scale per channel. Dense weights and activations have one per tensor: tflite-runtime
2.14 does not know dynamic dense layers with more (FULLY_CONNECTED version 12).
"""

import contextlib
import io
import re
import warnings
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from emolib.core.errors import BadParameter, OverBudget
from emolib.core.windows import Windows, length, shape
from emolib.device.backends import native_silence
from emolib.quantization.calibration import check_calibration
from emolib.quantization.conversion import Kit
from emolib.quantization.flatbuffer import check_operators

VARIANTS = ("float32", "dynamic", "int8")
WINDOW = "window"  # the input's name in a file of one modality


def convert(
    model: keras.Model,
    variant: str,
    calibration: Windows | None = None,
    y: np.ndarray | None = None,
) -> bytes:
    """The model as a .tflite file that `check_operators` accepts; calibration (n, *shape) for int8.

    `y` (n,), the labels of the calibration windows, is only checked. Raises BadParameter for an unknown
    variant, BadSet for calibration windows that are missing, of another shape, not finite, or all of one
    class, OverBudget for operators that TFLite itself lacks.
    """
    if variant not in VARIANTS:
        raise BadParameter(f"variant: got {variant!r}, expected one of {', '.join(VARIANTS)}.")
    with silence():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen(model)], tf.Module())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "int8":
        _make_static(converter, check_calibration(calibration, shape(entry(model)), y))
    try:
        with silence():
            content = converter.convert()
    except (ConverterError, RuntimeError) as error:  # RuntimeError: no int8 kernel for an operator
        text = str(error).strip()
        reason = re.search(r"(?:TF Select|Flex|Custom) ops: .*", text) or re.match(".*", text)
        raise OverBudget(
            f"{model.name} needs operators that TFLite lacks for {variant} ({reason[0]}): replace those."
        ) from error
    check_operators(content, variant, model.name)
    return content


def converter(variant: str) -> Callable[[Kit], bytes]:
    """`convert` for one fold."""
    return lambda kit: convert(kit.model, variant, kit.calibration, kit.calibration_y)


def entry(model: keras.Model):
    """The symbolic input of a model, or those of its branches; a Sequential that was never called does not tell."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def named(X: Windows) -> dict:
    """What is given by branch as it is; a single window under the name that the file gives its input."""
    return X if isinstance(X, dict) else {WINDOW: X}


def frozen(model: keras.Model) -> ConcreteFunction:
    """The model's inference with its weights as constants, batch 1: no shape is left to run time.

    Three times faster than giving the converter the Keras model, which it saves and loads again.
    """
    specs = {name: tf.TensorSpec((1, *x.shape[1:]), name=name) for name, x in named(entry(model)).items()}
    several = isinstance(entry(model), dict)

    def inference(windows):
        return model(windows if several else windows[WINDOW], training=False)

    traced = tf.function(inference, input_signature=[specs], autograph=False)
    return convert_variables_to_constants_v2(traced.get_concrete_function())


def _make_static(converter: tf.lite.TFLiteConverter, X: Windows):
    def windows():  # by name: the file has an order of inputs of its own
        return ({name: x[i : i + 1] for name, x in named(X).items()} for i in range(length(X)))

    converter.representative_dataset = windows
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


@contextlib.contextmanager
def silence():
    """The converter prints where it saved the model and what it thinks of the graph; errors come through."""
    nowhere, logger = io.StringIO(), tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    with (
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(action="ignore"),
        native_silence(),
    ):
        yield
    logger.setLevel(level)
