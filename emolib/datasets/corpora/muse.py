"""Muse mental states: four people relaxed, neutral and concentrating, a four-electrode headband at 256 Hz."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial, github_archive, stretches
from emolib.datasets.labels import AROUSAL, WORDS
from emolib.datasets.tables import read_numbers

SFREQ = 256.0
GAP_S = 0.01  # between two samples; they are 3 or 4 ms apart, as written
CHANNELS = ("TP9", "AF7", "AF8", "TP10")  # "Right AUX" was not worn


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a recording, kind "raw"; one a piece where time stamps leave a gap. Empty cells stay NaN. A person's
    session begins with the first recording, though some lie days after it."""
    tree = open_tree(root)
    names, begins_s = tree.need("subject[a-z]-*-*.csv"), defaultdict(lambda: np.inf)
    for name in names:
        subject = _stem(name).split("-")[0]
        first_s = read_numbers(tree, name, ["timestamps"], gaps=True).min(initial=np.inf)
        begins_s[subject] = min(begins_s[subject], first_s)
    for name in names:
        stem = _stem(name)
        subject, label, *_ = stem.split("-")
        values = read_numbers(tree, name, ["timestamps", *CHANNELS], gaps=True)
        time_s, data = values[:, 0], values[:, 1:].T.astype(np.float32)
        if len(time_s) < 2 or not np.all(np.diff(time_s) > 0):
            raise tree.damaged(name, "lacks two or more time stamps that rise in every row")
        pieces = stretches(np.diff(time_s) > GAP_S)
        if len(pieces) > 1:
            lost_s = time_s[-1] - time_s[0] - len(time_s) / SFREQ
            lost = f"{len(pieces) - 1} gaps, {lost_s:.1f} s: kept as {len(pieces)} pieces"
            dropped.append(Dropped(stem, lost))
        for number, (first, end) in enumerate(pieces, start=1):
            trial = f"{stem}.{number}" if len(pieces) > 1 else stem
            piece = data[:, first:end]
            of_trial, since_s = ("muse", "eeg", subject, trial), time_s[first] - begins_s[subject]
            yield Trial(*of_trial, piece, SFREQ, label, "raw", channels=CHANNELS, session_s=since_s)


def _stem(name: str) -> str:
    return Path(name).stem.lower()


MUSE = Corpus(
    name="muse",
    title="Muse mental states: EEG of four people relaxed, neutral and concentrating",
    modalities=("eeg",),
    tasks={"state3": ("relaxed", "neutral", "concentrating"), **AROUSAL},
    labels={
        "relaxed": Affect("relaxed", "low", None),
        "neutral": WORDS["neutral"],
        "concentrating": Affect("concentrating", "high", None),
    },
    licence="none stated: do not redistribute",
    cite="Bird et al. 2018, A Study on Mental State Classification using EEG-based Brain-Machine Interface, "
    "IEEE Intelligent Systems, doi:10.1109/IS.2018.8710576",
    layout="subject<a-d>-<relaxed|neutral|concentrating>-<n>.csv: timestamps, TP9, AF7, AF8, TP10, Right AUX",
    where="https://github.com/jordan-bird/eeg-feature-generation, the csv files of dataset/original_data",
    trials=trials,
    downloads=(github_archive("jordan-bird/eeg-feature-generation", "HEAD"),),
    reads=("subject*-*.csv",),
    fingerprint="a9c8f1f59c2707b1f2be377226089cda6a43feec856dee7a1b88e13035babf96",
)
