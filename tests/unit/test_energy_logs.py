"""Logs of meters in the formats that their programs write, made here; times and watts worked out by hand."""

import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadRecording
from emolib.evaluation.energy import readers

ISO = "at;P;U;I;gpu\n" + "".join(
    f"2024-03-05T11:00:0{t}+01:00;{p};5;{p / 5};0\n".replace(".", ",") for t, p in enumerate((2.5, 3.75))
)


@pytest.fixture
def log(tmp_path):
    def written(text):
        (tmp_path / "log.csv").write_bytes(text.encode() if isinstance(text, str) else text)
        return tmp_path / "log.csv"

    return written


@pytest.mark.parametrize("text, options, start_s", [
    ("\ufeffTime (ms),mW\n0,2500\n1000,3750\n", {"time": "Time (ms)", "power": "mW", "scale": 1e-3, "time_scale": 1e-3}, 0),
    (ISO, {"time": "at", "power": "P", "sep": ";", "decimal": ","}, 1709632800),
    (ISO, {"time": "at", "current": "I", "voltage": "U", "sep": ";", "decimal": ","}, 1709632800),
    ("USB meter 4.6\nt,A\n0,0.5\n1,0.75\n", {"time": "t", "current": "A", "voltage_v": 5, "skiprows": 1}, 0),
    (
        "t,W\n03/05/2024 10:00:00 AM,2.5\n03/05/2024 10:00:01 AM,3.75\n",
        {"time": "t", "power": "W", "time_format": "%m/%d/%Y %I:%M:%S %p"},
        1709632800,
    ),
])  # fmt: skip
def test_named_columns_give_the_same_trace(text, options, start_s, log):
    found = readers.read_csv(log(text), **options)
    np.testing.assert_allclose(found.time_s - start_s, [0, 1], atol=1e-6)
    np.testing.assert_allclose(found.power_w, [2.5, 3.75])
    assert not found.dropped


def test_what_is_left_out_is_counted(log):
    text = "time_s,gpu,power_w\n0,a,1\n0,b,9\n1,a,\n1,b,9\n2,a,2\n2,a,4\n3,a,[N/A]\n4,a,3\n5,a"
    found = readers.read_csv(log(text), keep={"gpu": "a"})
    assert found.time_s.tolist() == [0, 2, 4] and found.power_w.tolist() == [1, 3, 3]
    assert found.dropped == {"other gpu": 2, "no value": 3, "same time stamp, averaged": 1}


@pytest.mark.parametrize("text, options, message", [
    ("time_s,power_w\n0,1\n1,x1\n2,3\n", {}, "record 2 has 'x1' in power_w, expected a number"),
    ("time_s,power_w\n0,1\n2,1\n1,3\n", {}, "time goes from 2.000000 to 1.000000"),
    ("time_s,A\n0,1\n1,1\n", {"current": "A"}, "A and no voltage"),
    ("hello\nworld\n", {}, "'power_w'"),
])  # fmt: skip
def test_a_bad_csv_names_its_file(text, options, message, log):
    with pytest.raises(BadRecording, match=rf"log\.csv.*{message}"):
        readers.read_csv(log(text), **options)


def test_nvidia_smi_of_one_gpu_of_several(log):
    path = log(
        "timestamp, index, power.draw [W]\n2024/01/31 12:00:00.100, 0, 70.10\n2024/01/31 12:00:00.101, 1, 80.00\n"
        "2024/01/31 12:00:00.200, 0, 72.10\n2024/01/31 12:00:00.201, 1, [N/A]\n2024/01/31 12:00:00.300, 1, 82.00\n"
    )
    assert readers.read("nvidia-smi", path).step_s == pytest.approx(0.1, abs=1e-5)
    second = readers.read("nvidia-smi", path, gpu=1)
    assert second.power_w.tolist() == [80, 82] and second.dropped == {"other index": 2, "no value": 1}


PPK2 = "Timestamp(ms),Current(uA),D0-D7\n" + "".join(
    f"{0.01 * k:.2f},{1000 if k < 200 else 3000}.000,{'01' if 200 <= k < 300 else '00'}000000\n" for k in range(400)
)
SEPARATE = "Timestamp(ms),Current(uA),D0,D1\n" + "".join(
    f"{0.01 * k:.2f},1.000,0,{'1X'[k % 2] if 200 <= k < 300 else '0'}\n" for k in range(400)
)


@pytest.mark.parametrize("chunk", [33, 1_000_000])
def test_ppk2_is_averaged_and_its_digital_inputs_are_markers(chunk, log, monkeypatch):
    monkeypatch.setattr(readers, "CHUNK", chunk)
    found = readers.read("ppk2", log(PPK2), voltage_v=3.0)
    np.testing.assert_allclose(found.power_w, [0.003, 0.003, 0.009, 0.009])
    np.testing.assert_allclose(found.time_s, [0.000495, 0.001495, 0.002495, 0.003495])
    for export in (PPK2, SEPARATE):
        (marker,) = readers.ppk2_markers(log(export), {1: "face"})
        assert (marker.n, marker.what) == (1, "face")
        assert (marker.start_s, marker.end_s) == pytest.approx((0.002, 0.003), abs=1e-9)


def test_what_is_asked_of_a_reader_is_checked(log):
    path = log(PPK2)
    with pytest.raises(BadParameter, match="voltage_v is nan"):
        readers.read("ppk2", path)
    with pytest.raises(BadRecording, match=r"log\.csv: time does not go on after"):
        readers.read("ppk2", log(PPK2.replace("0.05,", "0.01,")), voltage_v=3.0)
