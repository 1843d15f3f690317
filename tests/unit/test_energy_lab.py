"""The power notebook's tables and numbers, on log files written here for two devices of known energy."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from emolib.evaluation.energy.sampler import Sensor
from matplotlib.backends.backend_agg import FigureCanvasAgg

from emolib.core import summary
from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadArtifact, BadParameter, BadRecording
from emolib.device import markers
from emolib.evaluation.energy import csv_log
from emolib.evaluation.energy.generated import Bench
from emolib.report import plots
from emolib.studies.power import logs as lab
from emolib.studies.power import report

WORK = "synthetic-face-emotion-loso"
NPU = Bench(what=WORK, net_w=2.0, n_blocks=8, drift=0)
GPU = replace(NPU, net_w=2.0 * 3.12, offset_s=-80.0, idle_w=60.0)


def written(folder, name, bench, seed=0):
    trace, marked = bench.run(seed)
    csv_log.write(trace, folder / f"{name}.csv")
    markers.write(folder / f"{name}-markers.csv", marked)
    return {
        "device": name,
        "log": str(folder / f"{name}.csv"),
        "markers": str(folder / f"{name}-markers.csv"),
        "max_drift": 1e-3,
    }


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    return [written(folder, "GPU", GPU), written(folder, "My NPU", NPU, seed=1)]


@pytest.fixture(scope="module")
def logs(entries):
    return lab.all_opened(entries)


def test_energy_and_ratio_of_two_devices(logs):
    table = report.energies(logs).set_index("device")
    for name, bench in (("GPU", GPU), ("My NPU", NPU)):
        row = table.loc[name]
        assert row.energy_mj_low <= bench.energy_mj <= row.energy_mj_high
        assert row.energy_mj == pytest.approx(bench.energy_mj, rel=0.005)
        assert row.net_w == pytest.approx(bench.net_w, rel=0.005) and row.idle_w == pytest.approx(
            bench.idle_w, rel=3e-3
        )
        assert row.peak_energy_mj > row.energy_mj_high and (row.blocks, row.n) == (8, 1600)
    (found,) = report.ratios(logs).to_dict("records")
    assert (found["first"], found["second"], found["work"]) == ("GPU", "My NPU", WORK)
    assert found["energy_ratio_low"] < 3.12 < found["energy_ratio_high"]
    assert found["net_ratio"] == pytest.approx(3.12, rel=0.01)


def test_clocks_tell_what_was_found(entries, logs):
    table = report.clocks(logs).set_index("device")
    assert table["first_mark_s"].tolist() == pytest.approx([20.0, 20.0], abs=0.12)  # the generator's rest
    assert table["sha256"].tolist() == [sha256(entry["log"])[:12] for entry in entries]
    assert (table["correlation"] > 0.9).all() and table["drift_ppm"].abs().max() < 100
    assert table.loc["GPU", "log"] == "GPU.csv" and table.loc["GPU", "gaps"] == 0


def test_numbers_are_named_after_sources(logs):
    found, others = report.numbers(report.energies(logs), report.ratios(logs), "power-measured")
    prefix = "synthetic/emotion/loso/face_measured"
    assert set(found) == {
        f"{prefix}/{metric}"
        for metric in (
            *(f"{d}_{m}" for d in ("gpu", "my_npu") for m in ("energy_mj", "peak_energy_mj", "net_w")),
            "gpu_over_my_npu_energy",
        )
    }
    entry = found[f"{prefix}/my_npu_energy_mj"]
    assert entry["unit"] == "mJ" and entry["n"] == 8 and entry["low"] < NPU.energy_mj < entry["high"]
    assert found[f"{prefix}/gpu_over_my_npu_energy"]["artifact"] == "tables/power-measured-ratios.csv"
    assert not others and summary.merge([found])
    json.dumps(found, allow_nan=False)


def test_work_of_another_name_is_told_and_not_numbered(logs):
    table = report.energies(logs).assign(work=["camera", "no-such-corpus-loso"])
    found, others = report.numbers(table, report.ratios([]), "x")
    assert found == {} and others == ["camera", "no-such-corpus-loso"]


def test_no_log_gives_tables_without_rows():
    for table in (report.energies([]), report.ratios([])):
        assert len(table) == 0 and "energy_mj_low" in table or "energy_ratio_low" in table
    assert report.cautions([]) == []


def test_a_generated_log_is_recovered():
    bench = Bench(n_blocks=6)
    table = report.recovered(lab.generated(bench), bench)
    mean, peak = table.to_dict("records")
    assert mean["true_mj"] == 48 and mean["found_mj_low"] < 48 < mean["found_mj_high"]
    assert abs(mean["error_percent"]) < 1 < peak["error_percent"]  # a peak is the noise's too


def test_a_coarse_digit_is_a_caution():
    fine, coarse = (lab.generated(Bench(quantum_w=q, n_blocks=4, noise_w=0.2)) for q in (0.01, 0.5))
    assert report.cautions([fine]) == []
    (caution,) = report.cautions([coarse])
    assert "last digit, 0.5 W, is 4" in caution and "half a digit" in caution


def test_a_ppk2_brings_its_own_markers(tmp_path):
    at = np.arange(0, 4000, 0.1)
    busy = (at % 1000 >= 300) & (at % 1000 < 700)  # 0.4 s of a second
    rows = [
        f"{t:.1f},{5000 + 20000 * b:.3f},{'1' if b else '0'}0000000\n" for t, b in zip(at, busy, strict=True)
    ]
    (tmp_path / "p.csv").write_text("Timestamp(ms),Current(uA),D0-D7\n" + "".join(rows))
    entry = {"device": "mcu", "log": str(tmp_path / "p.csv"), "reader": "ppk2", "channels": {"0": WORK}}
    (log,) = lab.all_opened([{**entry, "options": {"voltage_v": 3.3}}])
    (row,) = report.energies([log]).to_dict("records")
    assert row["energy_mj"] == pytest.approx(1e3 * 3.3 * 0.020 * 0.4, rel=1e-3)
    assert row["blocks"] == row["n"] == 4


def test_a_sensor_is_recorded_while_models_run():
    state = {"busy_s": 0.0}

    def work():
        start = markers.now_s()
        while markers.now_s() < start + 0.01:
            pass
        state["busy_s"] = markers.now_s()

    def read():  # 3 W within 50 ms of work, else 1 W
        return 3.0 if markers.now_s() - state["busy_s"] < 0.05 else 1.0

    log = lab.live(Sensor("fake", read), {"a": work, "b": work}, n_blocks=2, block_s=0.4, pause_s=0.4)
    table = report.energies([log]).set_index("work")
    assert list(table.index) == ["a", "b"] and (table["blocks"] == 2).all()
    assert table["net_w"].between(0.8, 2.8).all()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"device": ""}, "an entry has no device"),
        ({"markers": None}, "has markers and channels or neither"),
        ({"channels": {0: "x"}}, "has markers and channels or neither"),
        ({"marker": "x"}, "marker does not exist in an entry of logs: did you mean markers"),
        ({"reader": "xls"}, "expected one of csv, ppk2, nvidia-smi"),
    ],
)
def test_a_wrong_entry_is_refused(entries, change, message):
    with pytest.raises(BadParameter, match=message):
        lab.opened({**entries[0], **change})


def test_logs_of_another_run_or_twice_are_refused(entries):
    with pytest.raises(BadRecording, match="GPU.csv"):
        lab.opened({**entries[0], "search_s": [0, 10]})
    with pytest.raises(BadParameter, match=f"{WORK} on GPU is in two logs: name the devices apart"):
        lab.all_opened([entries[0], entries[0]])
    assert lab.opened({**entries[0], "offset_s": 1_699_999_920.0}).alignment.offset_s == 1_699_999_920.0


def test_modelled_energy_is_the_cost_notebooks(tmp_path):
    run = Run(tmp_path, "05b_power", {})
    with pytest.raises(BadArtifact, match=r"cost-energy.csv is missing"):
        report.modelled(run)
    run.write_table("cost-energy", pd.DataFrame({"source": [WORK], "modelled_total_uj": [1.5]}))
    assert report.modelled(run)["modelled_total_uj"].tolist() == [1.5]


def test_the_figure_shows_marks_and_levels(logs):
    figure = plots.power(logs[0])
    figure.draw(FigureCanvasAgg(figure).get_renderer())
    before, after = figure.axes
    levels = [line.get_ydata()[0] for line in after.lines if len(line.get_ydata()) == 2]
    assert len(levels) == 16 and max(levels) == pytest.approx(GPU.idle_w + GPU.net_w, abs=0.1)
    assert min(levels) == pytest.approx(GPU.idle_w, abs=0.1)
    assert len(before.patches) == len(logs[0].markers)
