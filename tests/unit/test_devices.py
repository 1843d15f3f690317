import math

import keras
import numpy as np
import pytest
from keras import layers

from emolib.core.errors import BadParameter
from emolib.device.machine import Meter, meter
from emolib.evaluation.cost import Cost, cost, modelled_energy
from emolib.evaluation.devices import (
    DETECTOR_MACS,
    DEVICES,
    DS_CNN_MACS,
    devices_table,
    modelled,
    modelled_table,
)

BY_NAME = {device.name.split(" (")[0]: device for device in DEVICES}


def of_macs(macs, moved=0):
    return Cost(0, macs, 2 * macs, 0, "", "", moved)


def detector():
    """Mikhaylevskiy et al. 2021, Table I."""
    x = inputs = keras.Input((288, 288, 3))
    for filters in (8, 16, 32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.MaxPooling2D(2)(x)
    for filters in (192, 192, 192, 192, 192, 11):
        x = layers.Conv2D(filters, 3, padding="same")(x)
    return keras.Model(inputs, x)


def ds_cnn():
    """Keyword spotting of MLPerf Tiny: Banbury et al. 2021, after Zhang et al. 2017."""
    x = inputs = keras.Input((49, 10, 1))
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same")(x)
    for _ in range(4):
        x = layers.Conv2D(64, 1)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    return keras.Model(inputs, layers.Dense(12)(layers.Flatten()(x)))


def test_macs_of_the_networks_that_others_measured():
    assert cost(detector()).macs == DETECTOR_MACS
    assert cost(ds_cnn()).macs == DS_CNN_MACS


def test_apollo3_is_the_seeds():
    runtime_ms, energy_mj = modelled(of_macs(230_000), BY_NAME["Apollo3"])  # 0.46 MFLOP
    assert runtime_ms == pytest.approx(1000) and energy_mj == pytest.approx(0.95, abs=0.01)


def test_devices_give_back_the_measurements_they_come_from():
    assert modelled(of_macs(DETECTOR_MACS), BY_NAME["Raspberry Pi 3"])[0] == pytest.approx(182)
    runtime_ms, energy_mj = modelled(of_macs(DS_CNN_MACS), BY_NAME["STM32L4R5"])
    assert runtime_ms == pytest.approx(43.4) and energy_mj == pytest.approx(1.431, rel=0.01)
    # the other network of the same submission, ResNet-8 of 12.5 MMAC: 165.7 ms, 5496 µJ, measured
    runtime_ms, energy_mj = modelled(of_macs(12_501_632), BY_NAME["STM32L4R5"])
    assert runtime_ms == pytest.approx(165.7, rel=0.25) and energy_mj == pytest.approx(5.496, rel=0.25)


def test_every_device_has_a_derivation_and_a_reference():
    table = devices_table()
    assert table.device.tolist() == [device.name for device in DEVICES]
    assert (table[["derivation", "reference"]] != "").all(axis=None)


def test_modelled_runtime_is_in_proportion_to_macs():
    table = modelled_table({"a": of_macs(1000), "b": of_macs(2000)})
    assert len(table) == 2 * len(DEVICES)
    npu = table[table.device.str.contains("Ethos")]
    assert npu.energy_mj.isna().all() and (npu.runtime_ms > 0).all()
    assert (
        table[table.source == "b"].runtime_ms.to_numpy() / table[table.source == "a"].runtime_ms == 2
    ).all()


def test_modelled_energy_by_hand():
    table = modelled_energy(of_macs(1_000_000, moved=4000)).set_index(["format", "memory"])
    assert table.loc[("int8", "8 kB SRAM"), "modelled_compute_uj"] == pytest.approx(0.23)
    assert table.loc[("int8", "8 kB SRAM"), "modelled_memory_uj"] == pytest.approx(1000 * 5e-6)
    assert table.loc[("float32", "DRAM"), "modelled_compute_uj"] == pytest.approx(4.6)
    assert table.loc[("float32", "DRAM"), "modelled_total_uj"] == pytest.approx(4.6 + 4000 * 640e-6)
    assert table["modelled_by"].str.contains("Horowitz").all()


def powercap(folder, energy, name="package-0", top=1_000_000):
    package = folder / "intel-rapl:0"
    package.mkdir()
    for file, text in (("energy_uj", energy), ("name", name), ("max_energy_range_uj", top)):
        (package / file).write_text(f"{text}\n")
    return package / "energy_uj"


def test_no_meter_says_so_and_measures_nothing(tmp_path):
    found = meter(tmp_path / "powercap")
    assert not found and "no RAPL counter" in found.note
    with pytest.raises(BadParameter, match="Energy cannot be measured here: no RAPL counter"):
        found.measured_mj(lambda: None, 1)


def test_a_counter_for_root_only_says_so(tmp_path):
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir(parents=True)  # reading it is an OSError for root, too
    assert not meter(tmp_path) and "root only" in meter(tmp_path).note


def test_meter_reads_the_counter_and_its_overflow(tmp_path):
    counter = powercap(tmp_path, 990_000)
    found = meter(tmp_path)
    assert found == Meter(counter, "package-0")

    def work():
        counter.write_text(str((found.read_uj() + 5000) % 1_000_000))

    assert found.measured_mj(work, 4) == pytest.approx(5.0)
    assert math.isclose(found.measured_mj(work, 2), 5.0)


def test_an_inference_is_measured_over_many(tmp_path):
    counter = powercap(tmp_path, 0, top=10_000_000)

    class FiftyMicrojoules:
        def times(self, x, repeats):
            counter.write_text(str(int(counter.read_text()) + 50 * repeats))
            self.repeats = repeats
            return np.full(repeats, 1_000_000)

    model = FiftyMicrojoules()
    assert meter(tmp_path).inference_mj(model, None) == pytest.approx(0.05) and model.repeats == 1000
