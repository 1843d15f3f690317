"""The context of a recording: what is known without its sensor. Where this tells the classes, a network may read the session's
clock from a sensor that drifts, or what was shown from how people see and hear it, and not what they feel.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold

TREES, LEAVES = 30, 8  # of the clock; on validation people, larger models were no better


def scores(data: EmotionSet, folds: Sequence[Fold]) -> dict[str, np.ndarray]:
    """Scores (n_rows, n_classes), in the order of `crossval.score_columns`, of what the corpus tells of its windows:

    clock     seconds since the person's session began: gradient-boosted trees
    order     whether a trial was the person's first, second, …: counts of each class at that place, one added to each
    stimulus  what was shown or said: counts of each class, one added to each

    All learn from a fold's training people alone, classes weighing the same. `order` knows where trials begin and end, as those
    who cut them did; a device knows the clock at best.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.naive_bayes import CategoricalNB

    def counts(values: np.ndarray) -> np.ndarray:
        codes = np.unique(values, return_inverse=True)[1][:, None]
        return _fitted(CategoricalNB(alpha=1.0, fit_prior=False, min_categories=codes.max() + 1), codes, data, folds)

    found = {}
    if data.session_s is not None:
        options = {"max_iter": TREES, "max_leaf_nodes": LEAVES, "early_stopping": False, "random_state": 0}
        trees = HistGradientBoostingClassifier(class_weight="balanced", **options)
        begins_s = pd.Series(data.session_s - data.start_s).round(3)
        found["clock"] = _fitted(trees, data.session_s[:, None], data, folds)
        found["order"] = counts(begins_s.groupby(data.subject).rank("dense"))
    if data.stimulus is not None:
        found["stimulus"] = counts(data.stimulus)
    return found


def _fitted(model, known: np.ndarray, data: EmotionSet, folds: Sequence[Fold]) -> np.ndarray:
    """Scores of a scikit-learn classifier that sees `known` (n_windows, n_values), fitted fold by fold."""
    parts = []
    for fold in folds:
        rows = np.concatenate([fold.val, fold.test])
        model.fit(known[fold.train], data.y[fold.train])
        part = np.zeros((len(rows), len(data.classes)))
        part[:, model.classes_] = model.predict_proba(known[rows])
        parts.append(part)
    return np.concatenate(parts)
