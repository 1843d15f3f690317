"""Detector and classifier as one: counts and sums by hand on paths that answer as told; pictures are as named."""

import numpy as np
import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment
from emolib.datasets.face_boxes import Picture
from emolib.device.faces import STAGES, Face
from emolib.signals.boxes import Grid

keras = pytest.importorskip("keras")
from emolib.studies import composite  # noqa: E402

CLASSES, INT8 = ("happy", "angry", "sad"), "int8"
SOURCE = Experiment("synthetic", "face", "emotion", "loso")
TEN, FAR = [0, 0, 10, 10], [50, 50, 60, 60]


def face(box, answer, score=0.9):
    scores = np.where(np.array(CLASSES) == answer, 0.8, 0.1)
    return Face(np.array(box, float), score, scores, np.zeros((4, 4, 1)))


class Told:
    """Stands for a FacePath: the faces of a picture, known by its first pixel; the stages take what `ms` says."""

    def __init__(self, faces, ms=()):
        self.faces, self.times, self.seen = faces, iter(ms), []

    def __call__(self, image):
        self.seen.append(int(image[0, 0]))
        self.ms = dict.fromkeys(STAGES, 0.0) | next(self.times, {})
        return self.faces[self.seen[-1]]


def picture(number, boxes, labels):
    boxes = np.reshape(np.array(boxes, float), (-1, 4))
    return Picture("scenes", f"p{number}", "test", np.full((4, 4), number, np.uint8), boxes, labels)


def test_a_face_is_found_from_an_iou_of_one_half_on_and_tells_its_own_emotion():
    path = Told(
        {
            0: [face([0, 0, 10, 5], "sad"), face([50, 50, 60, 54.9], "happy")],  # IoU 0.5 and 0.49
            1: [face([0, 0, 10, 6], "angry", 0.99), face([0, 0, 10, 9], "happy", 0.3)],  # 0.6 and 0.9
            2: [],
            3: [face(FAR, "angry"), face(TEN, "sad")],
        }
    )
    pictures = [
        picture(0, [TEN, FAR], ("sad", "happy")),
        picture(1, [TEN], ("angry",)),
        picture(2, [TEN], ("sad",)),
        picture(3, [TEN, FAR], ("sad", "happy")),
    ]
    table = composite.told(path, pictures, CLASSES)
    assert table.values.tolist() == [
        ["p0", "sad", True, "sad"],
        ["p0", "happy", False, ""],
        ["p1", "angry", True, "happy"],
        ["p2", "sad", False, ""],
        ["p3", "sad", True, "sad"],
        ["p3", "happy", True, "angry"],
    ]
    assert path.seen == [0, 1, 2, 3]  # each picture once
    assert composite.by_emotion(table).loc["sad"].tolist() == [3, pytest.approx(2 / 3), 1]
    assert composite.by_emotion(table).loc["happy"].tolist() == [2, 0.5, 0]


def test_percentiles_are_of_sums_over_stages_and_the_paper_stands_above():
    """Of 21 21 21, of 0 10 20, of 21 31 41; not 10 + 10 + 1 and so on, whose 95 % would be 39 for the detector."""
    times = {"letterbox": [0, 10, 20], "detector": [20, 10, 0], "boxes": [1, 1, 1]}
    ms = pd.DataFrame(times | {"crop": [0, 2, 4], "classifier": [0, 8, 16]}, dtype=float)
    table = composite.stages(ms, {"detector": 300_000, "classifier": 150_249, "composite": 450_249})
    ours = table[table.source == composite.OURS].set_index("stage")
    assert ours.p50_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 10, "composite": 31})
    assert ours.p95_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 19, "composite": 40})
    assert ours["frames per second"]["composite"] == pytest.approx(1000 / 31)
    assert ours.size_mb["classifier"] == pytest.approx(0.150249)
    theirs = table[table.source == composite.THEIRS]
    assert theirs.index.tolist() == [0, 1, 2] and theirs.p50_ms.tolist() == [182, 56, 238]
    assert theirs.size_mb.tolist() == [4.95, 1.1, 6.05]


def test_times_are_medians_without_the_first_call():
    ms = [{"detector": each, "crop": 1.0} for each in (900, 3, 50, 4, 800, 7, 6, 8)]
    path = Told({0: [face(TEN, "sad")] * 2, 1: []}, ms)
    table = composite.timed(path, [np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)], repeats=3)
    assert table.detector.tolist() == [4, 7] and table.crop.tolist() == [1, 1]
    assert table.faces.tolist() == [2, 0] and path.seen == [0] * 4 + [1] * 4


def network(side, filters, name):
    """One convolution, 9 · filters · side² MACs."""
    inputs = keras.Input((side, side, 1))
    return keras.Model(inputs, keras.layers.Conv2D(filters, 3, padding="same")(inputs), name=name)


def test_work_is_macs_of_both_beside_the_papers_tables(tmp_path):
    run = Run(tmp_path, "test", {})
    networks = {"models/faces": network(10, 2, "small"), f"models/{SOURCE}/fold00": network(4, 5, "own")}
    for stem, model in networks.items():
        with run.write(f"{stem}.keras") as path:
            model.save(path)
    table = composite.work(run, "faces", SOURCE)
    theirs, ours = (row[1:] for row in table.values.tolist())
    assert ours == [1800, 720, 2520]
    sides, widths = (288, 144, 72, 36, 18), (3, 8, 16, 32, 64, 128)
    blocks = [9 * side**2 * b * (a + b) for side, a, b in zip(sides, widths[:-1], widths[1:], strict=True)]
    assert theirs[0] == sum(blocks) + 9 * 81 * (128 * 192 + 3 * 192**2 + 192 * 11)
    assert theirs[2] == theirs[0] + theirs[1] and 1e5 < theirs[1] < 1e7


@pytest.fixture
def opened(monkeypatch):
    """The models that are opened, by their file's name; none is run."""
    monkeypatch.setattr(composite, "Model", lambda path: ("opened", path.name))


def test_the_detector_is_the_int8_file_with_its_own_threshold(tmp_path, opened):
    run = Run(tmp_path, "02d_detector", {})
    scores = pd.DataFrame({"variant": ["float32", INT8], "min_score": [0.4, 0.25]})
    run.table("faces-detector", scores, "")
    run.write_text(f"models/faces-{INT8}.tflite", "int8")
    found = composite.detector(run, "faces", Grid(4, 1))
    assert found.model == ("opened", f"faces-{INT8}.tflite")
    assert found.min_score == 0.25 and found.grid == Grid(4, 1)
    (tmp_path / f"models/faces-{INT8}.tflite").write_text("altered")
    with pytest.raises(BadArtifact, match="faces-int8.tflite was altered"):
        composite.detector(run, "faces", Grid(4, 1))


def test_the_classifier_is_that_of_the_first_fold_behind_its_own_front_end(tmp_path, opened):
    made = Run(tmp_path, "01_windows", {"frontend": {"size": 32, "equalise": True}})
    made.write_arrays(f"data/{SOURCE}.npz", X=np.zeros(1))
    made.write_arrays(f"scores/{SOURCE}.npz", classes=np.array(CLASSES))
    for k in (0, 1):
        stem, record = f"models/{SOURCE}/fold{k:02d}", {"mean": k + 0.25, "std": 2.0, "axis": None}
        made.write_text(f"{stem}-{INT8}.tflite", "int8")
        made.write_json(f"{stem}.json", {"standardiser": record, "history": {}})
    found, classes = composite.classifier(Run(tmp_path, "04a_composite", {"frontend": {}}), SOURCE, 0.3)
    assert found.model == ("opened", f"fold00-{INT8}.tflite") and classes == CLASSES
    assert (found.front.size, found.front.equalise, found.margin) == (32, True, 0.3)
    np.testing.assert_allclose(found.standardiser(np.array([2.25])), [1])


def test_awkward_pictures_are_what_they_say():
    pictures = composite.awkward(3)
    upright, truth, _ = composite.scene(4, (240, 320), 1)
    np.testing.assert_array_equal(pictures["upright"], upright)
    np.testing.assert_array_equal(np.rot90(pictures["upside down"], 2), upright)
    assert all(image.dtype == np.uint8 for image in pictures.values())
    assert pictures["4K"].shape == (2160, 3840, 3) and pictures["grey"].shape == (240, 320)
    cut, (x1, y1, x2, y2) = pictures["cut by the border"], truth[0]
    top, left = np.subtract(upright.shape[:2], cut.shape[:2])
    np.testing.assert_array_equal(upright[top:, left:], cut)
    lost = (left - x1) / (x2 - x1), (top - y1) / (y2 - y1)
    assert lost == pytest.approx((0.25, 0.25), abs=0.05)
    rows, columns = np.nonzero((pictures["tiny face"] != 120).any(axis=2))
    assert pictures["tiny face"].shape == (480, 640, 3) and np.ptp(rows) < 40 and np.ptp(columns) < 54
