"""DREAMER: 23 people watched 18 film clips; a 14-electrode headset and a two-lead ECG."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES
from emolib.datasets.matlab import read_mat

EEG_SFREQ, ECG_SFREQ = 128.0, 256.0
CHANNELS = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
SCALES = ("valence", "arousal", "dominance")  # 1 to 5


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a clip, rated and without a label, eeg "raw" or heart "ecg" under the same name; s01-07."""
    tree = open_tree(root)
    name = tree.need("DREAMER.mat")[0]
    content = read_mat(tree, name)
    try:
        people = np.atleast_1d(content["DREAMER"].Data)
        rates = float(content["DREAMER"].EEG_SamplingRate), float(content["DREAMER"].ECG_SamplingRate)
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise tree.damaged(name, f"lacks {error}, expected a struct DREAMER with Data") from error
    if rates != (EEG_SFREQ, ECG_SFREQ):
        raise tree.damaged(name, f"has rates {rates} Hz, expected {(EEG_SFREQ, ECG_SFREQ)}")
    for number, person in enumerate(people, start=1):
        subject = f"s{number:02d}"
        try:
            clips, scores = _clips(person, modality)
        except (AttributeError, TypeError, ValueError) as error:
            raise tree.damaged(name, f"holds no readable {subject} ({error})") from error
        for clip, (signals, rated) in enumerate(zip(clips, scores.T, strict=True), start=1):
            of_trial = "dreamer", modality, subject, f"{subject}-{clip:02d}"
            ratings = dict(zip(SCALES, rated.tolist(), strict=True))
            if modality == "eeg":
                data = np.ascontiguousarray(signals.T)
                yield Trial(*of_trial, data, EEG_SFREQ, "", "raw", "", CHANNELS, ratings)
            else:
                yield Trial(*of_trial, signals[:, 0].copy(), ECG_SFREQ, "", "ecg", ratings=ratings)


def _clips(person, modality: str) -> tuple[list[np.ndarray], np.ndarray]:
    """A person's clips, each (n_times, n_chans), and ratings (3, n_clips). Raises ValueError and others for damage."""
    stimuli = (person.EEG if modality == "eeg" else person.ECG).stimuli
    clips = [np.asarray(clip, np.float32) for clip in stimuli]
    scores = np.array([getattr(person, f"Score{scale.capitalize()}") for scale in SCALES], float)
    width = len(CHANNELS) if modality == "eeg" else 2
    shapes = {clip.shape[1:] for clip in clips}
    if shapes != {(width,)} or scores.shape != (len(SCALES), len(clips)):
        raise ValueError(f"clips of width {sorted(shapes)}, expected ({width},), ratings {scores.shape}")
    return clips, scores


DREAMER = Corpus(
    name="dreamer",
    title="DREAMER: EEG and ECG of 23 people watching film clips",
    modalities=("eeg", "heart"),
    tasks=SIDES,
    midpoint=3.0,
    licence="CC BY-NC-SA 4.0, by request",
    cite="Katsigiannis, Ramzan 2018, DREAMER: A Database for Emotion Recognition Through EEG and ECG Signals "
    "From Wireless Low-cost Off-the-Shelf Devices, IEEE J. Biomed. Health Inform. 22(1):98-107, "
    "doi:10.1109/JBHI.2017.2688239",
    layout="DREAMER.mat",
    where="https://zenodo.org/record/546113: ask for access there",
    trials=trials,
)
