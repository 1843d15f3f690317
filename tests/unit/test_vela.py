"""Vela on tiny int8 networks: what stays on the CPU and why, totals."""

import keras
import numpy as np
import pytest
from keras import layers

from emolib.quantization import vela
from emolib.quantization.flatbuffer import graph
from emolib.quantization.ptq import convert

SHAPE = (32, 24, 1)


def int8(strides):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 5, strides=strides, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    X = np.random.default_rng(0).normal(size=(20, *SHAPE)).astype(np.float32)
    return convert(keras.Model(inputs, layers.Dense(3)(x)), "int8", X)


def test_every_operator_of_a_plain_network_is_on_the_npu():
    content = int8(2)
    table, operators = vela.compile_all(content, ["ethos-u55-128", "ethos-u85-256"])
    assert table.accelerator.tolist() == ["ethos-u55-128", "ethos-u85-256"]
    assert table.npu_percent.tolist() == [100, 100] and operators.on_npu.all()
    names = [operator.name for operator in graph(content)]
    assert operators.operator.tolist() == 2 * names and set(table.operators) == {len(names)}
    assert set(table.modelled_by) == {"vela 5.2.0"}

    macs = 16 * 12 * 8 * 25 + 8 * 6 * 16 * 72 + 16 * 3  # two convolutions and the dense layer
    weights = 8 * 25 + 16 * 72 + 16 * 3
    for row in table.itertuples():
        assert row.latency_ms == pytest.approx(row.cycles / 500e6 * 1000)
        assert 0.8 * macs < row.npu_macs < 1.1 * macs  # U85 leaves out the padding; the mean counts too
        assert 8 * 16 * 12 < 1000 * row.sram_kb < 10_000  # the first output lies in it
        assert 0.5 * weights < 1000 * row.flash_kb < 3 * weights
        own = operators[operators.accelerator == row.accelerator]
        assert own.weight_bytes.sum() == weights
        assert 0.9 * row.cycles < own.cycles.sum() < 1.1 * row.cycles


def test_a_stride_of_four_stays_on_the_cpu_with_its_reason():
    table, operators = vela.compile_all(int8(4), ["ethos-u55-128"])
    assert table.npu_percent[0] == pytest.approx(75) and not operators.on_npu[0]
    assert operators.why[0].startswith("Unsupported kernel stride: 4, 4")
    assert operators.cycles[0] == 0 and (operators.cycles[1:] > 0).all() and not operators.why[1:].any()
