"""Emotion from a walk: 44 people walked after, or to, happy, sad and neutral films or music.

The chest strap's heart rate was written beside each sample of the watch, at 25 Hz, but changes only every two
seconds or so. The rate is not in the files: 132 blocks of rows divided by the start and end times in the
authors' user_study_encoding.csv give 24.97 to 24.99 Hz.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Dropped, Trial, github_archive, stretches
from emolib.datasets.labels import SIDES, mapped
from emolib.datasets.tables import read_numbers

SFREQ = 25.0
DEAD_BPM = 30.0
COLUMNS = ("condition", "emotion", "acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z", "heart_rate")
EMOTIONS = {-1.0: "sad", 0.0: "neutral", 1.0: "happy"}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a walk, kind "bpm"; ew10-mo-1-happy: a film before the walk (mu: music, mw: music on it)."""
    tree = open_tree(root)
    for name in tree.need("walking_data/m[ouw]_ew*_accdata_*.csv"):
        condition, subject, *_ = Path(name).name.lower().split("_")
        values = read_numbers(tree, name, COLUMNS, header=False)
        emotions, rate_bpm = values[:, 1], values[:, -1].astype(np.float32)
        if strange := sorted(set(emotions.tolist()) - EMOTIONS.keys()):
            raise tree.damaged(name, f"has emotion {strange[0]:g}, expected -1, 0 or 1")
        if rate_bpm.max() <= DEAD_BPM:
            dropped.append(Dropped(subject, f"dead heart-rate sensor: never above {DEAD_BPM:g} bpm"))
            continue
        for number, (first, end) in enumerate(stretches(np.diff(emotions) != 0), start=1):
            label = EMOTIONS[emotions[first]]
            trial = f"{subject}-{condition}-{number}-{label}"
            of_trial = "walking", "heart", subject, trial
            yield Trial(*of_trial, rate_bpm[first:end], SFREQ, label, "bpm", session_s=first / SFREQ)


WALKING = Corpus(
    name="walking",
    title="Emotion from a walk: heart rate of 44 people after happy, sad and neutral films or music",
    modalities=("heart",),
    tasks={"emotion3": ("happy", "sad", "neutral"), **SIDES},
    labels=mapped("happy", "sad", "neutral"),
    licence="MIT",
    cite="Quiroz, Geangu, Yong 2018, Emotion Recognition Using Smart Watch Sensor Data: Mixed-Design Study, "
    "JMIR Ment. Health 5(3):e10153, doi:10.2196/10153",
    layout="walking_data/{mo,mu,mw}_ew<n>_accdata_<date>.csv, nine columns without a header",
    where="https://github.com/juancq/emotion-recognition-smartwatch, folder walking_data",
    trials=trials,
    downloads=(github_archive("juancq/emotion-recognition-smartwatch", "0cd6fbcad0ed605427bb5bea69dc43dd34c05c90"),),
    reads=("walking_data/*.csv",),
    fingerprint="061eb8dad72cef1e090babffda2a72dbcea571b5bed02c26391a738cf4e2a8ce",
)
