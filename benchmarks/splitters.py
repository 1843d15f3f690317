"""Our splits by people beside scikit-learn's: how even the classes are in a part, and how often a part lacks one. A row a
trial, of corpora in $EMOLIB_DATA whose people have several; 20 seeds. Prints a table."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

from emolib.datasets import labels, load, splits
from emolib.datasets.base import EmotionSet

SOURCES = (
    *(
        "synthetic-heart-emotion",
        "emodb-speech-emotion7",
        "walking-heart-emotion3",
        "stress_predict-heart-stress",
    ),
    *("muse-eeg-state3", "gameemo-eeg-arousal", "gameemo-eeg-valence"),
)
SEEDS = range(20)


def rows(corpus: str, modality: str, task: str) -> EmotionSet:
    found = [(labels.target(corpus, task, trial), trial.subject) for trial in load(corpus, modality)]
    target, subject = np.array([pair for pair in found if pair[0]]).T
    classes, y = np.unique(target, return_inverse=True)
    return EmotionSet(np.zeros((len(y), 1)), y, subject, subject, tuple(classes))


def told(y: np.ndarray, parts: list[np.ndarray]) -> list[float]:
    """Of parts, rows of y: the largest deviation of a class's share from that of all, mean and worst, and how many lack one."""
    counts = np.array([np.bincount(y[part], minlength=y.max() + 1) for part in parts])
    off = np.abs(counts / counts.sum(axis=1, keepdims=True) - np.bincount(y) / len(y)).max(axis=1)
    return [100 * off.mean(), 100 * off.max(), 100 * (counts == 0).any(axis=1).mean()]


def compared(data: EmotionSet) -> dict[str, list[np.ndarray]]:
    """The parts that each way makes, by its name."""
    y, subject, n = data.y, data.subject, min(5, len(np.unique(data.subject)))
    found = {"test: grouped": [fold.test for s in SEEDS for fold in splits.grouped(data, n, 1, s)]}
    for shuffle in (True, False):
        ways = [StratifiedGroupKFold(n, shuffle=shuffle, random_state=s if shuffle else None) for s in SEEDS]
        parts = [test for way in ways for _, test in way.split(y, y, subject)]
        found[f"test: StratifiedGroupKFold, {shuffle=}"] = parts
    for n_val in (1, 2):
        ours = [fold for s in SEEDS for fold in splits.loso(data, n_val, s)]
        rest = [np.union1d(fold.train, fold.val) for fold in ours]
        draws = [GroupShuffleSplit(1, test_size=n_val, random_state=k) for k in range(len(rest))]
        drawn = [next(way.split(of, None, subject[of]))[1] for way, of in zip(draws, rest, strict=True)]
        found[f"val: loso, {n_val=}"] = [fold.val for fold in ours]
        found[f"val: GroupShuffleSplit, {n_val=}"] = [of[at] for of, at in zip(rest, drawn, strict=True)]
    return found


table = {}
for source in SOURCES:
    data = rows(*source.split("-"))
    table |= {(source, way): told(data.y, parts) for way, parts in compared(data).items()}
print(pd.DataFrame(table, ["off by, mean (points)", "worst", "lack a class (%)"]).T.round(1).to_string())
