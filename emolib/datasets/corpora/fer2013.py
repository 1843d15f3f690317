"""FER2013: 35,887 grey 48 × 48 faces from the web, seven emotions, an official train / val / test split.

Who is on a picture is not known, so every picture is a subject of its own: no split by subject can be
claimed. The corpus holds copies of pictures across its splits; `leaks.audit` finds them.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording, UnmappedLabel
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import EMOTION4, EMOTION6, EMOTION7, FER, SIDES
from emolib.datasets.media import read_image, with_endings
from emolib.datasets.tables import read_rows

CODES = {str(code): emotion for code, emotion in enumerate(FER)}  # of the csv
USAGES = {"training": "train", "publictest": "val", "privatetest": "test"}
FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", **USAGES}
SIDE = 48
COLUMNS = ("emotion", "pixels", "usage")


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One picture (48, 48) per trial, from the csv where there is one, else from {split}/{class}/ folders."""
    tree = open_tree(root)
    if tables := tree.names("fer2013.csv", "icml_face_data.csv"):
        return _from_csv(tree, tables[0])
    return _from_folders(tree, tree.need(*with_endings("*/*/*")), dropped)


def _from_folders(tree: Tree, names: list[str], dropped: list[Dropped]) -> Iterator[Trial]:
    """The split is told by a file's prefix (Training_, PublicTest_, PrivateTest_), else by its folder.

    Some copies put PublicTest and PrivateTest into one folder `test`: their prefixes still tell them apart.
    """
    for name in names:
        path = PurePosixPath(name)
        split = USAGES.get(path.name.split("_")[0].lower()) or FOLDERS.get(path.parent.parent.name.lower())
        if split is None:
            dropped.append(Dropped(name, "in no folder named train, validation or test"))
            continue
        picture, label = f"{path.parent.name}/{path.stem}", path.parent.name.lower()
        data = read_image(tree, name)
        yield Trial("fer2013", "face", picture, picture, data, 0.0, label, split=split)


def _from_csv(tree: Tree, name: str) -> Iterator[Trial]:
    where, rows = tree.where(name), read_rows(tree, name)
    header = [column.strip().lower() for column in next(rows, [])]
    if not set(COLUMNS) <= set(header):
        raise tree.damaged(name, f"has columns {', '.join(header)}, expected {', '.join(COLUMNS)}")
    columns = [header.index(column) for column in COLUMNS]
    for line, row in enumerate(rows, start=2):
        place = f"{where} line {line}"
        if len(row) != len(header):
            raise BadRecording(f"{place} has {len(row)} of {len(header)} columns: fetch it again.")
        code, pixels, usage = (row[column] for column in columns)
        try:
            split = USAGES[usage.lower()]
            values = bytearray(map(int, pixels.split()))  # a bytearray refuses what is not 0 to 255
            data = np.array(values).reshape(SIDE, SIDE)
        except (KeyError, ValueError) as error:
            raise BadRecording(
                f"{place} is of usage {usage!r}, expected {', '.join(USAGES)}, and {SIDE * SIDE} pixels from 0 to "
                "255: fetch it again."
            ) from error
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
    trials=trials,
    protocol="official",
)
