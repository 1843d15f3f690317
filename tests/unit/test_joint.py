"""Joint trials: windows meet by time, trials by person or label, and nothing crosses the train/test line."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from emolib.core.errors import BadSet
from emolib.core.experiment import Experiment
from emolib.datasets import joint, splits
from emolib.datasets.base import COPY, EmotionSet
from emolib.datasets.joint import MISSING
from emolib.signals import standardisers
from emolib.studies.early_fusion.study import label_paired, same_trials, two_recordings, virtual_folds

CLASSES = ("low", "high")


def windows(*trials, classes=CLASSES, first=0):
    """A set of trials (subject, trial, y, seconds of the windows[, split]); each window holds its own number."""
    rows = [(*trial[:3], s, *(trial[4:] or ("",))) for trial in trials for s in trial[3]]
    subject, trial, y, start_s, split = (np.array(column) for column in zip(*rows, strict=True))
    X = np.arange(first, first + len(rows), dtype=np.float32).reshape(-1, 1, 1, 1)
    return EmotionSet(X, y, subject, trial, classes, split=split, start_s=start_s.astype(float))


@pytest.fixture
def sets():
    """Three shared trials of two people; of p1 the heart has a fourth, eeg a fifth. Eeg has half the windows."""
    heart = ("p0", "a", 0, (0, 2, 4)), ("p0", "b", 1, (0,)), ("p1", "c", 1, (0, 2)), ("p1", "d", 0, (0,))
    eeg = ("p0", "a", 0, (0, 4)), ("p0", "b", 1, (0,)), ("p1", "c", 1, (1,)), ("p1", "e", 0, (0, 1))
    return {"heart": windows(*heart), "eeg": windows(*eeg, first=100)}


@pytest.mark.parametrize(("starts", "expected"), [
    (([0, 2, 4], [0, 3]), [[0, 0], [1, 1], [2, 1]]),
    (([0, 2, 4], [0, 4]), [[0, 0], [1, 0], [2, 1]]),  # 2 lies between both: the earlier one
    (([0, 2], [1, 3]), [[0, 0], [1, 0]]),  # as many windows: the first branch is the clock
    (([5, 6], []), [[0, MISSING], [1, MISSING]]),  # the branch with most windows is the clock
    (([1], [0, 9], [0, 1, 2, 8]), [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 3]]),
])  # fmt: skip
def test_windows_meet_by_time(starts, expected):
    start_s = [np.array(s, float) for s in starts]
    np.testing.assert_array_equal(joint.together([np.arange(len(s)) for s in starts], start_s), expected)


def test_joint_windows_by_hand(sets):
    both = joint.joined(sets, same_trials(sets))
    assert both.trial.tolist() == ["a", "a", "a", "b", "c", "c", "d", "e", "e"]
    assert both.subject.tolist() == ["p0"] * 4 + ["p1"] * 5
    assert both.y.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    heart, eeg = [0, 1, 2, 3, 4, 5, 6, -1, -1], [0, 0, 1, 2, 3, 3, -1, 4, 5]
    np.testing.assert_array_equal(both.rows, np.transpose([heart, eeg]))
    np.testing.assert_array_equal(both.present, np.transpose([heart, eeg]) >= 0)
    # the standardiser sees each window once
    seen = both.seen(np.arange(6))  # trials a, b and c; eeg's windows 100 and 103 are in two joint windows
    assert seen["heart"].ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert seen["eeg"].ravel().tolist() == [100, 101, 102, 103]
    with pytest.raises(BadSet, match="No window of branch heart among 2 joint windows to train on"):
        both.seen(np.array([7, 8]))
    # a missing branch is exactly zero once standardised
    rows = np.array([8, 6, 2])  # eeg alone, heart alone, both
    fitted = standardisers.fit(both.seen(np.arange(6)), {"heart": None, "eeg": None})
    found = both.part(rows, fitted)
    # heart 0…5: mean 2.5, variance 35/12; eeg 100…103: mean 101.5, variance 5/4
    heart, eeg = [0, 3.5 / (35 / 12) ** 0.5, -0.5 / (35 / 12) ** 0.5], [3.5 / 1.25**0.5, 0, -0.5 / 1.25**0.5]
    np.testing.assert_allclose(found.X["heart"].ravel(), heart, rtol=1e-6)
    np.testing.assert_allclose(found.X["eeg"].ravel(), eeg, rtol=1e-6)
    assert found.X["heart"][0] == 0 and found.X["eeg"][1] == 0
    assert found.trial.tolist() == ["e", "d", "a"] and found.y.tolist() == [0, 0, 0]
    assert both.sets["heart"].X.ravel().tolist() == list(range(7))  # the set itself is as it was


@pytest.mark.parametrize(("other", "message"), [
    (windows(("p0", "a", 0, (0,)), classes=("high", "low")), r"eeg has classes \('high', 'low'\), heart"),
    (windows(("q7", "a", 0, (0,))), "eeg and heart share no trial .*pair them by label"),
    (windows(("p0", "a", 1, (0,))), "Trial a of p0 has another label in eeg"),
])  # fmt: skip
def test_branches_that_do_not_fit_are_refused(sets, other, message):
    with pytest.raises(BadSet, match=message):
        same_trials({"heart": sets["heart"], "eeg": other})


def test_a_class_without_a_side_in_the_task_is_left_out():
    source = Experiment.parse("emodb-speech-emotion7-loso")
    seven = ("angry", "boredom", "disgust", "fear", "happy", "sad", "neutral")
    data = windows(*((f"p{y % 2}", f"t{y}", y, (0, 2)) for y in range(7)), classes=seven)
    kept, found = joint.in_task(data, source, "arousal")
    assert kept.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13]  # without disgust
    assert found.classes == ("low", "high")
    assert found.y.tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    assert found.X.ravel().tolist() == kept.tolist() and found.start_s.tolist() == [0, 2] * 6
    split = np.where(np.arange(14) == 2, COPY, "")
    assert joint.in_task(replace(data, split=split), source, "arousal")[0].tolist() == [0, 1, *kept[3:]]


def people(n_people=4, n_each=3, n_classes=2, n_windows=2, prefix="p"):
    """Everybody has n_each trials of each class."""
    each = product(range(n_people), range(n_classes), range(n_each))
    trials = [(f"{prefix}{p}", f"{prefix}{p}-{y}-{i}", y, np.arange(n_windows)) for p, y, i in each]
    return windows(*trials, classes=("low", "high", "other")[:n_classes])


@pytest.mark.parametrize("n_each", [2, 5])
def test_two_recordings_are_of_one_person_and_label_and_differ(n_each):
    data = people(n_each=n_each)
    of_trial = {t: (s, y) for t, s, y in zip(data.trial, data.subject, data.y, strict=True)}
    found = two_recordings(data, ("speech1", "speech2"), seed=3)
    for one in found:
        first, second = one.keys["speech1"], one.keys["speech2"]
        assert first != second and first[0] == second[0] == one.subject
        assert of_trial[first[1]] == of_trial[second[1]] == (one.subject, one.y)
    for branch in ("speech1", "speech2"):
        assert sorted(one.keys[branch][1] for one in found) == sorted(of_trial)
    assert len({(one.subject, one.trial) for one in found}) == len(found) == 8 * n_each
    both = joint.joined({"speech1": data, "speech2": data}, found)
    assert both.present.all() and len(both.y) == 2 * len(found)
    split = dict(zip(data.trial, np.where(np.arange(len(data.y)) % 10 < 4, "test", "train"), strict=True))
    marked = replace(data, split=np.array([split[trial] for trial in data.trial]))
    if n_each == 5:  # two trials of five are test trials, and stay so
        of_both = (two_recordings(marked, ("a", "b")), same_trials({"heart": marked, "eeg": marked}))
        assert all({one.split} == {split[t] for _, t in one.keys.values()} for of in of_both for one in of)


@st.composite
def strangers(draw):
    """Sets of two or three corpora of other people, trials and folds, each with trials enough for n_virtual people."""
    n_virtual, n_classes = draw(st.integers(2, 9)), draw(st.integers(2, 3))
    sets, folds = {}, {}
    for name in ("speech", "face", "eeg")[: draw(st.integers(2, 3))]:
        n_people, n_folds = draw(st.integers(4, 6)), draw(st.integers(2, 4))
        n_each = -(-n_virtual // n_folds) + draw(st.integers(0, 2))
        sets[name] = people(n_people, n_each, n_classes, draw(st.integers(1, 2)), name)
        seed = draw(st.integers(0, 9))
        folds[name] = splits.grouped(sets[name], n_folds, n_val=1, seed=seed)
    return sets, folds, n_virtual, draw(st.integers(1, 200)), draw(st.integers(0, 5))


@given(strangers())
@example_settings(max_examples=20, deadline=None)
def test_strangers_share_label_and_part_and_nobody_trains_whom_they_are_tested_on(case):
    sets, folds, n_virtual, n_train, seed = case
    found = label_paired(sets, folds, n_virtual, n_train, seed)
    again = label_paired(sets, folds, n_virtual, n_train, seed)
    assert [one.trial for one in found] == [one.trial for one in again]
    by_key = {name: joint.trials_of(data) for name, data in sets.items()}
    for one in found:
        assert sorted(one.keys) == sorted(sets)
        for name, key in one.keys.items():
            fold, rows = folds[name][one.fold % len(folds[name])], by_key[name][key]
            assert (sets[name].y[rows] == one.y).all()
            assert np.isin(rows, getattr(fold, one.split)).all()
    for name in sets:
        tested = [one.keys[name] for one in found if one.split == "test"]
        assert len(set(tested)) == len(tested)
    data = joint.joined(sets, found)
    made = virtual_folds(data)
    assert [fold.name for fold in made] == [f"v{v:02d}" for v in range(n_virtual)]
    used = np.concatenate([np.concatenate([f.train, f.val, f.test]) for f in made])
    assert sorted(used.tolist()) == list(range(len(data.y)))  # every joint window in one part of one fold
    for fold in made:
        assert set(data.subject[fold.test]) == {fold.name}
        for m, own in enumerate(sets.values()):
            train, val, test = (set(own.subject[data.rows[r, m]]) for r in (fold.train, fold.val, fold.test))
            assert not (train & val or train & test or val & test)
