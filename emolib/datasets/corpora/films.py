"""People who watched films: DEAP and DREAMER, who rated them and wore a sensor of the heart too, and SEED.

DEAP: 32 people and 40 music videos of a minute each; 32 electrodes, a finger plethysmograph. DREAMER: 23 people, 18
clips; a 14-electrode headset, a two-lead ECG. SEED: 15 people and 15 clips on each of three days; 62 electrodes. DEAP's
and DREAMER's files have the clips by number, not in the order in which they were shown, and none has times.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES, VALENCE
from emolib.datasets.serialized import read_mat, read_pickle
from emolib.signals.readers import SignalInfo

SCALES = ("valence", "arousal", "dominance", "liking")  # DREAMER has the first three


def rated(of: tuple, clips: Iterable[np.ndarray], scores: np.ndarray, about: SignalInfo) -> Iterator[Trial]:
    """One trial a clip, without a label, s01-07; `of` is corpus, modality and subject, scores are (n_clips, n_scales)."""
    for number, (clip, row) in enumerate(zip(clips, scores.tolist(), strict=True), start=1):
        data, ratings = np.ascontiguousarray(clip, np.float32), dict(zip(SCALES, row, strict=False))
        clip_name = f"{number:02d}"
        yield Trial(*of, f"{of[2]}-{clip_name}", data, **about._asdict(), ratings=ratings, stimulus=clip_name)


DEAP_SFREQ = 128.0
BASELINE_S = 3.0  # before each video
DEAP_SHAPE = (40, 40, 8064)  # videos, channels, samples
PLETHYSMOGRAPH = 38  # counted from 0
DEAP_CHANNELS = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)  # fmt: skip


def deap_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a video, rated 1 to 9: eeg "raw" or heart "ppg" under the same name."""
    tree = open_tree(root)
    for name in tree.need("data_preprocessed_python/s[0-9][0-9].dat"):
        data, scores = read_pickle(tree, name, "data", "labels")
        got, expected = (data.shape, scores.shape), (DEAP_SHAPE, (DEAP_SHAPE[0], len(SCALES)))
        if got != expected or data.dtype.kind != "f":
            raise tree.damaged(name, f"has data and labels of the shapes {got}, expected {expected}")
        of, watched = ("deap", modality, Path(name).stem.lower()), data[..., round(BASELINE_S * DEAP_SFREQ) :]
        if modality == "eeg":
            clips, about = watched[:, : len(DEAP_CHANNELS)], SignalInfo(DEAP_SFREQ, "raw", DEAP_CHANNELS)
        else:
            clips, about = watched[:, PLETHYSMOGRAPH], SignalInfo(DEAP_SFREQ, "ppg")
        yield from rated(of, clips, scores.astype(float), about)


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
    trials=deap_trials,
)


DREAMER_RATES = (128.0, 256.0)  # of EEG and ECG
DREAMER_CHANNELS = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")


def dreamer_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a clip, rated 1 to 5: eeg "raw" or heart "ecg" under the same name."""
    tree = open_tree(root)
    name = tree.need("DREAMER.mat")[0]
    content = read_mat(tree, name)
    try:
        people = content["DREAMER"]["Data"]
        people = people if isinstance(people, list) else [people]  # one cell is squeezed
        rates = float(content["DREAMER"]["EEG_SamplingRate"]), float(content["DREAMER"]["ECG_SamplingRate"])
    except (LookupError, TypeError, ValueError) as error:
        raise tree.damaged(name, f"lacks {error}, expected a struct DREAMER with Data") from error
    if rates != DREAMER_RATES:
        raise tree.damaged(name, f"has rates {rates} Hz, expected {DREAMER_RATES}")
    for number, person in enumerate(people, start=1):
        of = "dreamer", modality, f"s{number:02d}"
        try:
            clips, scores = _dreamer_clips(person, modality)
        except (LookupError, TypeError, ValueError) as error:
            raise tree.damaged(name, f"holds no readable {of[2]} ({error})") from error
        if modality == "eeg":
            about, clips = SignalInfo(rates[0], "raw", DREAMER_CHANNELS), [clip.T for clip in clips]
        else:
            about, clips = SignalInfo(rates[1], "ecg"), [clip[:, 0] for clip in clips]
        yield from rated(of, clips, scores.T, about)


def _dreamer_clips(person, modality: str) -> tuple[list[np.ndarray], np.ndarray]:
    """A person's clips, each (n_times, n_chans), and ratings (3, n_clips). Raises ValueError and others for damage."""
    sensor, width = (person["EEG"], len(DREAMER_CHANNELS)) if modality == "eeg" else (person["ECG"], 2)
    clips = [np.asarray(clip, np.float32) for clip in sensor["stimuli"]]
    scores = np.array([person[f"Score{scale.title()}"] for scale in SCALES[:3]], float)
    shapes = {clip.shape[1:] for clip in clips}
    if shapes != {(width,)} or scores.shape != (3, len(clips)):
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
    trials=dreamer_trials,
)


SEED_SFREQ = 200.0
SEED_LABELS = {-1: "negative", 0: "neutral", 1: "positive"}
SEED_CHANNELS = (
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8", "FT7", "FC5",
    "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8",
    "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2",
    "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2",
)  # fmt: skip


def seed_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a clip and day, kind "raw"; 1-20131027-15. The labels are the same for everyone and every day."""
    tree = open_tree(root)
    label_file = tree.need("Preprocessed_EEG/label.mat")[0]
    codes = np.atleast_1d(read_mat(tree, label_file).get("label", ())).tolist()
    if not codes or any(code not in SEED_LABELS for code in codes):
        raise tree.damaged(label_file, f"has the labels {codes}, expected values of -1, 0, 1")
    for name in tree.need("Preprocessed_EEG/[0-9]*_[0-9]*.mat"):
        subject, _, session = Path(name).stem.partition("_")
        content = read_mat(tree, name)
        clips = {int(match[1]): content[key] for key in content if (match := re.fullmatch(r"\w+_eeg(\d+)", key))}
        if sorted(clips) != list(range(1, len(codes) + 1)):
            raise tree.damaged(name, f"has clips {sorted(clips)}, expected 1 to {len(codes)} as in label.mat")
        for number, code in enumerate(codes, start=1):
            clip, label = clips[number], SEED_LABELS[code]
            if np.ndim(clip) != 2 or len(clip) != len(SEED_CHANNELS):
                raise tree.damaged(name, f"has clip {number} of shape {np.shape(clip)}, expected (62, n_times)")
            of, about = ("seed", "eeg", subject, f"{subject}-{session}-{number:02d}"), (SEED_SFREQ, label, "raw")
            yield Trial(*of, clip.astype(np.float32), *about, channels=SEED_CHANNELS, stimulus=f"{number:02d}")


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
    trials=seed_trials,
)
