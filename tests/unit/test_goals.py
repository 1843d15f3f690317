"""Goals are compared in their direction, and only where a run has numbers for them."""

import pytest
import yaml

from emolib.core.experiment import INT8, Experiment
from emolib.core.paths import PROJECT
from emolib.core.summary import number
from emolib.report import compression as lab
from emolib.report import faces, goals, reporting
from emolib.report.goals import Goal
from emolib.report.tables import interval

SOURCE = "synthetic-heart-emotion-loso"


def numbers(keys, value):
    return {
        key: number(value, value - 0.1, value + 0.1, unit="points", n=4, artifact="x.csv") for key in keys
    }


@pytest.mark.parametrize("value, at_most, at_least", [(0.2, True, False), (500.0, False, True)])
def test_goals_are_compared_in_their_direction(value, at_most, at_least):
    wanted = [goal for goal in lab.goals([SOURCE]) if goal.limit > 0.2]
    table = goals.table(wanted, numbers([goal.key for goal in wanted], value))
    reached = dict(zip(table.goal, table.reached, strict=True))
    assert {reached[goal.text] for goal in wanted if goal.sign == "≤"} == {at_most}
    assert {reached[goal.text] for goal in wanted if goal.sign == "≥"} == {at_least}
    assert table.value[0] == interval(value, value - 0.1, value + 0.1, ".2f")


def test_a_limit_itself_is_reached():
    assert Goal("", "a", "≤", 2).reached(2) and Goal("", "a", "≥", 2).reached(2)
    assert not Goal("", "a", "≤", 2).reached(2.01) and not Goal("", "a", "≥", 2).reached(1.99)


def test_a_pattern_finds_every_number_and_no_number_gives_no_row():
    keys = [f"fer2013/emotion7/{part}/resnet_int8/accuracy" for part in ("grouped", "official")]
    others = [f"fer2013/emotion7/official/{name}/accuracy" for name in ("int8", "resnet_float32")]
    table = goals.table(faces.GOALS, numbers([*keys, *others], 0.7))
    assert sorted(table.key) == sorted(keys) and table.reached.all()
    assert len(goals.table(faces.GOALS, {})) == 0 and len(goals.table(lab.goals([]), {})) == 0


def test_goals_of_the_lab_have_the_keys_of_their_source():
    source = "fer2013-face-emotion4-official-table2"
    assert lab.goals([source])[0].key == Experiment.parse(source).key("int8_drop", "points")


@pytest.mark.parametrize(
    "source",
    [
        "emodb-speech-emotion7-loso-lda",
        "emodb-speech-emotion7-leaky-lda",
        "stress_predict-heart-stress-loso",
    ],
)
def test_goals_of_people_have_the_keys_of_sources_of_the_real_profile(source):
    config = yaml.safe_load((PROJECT / "config/real.yaml").read_text())
    assert source in config["sources"]
    key = Experiment.parse(source).key(INT8, "uar")
    assert len(goals.table(reporting.GOALS, numbers([key], 0.7))) == 1
