"""WESAD: 15 people, stressed by a speech and mental arithmetic, amused by films, and meditating."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial, stretches
from emolib.datasets.labels import REST_STRESS, SIDES, WORDS
from emolib.datasets.serialized import read_pickle

SFREQ = 64.0  # wrist, Empatica E4
LABEL_SFREQ = 700.0  # the labels run at the rate of the chest's RespiBAN
LABELS = {1: "baseline", 2: "stress", 3: "amusement", 4: "meditation"}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a stretch of one label, of the wrist's blood volume pulse, kind "ppg"; S2-1-baseline."""
    tree = open_tree(root)
    for name in tree.need("S*/S*.pkl"):
        subject = Path(name).stem
        bvp, labels = read_pickle(tree, name, "signal/wrist/BVP", "label")
        bvp, labels = bvp.astype(np.float32).ravel(), labels.astype(np.int64).ravel()
        bvp_s, labels_s = len(bvp) / SFREQ, len(labels) / LABEL_SFREQ
        if not len(labels) or abs(bvp_s - labels_s) > 1.0:
            raise tree.damaged(name, f"has a pulse of {bvp_s:.1f} s, but labels of {labels_s:.1f} s")
        conditions = [edges for edges in stretches(np.diff(labels) != 0) if labels[edges[0]] in LABELS]
        for number, edges in enumerate(conditions, start=1):
            first, end = (round(index / LABEL_SFREQ * SFREQ) for index in edges)
            label = LABELS[labels[edges[0]]]
            trial = f"{subject}-{number}-{label}"
            of_trial = "wesad", "heart", subject, trial
            yield Trial(*of_trial, bvp[first:end], SFREQ, label, "ppg", session_s=first / SFREQ)
        left_s = np.isin(labels, list(LABELS), invert=True).sum() / LABEL_SFREQ
        reason = f"{left_s:.0f} s between the conditions (label 0, or 5 to 7: to ignore)"
        dropped.append(Dropped(subject, reason))


WESAD = Corpus(
    name="wesad",
    title="WESAD: wrist pulse of 15 people at rest, under stress, amused and meditating",
    modalities=("heart",),
    tasks={**REST_STRESS, **SIDES},
    labels={
        "baseline": WORDS["rest"],
        "stress": WORDS["stress"],
        "amusement": Affect("amusement", None, "positive"),
        "meditation": Affect("meditation", "low", None),
    },
    licence="academic research, non-commercial",
    cite="Schmidt et al. 2018, Introducing WESAD, a Multimodal Dataset for Wearable Stress and Affect "
    "Detection, ICMI, doi:10.1145/3242969.3242985",
    layout="S2/S2.pkl … S17/S17.pkl (there is no S1 and no S12), or WESAD.zip as it is",
    where="https://ubicomp.eti.uni-siegen.de/home/datasets/icmi18/ or "
    "https://archive.ics.uci.edu/dataset/465/wesad+wearable+stress+and+affect+detection, WESAD.zip (2.1 GB)",
    trials=trials,
)
