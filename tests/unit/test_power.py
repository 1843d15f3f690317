"""The power notebook's tables and rows, on log files written here for two devices of known energy."""

import time
from dataclasses import replace

import pytest

from emolib.core.errors import BadParameter, BadRecording
from emolib.device import markers
from emolib.evaluation.energy.generated import Bench
from emolib.evaluation.energy.readers import write_csv
from emolib.evaluation.energy.sensors import Sensor
from emolib.studies import power

WORK, METRICS = "synthetic-face-emotion-loso", ("energy", "peak_energy", "net_power")
NPU = Bench(what=WORK, net_w=2.0, n_blocks=8, drift=0)
GPU = replace(NPU, net_w=2.0 * 3.12, offset_s=-80.0, idle_w=60.0)


def written(folder, name, bench, seed=0):
    trace, marked = bench.run(seed)
    write_csv(trace, folder / f"{name}.csv")
    markers.write(folder / f"{name}-markers.csv", marked)
    files = {"log": str(folder / f"{name}.csv"), "markers": str(folder / f"{name}-markers.csv")}
    return {"device": name, "max_drift": 1e-3, **files}


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    return [written(folder, "GPU", GPU), written(folder, "My NPU", NPU, seed=1)]


def test_energy_ratio_and_rows_of_two_devices(entries):
    logs = power.opened(entries)
    table = power.energies(logs).set_index("device")
    clocks = power.clocks(logs).set_index("device")
    assert clocks["first_mark_s"].tolist() == pytest.approx([20.0, 20.0], abs=0.12)  # the generator's rest
    assert (clocks["correlation"] > 0.9).all() and clocks["drift_ppm"].abs().max() < 100
    for name, bench in (("GPU", GPU), ("My NPU", NPU)):
        row = table.loc[name]
        assert row.energy_mj_low <= bench.energy_mj <= row.energy_mj_high
        assert row.energy_mj == pytest.approx(bench.energy_mj, rel=0.005)
        assert row.net_w == pytest.approx(bench.net_w, rel=0.005)
        assert row.idle_w == pytest.approx(bench.idle_w, rel=3e-3)
        assert row.peak_energy_mj > row.energy_mj_high and (row.blocks, row.n) == (8, 1600)
    (found,) = power.ratios(logs).to_dict("records")
    assert (found["first"], found["second"], found["work"]) == ("GPU", "My NPU", WORK)
    assert found["energy_ratio_low"] < 3.12 < found["energy_ratio_high"]
    assert found["net_ratio"] == pytest.approx(3.12, rel=0.01)
    measured = power.energies(logs)  # rows are of work that is named after a source
    rows = power.concluded(measured, "tables/power-measured.csv")
    rows += power.concluded(power.ratios(logs), "tables/power-measured-ratios.csv")
    found = {(row["metric"], row["device"]): row for row in rows}
    expected = {(metric, device) for metric in METRICS for device in ("GPU", "My NPU")}
    assert set(found) == expected | {("times_the_energy", "GPU / My NPU")}
    npu = found["energy", "My NPU"]
    assert (npu["modality"], npu["unit"], npu["n"], npu["how"]) == ("face", "mJ", 8, "measured")
    assert npu["low"] < NPU.energy_mj < npu["high"]
    assert power.concluded(measured.assign(work=["camera", "no-such-corpus-loso"]), "x") == []
    assert power.concluded(power.energies([]), "x") == power.concluded(power.ratios([]), "x") == []


def test_a_sensor_is_recorded_while_models_run():
    busy_s = [0.0]

    def work():
        time.sleep(0.01)
        busy_s[0] = markers.now_s()

    def read():  # 3 W within 50 ms of work, else 1 W
        return 3.0 if markers.now_s() - busy_s[0] < 0.05 else 1.0

    log = power.live(Sensor("fake", read), {"a": work, "b": work}, n_blocks=2, block_s=0.4, pause_s=0.4)
    table = power.energies([log]).set_index("work")
    assert list(table.index) == ["a", "b"] and (table["blocks"] == 2).all()
    assert table["net_w"].between(0.8, 2.8).all()


def test_logs_of_another_run_or_twice_are_refused(entries):
    with pytest.raises(BadRecording, match="GPU.csv"):
        power.opened([{**entries[0], "search_s": [0, 10]}])
    with pytest.raises(BadParameter, match=f"{WORK} on GPU is in two logs: name the devices apart"):
        power.opened([entries[0], entries[0]])
    (log,) = power.opened([{**entries[0], "offset_s": 1_699_999_920.0}])
    assert log.alignment.offset_s == 1_699_999_920.0
