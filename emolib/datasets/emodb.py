"""Berlin Database of Emotional Speech: 535 utterances, ten actors, ten German sentences, seven emotions."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emolib.datasets import labels
from emolib.datasets.archives import open_tree
from emolib.datasets.audio import speech_trials
from emolib.datasets.base import Corpus, Dropped, Trial

NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")  # speaker, text, emotion (in German), version
EMOTIONS = {
    "W": "anger",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial per utterance, from wav or lossless flac."""
    tree = open_tree(root)
    return speech_trials("emodb", tree, tree.need("*.wav", "*.flac"), parse, dropped)


def parse(name: str) -> tuple[str, str, str] | str:
    stem = PurePosixPath(name).stem
    match = NAME.fullmatch(stem)
    return (match[1], stem, EMOTIONS.get(match[3], match[3])) if match else "not named like 03a01Fa"


CORPUS = Corpus(
    name="emodb",
    title="Berlin EmoDB: acted German speech",
    modalities=("speech",),
    tasks=labels.tasks("emodb"),
    licence="freely available; cite the paper",
    cite="Burkhardt et al. 2005, A database of German emotional speech, Interspeech",
    layout="wav/03a01Fa.wav … (or the same names as flac): speaker, text, emotion letter, version",
    where="http://emodb.bilderbar.info",
    trials=trials,
    downloads=(("http://emodb.bilderbar.info/download/download.zip", None, "download.zip"),),
)
