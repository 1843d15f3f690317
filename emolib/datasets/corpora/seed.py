"""SEED: 15 people watched 15 film clips on three days; 62 electrodes at 200 Hz."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial
from emolib.datasets.labels import VALENCE
from emolib.datasets.matlab import read_mat

SFREQ = 200.0
LABELS = {-1: "negative", 0: "neutral", 1: "positive"}
CLIP = re.compile(r"\w+_eeg(?P<number>\d+)")
CHANNELS = (
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8", "FT7", "FC5",
    "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8",
    "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2",
    "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2",
)  # fmt: skip


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a clip and day, kind "raw"; 1-20131027-15."""
    tree = open_tree(root)
    labels = read_labels(tree)
    for name in tree.need("Preprocessed_EEG/[0-9]*_[0-9]*.mat"):
        subject, _, session = Path(name).stem.partition("_")
        clips = zip(read_clips(tree, name, len(labels)), labels, strict=True)
        for number, (data, label) in enumerate(clips, start=1):
            trial = f"{subject}-{session}-{number:02d}"
            yield Trial("seed", "eeg", subject, trial, data, SFREQ, label, "raw", channels=CHANNELS)


def read_labels(tree: Tree) -> list[str]:
    """The clips' labels in order, the same for everyone and every day. Raises BadRecording."""
    name = tree.need("Preprocessed_EEG/label.mat")[0]
    values = np.atleast_1d(read_mat(tree, name).get("label", ())).tolist()
    if not values or any(value not in LABELS for value in values):
        raise tree.damaged(name, f"has the labels {values}, expected values of -1, 0, 1")
    return [LABELS[value] for value in values]


def read_clips(tree: Tree, name: str, n_clips: int) -> list[np.ndarray]:
    """The clips of one day, each (62, n_times) float32 in µV, by number. Raises BadRecording."""
    content = read_mat(tree, name)
    clips = {int(match["number"]): content[key] for key in content if (match := CLIP.fullmatch(key))}
    if sorted(clips) != list(range(1, n_clips + 1)):
        raise tree.damaged(name, f"has clips {sorted(clips)}, expected 1 to {n_clips} as in label.mat")
    for number, clip in clips.items():
        if np.ndim(clip) != 2 or len(clip) != len(CHANNELS):
            raise tree.damaged(name, f"has clip {number} of shape {np.shape(clip)}, expected (62, n_times)")
    return [clips[number].astype(np.float32) for number in range(1, n_clips + 1)]


SEED = Corpus(
    name="seed",
    title="SEED: EEG of 15 people watching negative, neutral and positive film clips",
    modalities=("eeg",),
    tasks={"emotion3": ("negative", "neutral", "positive"), **VALENCE},
    labels={
        "negative": Affect("negative", None, "negative"),
        "neutral": Affect("neutral", None, None),  # films were chosen by valence; their arousal is not stated
        "positive": Affect("positive", None, "positive"),
    },
    licence="academic research, by signed agreement",
    cite="Zheng, Lu 2015, Investigating Critical Frequency Bands and Channels for EEG-Based Emotion "
    "Recognition with Deep Neural Networks, IEEE Trans. Auton. Ment. Dev. 7(3):162-175, "
    "doi:10.1109/TAMD.2015.2431497",
    layout="Preprocessed_EEG/{1_20131027.mat, …, label.mat}",
    where="https://bcmi.sjtu.edu.cn/home/seed/: sign the agreement there",
    trials=trials,
)
