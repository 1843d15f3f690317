"""Needs of a network by hand; what is modelled gives back the measurements it comes from."""

import keras
import pytest
from keras import layers

from emolib.core.errors import BadParameter, OverBudget
from emolib.evaluation import devices
from emolib.evaluation.cost import Cost, check_budgets, cost
from emolib.evaluation.cost import layers as cost_layers


def residual_network():
    x = inputs = keras.Input((16, 12, 2), name="in")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = y = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.SeparableConv2D(24, (5, 3), padding="same", name="sep")(x)
    x = layers.Conv2D(8, 1, groups=2, use_bias=False, name="grouped")(x)
    x = layers.Add(name="add")([x, y])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    return keras.Model(inputs, layers.Dense(5, name="dense")(layers.Flatten()(x)))


# by hand: shapes are (8, 6, 8) after conv, (8, 6, 24) after sep, (6, 4, 16) after depth, (3, 2, 16) after pool
BY_HAND = {
    "conv": (3 * 3 * 2 * 8, 3 * 3 * 2 * 8 * 48),
    "norm": (4 * 8, 0),
    "sep": (15 * 8 + 8 * 24 + 24, 15 * 8 * 48 + 8 * 24 * 48),
    "grouped": (12 * 8, 12 * 8 * 48),
    "add": (0, 0),
    "depth": (9 * 16 + 16, 9 * 16 * 24),
    "pool": (0, 0),
    "dense": (96 * 5 + 5, 96 * 5),
}


def test_layers_by_hand():
    table = cost_layers(residual_network()).set_index("layer")
    for name, (params, macs) in BY_HAND.items():
        assert (table.params[name], table.macs[name]) == (params, macs), name
    found = cost(residual_network())
    assert found.params == sum(params for params, _ in BY_HAND.values())
    assert found.macs == sum(macs for _, macs in BY_HAND.values()) and found.flops == 2 * found.macs
    # widest while the pointwise half of sep runs: the residual and both its tensors, (8 + 8 + 24) channels; its int8
    # file has no more bytes alive at once
    assert (found.peak_activation_bytes, found.peak_layer) == (48 * (8 + 8 + 24), "sep")
    written = 384 + 384 + 384 + 1152 + 384 + 384 + 384 + 96 + 5
    assert found.moved_values == found.params + 2 * written


def test_layer_without_a_formula_is_refused():
    inputs = keras.Input((8, 4))
    with pytest.raises(BadParameter, match="Layer memory: no cost formula for GRU"):
        cost(keras.Model(inputs, layers.GRU(3, name="memory")(inputs)))


def test_budgets_name_the_layer():
    found = cost(residual_network())
    check_budgets(found, 10_000, 10_000, found.peak_activation_bytes)
    with pytest.raises(OverBudget, match="10001 bytes, expected at most 10000: thin layer dense"):
        check_budgets(found, 10_001, 10_000, 10**6)
    with pytest.raises(OverBudget, match="peak at 1920 bytes, expected at most 1919: thin layer sep"):
        check_budgets(found, 1, 10, 1919)


def test_devices_give_back_their_measurements_and_energy_is_that_by_hand():
    macs = {"apollo3": 230_000, "raspberry-pi-3": 479_297_088, "stm32l4r5": 2_656_768}
    table = devices.modelled_table({key: Cost(0, macs[key], 0, 0, "", "", 0) for key in macs})
    found = table.assign(key=table.device.map(devices.DEVICES.set_index("device").key)).query("source == key")
    assert found.runtime_ms.tolist() == pytest.approx([1000, 182, 43.4])
    assert found.energy_mj.tolist() == pytest.approx([0.95, 678, 1.431], rel=0.01)
    table = devices.modelled_energy(Cost(0, 1_000_000, 0, 0, "", "", 4000)).set_index(["format", "memory"])
    assert table.loc[("int8", "8 kB SRAM"), "modelled_compute_uj"] == pytest.approx(0.23)
    assert table.loc[("int8", "8 kB SRAM"), "modelled_memory_uj"] == pytest.approx(1000 * 5e-6)
    assert table.loc[("float32", "DRAM"), "modelled_total_uj"] == pytest.approx(4.6 + 4000 * 640e-6)
