"""What the report says about the compression lab."""

import json

from emolib.core.paths import PROJECT
from emolib.report import compression as lab
from emolib.report.page import Figure, Table

SOURCE = "synthetic-heart-emotion-loso"


def test_nothing_in_the_lab_gives_no_section():
    assert lab.sections([]) == [] and lab.parts([]) == []


def test_every_item_is_written_by_a_notebook_of_the_lab():
    """Names in the notebooks, so that a report never asks for what nothing writes."""
    notebooks = "".join(
        "".join(cell["source"])
        for path in (PROJECT / "notebooks").glob("0[23][abcd]_*.ipynb")
        for cell in json.loads(path.read_text())["cells"]
    )
    [section] = lab.sections([SOURCE])
    for item in section.items:
        if isinstance(item, Figure | Table):
            ending = item.artifact.split(SOURCE)[1].rsplit(".", 1)[0]
            assert f'{{source}}{ending}"' in notebooks, item.artifact
