"""Post-training quantization with TensorFlow's converter: Keras model → .tflite bytes for batch 1.

float32: as trained. dynamic: int8 weights where a tensor has 1024 values or more, float32 activations.
static_wi8_ai8: int8 weights and activations, input and output included.
Convolution weights have a scale per channel. Dense weights and activations have one per tensor: tflite-runtime
2.14 does not know dynamic dense layers with more (FULLY_CONNECTED version 12).
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from emolib.errors import BadParameter, BadSet, OverBudget
from emolib.runtime.quiet import native_silence

VARIANTS = ("float32", "dynamic", "static_wi8_ai8")
FLOATS = ("FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64")
BRIDGES = ("QUANTIZE", "DEQUANTIZE")  # stand before and after a float island


def convert(
    model: keras.Model,
    variant: str,
    calibration: np.ndarray | None = None,
    y: np.ndarray | None = None,
) -> bytes:
    """The model as a .tflite file that `check_operators` accepts; calibration (n, *shape) for static_wi8_ai8.

    `y` (n,), the labels of the calibration windows, is only checked. Raises BadParameter for an unknown
    variant, BadSet for calibration windows that are missing, of another shape, not finite, or all of one
    class, OverBudget for operators that TFLite itself lacks.
    """
    if variant not in VARIANTS:
        raise BadParameter(f"variant: got {variant!r}, expected one of {', '.join(VARIANTS)}.")
    with _silence():
        converter = tf.lite.TFLiteConverter.from_keras_model(fixed_batch(model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "static_wi8_ai8":
        _make_static(converter, check_calibration(model, calibration, y))
    try:
        with _silence():
            content = converter.convert()
    except (ConverterError, RuntimeError) as error:  # RuntimeError: no int8 kernel for an operator
        text = str(error).strip()
        reason = re.search(r"(?:TF Select|Flex|Custom) ops: .*", text) or re.match(".*", text)
        raise OverBudget(
            f"{model.name} needs operators that TFLite lacks for {variant} ({reason[0]}): replace those."
        ) from error
    check_operators(content, variant, model.name)
    return content


def fixed_batch(model: keras.Model) -> keras.Model:
    """A copy of the model, weights included, whose input has batch 1: no shape is left to run time."""
    inputs = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    copy = keras.models.clone_model(model, input_tensors=inputs)
    copy.set_weights(model.get_weights())
    return copy


def check_calibration(model: keras.Model, X: np.ndarray | None, y: np.ndarray | None) -> np.ndarray:
    """X as float32. Raises BadSet where it cannot show a converter the range of the activations."""
    if X is None or len(X) == 0:
        raise BadSet("static_wi8_ai8 got no calibration windows: pass about 100 of the training subjects.")
    X, shape = np.asarray(X, np.float32), tuple(model.input_shape[1:])
    if X.shape[1:] != shape:
        raise BadSet(f"Calibration windows have shape {X.shape[1:]}, expected {shape} as {model.name} takes.")
    bad = int((~np.isfinite(X)).any(axis=tuple(range(1, X.ndim))).sum())
    if bad:
        raise BadSet(f"{bad} of {len(X)} calibration windows hold NaN or infinity: drop them before.")
    if y is not None and len(np.unique(y)) < 2:
        raise BadSet(f"All {len(X)} calibration windows are of class {y[0]}: draw them from every class.")
    return X


def _make_static(converter: tf.lite.TFLiteConverter, X: np.ndarray):
    converter.representative_dataset = lambda: ([window[None]] for window in X)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


@contextlib.contextmanager
def _silence():
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


def _graph(content: bytes) -> Iterator[tuple[str, list[tuple[str, str]], list[tuple[str, str]]]]:
    """Operator name and (name, dtype) of each of its inputs and outputs, in order of execution."""
    from tensorflow.lite.python import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    dtypes = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for subgraph in model.subgraphs:
        tensors = [(tensor.name.decode(), dtypes[tensor.type]) for tensor in subgraph.tensors]
        for operator in subgraph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            name = code.customCode.decode() if code.customCode else names[number]
            yield (
                name,
                [tensors[i] for i in operator.inputs if i >= 0],
                [tensors[i] for i in operator.outputs],
            )


def operators(content: bytes) -> pd.DataFrame:
    """One row per operator of a .tflite file: index, operator, and the dtypes of inputs and outputs."""
    rows = [
        (index, name, *(", ".join(dtype.lower() for _, dtype in side) for side in sides))
        for index, (name, *sides) in enumerate(_graph(content))
    ]
    return pd.DataFrame(rows, columns=["index", "operator", "inputs", "outputs"])


def check_operators(content: bytes, variant: str, name: str = "The model"):
    """Raises OverBudget, naming operator and tensor, for a custom operator (Flex) or a float island.

    A float island is any float tensor in a static_wi8_ai8 model; of several, the first that does arithmetic.
    """
    islands = []
    for index, (operator, *sides) in enumerate(_graph(content)):
        if not operator.isupper():
            raise OverBudget(
                f"{name}: operator {index}, {operator}, is not TFLite's own: replace that layer."
            )
        islands += [(index, operator, *tensor) for side in sides for tensor in side if tensor[1] in FLOATS]
    if variant == "static_wi8_ai8" and islands:
        index, operator, tensor, dtype = min(islands, key=lambda island: island[1] in BRIDGES)
        raise OverBudget(
            f"{name}: operator {index}, {operator}, has tensor {tensor} in {dtype.lower()}, expected "
            "integers throughout: replace that layer."
        )
