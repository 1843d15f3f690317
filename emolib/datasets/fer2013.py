"""FER2013: 35,887 grey 48 × 48 faces from the web, seven emotions, an official train / val / test split.

Who is on a picture is not known, so every picture is a subject of its own: no split by subject can be
claimed. The corpus holds copies of pictures across its splits; `splits.leak_audit` finds them.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording, UnmappedLabel
from emolib.datasets import labels
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.images import PATTERNS, read_image
from emolib.datasets.tables import read_rows

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # the csv's codes from 0
USAGES = {"training": "train", "publictest": "val", "privatetest": "test"}
FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", **USAGES}
SIDE = 48
COLUMNS = ("emotion", "pixels", "usage")


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One picture (48, 48) per trial, from the csv where there is one, else from {split}/{class}/ folders."""
    tree = open_tree(root)
    if tables := tree.names("fer2013.csv", "icml_face_data.csv"):
        return _from_csv(tree, tables[0])
    return _from_folders(tree, tree.need(*(f"*/*/{pattern}" for pattern in PATTERNS)), dropped)


def _from_folders(tree: Tree, names: list[str], dropped: list[Dropped]) -> Iterator[Trial]:
    for name in names:
        split = _split(name)
        if split is None:
            dropped.append(Dropped(name, "in no folder named train, validation or test"))
            continue
        path = PurePosixPath(name)
        yield _trial(
            f"{path.parent.name}/{path.stem}", read_image(tree, name), path.parent.name.lower(), split
        )


def _split(name: str) -> str | None:
    """The split by the file's prefix (Training_, PublicTest_, PrivateTest_), else by its folder.

    Some copies put PublicTest and PrivateTest into one folder `test`: their prefixes still tell them apart.
    """
    path = PurePosixPath(name)
    return USAGES.get(path.name.split("_")[0].lower()) or FOLDERS.get(path.parent.parent.name.lower())


def _from_csv(tree: Tree, name: str) -> Iterator[Trial]:
    where, rows = tree.where(name), read_rows(tree, name)
    header = [column.strip().lower() for column in next(rows, [])]
    if missing := [column for column in COLUMNS if column not in header]:
        raise BadRecording(
            f"{where} has no column {', '.join(missing)}; expected {', '.join(COLUMNS)}: fetch it again."
        )
    at = [header.index(column) for column in COLUMNS]
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadRecording(
                f"{where} line {line} has {len(row)} of {len(header)} columns: fetch it again."
            )
        emotion, pixels, usage = (row[i] for i in at)
        split = _usage(usage, where, line)
        yield _trial(f"{usage}_{line}", _pixels(pixels, where, line), _emotion(emotion, where, line), split)


def _trial(picture: str, data: np.ndarray, label: str, split: str) -> Trial:
    return Trial("fer2013", "face", picture, picture, data, 0.0, label, split=split)


def _usage(usage: str, where: str, line: int) -> str:
    if usage.lower() not in USAGES:
        expected = "Training, PublicTest or PrivateTest"
        raise BadRecording(f"{where} line {line}: Usage is {usage!r}, expected {expected}: fetch it again.")
    return USAGES[usage.lower()]


def _emotion(code: str, where: str, line: int) -> str:
    if code not in map(str, range(len(EMOTIONS))):
        raise UnmappedLabel(
            f"{where} line {line}: emotion is {code!r}, expected 0 to 6: mend or remove that line."
        )
    return EMOTIONS[int(code)]


def _pixels(text: str, where: str, line: int) -> np.ndarray:
    try:
        values = np.array(bytearray(map(int, text.split())))  # a bytearray refuses what is not 0 to 255
        return values.reshape(SIDE, SIDE)
    except ValueError as error:
        expected = f"expected {SIDE * SIDE} pixels from 0 to 255"
        raise BadRecording(f"{where} line {line}: {expected}, got others: fetch it again.") from error


CORPUS = Corpus(
    name="fer2013",
    title="FER2013: faces from the web",
    modalities=("face",),
    tasks=labels.tasks("fer2013"),
    licence="terms of the Kaggle competition",
    cite="Goodfellow et al. 2013, Challenges in representation learning, ICONIP",
    layout="fer2013.csv or icml_face_data.csv (emotion,pixels,Usage) or {train,validation,test}/happy/*.jpg",
    where="sign in and accept the rules at https://www.kaggle.com/c/"
    "challenges-in-representation-learning-facial-expression-recognition-challenge/data",
    trials=trials,
    protocol="official",
)
