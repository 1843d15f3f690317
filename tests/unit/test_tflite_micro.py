"""tflite-micro beside litert, and operators on two sets of kernels."""

from functools import partial

import compressed
import keras
import numpy as np
import pytest
from keras import layers

from emolib.device.interpreter import Model
from emolib.quantization import tflite_micro as tflm
from emolib.quantization.flatbuffer import graph
from emolib.quantization.ptq import convert

pytest.importorskip("tflite_micro", reason="tflite-micro is for x86-64 Linux only")
SHAPE = (16, 12, 1)
windows = partial(compressed.windows, shape=SHAPE, mean=0, sd=1)


@pytest.fixture(scope="module")
def content():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(SHAPE)
    for _ in range(3):
        x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    return convert(model, "int8", windows(50))


def test_the_arena_is_the_smallest_that_opens(content):
    size, parts = tflm.arena_bytes(content), tflm.allocated(content)
    assert tflm._tried(content, size)[0] and not tflm._tried(content, size - 16)[0]
    assert size % 16 == 0 and size >= parts["total"] == parts["head"] + parts["tail"]
    two = 2 * 16 * 12 * 8  # outputs of 8 channels live at one time
    assert two <= parts["head"] < two + 1024


def test_differences_are_those_of_the_logits(content, capfd):
    X = windows(60, seed=1)
    found = tflm.measured(content, X)
    assert capfd.readouterr() == ("", "")
    logits = {}
    for backend in ("litert", "tflite_micro"):
        with Model(content, backend) as model:
            logits[backend], scale = model.predict(X), model.runner.output.scale
    expected = np.abs(logits["litert"] - logits["tflite_micro"]).max() / scale
    assert found["lsb_from_litert"] == round(expected) <= 2
    assert found["lsb_from_reference"] <= 1 and found["n"] == 60
    other = logits["litert"].argmax(axis=1) != logits["tflite_micro"].argmax(axis=1)
    assert found["other_answers"] == other.sum()
    assert found["operators"] == len(graph(content)) == 5
    # rounding starts small and ends at the output
    X = windows(30, seed=2)
    table = tflm.rounding(content, X)
    assert table.operator.tolist() == [operator.name for operator in graph(content)]
    assert (table.alone_lsb <= 1).all() and (table.alone_percent[:4] < 30).all()
    assert table.grown_lsb[0] == table.alone_lsb[0] and table.grown_percent[0] == table.alone_percent[0]
    plain, default = tflm.reference(content), tflm.TFLite(content, 1)
    apart = np.abs(tflm.answers(plain, X) - tflm.answers(default, X))
    assert table.grown_lsb.iloc[-1] == apart.max()
    assert table.grown_percent.iloc[-1] == pytest.approx(100 * (apart > 0).mean())
