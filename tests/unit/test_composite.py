"""Detector and classifier as one: counts and sums by hand on paths that answer as told."""

import numpy as np
import pandas as pd
import pytest

from emolib.datasets.face_boxes import Picture
from emolib.device.faces import Face
from emolib.studies import composite

CLASSES = ("happy", "angry", "sad")
TEN, FAR = [0, 0, 10, 10], [50, 50, 60, 60]


def face(box, answer, score=0.9):
    scores = np.where(np.array(CLASSES) == answer, 0.8, 0.1)
    return Face(np.array(box, float), score, scores, np.zeros((4, 4, 1)))


def test_a_face_is_found_from_an_iou_of_one_half_on_and_tells_its_own_emotion():
    faces = [
        [face([0, 0, 10, 5], "sad"), face([50, 50, 60, 54.9], "happy")],  # IoU 0.5 and 0.49
        [face([0, 0, 10, 6], "angry", 0.99), face([0, 0, 10, 9], "happy", 0.3)],  # 0.6 and 0.9
        [],
    ]
    truth = [([TEN, FAR], ("sad", "happy")), ([TEN], ("angry",)), ([TEN], ("sad",))]
    pictures = [
        Picture("scenes", f"p{i}", "test", np.full((4, 4), i, np.uint8), np.array(boxes, float), words)
        for i, (boxes, words) in enumerate(truth)
    ]
    assert composite.told(lambda image: faces[int(image[0, 0])], pictures, CLASSES).values.tolist() == [
        ["p0", "sad", True, "sad"],
        ["p0", "happy", False, ""],
        ["p1", "angry", True, "happy"],
        ["p2", "sad", False, ""],
    ]


def test_percentiles_are_of_sums_over_stages_and_the_paper_stands_above():
    """Of 21 21 21, of 0 10 20, of 21 31 41; not 10 + 10 + 1 and so on, whose 95 % would be 39 for the detector."""
    times = {"letterbox": [0, 10, 20], "detector": [20, 10, 0], "boxes": [1, 1, 1]}
    ms = pd.DataFrame(times | {"crop": [0, 2, 4], "classifier": [0, 8, 16]}, dtype=float)
    table = composite.stages(ms, {"detector": 300_000, "classifier": 150_249, "composite": 450_249})
    ours = table[table.source == composite.OURS].set_index("stage")
    assert ours.p50_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 10, "composite": 31})
    assert ours.p95_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 19, "composite": 40})
    assert ours["frames per second"]["composite"] == pytest.approx(1000 / 31)
