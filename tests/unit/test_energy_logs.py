"""Logs of meters in the formats that their programs write, made here; times and watts worked out by hand."""

import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadRecording
from emolib.evaluation.energy import csv_log, readers
from emolib.evaluation.energy.trace import Trace

WATTS = [2.5, 2.5, 3.75, 3.75, 2.5]
SECONDS = [0.0, 0.5, 1.0, 1.5, 2.0]
LOGS = {
    "seconds and W": "time_s,power_w\n0,2.5\n0.5,2.5\n1,3.75\n1.5,3.75\n2,2.5\n",
    "ms and mW": "Time (ms);Power (mW)\n0;2500\n500;2500\n1000;3750\n1500;3750\n2000;2500\n",
    "decimal comma": "Zeitstempel time [s];Leistung [W]\n0;2,5\n0,5;2,5\n1,0;3,75\n1,5;3,75\n2,0;2,5\n",
    "quoted decimal comma": 't (s),P (W)\n"0,0","2,5"\n"0,5","2,5"\n"1,0","3,75"\n"1,5","3,75"\n"2,0","2,5"\n',
    "V and A, comments, preface": (
        "USB meter 4.6\nserial;1234\n\n# Elapsed s\tVoltage(V)\tCurrent(A)\n"
        "0\t5\t0.5\n0.5\t5\t0.5\n# a note\n1\t5\t0.75\n1.5\t5\t0.75\n2\t5\t0.5\n"
    ),
    "mV and mA": "timestamp,U/mV,I/mA\n0,5000,500\n0.5,5000,500\n1,5000,750\n1.5,5000,750\n2,5000,500\n",
    "several in W, one of them power": (
        "UTC,Voltage (V),Active Power (W),Apparent Power (VA),Peak power (W),Elapsed Time (µs)\n"
        "2024-03-05T10:00:00.0Z,230,2.5,3,9,0\n2024-03-05T10:00:00.5Z,230,2.5,3,9,500000\n"
        "2024-03-05T10:00:01.0Z,230,3.75,3,9,1\n2024-03-05T10:00:01.5Z,230,3.75,3,9,1\n"
        "2024-03-05T10:00:02.0Z,230,2.5,3,9,1\n"
    ),
    "clock over midnight": (
        "Clock,Watts\n23:59:59.0,2.5\n23:59:59.5,2.5\n00:00:00.0,3.75\n00:00:00.5,3.75\n00:00:01,2.5\n"
    ),
    "date and time apart": (
        "Date;Time;P (kW)\n05.03.2024;10:00:00.000000;0,0025\n05.03.2024;10:00:00.500000;0,0025\n"
        "05.03.2024;10:00:01.000000;0,00375\n05.03.2024;10:00:01.500000;0,00375\n05.03.2024;10:00:02.000000;0,0025\n"
    ),
    "ms since 1970": "".join(
        [
            "timestamp,power\n",
            *(f"{1_700_000_000_000 + 1000 * t:.0f},{w}\n" for t, w in zip(SECONDS, WATTS, strict=True)),
        ]
    ),
}


@pytest.fixture
def log(tmp_path):
    def written(text, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return written


@pytest.mark.parametrize("name", LOGS)
def test_every_form_gives_the_same_trace(name, log):
    found = csv_log.read(log(LOGS[name]))
    np.testing.assert_allclose(found.time_s - found.time_s[0], SECONDS, atol=1e-6)
    np.testing.assert_allclose(found.power_w, WATTS)
    assert not found.dropped


@pytest.mark.parametrize(
    "text, options, times, watts",
    [
        ("time,W\n2024-03-05 11:00:00+01:00,1\n2024-03-05 11:00:01+01:00,1\n", {}, [0, 1], [1, 1]),
        (
            "time,W\n03/05/2024 10:00:00 AM,1\n03/05/2024 10:00:01 AM,1\n",
            {"time_format": "%m/%d/%Y %I:%M:%S %p"},
            [0, 1],
            [1, 1],
        ),
        ("Zeit time;Strom (µA);V\n0;1000;5\n1;2000;5\n".encode("latin-1"), {}, None, [0.005, 0.01]),
        ("\ufefftime_s,power_w\n0,1\n1,2\n", {}, None, [1, 2]),
        (
            "a time,b time,in (W),out (W)\n0,5,1,2\n1,7,1,2\n",
            {"time": "b time", "power": "out (W)"},
            None,
            [2, 2],
        ),
        ("time,A\n0,1\n1,2\n", {"voltage_v": 5}, None, [5, 10]),
    ],
)
def test_zones_formats_encodings_and_named_columns(text, options, times, watts, log):
    found = csv_log.read(log(text), **options)
    assert found.power_w.tolist() == watts
    if times:
        assert (found.time_s - 1709632800.0).tolist() == times


def test_what_is_left_out_is_counted(log):
    text = "t time,gpu,W\n0,a,1\n0,b,9\n1,a,\n1,b,9\n2,a,2 W\n2,a,4 W\nt time,gpu,W\n3,a,[N/A]\n4,a,3\n5,a"
    found = csv_log.read(log(text), keep={"gpu": "a"})
    assert found.time_s.tolist() == [0, 2, 4] and found.power_w.tolist() == [1, 3, 3]
    assert found.dropped == {"other gpu": 3, "no value": 2, "same time stamp, averaged": 1, "cut short": 1}


@pytest.mark.parametrize(
    "text, message",
    [
        ("time,W\n0,1\n1,x1\n2,3\n", "row 3 has 'x1' in W, expected a number"),
        ("time,power (W)\n0,1\n1,900 mW\n2,3\n", "row 3 has '900 mW' in power"),
        ("time,W\n0,1\n1\n2,3\n", "row 3 has 1 cells, expected 2"),
        ("time,W\n0,1\n# note\n2,1\n1,3\n", "goes back by 1.000 s at row 5"),
        ("time,W\n0,1\nnoon,1\n", "row 3 has the time 'noon', expected a number"),
        ("time,W\n10:00:00,1\nnoon,1\n", "row 3 has the time 'noon', expected HH:MM:SS"),
        ("time,W\n05/03/2024 10:00,1\n05/03/2024 10:01,1\n", "row 2 has the time .* give time_format"),
        ("time,W\n0,1\n1,-\n", "1 rows with a value, expected 2"),
        ("time,A\n0,1\n1,1\n", "A and no voltage, expected both: give voltage_v"),
        ("time,in (W),out (W)\n0,1,1\n1,1,1\n", r"in \(W\), out \(W\) are all columns of power: say which"),
        ("hello\nworld\n", "no row with columns of time, and W or V and A; it begins with 'hello'"),
        ("", "no row with columns"),
    ],
)
def test_a_bad_log_names_file_and_row(text, message, log):
    with pytest.raises(BadRecording, match=rf"log\.csv.*{message}"):
        csv_log.read(log(text))


def test_a_written_trace_is_read_again(tmp_path):
    trace = Trace([1.7e9, 1.7e9 + 0.25, 1.7e9 + 0.5], [1.25, 2.5, 3.0625], "here")
    csv_log.write(trace, tmp_path / "t.csv")
    found = readers.read("csv", tmp_path / "t.csv")
    np.testing.assert_allclose(found.time_s, trace.time_s, atol=1e-6)
    np.testing.assert_allclose(found.power_w, trace.power_w)


SMI = (
    "timestamp, index, power.draw [W], power.limit [W]\n"
    "2024/01/31 12:00:00.100, 0, 70.10 W, 700.00 W\n2024/01/31 12:00:00.101, 1, 80.00 W, 700.00 W\n"
    "2024/01/31 12:00:00.200, 0, 72.10 W, 700.00 W\n2024/01/31 12:00:00.201, 1, [N/A], 700.00 W\n"
    "2024/01/31 12:00:00.300, 1, 82.00 W, 700.00 W\n"
)


def test_nvidia_smi_of_one_gpu_of_several(log):
    path = log(SMI)
    found = readers.read("nvidia-smi", path)
    assert found.power_w.tolist() == [70.1, 72.1] and found.step_s == pytest.approx(0.1, abs=1e-5)
    second = readers.read("nvidia-smi", path, gpu=1)
    assert second.power_w.tolist() == [80, 82] and second.dropped == {"other index": 2, "no value": 1}
    alone = log(
        "timestamp, power.draw [W]\n2024/01/31 12:00:00.100, 70 W\n2024/01/31 12:00:00.200, 72 W\n", "one.csv"
    )
    assert readers.read("nvidia-smi", alone).power_w.tolist() == [70, 72]


PPK2 = "Timestamp(ms),Current(uA),D0-D7\n" + "".join(
    f"{0.01 * k:.2f},{1000 if k < 200 else 3000}.000,{'01' if 200 <= k < 300 else '00'}000000\n"
    for k in range(400)
)
SEPARATE = "Timestamp(ms),Current(uA),D0,D1,D2,D3,D4,D5,D6,D7\n" + "".join(
    f"{0.01 * k:.2f},1.000,0,{'1X'[k % 2] if 200 <= k < 300 else '0'},0,0,0,0,0,0\n" for k in range(400)
)


def test_ppk2_is_averaged_and_its_digital_inputs_are_markers(log):
    path = log(PPK2)
    found = readers.read("ppk2", path, voltage_v=3.0)
    np.testing.assert_allclose(found.power_w, [0.003, 0.003, 0.009, 0.009])
    np.testing.assert_allclose(found.time_s, [0.000495, 0.001495, 0.002495, 0.003495])
    fine = readers.read("ppk2", path, voltage_v=3.0, step_ms=0.05)
    assert len(fine.time_s) in (80, 81) and fine.power_w.mean() == pytest.approx(0.006, rel=1e-2)
    for export in (path, log(SEPARATE, "b.csv")):
        (marker,) = readers.ppk2_markers(export, {1: "face"})
        assert (marker.n, marker.what) == (1, "face")
        assert (marker.start_s, marker.end_s) == pytest.approx((0.002, 0.003), abs=1e-9)


def test_ppk2_is_the_same_in_chunks(log, monkeypatch):
    path = log(PPK2)
    whole = readers.read_ppk2(path, 3.0), readers.ppk2_markers(path, {1: "x"})
    monkeypatch.setattr(readers, "CHUNK", 33)
    np.testing.assert_allclose(readers.read_ppk2(path, 3.0).power_w, whole[0].power_w)
    assert readers.ppk2_markers(path, {1: "x"}) == whole[1]


@pytest.mark.parametrize(
    "text, message",
    [
        (PPK2.replace("0.03,1000.000", "0.03,oops"), "row 5 has 'oops' in Current"),
        (PPK2.replace("0.05,", "0.01,"), "time does not go on at row 7"),
        ("Timestamp(ms),Current(uA)\n0,1\n", "1 rows below the head"),
        ("a,b\n0,1\n", "row 1 is 'a,b', expected Timestamp"),
    ],
)
def test_a_bad_ppk2_export_names_file_and_row(text, message, log):
    with pytest.raises(BadRecording, match=rf"log\.csv.*{message}"):
        readers.read_ppk2(log(text), 3.0)


def test_what_is_asked_of_a_reader_is_checked(log):
    path = log(PPK2)
    with pytest.raises(BadParameter, match="voltage_v is nan, expected the V"):
        readers.read("ppk2", path)
    with pytest.raises(BadRecording, match="never high"):
        readers.ppk2_markers(path, {7: "x"})
    with pytest.raises(BadParameter, match="channel 8, expected 0 to 7"):
        readers.ppk2_markers(path, {8: "x"})
    with pytest.raises(BadRecording, match="no digital channels"):
        readers.ppk2_markers(log("Timestamp(ms),Current(uA)\n0,1\n1,1\n"), {0: "x"})
    with pytest.raises(BadParameter, match="reader: got 'wall', expected one of csv, ppk2"):
        readers.read("wall", path)
    with pytest.raises(BadParameter, match="volt does not exist in reader ppk2: did you mean voltage_v"):
        readers.read("ppk2", path, volt=3)
    with pytest.raises(BadRecording, match="no such log"):
        readers.read("csv", path.with_name("none.csv"))
