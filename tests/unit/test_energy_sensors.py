"""Live meters on the files and texts that their drivers give, the thread that samples them, and the counter of a processor."""

import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from emolib.__main__ import main
from emolib.core.errors import BadRecording
from emolib.device.machine import Meter, meter
from emolib.device.markers import now_s
from emolib.evaluation.energy import readers, sensors
from emolib.evaluation.energy.sensors import Sampler, Sensor, trace_of

PI5 = """ 3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.75000000V
     EXT5V_V volt(24)=5.15000000V
"""


def chip(folder, name, **files):
    folder.mkdir(parents=True)
    for file, text in {"name": name, **files}.items():
        (folder / file).write_text(f"{text}\n")


def test_hwmon_takes_power_or_volt_times_ampere(tmp_path):
    chip(tmp_path / "hwmon0", "ina219", in0_input=3, in1_input=5000, curr1_input=400, power1_input=2100000)
    chip(tmp_path / "hwmon1", "ina3221", in1_input=5000, curr1_input=400, in1_label="VDD_IN", in2_input=100)
    chip(tmp_path / "hwmon2", "cpu_thermal", temp1_input=40000)
    found, reason = sensors.hwmon(tmp_path)
    assert {s.name: s.read() for s in found} == {"ina219 power1": 2.1, "ina3221 VDD_IN": 2.0} and not reason
    assert sensors.hwmon(tmp_path / "none") == ([], f"no power sensor in {tmp_path / 'none'}")


def test_a_pi_5_is_asked_by_its_own_command(monkeypatch):
    assert sensors.pi5()[0] == [] and "no Raspberry Pi 5: " in sensors.pi5()[1]
    answers = [PI5, PI5, "error=1"]  # a Pi 4 has the command, not the rails
    ran = SimpleNamespace
    monkeypatch.setattr(sensors.subprocess, "run", lambda *a, **k: ran(stdout=answers.pop(0)))
    (found,), _ = sensors.pi5()
    assert found.read() == pytest.approx(0.1 * 3.7 + 2 * 0.75)
    assert sensors.pi5()[0] == []


def test_nvml_where_it_is_and_where_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert sensors.nvml()[0] == [] and "pynvml is not installed" in sensors.nvml()[1]
    gpus = SimpleNamespace(
        NVMLError=OSError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda k: k,
        nvmlDeviceGetPowerUsage=lambda handle: 70_000 + 1000 * handle,  # mW
    )
    monkeypatch.setitem(sys.modules, "pynvml", gpus)
    assert [s.read() for s in sensors.nvml()[0]] == [70.0, 71.0]


def test_a_counter_becomes_power_over_its_wrap_and_its_stillness():
    counter = Sensor("c", lambda: 0.0, wrap_j=10.0)
    found = trace_of(counter, np.array([0, 1, 1.5, 2, 4.0]), np.array([8, 9.5, 9.5, 1.5, 5.5]))
    np.testing.assert_allclose(found.time_s, [0.5, 1.5, 3.0])
    np.testing.assert_allclose(found.power_w, [1.5, 2.0, 2.0])
    assert found.dropped == {"counter did not move": 1}


def test_the_sampler_records_while_work_runs():
    start_s, readings = now_s(), iter(range(10**6))

    def read():
        if next(readings) == 2:
            raise OSError("once")
        return now_s() - start_s  # W that tell the time

    with Sampler(Sensor("ramp", read), rate_hz=100) as sampler:
        time.sleep(0.3)
    found = sampler.trace()
    np.testing.assert_allclose(found.power_w, found.time_s - start_s, atol=0.02)
    assert 5 < len(found.time_s) <= 31 and found.dropped == {"failed: OSError": 1}
    with Sampler(Sensor("dead", lambda: 1 / 0), rate_hz=1000) as sampler:
        time.sleep(0.02)
    with pytest.raises(BadRecording, match=r"dead: 0 readings, \d+ failed"):
        sampler.trace()


def test_a_sensor_is_recorded_as_a_log(tmp_path, monkeypatch, capsys):
    two = [Sensor("rapl", lambda: 1.0), Sensor("ina219 power1", lambda: 2.5)]
    monkeypatch.setattr(sensors, "found", lambda: (two, []))
    path = tmp_path / "log.csv"
    assert main(["meter", str(path), "--sensor", "ina219 power1", "--rate", "100", "--seconds", "0.1"]) == 0
    assert "readings of ina219 power1" in capsys.readouterr().out
    assert set(readers.read("csv", path).power_w) == {2.5}
    monkeypatch.setattr(sensors, "found", lambda: ([], ["no rail", "no GPU"]))
    assert main(["meter", str(path)]) == 1 and "none: no rail; no GPU" in capsys.readouterr().err


def test_meter_reads_the_counter_and_its_overflow_or_says_why_it_cannot(tmp_path):
    assert not meter(tmp_path) and "no RAPL counter" in meter(tmp_path).note
    (tmp_path / "root" / "intel-rapl:0" / "energy_uj").mkdir(parents=True)  # reading it is an OSError for root, too
    assert not meter(tmp_path / "root") and "root only" in meter(tmp_path / "root").note
    chip(tmp_path / "intel-rapl:0", "package-0", energy_uj=990_000, max_energy_range_uj=1_000_000)
    counter = tmp_path / "intel-rapl:0" / "energy_uj"
    found = meter(tmp_path)
    assert found == Meter(counter, "package-0")
    (sensor,), _ = sensors.rapl(tmp_path)
    assert (sensor.name, sensor.read(), sensor.wrap_j) == ("RAPL package-0", 0.99, 1)

    def times(x, n):
        """Runs of 100 ms and 5 mJ each."""
        counter.write_text(str((found.read_uj() + 5000 * n) % 1_000_000))
        return np.full(n, 1e8)

    counter.write_text("890000")  # it wraps in the second run
    assert found.inference_mj(SimpleNamespace(times=times), None) == pytest.approx(5.0)
