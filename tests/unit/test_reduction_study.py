"""What the reduction notebook reports: parts that never mix, answers of the stored networks, numbers by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from emolib.studies.reduction.table import Answers, table

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models.alexnet import Architecture, Block, key
from emolib.studies.reduction.search import Tried

keras = pytest.importorskip("keras")
from emolib.studies.reduction.store import Store  # noqa: E402

from emolib.studies.reduction import study  # noqa: E402

FER2013 = Experiment("fer2013", "face", "emotion4", "official")
BIG = Architecture(4, 1, (Block(2, 3),), (), 2)  # 9 · 2 · 16 + 32 · 2 MACs
HALF = Architecture(4, 1, (Block(1, 3),), (), 2)  # 9 · 16 + 16 · 2
NONE = Architecture(4, 1, (), (), 2)  # 16 · 2
CHOSEN = {study.BASELINE: BIG, study.REDUCED: HALF, study.EMBEDDED: NONE}


def numbered(n):
    """n windows whose one value is their row."""
    rows = np.arange(n)
    return EmotionSet(
        rows.reshape(n, 1, 1, 1).astype(np.float32), rows % 2, rows.astype(str), rows.astype(str), ("a", "b")
    )


def rows_of(part):
    return part.X.ravel().astype(int)


FOLD = Fold("f", np.arange(0, 60, 2), np.arange(1, 40, 2), np.arange(60, 100))


def test_parts_never_mix_and_test_is_whole():
    of = study.parts(numbered(100), FOLD, 12, 7, seed=4)
    found = {name: rows_of(part) for name, part in of.items()}
    assert {name: len(rows) for name, rows in found.items()} == {"train": 12, "val": 7, "test": 40}
    for name, rows in found.items():
        assert set(rows) <= set(getattr(FOLD, name)) and (np.diff(rows) > 0).all()
        assert of[name].subject.tolist() == rows.astype(str).tolist()
        assert of[name].y.tolist() == (rows % 2).tolist()


def test_parts_are_those_of_their_seed():
    first, again, other = (study.parts(numbered(100), FOLD, 12, 7, seed) for seed in (4, 4, 5))
    for name in ("train", "val"):
        np.testing.assert_array_equal(rows_of(first[name]), rows_of(again[name]))
        assert rows_of(first[name]).tolist() != rows_of(other[name]).tolist()
    np.testing.assert_array_equal(rows_of(first["test"]), rows_of(other["test"]))


def test_parts_give_what_there_is_where_more_is_asked_for():
    of = study.parts(numbered(100), FOLD, 31, 999, seed=0)
    np.testing.assert_array_equal(rows_of(of["train"]), FOLD.train)
    np.testing.assert_array_equal(rows_of(of["val"]), FOLD.val)


class Trains:
    """For a Store: logits (0, w · x) of the one value x, w by architecture; counts its trainings."""

    def __init__(self, weights):
        self.weights, self.trained = weights, []

    def __call__(self, architecture, path, state):
        self.trained.append(architecture)
        inputs = keras.Input((1, 1, 1))
        model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(keras.layers.Flatten()(inputs)))
        model.set_weights([np.array([[0.0, self.weights[key(architecture)]]])])
        model.save(path)
        return {"auc": 0.9}


def test_answers_are_the_stored_networks_and_what_is_missing_is_trained(tmp_path):
    weights = {key(BIG): 1.0, key(NONE): -2.0}
    run, trains = Run(tmp_path, "02c_reduction", {}), Trains(weights)
    store = Store(run, "models/x/reduction", trains, {})
    store(BIG)  # the search was here
    of = study.parts(numbered(100), FOLD, 12, 7, seed=4)
    found = study.answers(run, store, {study.BASELINE: BIG, study.EMBEDDED: NONE}, of)
    assert trains.trained == [BIG, NONE]
    assert [(one.model, one.part, one.architecture) for one in found] == [
        (study.BASELINE, "val", BIG),
        (study.BASELINE, "test", BIG),
        (study.EMBEDDED, "val", NONE),
        (study.EMBEDDED, "test", NONE),
    ]
    for one in found:
        x = of[one.part].X.ravel().astype(float)
        right = 1 / (1 + np.exp(-weights[key(one.architecture)] * x))
        np.testing.assert_allclose(one.scores, np.stack([1 - right, right], axis=1), atol=1e-6)
        np.testing.assert_array_equal(one.y, of[one.part].y)
        np.testing.assert_array_equal(one.subject, of[one.part].subject)
    assert f"models/x/reduction/{key(NONE)}.keras" in run.inputs


Y = np.array([0, 0, 1, 1])
P = {  # of class 1
    study.BASELINE: [0.1, 0.2, 0.8, 0.9],  # all four pairs are right: AUC 1
    study.REDUCED: [0.1, 0.6, 0.5, 0.9],  # three of them
    study.EMBEDDED: [0.1, 0.9, 0.2, 0.3],  # two
}


def compared(subject):
    """The table of three networks on test; on val, where all are alike, they lose nothing."""

    def answers(name, part, p):
        p = np.array(p)
        return Answers(name, part, CHOSEN[name], Y, np.stack([1 - p, p], axis=1), np.array(subject))

    rows = [answers(name, "test", p) for name, p in P.items()]
    rows += [answers(name, "val", P[study.BASELINE]) for name in P]
    return table(rows, n_boot=200)


def values(subject=("a", "b", "c", "d"), n_trainings=5):
    search = SimpleNamespace(tried=[None] * n_trainings)
    return study.numbers(FER2013, search, compared(subject), 4)


def test_numbers_by_hand():
    found, of = values(), "fer2013/reduction/official"
    assert {name: (one["value"], one["unit"], one["n"]) for name, one in found.items()} == {
        f"{of}/baseline/flops": (704, "FLOPs", 1),
        f"{of}/search/flops": (352, "FLOPs", 1),
        f"{of}/embedded/flops": (64, "FLOPs", 1),
        f"{of}/search/flops_ratio": (2, "ratio", 1),
        f"{of}/embedded/flops_ratio": (11, "ratio", 1),
        f"{of}/baseline/auc": (1, "", 4),
        f"{of}/search/auc": (0.75, "", 4),
        f"{of}/embedded/auc": (0.5, "", 4),
        f"{of}/search/margin_change_percent": (-50, "percent", 4),  # a margin of 0.25 of 0.5 is left
        f"{of}/embedded/margin_change_percent": (-100, "percent", 4),
        f"{of}/search/trainings": (5, "", 1),
    }
    assert {one["artifact"] for one in found.values()} == {f"tables/{FER2013}-reduction.csv"}
    assert isinstance(found[f"{of}/search/flops"]["value"], int)


def test_aucs_have_their_interval_and_none_where_one_subject_answers():
    entry = values()["fer2013/reduction/official/search/auc"]
    row = (
        compared(tuple("abcd"))
        .query("source == 'ours' and part == 'test'")
        .set_index("model")
        .loc[study.REDUCED]
    )
    assert (entry["low"], entry["high"]) == pytest.approx((row.auc_low, row.auc_high), rel=1e-5)
    assert entry["low"] < 0.75 < entry["high"]
    alone = values(subject=("a",) * 4)["fer2013/reduction/official/search/auc"]
    assert (alone["value"], alone["low"], alone["high"]) == (0.75, None, None)


def test_what_is_shown_of_a_search():
    tried = [
        Tried(0, None, "baseline", BIG, 704, {"auc": 0.9, "epochs": 3, "seconds": 7.5}, True),
        Tried(1, 0, "conv1 2 → 1", HALF, 352, {"auc": 0.6, "epochs": 2, "seconds": 5.0}, False),
    ]
    rows = study.shown(tried)
    columns = ["order", "parent", "change", "work_mflop", "auc", "epochs", "seconds", "accepted"]
    assert rows.columns.tolist() == columns
    assert rows.iloc[1].tolist() == [1, 0, "conv1 2 → 1", 352e-6, 0.6, 2, 5.0, False]
    assert pd.isna(rows.parent[0]) and rows.work_mflop[0] == pytest.approx(704e-6)
