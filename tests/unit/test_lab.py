"""What the report says about the compression lab."""

import json

import pytest

from emolib import lab
from emolib.paths import PROJECT
from emolib.report import Figure, Table
from emolib.sources import Source
from emolib.summary import number
from emolib.tables import interval

SOURCE = "synthetic-heart-emotion-loso"


def numbers(value):
    entry = number(value, value - 0.1, value + 0.1, unit="points", n=4, artifact="x.csv")
    return {Source.parse(SOURCE).key(variant, metric): entry for _, variant, metric, _, _ in lab.GOALS}


@pytest.mark.parametrize("value, at_most, at_least", [(0.2, True, False), (500.0, False, True)])
def test_goals_are_compared_in_their_direction(value, at_most, at_least):
    table = lab.goals(numbers(value), [SOURCE])
    signs = {text: sign for text, _, _, sign, limit in lab.GOALS if limit > 0.2}
    reached = dict(zip(table.goal, table.reached, strict=True))
    assert {reached[text] for text, sign in signs.items() if sign == "≤"} == {at_most}
    assert {reached[text] for text, sign in signs.items() if sign == "≥"} == {at_least}
    assert table.value[0] == interval(value, value - 0.1, value + 0.1, ".2f")


def test_nothing_in_the_lab_gives_an_empty_table_and_no_section():
    assert len(lab.goals({}, [])) == 0 and lab.sections([]) == []


def test_every_item_is_written_by_a_notebook_of_the_lab():
    """Names in the notebooks, so that a report never asks for what nothing writes."""
    notebooks = "".join(
        "".join(cell["source"])
        for path in (PROJECT / "notebooks").glob("0[23][abcd]_*.ipynb")
        for cell in json.loads(path.read_text())["cells"]
    )
    _, section = lab.sections([SOURCE])
    for item in section.items:
        if isinstance(item, Figure | Table):
            ending = item.artifact.split(SOURCE)[1].rsplit(".", 1)[0]
            assert f'{{source}}{ending}"' in notebooks, item.artifact
