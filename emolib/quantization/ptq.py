"""Post-training quantization (PTQ) with TensorFlow's converter: a Keras model becomes a .tflite file for batch 1.

float32: as trained. dynamic: int8 weights where a tensor has 1024 values or more, float32 activations.
int8: int8 weights and activations, input and output included.
Weights of convolutions have one scale per channel. Weights of dense layers and activations have one per tensor, because
tflite-runtime 2.14 does not know dynamic dense layers with more (FULLY_CONNECTED version 12).
"""

import contextlib
import io
import re
import warnings
from collections.abc import Callable

import keras
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from emolib.core.errors import OverBudget
from emolib.core.windows import Windows, length, shape
from emolib.device.backends import native_silence
from emolib.quantization.conversion import CalibrationData, check_calibration
from emolib.quantization.flatbuffer import check_operators

VARIANTS = ("float32", "dynamic", "int8")
WINDOW = "window"  # the input's name in a file of one modality


def convert(model: keras.Model, variant: str, calibration: Windows | None = None) -> bytes:
    """The model as the bytes of a .tflite file of one of VARIANTS; int8 needs `calibration` windows (n, *shape). Raises
    BadSet as `check_calibration` does, and OverBudget for an operator that TFLite lacks or that stays in float."""
    with silence():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen(model)], tf.Module())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "int8":
        X = check_calibration(calibration, shape(entry(model)))
        converter.representative_dataset = lambda: (
            {name: x[i : i + 1] for name, x in by_name(X).items()} for i in range(length(X))
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
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


def converter(variant: str) -> Callable[[CalibrationData], bytes]:
    """`convert` for one fold."""
    return lambda fold: convert(fold.model, variant, fold.calibration)


def entry(model: keras.Model):
    """The symbolic input of a model, or those of its branches; a Sequential that was never called has no `input`."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def by_name(X: Windows) -> dict:
    """X by branch as it is; X of one modality under the name of the file's input."""
    return X if isinstance(X, dict) else {WINDOW: X}


def frozen(model: keras.Model) -> ConcreteFunction:
    """The model's inference for batch 1, its weights as constants, so that every shape is known. Three times faster
    than giving the converter the Keras model, which it saves and loads again."""
    specs = {name: tf.TensorSpec((1, *x.shape[1:]), name=name) for name, x in by_name(entry(model)).items()}
    several = isinstance(entry(model), dict)

    def inference(windows):
        return model(windows if several else windows[WINDOW], training=False)

    traced = tf.function(inference, input_signature=[specs], autograph=False)
    return convert_variables_to_constants_v2(traced.get_concrete_function())


@contextlib.contextmanager
def silence():
    """Hide what the converter prints; its errors still come through."""
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
