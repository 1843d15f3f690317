"""Subject calibration: numbers by hand, who is left out, and that a person depends on nobody tested."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.windows import scratch
from emolib.datasets import windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, loso, to_arrays
from emolib.models import crossval
from emolib.models.backend import keras
from emolib.models.training import Trainer, options
from emolib.studies.subject_calibration import Study, baseline

SOURCE = Experiment("synthetic", "heart", "emotion", "loso")
TRIALS = ("task", "rest", "task", "rest")
STARTS_S = (0.0, 2.0, 4.0)  # of windows of 4 s: 8 s a trial


def recorded(people=("a", "b", "c", "d", "e"), trials=TRIALS, starts_s=STARTS_S, seed=0):
    """Windows (n, 3, 1, 2) of people who each do the trials in turn; everybody has a level of their own."""
    rng, n = np.random.default_rng(seed), len(trials) * len(starts_s)
    y = np.repeat([trial == "task" for trial in trials], len(starts_s)).astype(int)
    X = [rng.normal(10 * k, 1 + k, (n, 3, 1, 2)) + y[:, None, None, None] for k in range(len(people))]
    names = [f"{person}-{i}" for person in people for i in range(len(trials))]
    return EmotionSet(
        np.concatenate(X).astype(np.float32),
        np.tile(y, len(people)),
        np.repeat(people, n),
        np.repeat(names, len(starts_s)),
        ("rest", "task"),
        start_s=np.tile(starts_s, len(names)),
    )


def study_of(data, lengths_s=(6.0,), folds=None):
    return Study.of(data, folds or loso(data, n_val=1), "rest", list(lengths_s), 4.0, axis=3)


@pytest.mark.parametrize(("baseline_s", "windows", "beside"), [
    (0.5, [3], [4]),
    (4.0, [3], [4]),  # of the windows at 0, 2 and 4 s only that at 2 s shares signal with the first
    (6.0, [3, 4], [5]),
    (8.0, [3, 4, 5], []),
    (9.0, [3, 4, 5, 9], [10]),
])  # fmt: skip
def test_the_baseline_is_the_first_rest_and_its_neighbours_do_not_answer(baseline_s, windows, beside):
    data = recorded()
    found, near, dropped = baseline(data, "rest", baseline_s, window_s=4.0)
    for person in range(5):
        own = slice(12 * person, 12 * person + 12)
        assert np.flatnonzero(found[own]).tolist() == windows
        assert np.flatnonzero(near[own]).tolist() == beside
    assert not dropped


def without(data, person, kept_rest):
    """The set with only the first kept_rest rest windows of a person."""
    rest = np.flatnonzero((data.subject == person) & (data.y == 0))
    return data.part(np.setdiff1d(np.arange(len(data.y)), rest[kept_rest:]))


def test_people_with_too_little_rest_are_left_out_everywhere_and_counted():
    study = study_of(without(recorded(), "b", kept_rest=1))
    assert np.unique(study.data.subject).tolist() == [fold.name for fold in study.folds] == list("acde")
    assert study.counts["count"].tolist() == [1, 7, 4 * 2, 4 * 1, 4 * 9, 1] and study.counts["who"][0] == "b"
    # no baseline window trains or answers in any arm
    study = study_of(without(recorded(), "a", kept_rest=0), [2.0, 6.0])
    assert list(study.arms) == ["none", "baseline_2s", "baseline", "subject"]
    assert list(study.arms.values())[1:3] == ["baseline 2 s", "baseline 6 s"]
    used = np.unique(np.concatenate([np.r_[f.train, f.val, f.test] for f in study.folds]))
    longest, shorter = (study.baselines[name][0] for name in ("baseline", "baseline_2s"))
    assert not longest[used].any() and (longest >= shorter).all()
    assert (longest.sum(), shorter.sum()) == (8, 4)
    assert sorted(study.data.subject[used]) == sorted("bcde" * 9)
    assert sum(len(fold.test) for fold in study.folds) == 4 * 9  # each once


@settings(max_examples=30, deadline=None)
@given(st.floats(-500, 500), st.sampled_from("ace"), st.sampled_from(["baseline", "subject"]))
def test_a_level_of_the_person_is_gone(offset, person, arm):
    """Added to all windows of a person who trains, stops or is tested, it changes nothing for anybody."""
    data = recorded()
    moved = data.X + np.float32(offset) * (data.subject == person)[:, None, None, None]
    both = study_of(replace(data, X=moved)), study_of(data)
    found, expected = (study.scaled(arm, study.folds[0]).X for study in both)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("arm", ["none", "baseline", "subject"])
def test_people_of_one_test_fold_do_not_influence_each_other(arm):
    data, noise = recorded(), np.random.default_rng(1).normal(size=(60, 3, 1, 2))
    noisy = np.where((data.subject == "e")[:, None, None, None], noise, data.X)
    other = replace(data, X=np.float32(noisy))
    fold = Fold("x", *(np.flatnonzero(np.isin(data.subject, list(who))) for who in ("ab", "c", "de")))
    first, second = (study_of(of, folds=[fold]) for of in (data, other))
    X, Y = first.scaled(arm, first.folds[0]).X, second.scaled(arm, second.folds[0]).X
    same = first.data.subject != "e"
    np.testing.assert_array_equal(X[same], Y[same])
    assert (X[~same] != Y[~same]).any()


def test_the_baseline_arm_shrinks_towards_the_training_people_by_its_seconds():
    """Also of windows in a file. Everybody's spread is around a mean of their own."""
    study, stored = study_of(recorded()), scratch((60, 3, 1, 2))
    stored[:] = study.data.X
    fold, data = study.folds[0], study.data  # tests a
    own = data.X[study.baselines["baseline"][0] & (data.subject == "a")].astype(np.float64)
    train = data.part(fold.train)
    around = [train.X[train.subject == p].astype(np.float64) for p in np.unique(train.subject)]
    pooled = np.concatenate([x - x.mean((0, 1, 2)) for x in around]).var((0, 1, 2))
    spread = np.sqrt((6 * own.var((0, 1, 2)) + 60 * pooled) / 66)
    expected = (data.X[data.subject == "a"] - own.mean((0, 1, 2))) / spread
    for of in (study, replace(study, data=replace(data, X=stored))):
        found = np.asarray(of.scaled("baseline", fold).X[data.subject == "a"])
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_folds_that_test_whom_they_train_are_refused():
    leaky = [Fold("leaky00", train=np.arange(0, 40), val=np.arange(40, 50), test=np.arange(50, 60))]
    with pytest.raises(BadParameter, match="leaky00 trains and tests e"):
        study_of(recorded(), folds=leaky)


def test_arms_are_trained_in_folders_of_their_own_and_scored_by_their_own_networks(tmp_path):
    def network():
        inputs = keras.Input((3, 1, 2))
        return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))

    data = recorded(people=list("abcd"), trials=TRIALS * 2)
    for modality, frontend in (("heart", {"window_s": 4.0, "hop_s": 2.0}), ("face", {})):
        made, source = Run(tmp_path, "01_windows", {"frontend": frontend}), replace(SOURCE, modality=modality)
        made.write_arrays(f"data/{source}.npz", **windowed.to_arrays(data))
        made.write_arrays(f"data/{source}-folds.npz", **to_arrays(loso(data, n_val=1)[:2]))
    run, trainer = Run(tmp_path, "04d_subject_calibration", {}), Trainer(network, options(0, {"epochs": 3}))
    with pytest.raises(BadParameter, match="modality: got face"):
        Study.load(run, source, "rest", 6.0, [])
    study = Study.load(run, SOURCE, "rest", 6.0, [])
    assert study.axis == 3 and len(study.folds) == 2
    scores = study.scores(run, SOURCE, trainer)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.keras"))
    stem = f"models/{SOURCE}/calibration-"
    assert files == [f"{stem}{arm}/fold0{k}.keras" for arm in sorted(study.arms) for k in (0, 1)]
    fold = study.folds[1]
    rows, X = np.r_[fold.val, fold.test], study.scaled("baseline", fold).X
    scaled = (X[rows] - X[fold.train].mean((0, 1, 2))) / X[fold.train].std((0, 1, 2))
    logits = crossval.load_model(run, f"{stem}baseline/fold01").predict(scaled, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores["baseline"][-len(rows) :], expected, atol=1e-5)
