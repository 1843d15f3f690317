"""Face Mask Detection: street and crowd pictures, faces with and without masks, as Pascal VOC annotations."""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Dropped
from emolib.datasets.face_boxes.base import BoxCorpus, Picture, cut, held_out
from emolib.datasets.images import PATTERNS, read_image

SIDES = ("xmin", "ymin", "xmax", "ymax")
TWINS = {  # the same picture twice, at times compressed anew: each goes where its first twin goes
    "737": "13", "219": "146", "428": "410", "775": "653", "690": "656", "545": "156", "680": "514",
    "451": "61", "839": "662", "554": "435", "704": "665", "354": "74",
}  # fmt: skip
PREFIX = "maksssksksss"


def pictures(root: Path, dropped: list[Dropped]) -> Iterator[Picture]:
    """853 pictures, 4,072 boxes. No official split: by a hash of the name, twins on one side."""
    tree = open_tree(root)
    annotations = by_stem(tree.need("annotations/*.xml"))
    images = by_stem(tree.need(*(f"images/{pattern}" for pattern in PATTERNS)))
    for stem in sorted(annotations.keys() | images.keys()):
        if stem not in images or stem not in annotations:
            lacks = "no picture in images" if stem in annotations else "no xml in annotations"
            raise BadRecording(f"{root}: {stem} has {lacks}, expected both: unpack the corpus again.")
        yield cut(_picture(tree, stem, images[stem], annotations[stem]), dropped)


def by_stem(names: list[str]) -> dict[str, str]:
    return {PurePosixPath(name).stem: name for name in names}


def split_of(stem: str) -> str:
    number = stem.removeprefix(PREFIX)
    return held_out(PREFIX + TWINS[number] if number in TWINS else stem)


def _picture(tree: Tree, stem: str, image_name: str, xml_name: str) -> Picture:
    image, root = read_image(tree, image_name), _parsed(tree, xml_name)
    size = tuple(int(_number(tree, xml_name, root, f"size/{side}")) for side in ("height", "width"))
    if size != image.shape[:2]:
        raise BadRecording(
            f"{tree.where(xml_name)} is of a picture of {size}, but {image_name} has {image.shape[:2]} "
            "(height, width): unpack the corpus again."
        )
    faces = root.findall("object")
    boxes = [[_number(tree, xml_name, face, f"bndbox/{side}") for side in SIDES] for face in faces]
    labels = tuple((face.findtext("name") or "").strip() for face in faces)
    return Picture("facemask", stem, split_of(stem), image, np.reshape(boxes, (-1, 4)).astype(float), labels)


def _parsed(tree: Tree, name: str) -> Element:
    try:
        return ElementTree.fromstring(tree.read(name), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadRecording(
            f"{tree.where(name)} is damaged ({reason}), expected plain XML: fetch it again."
        ) from error


def _number(tree: Tree, name: str, element: Element, path: str) -> float:
    text = element.findtext(path)
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BadRecording(f"{tree.where(name)}: {path} is {text!r}, expected a number.")
    return number


CORPUS = BoxCorpus(
    name="facemask",
    title="Face Mask Detection: 853 pictures, with, without and with ill-worn masks",
    licence="CC0",
    cite="Larxel (2020), Face Mask Detection, Kaggle",
    layout="images/maksssksksss0.png (or .jpg) and annotations/maksssksksss0.xml, or archive.zip of both",
    where="Kaggle, andrewmvd/face-mask-detection, after signing in",
    pictures=pictures,
)
