"""DEAP: 32 people watched 40 music videos of a minute each; 32 electrodes and a finger plethysmograph."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets import restricted_pickle
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES

SFREQ = 128.0
BASELINE_S = 3.0  # before each video
SHAPE = (40, 40, 8064)  # videos, channels, samples
PLETHYSMOGRAPH = 38  # counted from 0
SCALES = ("valence", "arousal", "dominance", "liking")
CHANNELS = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)  # fmt: skip


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a video, rated and without a label, eeg "raw" or heart "ppg" under the same name; s01-07."""
    tree = open_tree(root)
    for name in tree.need("data_preprocessed_python/s[0-9][0-9].dat"):
        subject = Path(name).stem.lower()
        data, labels = read_subject(tree, name)
        rows, kind, channels = (
            (slice(len(CHANNELS)), "raw", CHANNELS) if modality == "eeg" else (PLETHYSMOGRAPH, "ppg", ())
        )
        for video, (signals, scores) in enumerate(zip(data, labels, strict=True), start=1):
            watched = signals[rows, round(BASELINE_S * SFREQ) :].astype(np.float32)
            ratings = dict(zip(SCALES, scores.tolist(), strict=True))
            trial = f"{subject}-{video:02d}"
            yield Trial("deap", modality, subject, trial, watched, SFREQ, "", kind, "", channels, ratings)


def read_subject(tree: Tree, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Signals (40 videos, 40 channels, 8064) at 128 Hz and ratings (40, 4), 1 to 9. Raises BadRecording."""
    data, labels = restricted_pickle.load(tree, name, "data", "labels")
    if data.shape != SHAPE or data.dtype.kind != "f" or labels.shape != (SHAPE[0], len(SCALES)):
        got, expected = (data.shape, labels.shape), (SHAPE, (SHAPE[0], len(SCALES)))
        raise tree.damaged(name, f"has data and labels of the shapes {got}, expected {expected}")
    return data, labels.astype(float)


DEAP = Corpus(
    name="deap",
    title="DEAP: EEG and finger pulse of 32 people watching music videos",
    modalities=("eeg", "heart"),
    tasks=SIDES,
    midpoint=5.0,
    licence="academic research, by signed agreement",
    cite="Koelstra et al. 2012, DEAP: A Database for Emotion Analysis using Physiological Signals, "
    "IEEE Trans. Affect. Comput. 3(1):18-31, doi:10.1109/T-AFFC.2011.15",
    layout="data_preprocessed_python/s01.dat … s32.dat",
    where="https://www.eecs.qmul.ac.uk/mmv/datasets/deap/: sign the agreement there",
    trials=trials,
)
