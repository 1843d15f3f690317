"""Clock, order and stimulus: what loaders say of them, what they tell alone, and a set without its drift."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import whole_corpora as whole
from damage import lay
from whole_corpora import CORPORA, gathered, table

from emolib.datasets import load, splits, windowed
from emolib.datasets.base import EmotionSet, Trial
from emolib.datasets.corpora import films
from emolib.evaluation.metrics import confusion, uar
from emolib.models import context, crossval
from emolib.report import cautions
from emolib.signals.frontend import Windows


@pytest.mark.parametrize(("name", "modality", "times_s", "stimuli"), [  # of every trial of small corpora; texts of others: test_corpora
    ("wesad", "heart", [5, 10], ["", ""]),
    ("walking", "heart", [0, 2], ["", ""]),
    ("muse", "eeg", [0], [""]),
    ("gameemo", "eeg", [0, 36], ["G1", "G2"]),
    ("deap", "heart", [np.nan] * 2, ["01", "02"]),
    ("seed", "eeg", [np.nan] * 3, ["01", "02", "03"]),
    ("emodb", "speech", [np.nan] * 2, ["a01", "b10"]),
    ("ravdess", "face", [np.nan], ["02"]),
    ("own", "heart", [np.nan], [""]),
])  # fmt: skip
def test_when_a_trial_began_and_what_was_shown(data, monkeypatch, name, modality, times_s, stimuli):
    monkeypatch.setattr(films, "DEAP_SHAPE", whole.DEAP_SHAPE)
    lay(data / name, CORPORA[name]())
    trials = list(load(name, modality))
    np.testing.assert_allclose([trial.session_s for trial in trials], times_s)
    assert [trial.stimulus for trial in trials] == stimuli


def test_a_session_of_stress_predict_and_of_muse_begins_once(data):
    lay(data / "stress_predict", whole.stress_predict(length_s=890))
    trials, _ = gathered("stress_predict")
    assert [t.session_s for t in trials] == [t.data[0] / 64 for t in trials] and trials[0].session_s == 130
    starts = {"subjecta-neutral-1": 1533000000, "subjecta-relaxed-1": 1533086400, "subjectb-relaxed-1": 0}
    for name, start in starts.items():  # in the middle, 60 s are lost
        rows = [(f"{start + n / 256 + 60 * (n >= 128):.3f}", n, 1.0, 2.0, 3.0, 9.0) for n in range(256)]
        lay(data / "muse", {f"{name}.csv": table("timestamps,TP9,AF7,AF8,TP10,Right AUX", rows)})
    found = [trial.session_s for trial in gathered("muse", "eeg")[0]]
    np.testing.assert_allclose(found, [0, 60.5, 86400, 86460.5, 0, 60.5], atol=1e-6)


def test_a_session_of_cogwear_holds_its_conditions(data):
    files = CORPORA["cogwear"]()
    folder = "survey_gamification/12/pre"
    for name in ("bvp", "eda"):
        text = files[f"{folder}/cognitive_load/empatica_{name}.csv"].decode()
        files[f"{folder}/baseline/empatica_{name}.csv"] = text.replace("16694637", "16694630").encode()
    lay(data / "cogwear", files)
    for modality in ("heart", "skin"):
        times_s = {trial.trial: trial.session_s for trial in gathered("cogwear", modality)[0]}
        assert times_s == {"3-baseline": 0, "12-pre-baseline": 0, "12-pre-cognitive_load": 700}
    assert all(np.isnan(trial.session_s) for trial in gathered("cogwear", "eeg")[0])


def test_windows_carry_them_where_every_trial_has_them():
    def trial(label, subject, **known):
        return Trial("emodb", "speech", subject, f"{subject}{label}", np.ones(3), 16.0, label, **known)

    def front_end(data, sfreq, kind):
        return Windows(data[:, None], np.arange(3) * 0.5, {})

    known = [
        trial("anger", "03", session_s=10.0, stimulus="a01"),
        trial("sadness", "08", session_s=20.0, stimulus="b10"),
    ]
    data, _ = windowed.emotion_set(known, "arousal", front_end)
    for found in (data, windowed.from_arrays(windowed.to_arrays(data)), data.part(np.arange(6))):
        assert found.session_s.tolist() == [10, 10.5, 11, 20, 20.5, 21]
        assert found.stimulus.tolist() == ["a01"] * 3 + ["b10"] * 3
    data, _ = windowed.emotion_set([*known, trial("fear", "08")], "arousal", front_end)
    assert data.session_s is None and data.stimulus is None
    assert not {"session_s", "stimulus"} & windowed.to_arrays(data).keys()


def session(shuffled: bool, n_people=12, n_windows=20) -> EmotionSet:
    """People with two trials of each of two classes, one class before the other, or in an order of their own."""
    rng = np.random.default_rng(0)
    y = [rng.permutation([0, 0, 1, 1]) if shuffled else [0, 1, 0, 1] for _ in range(n_people)]
    y, n = np.repeat(np.ravel(y), n_windows), n_people * 4 * n_windows
    subject = np.repeat([f"s{k:02d}" for k in range(n_people)], 4 * n_windows)
    trial = np.repeat(np.arange(n // n_windows).astype(str), n_windows)
    start_s = np.tile(np.arange(n_windows) * 5.0, n // n_windows)
    session_s = start_s + np.tile(np.repeat([60.0, 200.0, 330.0, 450.0], n_windows), n_people)
    X = rng.standard_normal((n, 2, 1, 3)).astype(np.float32)
    return EmotionSet(X, y, subject, trial, ("rest", "stress"), start_s=start_s, session_s=session_s)


def test_clock_and_order_find_a_planted_order_and_nothing_where_each_person_has_another():
    for shuffled in (False, True):
        data = session(shuffled)
        folds = splits.folds(data, "loso", n_val=2)
        columns, found = crossval.score_columns(data, folds), context.scores(data, folds)
        assert found.keys() == {"clock", "order"}  # no stimulus is known
        for scores in found.values():
            test = crossval.answers(columns, scores, "window")
            recall = uar(confusion(test["y"], test["scores"]))
            assert abs(recall - 0.5) < 0.2 if shuffled else recall == 1


def test_nothing_is_learned_from_people_outside_of_training_nor_from_a_trial_s_name():
    data = session(shuffled=True)
    data = replace(data, stimulus=np.where(np.arange(len(data.y)) % 3, "film", "song"))
    folds = splits.folds(data, "loso", n_val=2)[:1]
    found = context.scores(data, folds)
    held_out = np.concatenate([folds[0].val, folds[0].test])
    y = data.y.copy()
    y[held_out] = 1 - y[held_out]
    names = np.char.add("rest", np.random.default_rng(1).permutation(data.trial))
    for name, scores in context.scores(replace(data, y=y, trial=names), folds).items():
        np.testing.assert_array_equal(scores, found[name])


def test_a_stimulus_tells_the_smoothed_frequencies_of_its_classes():
    """By hand: one more of each stimulus in each class, each class weighing the same."""
    stimulus = np.array(["x", "x", "x", "y", "x", "y", "new"])
    y, subject = np.array([0, 0, 0, 0, 1, 1, 1]), np.array(["a", "a", "b", "b", "b", "c", "d"])
    data = EmotionSet(np.zeros((7, 1, 1, 1), np.float32), y, subject, subject, ("low", "high"), stimulus=stimulus)
    fold = splits.Fold("d", train=[0, 1, 2, 3, 4], val=[5], test=[6])
    x_or_not = np.array([[1 / 7 + 1 / 7, 1 / 4], [1 / 7, 1 / 4]])  # y: 2 of 4 + 3 and 1 of 1 + 3; new: 1 and 1
    np.testing.assert_allclose(context.scores(data, [fold])["stimulus"], x_or_not / x_or_not.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("mapped", [False, True])
def test_drift_is_removed_exactly_and_the_rest_as_numpy_s_fit_leaves_it(tmp_path, mapped):
    data = session(shuffled=False, n_people=2)
    t, X = data.session_s[:, None, None, None], data.X + 0
    drift = np.where(data.subject == "s00", 1, -2)[:, None, None, None] * (3 + 0.01 * t - 2e-5 * t**2 * np.arange(3))
    X = np.float32(X + drift)
    if mapped:
        X = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
        X[:] = data.X + drift
    found = crossval.drift_free(replace(data, X=X))
    assert isinstance(found.X, np.memmap) == mapped
    for name in ("s00", "s01"):
        rows = data.subject == name
        for value in np.ndindex(2, 1, 3):
            noise, at = data.X[(rows, *value)].astype(float), data.session_s[rows]
            fitted = np.polynomial.Polynomial.fit(at, noise, 2)(at)
            expected = noise - fitted + X[(rows, *value)].mean()
            np.testing.assert_allclose(found.X[(rows, *value)], expected, atol=2e-5)


def test_a_context_as_good_as_the_network_is_said():
    rows = [("majority", 0.5, -10, -5), ("clock", 0.87, 20, 25), ("stimulus", 0.6, -8, -1), ("keras", 0.68, 0, np.nan)]
    known = pd.DataFrame(rows, columns=["variant", "uar", "points", "points_high"])
    known = known.assign(uar_low=known.uar - 0.03, uar_high=known.uar + 0.03)
    (text,) = cautions.of_context(known)
    assert text.startswith(
        "UAR of what needs no sensor: the time since the session began 87.0 (84.0–90.0) %; of the network: 68.0 "
    )
    assert not cautions.of_context(known[known.variant != "clock"])
