"""What the report says about faces, from a run's artifacts."""

import json
import re

import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.notebook import SYNTHETIC
from emolib.core.paths import PROJECT
from emolib.report import faces
from emolib.report.page import Caution, Figure, Table

SOURCE, DETECTOR = "synthetic-face-emotion-loso", "scenes-small"


@pytest.fixture
def run(tmp_path) -> Run:
    made = Run(tmp_path / "demo", "02d_detector", {"corpora": {"scenes": {}}, "network": "small", "side": 96})
    made.write_json(f"scores/{DETECTOR}-detector-summary.json", {})
    row = {"variant": "int8", "bytes": 189_000, "iou": 0.871, "iou_low": 0.85, "iou_high": 0.89}
    made.write_table(f"{DETECTOR}-detector", pd.DataFrame([row]))
    Run(made.folder, "02c_reduction", {"noises": [0.09]}).write_json(
        f"scores/{SOURCE}-reduction-summary.json", {}
    )
    return made


def whole(run: Run):
    return faces.sections(run, [SOURCE], [SOURCE], [DETECTOR], [DETECTOR])


def test_every_item_is_written_by_a_notebook(run):
    """Names in the notebooks, so that a report never asks for what nothing writes."""
    paths = [*(PROJECT / "notebooks").glob("02[bcd]_*.ipynb"), PROJECT / "notebooks/04a_composite.ipynb"]
    cells = [cell for path in paths for cell in json.loads(path.read_text())["cells"]]
    written = "".join("".join(cell["source"]) for cell in cells)
    items = [item for section in whole(run) for item in section.items if isinstance(item, Figure | Table)]
    assert len(items) > 12
    for item in items:
        ending = re.sub(f".*(?:{SOURCE}|{DETECTOR})|\\.(png|csv)$", "", item.artifact)
        assert re.search(r'f"\{(source|name)\}' + ending + '"', written), item.artifact


def test_generated_scenes_are_called_synthetic(run):
    detector = next(section for section in whole(run) if section.title.startswith("Face detector"))
    assert [item.text for item in detector.items if isinstance(item, Caution)] == [SYNTHETIC]


def test_what_no_noise_was_tried_on_has_no_table_of_it(run):
    Run(run.folder, "02c_reduction", {"noises": []}).write_json(f"scores/{SOURCE}-reduction-summary.json", {})
    [section] = faces.sections(run, [], [SOURCE], [], [])
    assert not [item for item in section.items if "noise" in item.artifact]


def test_card_of_a_detector(run):
    [card] = faces.cards(run, [DETECTOR])
    assert (card.value, card.detail) == ("0.87 (0.85–0.89)", "189.0 kB")


def test_names_of_summaries():
    assert faces.parts(["a"], ["a"], ["d", "e"], ["d"]) == [
        "a-saliency", "a-reduction", "d-detector", "e-detector", "d-composite",
    ]  # fmt: skip
    assert faces.parts([], [], [], []) == []
