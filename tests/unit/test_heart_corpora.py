"""Corpora of heart signals, from small files in each corpus's own layout."""

from datetime import datetime, timedelta

import numpy as np
import openpyxl
import pytest
from damage import lay
from whole_corpora import MORNING, gathered, python2, stress_predict, workbook

from emolib.core.errors import BadRecording
from emolib.datasets.corpora.stress_predict import Phase, snap, without_overlap

# Stress-Predict


def trials_of(data, *arguments, length_s=890, **options):  # ten seconds shorter than the log
    """What is read of a session of Stress-Predict, its samples in seconds of the recording."""
    lay(data / "stress_predict", stress_predict(*arguments, length_s=length_s, **options))
    found, dropped = gathered("stress_predict")
    return {t.trial: (t.data[0] / 64, (t.data[-1] + 1) / 64) for t in found}, dropped


@pytest.mark.parametrize(("start", "zone_h"), [
    (MORNING, 0),
    (datetime(2022, 2, 14, 15, 15), 0),  # afternoon: all of the log is twelve hours early
    (datetime(2022, 2, 14, 12, 50), 0),  # 12:50 to 1:05: only its end is
    (datetime(2022, 7, 7, 15, 15), 1),  # summer, Irish time is an hour before UTC
])  # fmt: skip
def test_stress_predict_finds_each_phase_on_the_12_hour_clock(data, start, zone_h):
    found, dropped = trials_of(data, start, presses_s=(), zone_h=zone_h)
    assert {name: (first / 60, end / 60) for name, (first, end) in found.items()} == {
        "S01-2-stroop": (2, 3), "S01-3-rest": (3, 5), "S01-4-interview": (5, 7), "S01-5-rest": (7, 9),
        "S01-6-hyperventilation": (9, 10), "S01-7-rest": (10, 12), "S01-9-rest": (13, 890 / 60),
    }  # fmt: skip
    assert [d.name for d in dropped] == ["S01-1-questionnaire", "S01-8-questionnaire"]


def test_stress_predict_moves_edges_to_button_presses(data):
    # the log says 120, 180, 300 for the first three
    found, _ = trials_of(data, MORNING, presses_s=(130, 170, 290, 700, -9 * 3600))
    assert [found[name] for name in ("S01-2-stroop", "S01-3-rest", "S01-4-interview")] == [
        (130, 170), (170, 290), (290, 420),
    ]  # fmt: skip
    afternoon = MORNING + timedelta(hours=6)  # presses may be twelve hours early too, or lack
    assert trials_of(data, afternoon, presses_s=(130 - 12 * 3600,))[0]["S01-2-stroop"][0] == 130
    (data / "stress_predict/Raw_data/S01/tags_S01.csv").unlink()
    assert gathered("stress_predict")[0][0].data[0] == 120 * 64


def test_a_press_belongs_to_one_edge_and_rest_gives_way_to_a_task():
    both_nearest_to_its_end = np.array([150.0, 170.0])
    assert snap([Phase("stroop", 100, 160)], both_nearest_to_its_end) == [("stroop", 150, 170)]
    rest, task, late = Phase("rest", 0, 100), Phase("stroop", 80, 130), Phase("rest", 120, 200)
    assert without_overlap([late, task, rest]) == [("rest", 0, 80), ("stroop", 80, 130), ("rest", 130, 200)]


def test_stress_predict_names_what_lacks_a_log_or_a_recording(data):
    lay(data / "stress_predict", stress_predict(subject="S02"))
    (data / "stress_predict/Raw_data/S02").rename(data / "stress_predict/Raw_data/S03")
    log = {"Processed_data/Time_logs.xlsx": workbook({"S01": MORNING, "S02": MORNING})}
    lay(data / "stress_predict", stress_predict(length_s=720) | log)
    found, dropped = gathered("stress_predict")
    assert {t.subject for t in found} == {"S01"} and found[-1].trial == "S01-7-rest"
    reasons = {d.name: d.reason for d in dropped}
    assert reasons["S02"] == "in Time_logs.xlsx, but not recorded"
    assert reasons["S03"] == "no row in Time_logs.xlsx"
    assert reasons["S01-9-rest"] == "no time of it lies in the recording"


@pytest.mark.parametrize(("row", "value", "message"), [
    (1, "Strop", "Time_logs.xlsx has 0 columns 'Stroop Test', expected 1"),
    (3, "soon", "Time_logs.xlsx lacks a time or the date of S01"),
])  # fmt: skip
def test_a_time_log_that_is_not_the_publisher_s_is_named(data, row, value, message):
    lay(data / "stress_predict", stress_predict())
    path = data / "stress_predict/Processed_data/Time_logs.xlsx"
    book = openpyxl.load_workbook(path)
    book.active.cell(row, 5).value = value
    book.save(path)
    with pytest.raises(BadRecording, match=message):
        gathered("stress_predict")


# WESAD

CONDITIONS = ((1, 5, 15), (5, 15, 18), (2, 20, 30), (4, 31, 36), (3, 40, 50), (4, 51, 59))  # label, seconds


def wesad(data, subject="S2", bvp_s=60):
    label = np.zeros(60 * 700, np.int32)
    for value, start_s, end_s in CONDITIONS:
        label[start_s * 700 : end_s * 700] = value
    bvp = np.arange(bvp_s * 64, dtype=float)[:, None]
    content = {"subject": subject, "label": label, "signal": {"wrist": {"BVP": bvp}, "chest": {}}}
    lay(data / "wesad", {f"{subject}/{subject}.pkl": python2(content)})


def test_wesad(data):
    wesad(data, "S2")
    wesad(data, "S17")
    found, dropped = gathered("wesad")
    mine = [t for t in found if t.subject == "S2"]
    names = ("baseline", "stress", "meditation", "amusement", "meditation")
    assert [t.label for t in mine] == list(names)
    assert [t.trial for t in mine] == [f"S2-{n}-{label}" for n, label in enumerate(names, 1)]
    assert [t.data[0] / 64 for t in mine] == [5, 20, 31, 40, 51]
    assert [len(t.data) / 64 for t in mine] == [10, 10, 5, 10, 8]
    assert len(found) == 10 and {t.subject for t in found} == {"S2", "S17"}
    assert [d.name for d in dropped] == ["S17", "S2"] and "17 s" in dropped[0].reason


def test_wesad_refuses_a_pulse_of_another_length(data):
    wesad(data, bvp_s=40)
    with pytest.raises(BadRecording, match=r"S2\.pkl has a pulse of 40.0 s, but labels of 60.0 s"):
        gathered("wesad")


# Walking


def walk(data, name, emotions=(1, 0, -1), bpm=100.0):
    rows = ["# condition,emotion,data"]
    for emotion in emotions:
        rows += [f"0.0,{emotion:.1f},1,2,3,4,5,6,{bpm + i // 50}" for i in range(250)]
    lay(data / "walking/walking_data", {name: ("\n".join(rows) + "\n").encode()})


def test_walking(data):
    walk(data, "mo_ew10_accdata_30_1_108-1033.csv")
    walk(data, "mu_ew5_accdata_19_12_1615-1643.csv", emotions=(-1, 0, 1))
    walk(data, "mw_ew7_accdata_26_1_015-032.csv", bpm=0.0)
    found, dropped = gathered("walking")
    happy_first, sad_first = ("happy", "neutral", "sad"), ("sad", "neutral", "happy")
    assert [t.trial for t in found] == [
        *(f"ew10-mo-{n}-{label}" for n, label in enumerate(happy_first, 1)),
        *(f"ew5-mu-{n}-{label}" for n, label in enumerate(sad_first, 1)),
    ]
    assert [t.label for t in found] == [*happy_first, *sad_first]
    np.testing.assert_array_equal(found[0].data, np.repeat(np.arange(100, 105), 50))
    assert {d.name.rpartition("/")[2]: d.reason.split(":")[0] for d in dropped} == {
        "ew7": "dead heart-rate sensor",
    }
