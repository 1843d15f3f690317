"""CogWear: 24 people at rest and under a Stroop test, an Empatica E4 on the wrist, a Muse S on the head; 13 of them twice,
with a survey to fill in. Written from its documentation on PhysioNet and tried on generated files alone."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import CorpusMissing
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Affect, Corpus, Dropped, Trial
from emolib.datasets.labels import AROUSAL, WORDS
from emolib.datasets.tables import read_numbers
from emolib.signals.readers import LEAST_HZ, SignalInfo, same_rate
from emolib.signals.skin import CHANNELS, with_temperature
from emolib.signals.tables import steady

MUSE = ("TP9", "AF7", "AF8", "TP10")
ABOUT = {
    "heart": SignalInfo(64.0, "ppg"),
    "skin": SignalInfo(4.0, "eda", CHANNELS),
    "eeg": SignalInfo(256.0, "raw", MUSE),
}
FILES = {
    "heart": "empatica_bvp.csv",
    "skin": "empatica_e*da.csv",  # participant 3's is called emda
    "eeg": "muse_eeg.csv",
}
FOLDERS = ("pilot/*/*", "survey_gamification/*/*/*")  # participant, session of the survey study, condition


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a participant, session and condition, kind "ppg", "eda" or "raw"; 3-baseline, 12-pre-cognitive_load."""
    tree, about = open_tree(root), ABOUT[modality]
    everything = sorted({str(PurePosixPath(name).parent) for name in tree.need(*(f"{one}/*.csv" for one in FOLDERS))})
    found = {
        str(PurePosixPath(name).parent): name for name in tree.names(*(f"{one}/{FILES[modality]}" for one in FOLDERS))
    }
    if not found:
        raise CorpusMissing(
            f"No {FILES[modality]} in {tree.root}: `emolib datasets fetch cogwear` says where to get it."
        )
    for _, session in groupby(everything, lambda folder: PurePosixPath(folder).parent):
        folders = list(session)
        used = (folder for folder in folders if folder in found and not folder.endswith("/survey"))
        read = {folder: READERS[modality](tree, found[folder]) for folder in used}
        begin_s = min((start_s for start_s, _ in read.values()), default=0.0)
        for folder in folders:
            parts = PurePosixPath(folder).parts
            names = parts[-3:] if parts[-2] in ("pre", "post") else parts[-2:]
            trial = "-".join(names)
            if folder in read:
                start_s, data = read[folder]
                told = {"label": names[-1], "session_s": start_s - begin_s, **about._asdict()}
                yield Trial("cogwear", modality, names[0], trial, data, **told)
            elif names[-1] == "survey":
                dropped.append(Dropped(trial, "filling in a survey: neither rest nor load"))
            else:
                dropped.append(Dropped(trial, f"no {FILES[modality]}"))


# Each reader gives the start in Unix time, NaN of EEG, and Trial.data.


def read_heart(tree: Tree, name: str) -> tuple[float, np.ndarray]:
    start_s, samples = read_signal(tree, name, "bvp", ABOUT["heart"])
    return start_s, samples.astype(np.float32)


def read_skin(tree: Tree, name: str) -> tuple[float, np.ndarray]:
    about = ABOUT["skin"]
    start_s, eda = read_signal(tree, name, "eda", about)
    for beside in tree.names(f"{PurePosixPath(name).parent}/empatica_temp.csv"):
        temp_start_s, temp = read_signal(tree, beside, "temp", about)
        return start_s, with_temperature(eda, about.sfreq, temp, about.sfreq, temp_start_s - start_s)
    return start_s, with_temperature(eda)


def read_signal(tree: Tree, name: str, column: str, about: SignalInfo) -> tuple[float, np.ndarray]:
    """A file of the E4: start in Unix time, samples (n_times,). Raises BadRecording."""
    values, time_s = read_numbers(tree, name, [column, "time"], gaps=True).T
    sfreq, _ = steady(time_s, "s", LEAST_HZ["eda"], tree.where(name))
    if not same_rate(sfreq, about.sfreq):
        raise tree.damaged(name, f"has a rate of {sfreq:g}, expected {about.sfreq:g} Hz")
    return float(time_s[0]), values


def read_eeg(tree: Tree, name: str) -> tuple[float, np.ndarray]:
    """(4, n_times) float32 in µV of Mind Monitor's export. Time stamps are when packets came, so rows are taken as samples;
    those of events, without any, are left out."""
    values = read_numbers(tree, name, [f"RAW_{channel}" for channel in MUSE], gaps=True)
    return np.nan, np.ascontiguousarray(values[~np.isnan(values).all(axis=1)].T, np.float32)


READERS = {"heart": read_heart, "skin": read_skin, "eeg": read_eeg}


COGWEAR = Corpus(
    name="cogwear",
    title="CogWear: pulse, skin and EEG of 24 people at rest and under a Stroop test",
    modalities=tuple(FILES),
    tasks={"load": ("rest", "load"), **AROUSAL},
    labels={"baseline": WORDS["rest"], "cognitive_load": Affect("load", "high", None)},
    licence="ODbL 1.0",
    cite="Grzeszczyk et al. 2023, CogWear: Can we detect cognitive effort with consumer-grade wearables?, "
    "PhysioNet, doi:10.13026/5f6t-b637",
    layout="pilot/<0-10>/{baseline,cognitive_load}/ and survey_gamification/<11-24>/{pre,post}/{baseline,cognitive_load,"
    "survey}/ with empatica_bvp.csv, empatica_eda.csv, empatica_temp.csv, muse_eeg.csv, or the zip as it is",
    where="https://physionet.org/content/consumer-grade-wearables/1.0.0/, Download the ZIP file",
    trials=trials,
)
