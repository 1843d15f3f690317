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

CLASSES = ("happy", "angry", "sad")
INT8 = "int8"


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


TEN = [0, 0, 10, 10]
FAR = [50, 50, 60, 60]


def test_a_face_is_found_from_an_iou_of_one_half_on_and_tells_its_own_emotion():
    path = Told(
        {
            0: [face([0, 0, 10, 5], "sad"), face([50, 50, 60, 54.9], "happy")],  # IoU 0.5 and 0.49
            1: [face([0, 0, 10, 6], "angry", 0.99), face([0, 0, 10, 9], "happy", 0.3)],  # 0.6 and 0.9
            2: [],
            3: [face(TEN, "happy")],
        }
    )
    pictures = [
        picture(0, [TEN, FAR], ("sad", "happy")),
        picture(1, [TEN], ("angry",)),
        picture(2, [TEN], ("sad",)),
        picture(3, [], ()),
    ]
    table = composite.told(path, pictures, CLASSES)
    assert table.values.tolist() == [
        ["p0", "sad", True, "sad"],
        ["p0", "happy", False, ""],
        ["p1", "angry", True, "happy"],
        ["p2", "sad", False, ""],
    ]
    assert table.columns.tolist() == ["picture", "emotion", "found", "answer"]
    assert path.seen == [0, 1, 2, 3]  # each picture once


def test_faces_in_any_order_answer_for_themselves():
    faces = [face(FAR, "angry"), face(TEN, "sad")]
    for order in (faces, faces[::-1]):
        table = composite.told(Told({0: order}), [picture(0, [TEN, FAR], ("sad", "happy"))], CLASSES)
        assert table.answer.tolist() == ["sad", "angry"]


def stage_ms():
    """Of three pictures; where one stage of the detector is slow, another is fast."""
    columns = {
        "letterbox": [0, 10, 20],
        "detector": [20, 10, 0],
        "boxes": [1, 1, 1],
        "crop": [0, 2, 4],
        "classifier": [0, 8, 16],
    }
    return pd.DataFrame(columns, dtype=float)


SIZES = {"detector": 300_000, "classifier": 150_249, "composite": 450_249}


def test_percentiles_are_of_sums_over_stages():
    """Of 21 21 21, of 0 10 20, of 21 31 41; not 10 + 10 + 1 and so on, whose 95 % would be 39 for the detector."""
    table = composite.stages(stage_ms(), SIZES)
    ours = table[table.source == "ours, this machine"].set_index("stage")
    assert ours.p50_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 10, "composite": 31})
    assert ours.p95_ms.to_dict() == pytest.approx({"detector": 21, "classifier": 19, "composite": 40})
    assert ours["frames per second"]["composite"] == pytest.approx(1000 / 31)
    assert ours.size_mb.to_dict() == pytest.approx(
        {"detector": 0.3, "classifier": 0.150249, "composite": 0.450249}
    )


def test_the_seed_stands_above_ours_as_printed():
    table = composite.stages(stage_ms(), SIZES)
    assert table.stage.tolist() == ["detector", "classifier", "composite"] * 2
    seed = table[table.source.str.startswith("seed")]
    assert seed.index.tolist() == [0, 1, 2] and seed.p50_ms.tolist() == [182, 56, 238]
    assert seed.size_mb.tolist() == [4.95, 1.1, 6.05] and seed.p95_ms.isna().all()
    assert seed["frames per second"].tolist() == pytest.approx([5.4945, 17.857, 4.2017], rel=1e-4)


def test_times_are_medians_without_the_first_call():
    ms = [{"detector": each, "crop": 1.0} for each in (900, 3, 50, 4, 800, 7, 6, 8)]
    path = Told({0: [face(TEN, "sad")] * 2, 1: []}, ms)
    table = composite.timed(path, [np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)], repeats=3)
    assert table.detector.tolist() == [4, 7] and table.crop.tolist() == [1, 1]
    assert table.faces.tolist() == [2, 0] and path.seen == [0] * 4 + [1] * 4
    assert table.columns.tolist() == [*STAGES, "faces"]


def told_table(*rows):
    return pd.DataFrame(rows, columns=["picture", "emotion", "found", "answer"])


def test_numbers_are_ours_with_their_units():
    answers = told_table(
        ("a", "sad", True, "sad"),
        ("a", "happy", True, "angry"),
        ("b", "sad", False, ""),
        ("c", "happy", True, "happy"),
    )
    found = composite.numbers("scenes", composite.stages(stage_ms(), SIZES), answers, "tables/x.csv")
    of = "scenes/composite/heldout"
    assert {name: (entry["value"], entry["unit"]) for name, entry in found.items()} == {
        f"{of}/detector/latency_p50_ms": (21, "ms"),
        f"{of}/classifier/latency_p50_ms": (10, "ms"),
        f"{of}/composite/latency_p50_ms": (31, "ms"),
        f"{of}/detector/bytes": (300_000, "bytes"),
        f"{of}/classifier/bytes": (150_249, "bytes"),
        f"{of}/composite/bytes": (450_249, "bytes"),
        f"{of}/composite/found": (0.75, "fraction"),
        f"{of}/composite/accuracy_of_found": (0.666667, "fraction"),
    }
    assert found[f"{of}/composite/found"]["n"] == 4
    assert found[f"{of}/composite/accuracy_of_found"]["n"] == 3
    assert {entry["artifact"] for entry in found.values()} == {"tables/x.csv"}


def network(side, filters, name):
    """One convolution, 9 · filters · side² MACs."""
    inputs = keras.Input((side, side, 1))
    return keras.Model(inputs, keras.layers.Conv2D(filters, 3, padding="same")(inputs), name=name)


def test_work_is_macs_of_both_beside_the_seeds_tables(tmp_path):
    source = Experiment("synthetic", "face", "emotion", "loso")
    run = Run(tmp_path, "test", {})
    for stem, model in (
        ("models/faces", network(10, 2, "small")),
        (f"models/{source}/fold00", network(4, 5, "own")),
    ):
        with run.write(f"{stem}.keras") as path:
            model.save(path)
    table = composite.work(run, "faces", source).set_index("source")
    assert table.loc["ours"].tolist() == [1800, 720, 2520]
    seed = table.loc["seed's tables"]
    sides, widths = (288, 144, 72, 36, 18), (3, 8, 16, 32, 64, 128)
    blocks = [9 * side**2 * b * (a + b) for side, a, b in zip(sides, widths[:-1], widths[1:], strict=True)]
    assert seed.detector == sum(blocks) + 9 * 81 * (128 * 192 + 3 * 192**2 + 192 * 11)
    assert seed.composite == seed.detector + seed.classifier and 1e5 < seed.classifier < 1e7


def test_work_in_the_summary_is_ours_and_how_many_times_less():
    table = pd.DataFrame({"source": ["seed's tables", "ours"], "composite": [6_000_000, 2520]})
    found, of = composite.work_numbers("scenes", table, "tables/w.csv"), "scenes/composite/heldout/composite"
    assert {name: (entry["value"], entry["unit"]) for name, entry in found.items()} == {
        f"{of}/macs": (2520, "MACs"),
        f"{of}/macs_ratio": (2380.95, "ratio"),
    }


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (told_table(), set()),
        (told_table(("a", "sad", False, "")), {"found"}),
        (told_table(("a", "sad", True, "happy")), {"found", "accuracy_of_found"}),
    ],
)
def test_what_was_not_counted_is_not_in_the_summary(answers, expected):
    found = composite.numbers("scenes", composite.stages(stage_ms(), SIZES), answers, "x")
    assert {name.split("/")[-1] for name in found} - {"latency_p50_ms", "bytes"} == expected


@pytest.fixture
def opened(monkeypatch):
    """The models that are opened, by their file's name; none is run."""
    monkeypatch.setattr(composite, "Model", lambda path: ("opened", path.name))


def test_the_detector_is_the_int8_file_with_its_own_threshold(tmp_path, opened):
    run = Run(tmp_path, "02d_detector", {})
    run.write_table("faces-detector", pd.DataFrame({"variant": ["float32", INT8], "min_score": [0.4, 0.25]}))
    run.write_text(f"models/faces-{INT8}.tflite", "int8")
    found = composite.detector(run, "faces", Grid(4, 1))
    assert found.model == ("opened", f"faces-{INT8}.tflite")
    assert found.min_score == 0.25 and found.grid == Grid(4, 1)
    (tmp_path / f"models/faces-{INT8}.tflite").write_text("altered")
    with pytest.raises(BadArtifact, match="faces-int8.tflite was altered"):
        composite.detector(run, "faces", Grid(4, 1))


def test_the_classifier_is_that_of_the_first_fold_behind_its_own_front_end(tmp_path, opened):
    source = Experiment("synthetic", "face", "emotion", "loso")
    made = Run(tmp_path, "01_windows", {"frontend": {"size": 32, "equalise": True}})
    made.write_arrays(f"data/{source}.npz", X=np.zeros(1))
    made.write_arrays(f"scores/{source}.npz", classes=np.array(CLASSES))
    for k in (0, 1):
        stem, record = f"models/{source}/fold{k:02d}", {"mean": k + 0.25, "std": 2.0, "axis": None}
        made.write_text(f"{stem}-{INT8}.tflite", "int8")
        made.write_json(f"{stem}.json", {"standardiser": record, "history": {}})
    found, classes = composite.classifier(Run(tmp_path, "04a_composite", {"frontend": {}}), source, 0.3)
    assert found.model == ("opened", f"fold00-{INT8}.tflite") and classes == CLASSES
    assert (found.front.size, found.front.equalise, found.margin) == (32, True, 0.3)
    np.testing.assert_allclose(found.standardiser(np.array([2.25])), [1])


@pytest.fixture(scope="module")
def odd():
    """The awkward pictures, and by name the boxes of the scenes that are among them, as they are or enlarged."""
    drawn, real = [], composite.scene

    def scene(seed, size, n_faces):
        image, boxes, words = real(seed, size, n_faces)
        drawn.append((image, boxes))
        return image, boxes, words

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composite, "scene", scene)
        pictures = composite.awkward(3)
    truth = {
        name: boxes
        for name, picture in pictures.items()
        for image, boxes in drawn
        if np.array_equal(image, picture[:: max(1, len(picture) // 540), :: max(1, len(picture) // 540)])
    }
    return pictures, truth


def test_awkward_pictures_hold_as_many_faces_as_they_say(odd):
    pictures, truth = odd
    assert {name: len(boxes) for name, boxes in truth.items()} == {
        "several faces": 3,
        "no face": 0,
        "4K": 1,
        "upright": 1,
    }
    assert set(pictures) - set(truth) == {"cut by the border", "tiny face", "grey", "upside down"}
    assert all(image.dtype == np.uint8 for image in pictures.values())
    assert pictures["4K"].shape == (2160, 3840, 3)


def test_the_same_face_is_shown_upright_grey_and_upside_down(odd):
    pictures, _ = odd
    upright, grey = pictures["upright"], pictures["grey"]
    assert grey.shape == upright.shape[:2] and np.abs(grey - upright.mean(axis=2)).mean() < 40
    np.testing.assert_array_equal(np.rot90(pictures["upside down"], 2), upright)


def test_the_border_goes_through_the_face(odd):
    pictures, truth = odd
    upright, cut = pictures["upright"], pictures["cut by the border"]
    top, left = np.subtract(upright.shape[:2], cut.shape[:2])
    np.testing.assert_array_equal(upright[top:, left:], cut)
    (x1, y1, x2, y2) = truth["upright"][0]
    lost = (left - x1) / (x2 - x1), (top - y1) / (y2 - y1)
    assert lost == pytest.approx((0.25, 0.25), abs=0.05)


def test_the_tiny_face_is_a_sixth_in_a_grey_room(odd):
    pictures, truth = odd
    tiny, upright = pictures["tiny face"], pictures["upright"]
    rows, columns = np.nonzero((tiny != 120).any(axis=2))
    corner = rows.min(), columns.min()
    assert tiny.shape == (480, 640, 3) and np.ptp(rows) < 40 and np.ptp(columns) < 54
    x1, y1, x2, y2 = (truth["upright"][0] / 6).astype(int)
    there = tiny[corner[0] + y1 : corner[0] + y2, corner[1] + x1 : corner[1] + x2]
    np.testing.assert_array_equal(there, upright[6 * y1 : 6 * y2 : 6, 6 * x1 : 6 * x2 : 6])
    assert 4 < y2 - y1 < tiny.shape[0] / 20


def test_faces_become_what_a_figure_draws():
    found = composite.as_found([face(TEN, "sad", 0.75), face(FAR, "happy", 0.5)])
    assert found.boxes.tolist() == [TEN, FAR] and found.scores.tolist() == [0.75, 0.5]
    nobody = composite.as_found([])
    assert nobody.boxes.shape == (0, 4) and nobody.scores.shape == (0,)


@pytest.mark.parametrize("network, variant", [("small", "composite"), ("table1", "table1_composite")])
def test_detectors_of_one_corpus_have_keys_of_their_own(network, variant, tmp_path):
    Run(tmp_path, "02d_detector", {"network": network}).write_json("scores/d-detector-summary.json", {})
    prefix = composite.prefix(Run(tmp_path, "04a_composite", {}), "d")
    work = pd.DataFrame({"source": ["seed's tables", "ours"], "composite": [40, 4]})
    found = composite.work_numbers("facemask", work, "tables/d-work.csv", prefix)
    assert set(found) == {
        f"facemask/composite/heldout/{variant}/{metric}" for metric in ("macs", "macs_ratio")
    }
    assert found[f"facemask/composite/heldout/{variant}/macs_ratio"]["value"] == 10
