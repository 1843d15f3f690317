"""GAMEEMO: 28 people played four games (boring, calm, horror, funny) under a 14-electrode headset.

Read from band powers in windows of 12 s that do not overlap; each game has its player's ratings, 1 to 9. All played the
games in one order. A session's time is time played: the files do not tell the pauses.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial, github_archive
from emolib.datasets.labels import SIDES
from emolib.datasets.tables import cell_values, read_numbers, read_table

STEP_S = 12.0
CHANNELS = ("AF3", "AF4", "F3", "F4", "F7", "F8", "FC5", "FC6", "O1", "O2", "P7", "P8", "T7", "T8")
BANDS = ("Delta", "Theta", "Alpha", "Beta")
POWERS = [f"{channel}_{band}_Power" for channel in CHANNELS for band in BANDS]
KEYS = ["SUBJECT", "GAME", "WINDOW_INDEX"]


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a game, kind "band_power" (n_steps, 14, 4), a step 12 s; S01-G3, labelled G3 and rated."""
    tree = open_tree(root)
    name = tree.need("eeg_bandpower_features_windowed_12.0_0.0.csv")[0]
    values = read_numbers(tree, name, KEYS + POWERS)
    ratings = read_ratings(tree)
    for subject, game in np.unique(values[:, :2].astype(int), axis=0).tolist():
        trial = f"S{subject:02d}-G{game}"
        if trial not in ratings:
            dropped.append(Dropped(trial, "no valence or arousal rating"))
            continue
        steps = values[(values[:, 0] == subject) & (values[:, 1] == game)]
        steps = steps[np.argsort(steps[:, 2], kind="stable")]
        if not np.array_equal(steps[:, 2], np.arange(1, len(steps) + 1)):
            raise tree.damaged(name, f"numbers the windows of {trial} other than 1 to {len(steps)} once each")
        data = steps[:, 3:].reshape(-1, len(CHANNELS), len(BANDS)).astype(np.float32)
        before = (values[:, 0] == subject) & (values[:, 1] < game)
        of_trial, about = ("gameemo", "eeg", f"S{subject:02d}", trial), ("band_power", "", CHANNELS, ratings.pop(trial))
        played = {"session_s": STEP_S * before.sum(), "stimulus": f"G{game}"}
        yield Trial(*of_trial, data, 1 / STEP_S, f"G{game}", *about, **played)
    dropped += [Dropped(trial, "rated, but no band powers") for trial in sorted(ratings)]


def read_ratings(tree: Tree) -> dict[str, dict[str, float]]:
    """Valence and arousal, 1 to 9, by trial (S01-G1); trials with an empty cell are left out."""
    name = tree.need("final_SAM_scores.csv")[0]
    table = read_table(tree, name, ["Path", "Subject", "Valence", "Arousal"])
    values = cell_values(table[["Valence", "Arousal"]], tree.where(name), gaps=True)
    if ((values < 1) | (values > 9)).any():
        raise tree.damaged(name, "has ratings outside the scale, expected 1 to 9")
    names = table["Subject"].astype(str) + "-" + table["Path"].astype(str).str.removesuffix(".pdf")
    return {
        trial: {"valence": valence, "arousal": arousal}
        for trial, (valence, arousal) in zip(names, values.tolist(), strict=True)
        if np.isfinite([valence, arousal]).all()
    }


GAMEEMO = Corpus(
    name="gameemo",
    title="GAMEEMO: EEG band powers of 28 people playing four games",
    modalities=("eeg",),
    tasks=SIDES,
    midpoint=5.0,
    licence="none stated: do not redistribute",
    cite="Alakus, Gonen, Turkoglu 2020, Database for an emotion recognition system based on EEG signals and "
    "various computer games: GAMEEMO, Biomed. Signal Process. Control 60:101951, "
    "doi:10.1016/j.bspc.2020.101951",
    layout="eeg_bandpower_features_windowed_12.0_0.0.csv and final_SAM_scores.csv",
    where="https://github.com/Joelsp19/EEGEmotionClassificationGAMEEMO, final_SAM_scores.csv and "
    "bandpower_features/eeg_bandpower_features_windowed_12.0_0.0.csv",
    trials=trials,
    downloads=(github_archive("Joelsp19/EEGEmotionClassificationGAMEEMO", "HEAD"),),
    reads=("eeg_bandpower_features_windowed_12.0_0.0.csv", "final_SAM_scores.csv"),
    fingerprint="ee4d67a44afd5b4bfb8638742b8bbbbb881b0382cacbb5ca67dad13e7e760574",
)
