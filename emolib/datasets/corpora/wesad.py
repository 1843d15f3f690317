"""WESAD: 15 people, stressed by a speech and mental arithmetic, amused by films, and meditating."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial, stretches
from emolib.datasets.labels import REST_STRESS, SIDES, WORDS
from emolib.datasets.serialized import read_pickle
from emolib.signals.readers import SignalInfo
from emolib.signals.skin import CHANNELS, with_temperature

ABOUT = {"heart": SignalInfo(64.0, "ppg"), "skin": SignalInfo(4.0, "eda", CHANNELS)}  # wrist, Empatica E4
PLACES = {"heart": ("BVP",), "skin": ("EDA", "TEMP")}
LABEL_SFREQ = 700.0  # the labels run at the rate of the chest's RespiBAN
LABELS = {1: "baseline", 2: "stress", 3: "amusement", 4: "meditation"}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a stretch of one label, of the wrist's blood volume pulse, kind "ppg", or skin, kind "eda"; S2-1-baseline."""
    tree, about = open_tree(root), ABOUT[modality]
    for name in tree.need("S*/S*.pkl"):
        subject = Path(name).stem
        labels, *rows = read_pickle(tree, name, "label", *(f"signal/wrist/{place}" for place in PLACES[modality]))
        rows, labels = [row.astype(np.float32).ravel() for row in rows], labels.astype(np.int64).ravel()
        labels_s = len(labels) / LABEL_SFREQ
        for place, row in zip(PLACES[modality], rows, strict=True):
            if not len(labels) or abs(len(row) / about.sfreq - labels_s) > 1.0:
                got = f"has a {place} of {len(row) / about.sfreq:.1f} s, but labels of {labels_s:.1f} s"
                raise tree.damaged(name, got)
        samples = rows[0] if modality == "heart" else with_temperature(rows[0], about.sfreq, rows[1], about.sfreq)
        conditions = [edges for edges in stretches(np.diff(labels) != 0) if labels[edges[0]] in LABELS]
        for number, edges in enumerate(conditions, start=1):
            first, end = (round(index / LABEL_SFREQ * about.sfreq) for index in edges)
            label = LABELS[labels[edges[0]]]
            trial = f"{subject}-{number}-{label}"
            data, began_s = samples[..., first:end], first / about.sfreq
            yield Trial("wesad", modality, subject, trial, data, label=label, session_s=began_s, **about._asdict())
        left_s = np.isin(labels, list(LABELS), invert=True).sum() / LABEL_SFREQ
        reason = f"{left_s:.0f} s between the conditions (label 0, or 5 to 7: to ignore)"
        dropped.append(Dropped(subject, reason))


WESAD = Corpus(
    name="wesad",
    title="WESAD: wrist pulse and skin of 15 people at rest, under stress, amused and meditating",
    modalities=tuple(PLACES),
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
