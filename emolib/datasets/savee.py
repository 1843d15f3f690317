"""Surrey Audio-Visual Expressed Emotion, the sound: 480 English utterances of four men, seven emotions."""

import re
from collections.abc import Iterator
from pathlib import Path

from emolib.datasets import labels
from emolib.datasets.archives import open_tree
from emolib.datasets.audio import speech_trials
from emolib.datasets.base import Corpus, Dropped, Trial

NAME = re.compile(r"(?:.*/)?(DC|JE|JK|KL)[/_]([a-z]+)(\d\d)\.wav")  # speaker, emotion, sentence
EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial per utterance, from one folder a speaker or from the flat copy."""
    tree = open_tree(root)
    return speech_trials("savee", tree, tree.need("*.wav"), parse, dropped)


def parse(name: str) -> tuple[str, str, str] | str:
    match = NAME.fullmatch(name)
    if not match:
        return "not named like DC/a01.wav or DC_a01.wav"
    speaker, code, sentence = match.groups()
    return speaker, f"{speaker}_{code}{sentence}", EMOTIONS.get(code, code)


CORPUS = Corpus(
    name="savee",
    title="SAVEE: acted English speech of four men",
    modalities=("speech",),
    tasks=labels.tasks("savee"),
    licence="research only, by registration",
    cite="Haq and Jackson 2010, Multimodal emotion recognition, in Machine Audition, IGI Global",
    layout="AudioData/DC/a01.wav … or DC_a01.wav …: speaker, emotion code, sentence",
    where="register at http://kahlan.eps.surrey.ac.uk/savee/",
    trials=trials,
)
