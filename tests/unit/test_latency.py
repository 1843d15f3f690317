import platform

import numpy as np
import pytest

from emolib import latency
from emolib.latency import machine, measure, processor


class Clockwork:
    """A model whose runs take 1, 2, 3 … µs by its own account."""

    source, backend, threads = b"", "litert", 1

    def __init__(self):
        self.runs = 0

    def times(self, x, repeats):
        taken = np.arange(self.runs + 1, self.runs + repeats + 1) * 1000
        self.runs += repeats
        return taken


@pytest.fixture
def no_cold_start(monkeypatch):
    monkeypatch.setattr(latency, "cold_start_ms", lambda model, x: 5.0)


def test_percentiles_leave_the_warm_up_out(no_cold_start):
    found = measure(Clockwork(), np.zeros(3), warmup=100, repeats=101)
    assert (found.n, found.mean_us, found.p50_us) == (101, 151, 151)
    assert found.p95_us == pytest.approx(196) and found.p99_us == pytest.approx(200)
    assert (found.backend, found.threads, found.cold_start_ms) == ("litert", 1, 5.0)


def test_budget_ends_it_early(no_cold_start):
    assert measure(Clockwork(), np.zeros(3), warmup=0, repeats=10_000, budget_s=0).n == 10
    assert measure(Clockwork(), np.zeros(3), warmup=0, repeats=3, budget_s=0).n == 3


def test_a_real_model_is_timed():
    import keras

    from emolib.compression.ptq import convert
    from emolib.runtime.interpreter import Model

    inputs = keras.Input((8, 8, 1))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    with Model(convert(network, "float32")) as model:
        found = measure(model, np.ones((8, 8, 1)), warmup=5, repeats=50)
    assert found.n == 50 and 0 < found.p50_us <= found.p95_us <= found.p99_us < 1e5
    assert found.cold_start_ms > 0 and found.machine == machine()


def test_machine_names_no_host():
    assert platform.machine() in machine() and "core" in machine() and "\n" not in machine()
    assert not platform.node() or platform.node() not in machine()


def test_processor_of_a_pc_and_of_a_raspberry_pi(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel name\t: AMD EPYC\nmodel\t\t: 1\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n"
    )
    assert processor(path) == "AMD EPYC"
    path.write_text(
        "processor\t: 0\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2711\nModel\t\t: Raspberry Pi 4 Model B\n"
    )
    assert processor(path) == "Raspberry Pi 4 Model B"
    assert processor(tmp_path / "absent") == ""
