"""CREMA-D: 7,442 clips, 91 actors, twelve English sentences, six emotions at up to four intensities."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from emolib.datasets import labels
from emolib.datasets.archives import open_tree
from emolib.datasets.audio import speech_trials
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.listings import lfs_files

NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]+)")  # actor, sentence, emotion, intensity
EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
DEFECTS = {  # as the publisher's README lists them
    "1064_IEO_DIS_MD": "known defect: holds all emotions",
    "1064_TIE_SAD_XX": "known defect: next to no sound",
    "1076_MTI_NEU_XX": "known defect: next to no sound",
    "1076_MTI_SAD_XX": "known defect: next to no sound",
}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial per clip; the label is the emotion that was acted, not the one that raters heard."""
    tree = open_tree(root)
    return speech_trials("crema_d", tree, tree.need("AudioWAV/*.wav", "*_???_???_*.wav"), parse, dropped)


def parse(name: str) -> tuple[str, str, str] | str:
    stem = PurePosixPath(name).stem
    match = NAME.fullmatch(stem)
    if stem in DEFECTS or not match:
        return DEFECTS.get(stem, "not named like 1001_DFA_ANG_XX")
    return match[1], stem, EMOTIONS.get(match[3], match[3])


SOUND = "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/AudioWAV"

CORPUS = Corpus(
    name="crema_d",
    title="CREMA-D: acted English speech of 91 actors",
    modalities=("speech",),
    tasks=labels.tasks("crema_d"),
    licence="Open Database License 1.0",
    cite="Cao et al. 2014, CREMA-D, IEEE Trans. Affective Computing 5(4)",
    layout="AudioWAV/1001_DFA_ANG_XX.wav …: actor, sentence, emotion, intensity",
    where="in that folder GIT_LFS_SKIP_SMUDGE=1 git clone --depth 1 https://github.com/CheyneyComputerScience/CREMA-D && "
    "git -C CREMA-D lfs pull --include AudioWAV (0.6 GB; a zip from the website holds pointers, no sound)",
    trials=trials,
    downloads=(
        (
            "https://github.com/CheyneyComputerScience/CREMA-D/archive/refs/heads/master.zip",
            None,
            "CREMA-D.zip",
        ),
    ),
    listing=partial(lfs_files, pattern="AudioWAV/*.wav", url=SOUND),
)
