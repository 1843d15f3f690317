"""Cross-validation: scores over all folds, by hand."""

import numpy as np
import pytest

from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import crossval

Y = np.array([0, 0, 0, 1, 1, 0, 1, 1])
SUBJECT = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
DATA = EmotionSet(np.zeros((8, 4, 1, 1), np.float32), Y, SUBJECT, np.arange(8).astype(str), ("low", "high"))
FOLDS = [
    Fold("a", train=[2, 4, 6, 7], val=[3, 5], test=[0, 1]),  # most of train: high
    Fold("d", train=[0, 1, 2, 3], val=[4, 5], test=[6, 7]),  # low
]


def test_the_majority_baseline_is_one_class_in_all_folds_and_its_uar_one_over_the_classes():
    """Each fold's own most frequent class would be wrong for all of them."""
    columns, scores = crossval.score_columns(DATA, FOLDS), crossval.majority_scores(DATA, FOLDS)
    assert scores.argmax(axis=1).tolist() == [0] * 8
    for level in ("window", "trial"):
        found = crossval.evaluated(columns, {"majority": scores}, level).iloc[0]
        assert found["n"] == 4 and found["uar"] == found["accuracy"] == 0.5


def test_one_class_a_person_does_not_lift_the_baseline():
    """Pooled over people it is one over the number of classes, though half of them have nothing else."""
    folds = [Fold("a", train=[2, 4, 5], val=[6], test=[0, 1]), Fold("d", train=[2, 4, 5], val=[0], test=[6, 7])]
    columns, scores = crossval.score_columns(DATA, folds), crossval.majority_scores(DATA, folds)
    assert crossval.evaluated(columns, {"majority": scores}, "window")["uar"][0] == pytest.approx(0.5)


def test_a_variant_is_compared_with_the_baseline_on_the_same_answers():
    columns = crossval.score_columns(DATA, FOLDS)
    right, wrong = np.eye(2)[columns["y"]], np.eye(2)[1 - columns["y"]]
    table = crossval.compared(columns, {"float32": wrong, "int8": right}, "window", "float32").set_index("variant")
    assert table.uar.tolist() == [0, 1] and table.points.tolist() == [0, 100] and (table.n == 4).all()
    assert np.isnan(table.p["float32"]) and table.p["int8"] <= 1
