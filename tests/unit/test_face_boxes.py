"""Corpora of face boxes, from small files in each corpus's own layout."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from emolib.core.errors import BadParameter, BadRecording, CorpusMissing
from emolib.datasets.face_boxes import CORPORA, TWINS, facemask_split, held_out, load
from emolib.models.detector_training import PictureSet, gather
from emolib.signals.boxes import Letterbox, area, iou

RNG = np.random.default_rng(0)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def save(path, shape=(60, 80, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def voc(*faces, size=(60, 80)):
    objects = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
        f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, a, b, c, d in faces
    )
    shape = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>maksssksksss0.png</filename>{shape}{objects}</annotation>"


def make_facemask(root, text=None, stem="maksssksksss0"):
    pixels = save(root / "images" / f"{stem}.png")
    write(root / "annotations" / f"{stem}.xml", voc(("with_mask", 10, 20, 30, 50)) if text is None else text)
    return pixels


@pytest.mark.parametrize("packed", [False, True])
def test_facemask(data, packed):
    root = data / "facemask"
    pixels = make_facemask(root, voc(("with_mask", 10, 20, 30, 50), ("without_mask", 50, 5, 85, 30)))
    if packed:
        with zipfile.ZipFile(root / "archive.zip", "w") as archive:
            for path in [path for path in root.rglob("*.*") if path.suffix != ".zip"]:
                archive.write(path, path.relative_to(root).as_posix())
                path.unlink()
    dropped = []
    (picture,) = load("facemask", dropped)
    np.testing.assert_array_equal(picture.image, pixels)
    np.testing.assert_array_equal(picture.boxes, [[10, 20, 30, 50], [50, 5, 80, 30]])
    assert (picture.labels, picture.name) == (("with_mask", "without_mask"), "maksssksksss0")
    assert [(drop.name, drop.reason) for drop in dropped] == [
        ("maksssksksss0, box 2", "box cut at the picture's border")
    ]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (voc(("with_mask", 10, 20, 30, 50))[:100], r"maksssksksss0\.xml is damaged .*expected plain XML"),
        (BOMB, r"maksssksksss0\.xml is damaged .*DTDForbidden"),
        (voc(("with_mask", 30, 20, 10, 50)), r"maksssksksss0: box 1 goes from \(30, 20\) to \(10, 50\)"),
        (voc(("with_mask", "x", 20, 30, 50)), r"bndbox/xmin is 'x', expected a number"),
        (
            voc(("with_mask", 10, 20, 30, 50), size=(61, 80)),
            r"of a picture of \(61, 80\), but .* has \(60, 80\)",
        ),
    ],
)
def test_a_voc_annotation_that_cannot_be_is_named(data, text, message):
    make_facemask(data / "facemask", text)
    with pytest.raises(BadRecording, match=message):
        list(load("facemask"))


def test_a_picture_or_xml_without_the_other_is_named(data):
    make_facemask(data / "facemask")
    (data / "facemask/images/maksssksksss0.png").rename(data / "facemask/images/b.png")
    with pytest.raises(BadRecording, match="b has no xml in annotations"):
        list(load("facemask"))
    (data / "facemask/images/b.png").rename(data / "facemask/images/maksssksksss0.png")
    write(data / "facemask/annotations/maksssksksss1.xml", voc())
    with pytest.raises(BadRecording, match="maksssksksss1 has no picture in images"):
        list(load("facemask"))


def test_splits_follow_the_name_and_twins_stay_together():
    names = [f"maksssksksss{i}" for i in range(853)]
    counts = {
        split: [facemask_split(name) for name in names].count(split) for split in ("train", "val", "test")
    }
    assert 0.66 < counts["train"] / 853 < 0.74 and 0.07 < counts["val"] / 853 < 0.13
    assert len({held_out(twin) != held_out(first) for twin, first in TWINS.items()}) == 2
    for twin, first in TWINS.items():
        assert facemask_split(f"maksssksksss{twin}") == facemask_split(f"maksssksksss{first}")


def make_wider(root, text, split="train"):
    pixels = save(root / f"WIDER_{split}" / "images" / "0--Parade" / "0_Parade_1.jpg")
    write(root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt", text)
    return pixels


WIDER = """0--Parade/0_Parade_1.jpg
4
10 20 30 25 2 0 0 0 1 0
1 2 5 5 0 0 0 1 0 0
70 50 20 20 1 0 0 0 0 0
5 5 0 7 0 0 0 0 0 0
0--Parade/0_Parade_0.jpg
0
0 0 0 0 0 0 0 0 0 0
"""


def test_wider_face(data):
    root = data / "wider_face"
    make_wider(root, WIDER)
    save(root / "WIDER_train" / "images" / "0--Parade" / "0_Parade_0.jpg")
    make_wider(root, "0--Parade/0_Parade_1.jpg\n1\n1 2 30 40 0 0 0 0 0 0\n", "val")
    dropped = []
    first, empty, val = load("wider_face", dropped)
    np.testing.assert_array_equal(first.boxes, [[10, 20, 40, 45], [70, 50, 80, 60]])
    assert first.labels == ("heavily blurred", "blurred") and first.name == "0--Parade/0_Parade_1.jpg"
    assert empty.boxes.shape == (0, 4) and empty.labels == ()
    assert (first.split, val.split) == ("train", "val") and val.boxes.tolist() == [[1, 2, 31, 42]]
    assert [drop.reason for drop in dropped] == [
        "marked invalid", "box without extent", "box cut at the picture's border",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", [WIDER[:60], WIDER.replace("\n4\n", "\n3\n"), WIDER.replace("2 0 0 0 1 0", "2")]
)
def test_a_damaged_wider_file_is_named_with_its_line(data, text):
    make_wider(data / "wider_face", text)
    with pytest.raises(BadRecording, match=r"bbx_gt\.txt is damaged at the entry of line \d"):
        list(load("wider_face"))


def test_a_wider_picture_that_is_not_there_is_named(data):
    make_wider(data / "wider_face", WIDER.replace("Parade_1", "Parade_7"))
    with pytest.raises(BadRecording, match=r"names 0--Parade/0_Parade_7\.jpg, which is not in WIDER_train"):
        list(load("wider_face"))


@pytest.mark.parametrize("folders", [("images/train", "labels/train"), ("train/images", "train/labels")])
def test_yolo(data, folders):
    images, labels = (data / "yolo" / folder for folder in folders)
    save(images / "a.png", (60, 80, 3))
    save(images / "b.png", (60, 80))
    write(labels / "a.txt", "0 0.5 0.5 0.25 0.5\n2 0.05 0.5 0.2 0.1\n")
    dropped = []
    a, b = load("yolo", dropped)
    np.testing.assert_allclose(a.boxes, [[30, 15, 50, 45], [0, 27, 12, 33]])
    assert a.labels == ("0", "2") and a.split == b.split == "train" and len(b.boxes) == 0
    assert len(dropped) == 1


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.25", "0 0.5 0.5 0.25 0", "0 nan 0.5 0.2 0.2", "0 40 30 20 30"])
def test_a_yolo_line_that_cannot_be_is_named(data, line):
    save(data / "yolo" / "images" / "a.png")
    write(data / "yolo" / "labels" / "a.txt", f"0 0.5 0.5 0.25 0.5\n{line}\n")
    with pytest.raises(BadRecording, match=r"a\.txt, line 2: .*expected a class and the centre"):
        list(load("yolo"))


def test_a_yolo_text_without_its_picture_is_named(data):
    save(data / "yolo" / "images" / "a.png")
    write(data / "yolo" / "labels" / "b.txt", "0 0.5 0.5 0.25 0.5")
    with pytest.raises(BadRecording, match=r"b\.txt has no picture in images"):
        list(load("yolo"))


def test_scenes_repeat_and_hold_their_faces():
    first, again = list(load("scenes", n=8, seed=3)), list(load("scenes", n=12, seed=3))
    for one, other in zip(first, again, strict=False):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.boxes, other.boxes)
        assert one.split == other.split
    boxes = np.concatenate([picture.boxes for picture in again])
    assert {len(picture.boxes) for picture in again} >= {1, 2} and area(boxes).min() > 400
    assert max(np.triu(iou(p.boxes, p.boxes), 1).max(initial=0) for p in again) <= 0.1
    other = next(iter(load("scenes", n=1, seed=4))).image
    assert other.shape != first[0].image.shape or (other != first[0].image).any()


def test_names_options_and_folders_are_checked(data):
    for name in set(CORPORA) - {"scenes"}:
        (data / name).mkdir()
        with pytest.raises(CorpusMissing, match=f"No files in .*{name}"):
            list(load(name))
    with pytest.raises(BadParameter, match="got 'coco', expected facemask or"):
        load("coco")
    with pytest.raises(BadParameter, match="seeed does not exist in the loader of scenes"):
        load("scenes", seeed=1)
    with pytest.raises(BadParameter, match="n: got 0"):
        list(load("scenes", n=0))


def test_gathered_pictures_lie_letterboxed_with_their_boxes():
    pictures = list(load("scenes", n=10))
    sets = gather(iter(pictures), 64, n_channels=1)
    assert sum(len(part.X) for part in sets.values()) == 10 and set(sets) <= {"train", "val", "test"}
    for split, part in sets.items():
        mine = [picture for picture in pictures if picture.split == split]
        assert part.names == tuple(f"scenes/{picture.name}" for picture in mine)
        for X, boxes, picture in zip(part.X, part.boxes, mine, strict=True):
            fit = Letterbox(picture.image.shape[:2], 64)
            np.testing.assert_array_equal(X, fit.image(picture.image, 1))
            np.testing.assert_allclose(fit.inverse(boxes), picture.boxes, atol=1e-9)


def test_a_digest_is_of_pixels_and_boxes():
    part = gather(load("scenes", n=4), 32)["train"]
    moved = PictureSet(part.X, tuple(boxes + 1 for boxes in part.boxes), part.names)
    lit = PictureSet(part.X + np.uint8(1), part.boxes, part.names)
    assert len({part.digest(), moved.digest(), lit.digest()}) == 3
    assert part.digest() == gather(load("scenes", n=4), 32)["train"].digest()
