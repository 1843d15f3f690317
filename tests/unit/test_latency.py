"""Latency of single models, and the machine that it was measured on."""

import platform

import numpy as np
import pytest

from emolib.device import latency
from emolib.device.interpreter import present
from emolib.device.latency import measure, measure_models, timed
from emolib.device.machine import blas_threads, clock, machine, processor, resident_mb, versions


class Clockwork:
    """A model whose runs take 1, 2, 3 … µs by its own account."""

    def __init__(self):
        self.runs = 0

    def times(self, x, repeats):
        taken = np.arange(self.runs + 1, self.runs + repeats + 1) * 1000
        self.runs += repeats
        return taken


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network of 8 × 8 pictures as float32 and int8."""
    import keras

    from emolib.quantization.ptq import convert

    inputs, folder = keras.Input((8, 8, 1)), tmp_path_factory.mktemp("models")
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    X = np.random.default_rng(0).standard_normal((8, 8, 8, 1)).astype(np.float32)
    for variant in ("float32", "int8"):
        (folder / f"{variant}.tflite").write_bytes(convert(network, variant, X))
    return folder


def test_the_warm_up_is_left_out():
    assert timed(Clockwork(), np.zeros(3), warmup=100, repeats=101, budget_s=9).tolist() == [
        1000 * k for k in range(101, 202)
    ]


def test_a_budget_ends_it_early():
    assert len(timed(Clockwork(), np.zeros(3), warmup=0, repeats=10_000, budget_s=0)) == 10
    assert len(timed(Clockwork(), np.zeros(3), warmup=0, repeats=3, budget_s=0)) == 3


def test_percentiles_are_numpys(files, monkeypatch):
    monkeypatch.setattr(latency, "timed", lambda *_: np.arange(101, 202) * 1000)
    found = measure(files / "float32.tflite")
    assert (found.p50_us, found.p95_us, found.p99_us, found.mean_us, found.n) == (151, 196, 200, 151, 101)


def test_a_real_model_is_timed(files):
    found = measure(files / "float32.tflite", warmup=5, repeats=50)
    assert found.n == 50 and 0 < found.p50_us <= found.p95_us <= found.p99_us < 1e5
    assert found.cold_start_ms > found.p50_us / 1e3 and (found.backend, found.threads) == ("litert", 1)


def test_each_backend_and_number_of_threads_has_a_row(files):
    backends = [name for name in present() if name != "tensorflow"]
    rows, refused = measure_models({"a": files / "int8.tflite"}, backends, [1, 2], 10, 0.1)
    found = [(row["backend"], row["threads"]) for row in rows]
    expected = [(name, n) for name in backends for n in ((1,) if name == "tflite_micro" else (1, 2))]
    assert found == expected and refused == []
    assert {row["bytes"] for row in rows} == {(files / "int8.tflite").stat().st_size}


def test_a_model_that_does_not_open_has_a_reason_without_a_folder(files, tmp_path):
    whole = (files / "float32.tflite").read_bytes()
    (tmp_path / "half.tflite").write_bytes(whole[: len(whole) // 2])
    known = {"half": tmp_path / "half.tflite", "whole": files / "float32.tflite"}
    rows, [refused] = measure_models(known, ["litert"], [1], 10, 0.1)
    assert [row["model"] for row in rows] == ["whole"]
    assert (refused["model"], refused["backend"]) == ("half", "litert")
    assert refused["reason"].startswith("half.tflite does not open on litert")
    assert str(tmp_path) not in refused["reason"]


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


def test_clock_as_cpufreq_says_it(tmp_path):
    assert clock(tmp_path) == {"governor": None, "mhz": None}
    khz = {"scaling_min_freq": 600_000, "scaling_cur_freq": 1_500_000, "scaling_max_freq": 1_800_000}
    for name, value in khz.items():
        (tmp_path / name).write_text(f"{value}\n")
    (tmp_path / "scaling_governor").write_text("ondemand\n")
    assert clock(tmp_path) == {"governor": "ondemand", "mhz": [600, 1500, 1800]}


def test_resident_memory_grows_with_what_is_held(tmp_path):
    if (before := resident_mb()) is None:
        pytest.skip("no /proc on this system")
    held = np.ones(40_000_000)  # what an earlier test freed may be used again
    assert 0.8 < (resident_mb() - before) / (held.nbytes / 1e6) < 1.1
    assert resident_mb(tmp_path / "absent") is None


def test_versions_are_of_what_is_installed():
    assert versions(("numpy", "no-such-package")) == {"numpy": np.__version__}


def test_threads_of_numpy_are_those_of_the_environment(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert blas_threads() is None
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert blas_threads() == "1"  # OpenBLAS asks for its own first
