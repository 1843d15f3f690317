"""Rounding in the graph is the rounding of the file, and training through it helps."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from compressed import settled
from keras import layers

from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.device.interpreter import Model
from emolib.evaluation.metrics import cross_entropy
from emolib.models.training import Training
from emolib.quantization import qat
from emolib.quantization.flatbuffer import weighted
from emolib.quantization.folding import folded, weighted_layers
from emolib.quantization.qat import activation_ranges, fake_quantized, load

SHAPE = (12, 1, 3)
OPTIONS = Training(epochs=6, patience=6, learning_rate=3e-3, label_smoothing=0.0, augment=False)


def network(seed: int = 0) -> keras.Model:
    """Every kind of layer that emolib.models uses, with batch statistics of its own."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input(SHAPE, name="window")
    x = layers.Conv2D(8, (3, 1), padding="same", use_bias=False, name="conv")(x)
    x = y = layers.ReLU(name="first")(layers.BatchNormalization(name="norm")(x))
    x = layers.SeparableConv2D(8, (3, 1), padding="same", use_bias=False, name="apart")(x)
    x = layers.ReLU(name="sum")(layers.Add(name="add")([layers.BatchNormalization(name="branch")(x), y]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D(name="mean")(x))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x), name="small")
    return settled(model, people(64).X, times=20)


def people(n: int = 240, seed: int = 0) -> EmotionSet:
    """Three classes that differ in the mean of each feature, with noise; four subjects."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, *SHAPE)).astype(np.float32) + 0.7 * np.eye(3, dtype=np.float32)[y][:, None, None]
    names = (np.arange(n) % 4).astype(str)
    return EmotionSet(X, y, names, np.arange(n).astype(str), ("a", "b", "c"))


def fold(seed: int = 0, **changes) -> SimpleNamespace:
    """The part of a fold's CalibrationData that a converter looks at."""
    train, val, of = people(seed=seed), people(120, seed=seed + 10), Fold("f0", *np.arange(3)[:, None])
    drawn = {"model": network(seed), "train": train, "val": val, "fold": of}
    return SimpleNamespace(**drawn | {"calibration": train.X[:60], "calibration_y": train.y[:60]} | changes)


@pytest.fixture(scope="module")
def used() -> SimpleNamespace:
    return fold()


@pytest.fixture(scope="module")
def files(used) -> dict[int, bytes]:
    return {bits: qat.Converter(bits)(used) for bits in (8, 4)}


@pytest.mark.parametrize("bits, steps, dtype", [(8, 127, "INT8"), (4, 7, "INT4")])
def test_scales_and_answers_of_the_file_are_those_of_the_graph(used, files, bits, steps, dtype):
    inner = folded(used.model)
    found = weighted(files[bits])
    assert [op.inputs[1].dtype for op in found] == [dtype, "INT8", dtype, dtype]
    for operator, layer in zip(found, weighted_layers(inner), strict=True):
        kernel = np.asarray(layer.kernel)
        axes = None if layer.name == "logits" else (0, 1, 3) if "depthwise" in layer.name else (0, 1, 2)
        of_layer = 127 if "depthwise" in layer.name else steps
        expected = np.ravel(np.abs(kernel).max(axis=axes) / of_layer)
        np.testing.assert_allclose(operator.inputs[1].scale, expected, rtol=1e-5)
        assert not operator.inputs[1].zero_point.any()
    simulated = fake_quantized(inner, bits)
    load(simulated, inner, activation_ranges(inner, used.calibration))
    X = people(200, seed=5).X
    with Model(files[bits]) as model:
        difference = np.abs(model.predict(X) - np.asarray(simulated(X)))
        assert difference.max() <= 2.01 * model.runner.output.scale
        assert difference.mean() <= 0.5 * model.runner.output.scale


def test_training_through_the_rounding_helps(used, files):
    before = [weights.copy() for weights in used.model.get_weights()]
    trained = qat.Converter(4, OPTIONS)(used)
    losses = []
    for content in (files[4], trained):
        with Model(content) as model:
            losses.append(cross_entropy(used.val.y, model.predict(used.val.X)))
    assert losses[1] < 0.8 * losses[0]
    assert all(np.array_equal(a, b) for a, b in zip(before, used.model.get_weights(), strict=True))


def test_a_fold_gives_the_same_file_in_any_order(used):
    options, other = OPTIONS.model_copy(update={"epochs": 2}), fold(seed=1)
    converter = qat.Converter(8, options)
    converter(used)
    trainer = converter.trainer
    assert converter(other) == qat.Converter(8, options)(other)
    assert converter.trainer is trainer


def test_channel_and_activation_of_zeros_give_a_file(used):
    model = keras.models.clone_model(used.model)
    model.set_weights(used.model.get_weights())
    model.get_layer("norm").set_weights([np.zeros(8), np.zeros(8), np.zeros(8), np.ones(8)])
    content = qat.Converter(8)(fold(model=model))
    with Model(content) as interpreter:
        logits = interpreter.predict(used.val.X)
        step = interpreter.runner.output.scale
    np.testing.assert_allclose(logits, model(used.val.X, training=False), atol=3 * step)
