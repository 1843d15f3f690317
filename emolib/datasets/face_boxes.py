"""Corpora of pictures with the boxes of their faces, a registry of its own: Face Mask Detection, WIDER FACE, pictures in
YOLO's layout, and drawn scenes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from emolib.core.errors import BadParameter, BadRecording, check_options
from emolib.datasets import root_of
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Dropped, part_of
from emolib.datasets.media import read_image, with_endings
from emolib.signals.boxes import area, clipped
from emolib.signals.generated.scenes import scene


@dataclass(frozen=True)
class Picture:
    """One picture and its faces. image: uint8 (height, width[, 3]); boxes: (n, 4) x1 y1 x2 y2 in pixels; labels: (n,)
    the corpus's own words. `split` is train | val | test."""

    corpus: str
    name: str
    split: str
    image: np.ndarray
    boxes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class BoxCorpus:
    """An entry of the registry; `pictures(root, dropped)` yields the fields of a Picture after `corpus`, lazily."""

    title: str
    licence: str
    cite: str
    pictures: Callable[[Path, list[Dropped]], Iterator[tuple]]


def get(name: str) -> BoxCorpus:
    """A corpus of the registry. Raises BadParameter for a name it does not hold."""
    if name not in CORPORA:
        raise BadParameter(f"corpus of face boxes: got {name!r}, expected {' or '.join(CORPORA)}.")
    return CORPORA[name]


def load(name: str, dropped: list[Dropped] | None = None, **options) -> Iterator[Picture]:
    """Pictures of a corpus in $EMOLIB_DATA/<name>; arguments and errors are those of `datasets.load`."""
    corpus = get(name)
    check_options(options, corpus.pictures, f"the loader of {name}")
    dropped = [] if dropped is None else dropped
    found = corpus.pictures(root_of(name), dropped, **options)
    return (cut(Picture(name, *fields), dropped) for fields in found)


def pictures(corpora: Mapping[str, dict], dropped: list[Dropped]) -> Iterator[Picture]:
    """The pictures of every corpus, by its name and the options of its loader. Raises what they raise."""
    for name, options in corpora.items():
        yield from load(name, dropped, **options)


def held_out(name: str) -> str:
    """The split of a picture where there is no official one: 20 % test, 10 % val, by a hash of its name."""
    place = int(sha256(name.encode()).hexdigest()[:8], 16) / 16**8
    return "test" if place < 0.2 else "val" if place < 0.3 else "train"


def cut(picture: Picture, dropped: list[Dropped]) -> Picture:
    """The picture with boxes that end at its border, and none outside; `dropped` counts. Raises BadRecording."""
    inside = clipped(picture.boxes, picture.image.shape[:2])
    for number, (box, whole) in enumerate(zip(inside, picture.boxes, strict=True), 1):
        x1, y1, x2, y2 = whole
        if not (np.isfinite(whole).all() and x1 < x2 and y1 < y2):
            got = f"box {number} goes from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"
            raise BadRecording(f"{picture.corpus}, {picture.name}: {got}, expected left above right below.")
        if (box != whole).any():
            what = "cut at the picture's border" if area(box) else "outside the picture"
            dropped.append(Dropped(f"{picture.name}, box {number}", f"box {what}"))
    kept = area(inside) > 0
    labels = tuple(label for label, keep in zip(picture.labels, kept, strict=True) if keep)
    return replace(picture, boxes=inside[kept], labels=labels)


# Face Mask Detection: street and crowd pictures, faces with and without masks, as Pascal VOC annotations

SIDES = ("xmin", "ymin", "xmax", "ymax")
TWINS = {  # the same picture twice, at times compressed anew: each goes where its first twin goes
    f"maksssksksss{one}": f"maksssksksss{first}"
    for one, first in (
        *((737, 13), (219, 146), (428, 410), (775, 653), (690, 656), (545, 156)),
        *((680, 514), (451, 61), (839, 662), (554, 435), (704, 665), (354, 74)),
    )
}


def facemask_pictures(root: Path, dropped: list[Dropped]) -> Iterator[tuple]:
    """853 pictures, 4,072 boxes. No official split: by a hash of the name, twins on one side."""
    tree = open_tree(root)
    annotations = {PurePosixPath(name).stem: name for name in tree.need("annotations/*.xml")}
    images = {PurePosixPath(name).stem: name for name in tree.need(*with_endings("images/*"))}
    if lone := sorted(annotations.keys() ^ images.keys()):
        raise BadRecording(f"{root}: {lone[0]} lacks its picture or its xml: unpack the corpus again.")
    for stem, name in sorted(annotations.items()):
        try:
            faces = ElementTree.fromstring(tree.read(name), forbid_dtd=True).findall("object")
            boxes = [[float(face.findtext(f"bndbox/{side}")) for side in SIDES] for face in faces]
        except (ParseError, DefusedXmlException, ValueError, TypeError) as error:
            raise tree.damaged(name, f"is damaged ({error}), expected XML with a box a face") from error
        image, boxes = read_image(tree, images[stem]), np.reshape(boxes, (-1, 4)).astype(float)
        labels = tuple((face.findtext("name") or "").strip() for face in faces)
        yield stem, held_out(TWINS.get(stem, stem)), image, boxes, labels


# WIDER FACE: crowds, one text file of boxes per split. Official splits train and val; test has no boxes

BLUR = ("clear", "blurred", "heavily blurred")
N_COLUMNS = 10  # x1 y1 w h blur expression illumination invalid occlusion pose


def wider_face_pictures(root: Path, dropped: list[Dropped]) -> Iterator[tuple]:
    """12,880 pictures of train and 3,226 of val, labelled by their blur; what is marked invalid is left out."""
    tree = open_tree(root)
    for name in tree.need("wider_face_train_bbx_gt.txt", "wider_face_val_bbx_gt.txt"):
        split = "train" if "train" in PurePosixPath(name).name else "val"
        found = tree.need(f"WIDER_{split}/images/*.jpg")
        images = {"/".join(PurePosixPath(path).parts[-2:]): path for path in found}
        for picture, faces in _read_wider(tree, name):
            if picture not in images:
                raise tree.damaged(name, f"names {picture}, which is not in WIDER_{split}/images")
            is_invalid, is_flat = faces[:, 7] != 0, faces[:, 2:4].min(axis=1) < 1
            for number in np.flatnonzero(is_invalid | is_flat):
                reason = "marked invalid" if is_invalid[number] else "box without extent"
                dropped.append(Dropped(f"{picture}, box {number + 1}", reason))
            kept = faces[~(is_invalid | is_flat)]
            boxes = np.hstack([kept[:, :2], kept[:, :2] + kept[:, 2:4]]).astype(float)
            labels = tuple(BLUR[min(blur, 2)] for blur in kept[:, 4])
            yield picture, split, read_image(tree, images[picture]), boxes, labels


def _read_wider(tree: Tree, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Picture and its faces, int (n, 10), of every entry; one without faces has a line of zeros to pass over."""
    lines = tree.text(name).splitlines()
    at = 0
    while at < len(lines):
        try:
            n_faces = int(lines[at + 1])
            end = at + 2 + max(n_faces, 1)
            rows = [[int(value) for value in line.split()] for line in lines[at + 2 : end]]
            faces = np.array(rows, np.int64).reshape(max(n_faces, 1), N_COLUMNS)[:n_faces]
        except (ValueError, IndexError, OverflowError) as error:
            what = f"is damaged at the entry of line {at + 1}, expected lines of {N_COLUMNS} whole numbers"
            raise tree.damaged(name, what) from error
        yield lines[at].strip(), faces
        at = end


# Own pictures in YOLO's layout: images/a.jpg and labels/a.txt, a line a face: class, centre x, y, width, height


def yolo_pictures(root: Path, dropped: list[Dropped]) -> Iterator[tuple]:
    """Every picture; one without a text file has no faces, as YOLO says. The class number is the label. The split is a
    folder's name, images/train or train/images, else a hash of the picture's own name."""
    tree = open_tree(root)
    # images/train/a.jpg: labels/train/a.txt; of several folders `images` the last one counts
    text_of = {
        name: re.sub(r"(?i)(.*/)?images/(.*)\..*", r"\1labels/\2.txt", name)
        for name in tree.need(*with_endings("images/*"))
    }
    texts = {name for name in tree.names("labels/*.txt") if PurePosixPath(name).name != "classes.txt"}
    if lone := sorted(texts - set(text_of.values())):
        raise BadRecording(f"{tree.where(lone[0])} has no picture in images: put it there, or delete this.")
    for name, text in text_of.items():
        image = read_image(tree, name)
        faces = _read_yolo(tree, text) if text in texts else np.empty((0, 5))
        centre, half = faces[:, 1:3], faces[:, 3:] / 2
        boxes = np.hstack([centre - half, centre + half]) * np.tile(image.shape[1::-1], 2)
        *folders, file = name.split("/")
        splits = [part for folder in folders if (part := part_of(folder))]
        labels = tuple(str(int(label)) for label in faces[:, 0])
        yield name, splits[-1] if splits else held_out(file), image, boxes, labels


def _read_yolo(tree: Tree, name: str) -> np.ndarray:
    """(n, 5): class, then centre and sides in shares of the picture."""
    lines = [line for line in tree.text(name).splitlines() if line.strip()]
    try:
        faces = np.array([line.split() for line in lines], float).reshape(len(lines), 5)
    except ValueError as error:
        raise tree.damaged(name, f"is damaged ({error}), expected lines of five numbers") from error
    is_class, is_near = faces[:, 0] == np.trunc(faces[:, 0]), np.abs(faces) <= [1e6, 2, 2, 2, 2]
    good = is_class & is_near.all(axis=1) & (faces[:, 3:] > 0).all(axis=1)
    if not good.all():
        line = lines[good.argmin()]
        expected = "a class and the centre x, y, width and height in shares of the picture"
        raise BadRecording(f"{tree.where(name)} holds {line!r}, expected {expected}: mend it.")
    return faces


# Scenes: drawn faces before drawn clutter. No files needed, nothing learnt about people

SCENE_SIZES = ((240, 320), (320, 240), (270, 360), (300, 300))
N_FACES = (0, 1, 1, 1, 2, 3)


def scene_pictures(root: Path, dropped: list[Dropped], n: int = 200, seed: int = 0) -> Iterator[tuple]:
    """n pictures of none to three faces, labelled by their emotion; the same n of the same seed. Nothing is read."""
    if n < 1:
        raise BadParameter(f"n: got {n}, expected 1 or more scenes.")
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        size, n_faces = SCENE_SIZES[rng.integers(len(SCENE_SIZES))], N_FACES[rng.integers(len(N_FACES))]
        image, boxes, words = scene(int(rng.integers(2**31)), size, n_faces)
        name = f"scene-{seed}-{number}"
        yield name, held_out(name), image, boxes, tuple(words.tolist())


CORPORA = {
    "facemask": BoxCorpus(
        "Face Mask Detection: 853 pictures, with, without and with ill-worn masks",
        "CC0",
        "Larxel (2020), Face Mask Detection, Kaggle",
        facemask_pictures,
    ),
    "wider_face": BoxCorpus(
        "WIDER FACE: 32,203 pictures, 393,703 faces, of which train and val have boxes",
        "research, non-commercial",
        "Yang et al. (2016), WIDER FACE: a face detection benchmark, CVPR",
        wider_face_pictures,
    ),
    "yolo": BoxCorpus("Your own pictures, as YOLO's tools write them", "yours", "", yolo_pictures),
    "scenes": BoxCorpus("Synthetic scenes", "as emolib's", "emolib", scene_pictures),
}
