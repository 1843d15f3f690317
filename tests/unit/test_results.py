"""The table of results: rows as notebooks write them, joined, asked, and held against goals and the work of others."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.results import ROW, row, tidy, to_csv
from emolib.report import goals, related_work, results

OF = Experiment("emodb", "speech", "emotion7", "loso", "lda")
ABOUT = {"unit": "fraction", "n": 535, "artifact": "tables/x.csv"}


def table_of(rows: list[dict], tmp_path, run: str = "real") -> pd.DataFrame:
    """The rows as a published table."""
    writer = Run(tmp_path / run, "03_quantize", {})
    writer.conclude("x-quantize", rows, "An answer.")
    return results.joined(Run(tmp_path / run, "06_report", {}), ["x-quantize"])


def test_a_row_says_what_the_number_is_of():
    found = row(OF, "uar", 0.7840000001, 0.732, 0.823, variant="int8", **ABOUT)
    assert list(found) == list(ROW)
    assert (found["corpus"], found["modality"], found["model"], found["variant"]) == (
        "emodb",
        "speech",
        "lda",
        "int8",
    )
    assert (found["value"], found["low"], found["high"], found["how"]) == (0.784, 0.732, 0.823, "measured")


def test_an_interval_of_one_person_is_left_out():
    assert row(OF, "uar", 0.5, math.nan, math.nan, **ABOUT)["low"] == ""


@pytest.mark.parametrize(
    "numbers, given, message",
    [
        ((math.nan,), {}, "is nan, expected a finite number"),
        ((0.5, 0.6, 0.4), {}, "0.6 to 0.4 is upside down"),
        ((0.5,), {"how": "guessed"}, "'guessed', expected measured, emulated, modelled"),
    ],
)
def test_what_is_no_result_is_refused(numbers, given, message):
    with pytest.raises(BadParameter, match=message):
        row(OF, "uar", *numbers, **ABOUT, **given)


def test_two_numbers_of_the_same_thing_are_refused():
    one, other = (row(OF, "uar", value, **ABOUT) for value in (0.5, 0.6))
    assert to_csv([one, one]).count("\n") == 3
    with pytest.raises(
        BadParameter, match="Two results for emodb, emotion7, loso, speech, lda, uar, measured: 0.5, 0.6"
    ):
        to_csv([one, other])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_tidy_takes_each_number_of_a_table_once(values):
    table = pd.DataFrame(
        {"variant": [str(i) for i in range(len(values))], "n": 7, "uar": values, "auc": math.nan}
    )
    found = tidy(OF, table, {"uar": "fraction", "auc": ""}, "tables/x.csv")
    assert [one["value"] for one in found] == pytest.approx(values, rel=1e-5)
    assert [one["variant"] for one in found] == list(table.variant) and {one["n"] for one in found} == {7}


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [
        row(OF, "uar", 0.784, 0.732, 0.823, variant="int8", **ABOUT),
        row(OF, "bytes", 3400, unit="bytes", n=1, artifact="a"),
    ]
    table = table_of(rows, tmp_path)
    assert results.one(table, metric="uar", variant="int8").high == 0.823
    assert results.cell(results.one(table, metric="bytes")) == "3.4 kB" and set(table.run) == {"real"}
    assert results.one(table, metric="auc") is None and results.cell(None) == "–"
    assert results.cell(results.one(table, metric="uar")) == "78.4 (73.2–82.3) %"


@pytest.mark.parametrize("goal", goals.GOALS, ids=lambda goal: goal.text)
def test_a_goal_is_compared_in_its_direction(goal, tmp_path):
    assert goal.is_reached(goal.limit) and not goal.is_reached(goal.limit + (1 if goal.sign == "≤" else -1))


def test_goals_find_their_numbers_alone(tmp_path):
    rows = [
        row(OF, "uar", 0.784, 0.732, 0.823, variant="int8", **ABOUT),
        row(OF, "uar", 0.9, variant="float32", **ABOUT),
        row(OF, "uar_lost_to_float32", 0.7, unit="points", n=535, variant="int8", artifact="a"),
    ]
    found = goals.table(table_of(rows, tmp_path))
    assert found.goal.tolist() == [
        "EmoDB, unseen speakers: UAR of int8",
        "int8 loses at most 0.5 points of UAR to float32",
    ]
    assert found.value[0] == "0.784 (0.732–0.823)" and not found.reached.any()


def test_numbers_of_others_stand_beside_ours(tmp_path):
    rows = [row(OF, "uar", 0.784, 0.732, 0.823, variant="int8", **ABOUT)]
    beside = related_work.side_by_side(table_of(rows, tmp_path))
    theirs = beside[beside.work.str.contains("LIGHT-SERNET") & beside.what.str.contains("leave-one")].iloc[0]
    assert (theirs.theirs, theirs.ours) == ("74.4 %", "78.4 (73.2–82.3) %")
    assert set(beside.ours[beside["our result"] == "–"]) == {related_work.MISSING}
