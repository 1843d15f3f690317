"""Toronto Emotional Speech Set: 2,800 utterances of two actresses, 200 words, seven emotions."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emolib.datasets import labels
from emolib.datasets.archives import open_tree
from emolib.datasets.audio import speech_trials
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.listings import dataverse_files

NAME = re.compile(r"(OAF?|YAF)_(.+)_([a-z]+)", re.IGNORECASE)  # older or younger actress, word, emotion
DAMAGED = ("YAF_germ_angry", "YAF_neat_fear")  # say other public loaders; not seen by us


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial per word. With two actresses, a subject-independent split tests on one person."""
    tree = open_tree(root)
    return speech_trials("tess", tree, tree.need("*.wav"), parse, dropped)


def parse(name: str) -> tuple[str, str, str] | str:
    stem = PurePosixPath(name).stem
    if stem in DAMAGED:
        return "reported damaged: other public loaders leave it out"
    match = NAME.fullmatch(stem)
    if not match:
        return "not named like OAF_back_angry"
    subject = "YAF" if match[1].upper() == "YAF" else "OAF"  # one published file is called OA_bite_neutral
    label = match[3].lower()
    return subject, f"{subject}_{match[2].lower()}_{label}", label


CORPUS = Corpus(
    name="tess",
    title="TESS: acted English words of two actresses",
    modalities=("speech",),
    tasks=labels.tasks("tess"),
    licence="CC BY-NC-ND 4.0",
    cite="Pichora-Fuller and Dupuis 2020, Toronto emotional speech set, doi:10.5683/SP2/E8H2MF",
    layout="any folders with OAF_back_angry.wav …: actress, word, emotion (ps is pleasant surprise)",
    where="https://doi.org/10.5683/SP2/E8H2MF, its .wav files by the page's button Access Dataset",
    trials=trials,
    listing=lambda root: dataverse_files("https://borealisdata.ca", "10.5683/SP2/E8H2MF", ".wav"),
)
