"""Folds: whole subjects, all of them tested once, no window twice, and errors for what cannot be split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.errors import BadParameter, BadSet
from emolib.datasets import splits
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold


def windows(subject, y, split=None, n_classes=None):
    y, trial = np.asarray(y), np.arange(len(y)).astype(str)
    classes = tuple(f"c{i}" for i in range(n_classes or y.max() + 1))
    return EmotionSet(np.zeros((len(y), 1)), y, np.asarray(subject), trial, classes, 1.0, split)


def people(n_subjects, n_each=6, n_classes=3):
    subject = np.repeat([f"s{i:02d}" for i in range(n_subjects)], n_each)
    return windows(subject, np.tile(np.arange(n_each) % n_classes, n_subjects))


def subjects_of(emotion_set, indices):
    return set(emotion_set.subject[indices])


def assert_subjects_apart(emotion_set, fold):
    sides = [subjects_of(emotion_set, part) for part in (fold.train, fold.val, fold.test)]
    assert sum(map(len, sides)) == len(set().union(*sides))


@settings(deadline=None, max_examples=40)
@given(n_subjects=st.integers(4, 12), n_val=st.integers(1, 2), seed=st.integers(0, 99), data=st.data())
def test_subject_protocols_cover_everybody_once_and_cut_nobody(n_subjects, n_val, seed, data):
    order = data.draw(st.permutations(range(6 * n_subjects)))
    full = people(n_subjects)
    mixed = windows(full.subject[list(order)], full.y[list(order)])
    n_folds = data.draw(st.integers(2, n_subjects))
    by_person = splits.loso(mixed, n_val, seed)
    assert [(fold.name, len(subjects_of(mixed, fold.val))) for fold in by_person] == [
        (name, n_val) for name in np.unique(mixed.subject)
    ]
    for made in (by_person, splits.grouped(mixed, n_folds, 0.3, seed)):
        tested = np.concatenate([fold.test for fold in made])
        assert sorted(tested.tolist()) == list(range(len(mixed.y)))
        for fold in made:
            assert_subjects_apart(mixed, fold)
            assert len(fold.train) + len(fold.val) + len(fold.test) == len(mixed.y)


def test_validation_holds_every_class_where_people_allow():
    """Only s0 to s3 show class 1: a draw of one subject at random would miss it most of the time."""
    subject = np.repeat([f"s{i}" for i in range(12)], 4)
    y = np.concatenate([np.tile([0, 1], 8), np.zeros(32, dtype=int)])
    mixed = windows(subject, y)
    for fold in splits.loso(mixed, n_val=1):
        assert set(mixed.y[fold.val]) == set(mixed.y[fold.train]) == {0, 1}


def test_grouped_spreads_classes_evenly_and_the_seed_decides_who_validates():
    rng = np.random.default_rng(3)
    subject = rng.integers(30, size=900)
    y = (rng.random(900) < (0.1 + 0.8 * (subject % 5 == 0))).astype(int)
    mixed = windows(subject.astype(str), y)
    assert np.std([mixed.y[fold.test].mean() for fold in splits.grouped(mixed, 5)]) < 0.03
    first, again, other = (splits.loso(mixed, seed=seed) for seed in (1, 1, 2))
    assert all((a.val == b.val).all() for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.val, b.val) for a, b in zip(first, other, strict=True))


def test_official_keeps_the_corpus_split_and_takes_val_from_training_people_if_there_is_none():
    mixed = people(10)
    split = np.where(np.isin(mixed.subject, ["s08", "s09"]), "test", "train")
    [fold] = splits.folds(windows(mixed.subject, mixed.y, split), "official", n_val=3)
    assert subjects_of(mixed, fold.test) == {"s08", "s09"}
    assert len(subjects_of(mixed, fold.val)) == 3
    assert_subjects_apart(mixed, fold)
    split[mixed.subject == "s07"] = "val"
    [given_val] = splits.official(windows(mixed.subject, mixed.y, split))
    assert subjects_of(mixed, given_val.val) == {"s07"}


def test_leaky_cuts_people_and_keeps_the_class_shares():
    mixed = people(10, n_each=30)
    for fold in splits.folds(mixed, "leaky", test_share=0.2, n_folds=3):
        assert len(fold.test) == len(fold.val) == 60
        assert np.bincount(mixed.y[fold.test]).tolist() == [20, 20, 20]
        assert len(subjects_of(mixed, fold.test) & subjects_of(mixed, fold.train)) == 10


@pytest.mark.parametrize(("emotion_set", "protocol", "options", "message"), [
    (people(5), "kfold", {}, "expected one of loso, grouped, official, leaky"),
    (people(5), "loso", {"n_folds": 3}, "n_folds does not exist in protocol loso"),
    (people(5), "loso", {"n_val": 0}, "n_val is 0"),
    (people(5), "grouped", {"n_folds": 99}, "expected 2 to 5"),
    (people(splits.MAX_FOLDS + 1), "loso", {}, "use grouped"),
    (people(1), "loso", {}, "One subject only"),
    (people(3), "loso", {}, "2 subjects are left for train and val, expected more than n_val = 2"),
    (people(5), "official", {}, r"marked \[''\]"),
    (windows(["a", "b", "c", "d"], [0, 0, 0, 0], n_classes=2), "loso", {}, "No window of class c1"),
    (windows(list("aabbccdd"), [0, 1] + 6 * [0]), "loso", {}, "Fold a: no training subject has class c1"),
])  # fmt: skip
def test_what_cannot_be_split_is_named(emotion_set, protocol, options, message):
    with pytest.raises((BadParameter, BadSet), match=message):
        splits.folds(emotion_set, protocol, **options)


def test_a_fold_refuses_overlap_and_empty_parts():
    with pytest.raises(BadSet, match="a window is in two parts"):
        Fold("f", np.array([0, 1]), np.array([1]), np.array([2]))
    with pytest.raises(BadSet, match="no window in val"):
        Fold("f", np.array([0, 1]), np.array([]), np.array([2]))


def test_calibration_takes_training_windows_of_each_class_alike():
    y = np.where(np.arange(300) % 30 < 25, 0, np.where(np.arange(300) % 30 < 28, 1, 2))
    mixed = windows(np.repeat([f"s{i}" for i in range(10)], 30), y)
    fold = splits.loso(mixed)[0]
    indices = splits.evenly(y, fold.train, 30, seed=4)
    assert np.bincount(y[indices]).tolist() == [10, 10, 10] and set(indices) <= set(fold.train)
    assert len(splits.evenly(y, fold.train, 10**6)) == len(fold.train)
    rare = y[splits.evenly(y, fold.train, 90)]
    assert np.bincount(rare).tolist() == [55, 21, 14]  # all of the rare ones
