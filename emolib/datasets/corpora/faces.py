"""Corpora of faces, picture by picture: FER2013, CK+ and folders of your own."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording, UnmappedLabel
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial, part_of
from emolib.datasets.labels import EMOTION4, EMOTION6, EMOTION7, FER, SIDES, mapped
from emolib.datasets.media import read_image, with_endings
from emolib.datasets.tables import read_rows

# FER2013: 35,887 grey 48 × 48 faces from the web, seven emotions, an official train / val / test split. Who is on a picture
# is not known, so every picture is a subject of its own: no split by subject can be claimed. The corpus holds copies of
# pictures across its splits; `leaks.audited` finds them.

CODES = {str(code): emotion for code, emotion in enumerate(FER)}  # of the csv
USAGES = {"training": "train", "publictest": "val", "privatetest": "test"}
SIDE = 48
COLUMNS = ("emotion", "pixels", "usage")


def fer2013_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One picture (48, 48) per trial, from the csv where there is one, else from {split}/{class}/ folders.

    A file's prefix (Training_, PublicTest_, PrivateTest_) tells the split, else its folder: some copies put PublicTest
    and PrivateTest into one folder `test`.
    """
    tree = open_tree(root)
    if tables := tree.names("fer2013.csv", "icml_face_data.csv"):
        yield from _from_csv(tree, tables[0])
        return
    for name in tree.need(*with_endings("*/*/*")):
        path = PurePosixPath(name)
        folder = path.parent.parent.name
        split = USAGES.get(path.name.split("_")[0].lower()) or part_of(folder) or USAGES.get(folder.lower())
        if split is None:
            dropped.append(Dropped(name, "in no folder named train, validation or test"))
            continue
        picture, label = f"{path.parent.name}/{path.stem}", path.parent.name.lower()
        data = read_image(tree, name)
        yield Trial("fer2013", "face", picture, picture, data, 0.0, label, split=split)


def _from_csv(tree: Tree, name: str) -> Iterator[Trial]:
    rows = read_rows(tree, name)
    header = [column.strip().lower() for column in next(rows, [])]
    if not set(COLUMNS) <= set(header):
        raise tree.damaged(name, f"has columns {', '.join(header)}, expected {', '.join(COLUMNS)}")
    columns = [header.index(column) for column in COLUMNS]
    for line, row in enumerate(rows, start=2):
        place = f"{tree.where(name)} line {line}"
        if len(row) != len(header):
            raise BadRecording(f"{place} has {len(row)} of {len(header)} columns: fetch it again.")
        code, pixels, usage = (row[column] for column in columns)
        try:
            split = USAGES[usage.lower()]
            # a bytearray refuses what is not 0 to 255
            data = np.array(bytearray(map(int, pixels.split()))).reshape(SIDE, SIDE)
        except (KeyError, ValueError) as error:
            expected = f"{', '.join(USAGES)}, and {SIDE * SIDE} pixels from 0 to 255"
            raise BadRecording(f"{place} is of usage {usage!r}, expected {expected}.") from error
        if code not in CODES:
            raise UnmappedLabel(f"{place}: emotion is {code!r}, expected 0 to 6: mend or remove that line.")
        picture = f"{usage}_{line}"
        yield Trial("fer2013", "face", picture, picture, data, 0.0, CODES[code], split=split)


FER2013 = Corpus(
    name="fer2013",
    title="FER2013: faces from the web",
    modalities=("face",),
    tasks={**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    labels=FER,
    licence="terms of the Kaggle competition",
    cite="Goodfellow et al. 2013, Challenges in representation learning, ICONIP",
    layout="fer2013.csv or icml_face_data.csv (emotion,pixels,Usage) or {train,validation,test}/happy/*.jpg",
    where="sign in and accept the rules at https://www.kaggle.com/c/"
    "challenges-in-representation-learning-facial-expression-recognition-challenge/data",
    trials=fer2013_trials,
)


# Extended Cohn-Kanade (CK+): posed expressions of 123 people; 327 of 593 sequences carry an emotion

PEAKS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
PEAK_CODES = {f"{code:.7e}": emotion for code, emotion in enumerate(PEAKS, start=1)}


def ck_plus_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """The last picture of each sequence, where the expression is at its peak: (height, width[, 3]) uint8."""
    tree = open_tree(root)
    coded = {_sequence(name): name for name in tree.need("S???/???/*_emotion.txt")}
    peaks = {_sequence(name): name for name in tree.need("S???/???/S*.png")}  # the last one stays
    for sequence in sorted(peaks.keys() | coded.keys()):
        if sequence not in coded:
            dropped.append(Dropped(sequence, "no emotion was assigned"))
        elif sequence not in peaks:
            dropped.append(Dropped(sequence, "no pictures"))
        else:
            name = coded[sequence]
            text = tree.text(name).strip()
            if text not in PEAK_CODES:
                expected = f"expected {', '.join(PEAK_CODES)}: mend it"
                raise UnmappedLabel(f"{tree.where(name)} says {text!r}, {expected}.")
            data, subject = read_image(tree, peaks[sequence]), sequence.split("_")[0]
            yield Trial("ck_plus", "face", subject, sequence, data, 0.0, PEAK_CODES[text])


def _sequence(name: str) -> str:
    """S005_001 of …/S005/001/S005_001_00000011.png."""
    folder = PurePosixPath(name).parent
    return f"{folder.parent.name}_{folder.name}"


CK_PLUS = Corpus(
    name="ck_plus",
    title="CK+: posed expressions, picture sequences",
    modalities=("face",),
    tasks={"emotion7": ("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), **SIDES},
    labels=mapped(*PEAKS),
    licence="research only, by agreement",
    cite="Lucey et al. 2010, The extended Cohn-Kanade dataset (CK+), CVPR Workshops",
    layout="cohn-kanade-images/S005/001/S005_001_00000011.png … and Emotion/S005/001/S005_001_00000011_emotion.txt …",
    where="ask at http://www.jeffcohn.net/Resources/",
    trials=ck_plus_trials,
)


# Any pictures of faces: one folder a class. What stands before the first underscore is the person's name


def image_folder_trials(root: Path, modality: str, dropped: list[Dropped], folder: str = "") -> Iterator[Trial]:
    """One picture (height, width[, 3]) uint8 per trial; of a name without underscore it is a subject of its own."""
    tree = open_tree(Path(folder) if folder else root)
    for name in tree.need(*with_endings("*/*")):
        path = PurePosixPath(name)
        label = path.parent.name.lower()
        subject = path.stem.split("_")[0] if "_" in path.stem else f"{label}/{path.stem}"
        split = part_of(path.parent.parent.name) or ""
        yield Trial("image_folder", "face", subject, name, read_image(tree, name), 0.0, label, split=split)


IMAGE_FOLDER = Corpus(
    name="image_folder",
    title="Your own pictures of faces, one folder a class",
    modalities=("face",),
    tasks={**EMOTION7, **EMOTION4, **SIDES},
    labels=FER,
    licence="yours",
    cite="",
    layout="<class>/<subject>_<anything>.png, or that in train/, val/ and test/, with classes " + ", ".join(FER),
    where="your own pictures; nothing to fetch",
    trials=image_folder_trials,
)
