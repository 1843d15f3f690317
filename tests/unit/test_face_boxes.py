"""Corpora of face boxes, from small files in each corpus's own layout."""

import numpy as np
import pytest
from damage import lay
from whole_corpora import picture

from emolib.core.errors import BadRecording
from emolib.datasets.face_boxes import TWINS, held_out, load

PNG, JPEG = picture((60, 80, 3)), picture((60, 80, 3), "JPEG")


def voc(*faces):
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>"
        "</bndbox></object>"
        for name, a, b, c, d in faces
    )
    return f"<annotation>{objects}</annotation>".encode()


MASK = ("with_mask", 10, 20, 30, 50)
IMAGE, XML = "images/maksssksksss0.png", "annotations/maksssksksss0.xml"


def test_facemask(data):
    files = {IMAGE: PNG, XML: voc(MASK, ("without_mask", 50, 5, 85, 30), ("without_mask", 90, 5, 95, 30))}
    lay(data / "facemask", files)
    dropped = []
    (found,) = load("facemask", dropped)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    np.testing.assert_array_equal(found.image, pixels)
    np.testing.assert_array_equal(found.boxes, [[10, 20, 30, 50], [50, 5, 80, 30]])
    assert (found.labels, found.name) == (("with_mask", "without_mask"), "maksssksksss0")
    assert dropped == [
        ("maksssksksss0, box 2", "box cut at the picture's border"),
        ("maksssksksss0, box 3", "box outside the picture"),
    ]


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'


def test_splits_follow_the_name_and_twins_stay_together():
    names = [f"maksssksksss{i}" for i in range(853)]
    splits = [held_out(TWINS.get(name, name)) for name in names]
    assert 0.66 < splits.count("train") / 853 < 0.74 and 0.07 < splits.count("val") / 853 < 0.13
    assert TWINS.keys() | TWINS.values() <= set(names) and not TWINS.keys() & TWINS.values()


WIDER = b"""0--Parade/0_Parade_1.jpg
4
10 20 30 25 2 0 0 0 1 0
1 2 5 5 0 0 0 1 0 0
70 50 20 20 1 0 0 0 0 0
5 5 0 7 0 0 0 0 0 0
0--Parade/0_Parade_0.jpg
0
0 0 0 0 0 0 0 0 0 0
"""
TEXT, CROWD = "wider_face_split/wider_face_train_bbx_gt.txt", "WIDER_train/images/0--Parade/0_Parade_1.jpg"


def test_wider_face(data):
    lay(data / "wider_face", {TEXT: WIDER, CROWD: JPEG, CROWD.replace("_1.", "_0."): JPEG})
    val = {TEXT: b"0--Parade/0_Parade_1.jpg\n1\n1 2 30 40 0 0 0 0 0 0\n", CROWD: JPEG}
    lay(data / "wider_face", {name.replace("train", "val"): content for name, content in val.items()})
    dropped = []
    first, empty, val = load("wider_face", dropped)
    np.testing.assert_array_equal(first.boxes, [[10, 20, 40, 45], [70, 50, 80, 60]])
    assert first.labels == ("heavily blurred", "blurred") and first.name == "0--Parade/0_Parade_1.jpg"
    assert empty.boxes.shape == (0, 4) and empty.labels == ()
    assert (first.split, val.split) == ("train", "val") and val.boxes.tolist() == [[1, 2, 31, 42]]
    assert [drop.reason for drop in dropped] == [
        "marked invalid", "box without extent", "box cut at the picture's border",
    ]  # fmt: skip


@pytest.mark.parametrize("folders", [("images/train", "labels/train"), ("train/images", "train/labels")])
def test_yolo(data, folders):
    text = b"0 0.5 0.5 0.25 0.5\n2 0.05 0.5 0.2 0.1\n"
    images = {f"{folders[0]}/a.png": PNG, f"{folders[0]}/b.png": picture((60, 80))}
    lay(data / "yolo", images | {f"{folders[1]}/a.txt": text})
    dropped = []
    a, b = load("yolo", dropped)
    np.testing.assert_allclose(a.boxes, [[30, 15, 50, 45], [0, 27, 12, 33]])
    assert a.labels == ("0", "2") and a.split == b.split == "train" and len(b.boxes) == 0
    assert len(dropped) == 1


def test_parts_have_many_names(data):
    parts = {"training": "train", "Validation": "val", "dev": "val", "testing": "test"}
    lay(data / "yolo", {f"{folder}/images/{i}.PNG": PNG for i, folder in enumerate(parts)})
    assert {picture.name.split("/")[0]: picture.split for picture in load("yolo")} == parts


BOX = b"0 0.5 0.5 0.25 0.5\n"


@pytest.mark.parametrize(("corpus", "files", "message"), [
    ("facemask", {XML: BOMB}, r"maksssksksss0\.xml is damaged .*DTDForbidden"),
    ("facemask", {XML: voc(("with_mask", 30, 20, 10, 50))}, r"maksssksksss0: box 1 goes from \(30, 20\) to \(10, 50\)"),
    ("facemask", {XML: voc(MASK), "images/b.png": PNG}, "b lacks its picture or its xml"),
    ("wider_face", {TEXT: WIDER.replace(b"\n4\n", b"\n3\n")}, r"bbx_gt\.txt is damaged at the entry of line 6"),
    ("wider_face", {TEXT: WIDER.replace(b"Parade_1", b"Parade_7")}, r"0_Parade_7\.jpg, which is not in WIDER_train"),
    ("yolo", {"labels/a.txt": BOX + b"0 0.5 0.5 0.25"}, "a.txt .*expected lines of five numbers"),
    ("yolo", {"labels/a.txt": BOX + b"0 0.5 0.5 0.25 0"}, "a.txt holds '0 0.5 0.5 0.25 0', expected a class"),
    ("yolo", {"labels/a.txt": BOX + b"0 nan 0.5 0.2 0.2"}, "a.txt holds '0 nan .*expected a class"),
    ("yolo", {"labels/b.txt": BOX}, "b.txt has no picture in images"),
])  # fmt: skip
def test_a_file_that_cannot_be_is_named(data, corpus, files, message):
    lay(
        data / corpus,
        {"facemask": {IMAGE: PNG}, "wider_face": {CROWD: JPEG}, "yolo": {"images/a.png": PNG}}[corpus] | files,
    )
    with pytest.raises(BadRecording, match=message):
        list(load(corpus))
