"""Numbers against scikit-learn and by hand; intervals and p values against slow loops and known behaviour."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from emolib.core.errors import BadSet
from emolib.evaluation import metrics


def made_up(n=400, n_classes=4, n_subjects=20, skill=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    logits = rng.standard_normal((n, n_classes)) + skill * np.eye(n_classes)[y]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y, scores, np.array([f"s{i:02d}" for i in rng.integers(n_subjects, size=n)])


def one_hot(predicted, n_classes):
    return np.eye(n_classes)[np.asarray(predicted)]


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 10**6))
def test_numbers_agree_with_sklearn(n_classes, n, seed):
    y, scores, subject = made_up(n, n_classes, 5, seed=seed)  # few: classes are absent
    predicted, present = scores.argmax(axis=1), np.unique(y)
    counts = metrics.confusion(y, scores)
    assert (counts == sklearn_metrics.confusion_matrix(y, predicted, labels=range(n_classes))).all()
    found = {name: each.value for name, each in metrics.evaluate(y, scores, subject).items()}
    macro = {"average": "macro", "zero_division": 0}
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert found["uar"] == pytest.approx(sklearn_metrics.recall_score(y, predicted, labels=present, **macro))
    assert found["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(y, predicted, **macro))
    precision = sklearn_metrics.precision_score(y, predicted, labels=present, **macro)
    assert metrics.macro_precision(counts) == pytest.approx(precision)


@pytest.mark.parametrize("decimals", [15, 1])  # 1: many ties
def test_auc_agrees_with_sklearn(decimals):
    y, scores, _ = made_up()
    scores = np.round(scores, decimals)
    kept = y < 3  # the fourth class is not there
    areas = [sklearn_metrics.roc_auc_score(y[kept] == c, scores[kept, c]) for c in range(3)]
    assert metrics.auc(y[kept], scores[kept]) == pytest.approx(np.mean(areas))


def test_ece_by_hand():
    """Winning scores 0.9 (right), 0.9 (wrong), 0.6 (right): |1 - 1.8| + |1 - 0.6| = 1.2 of 3."""
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert metrics.ece(np.array([0, 0, 0]), scores) == pytest.approx(0.4)


def test_intervals_are_a_bootstrap_over_subjects():
    """Against a plain loop that concatenates the windows of the drawn subjects."""
    y, scores, subject = made_up(300, skill=1.5)
    found = metrics.evaluate(y, scores, subject)
    found["auc"] = metrics.auc_interval(y, scores, subject)
    rng, ids = np.random.default_rng(7), np.unique(subject)
    rows = {s: np.flatnonzero(subject == s) for s in ids}
    values = {"uar": [], "ece": [], "auc": []}
    for _ in range(2000):
        drawn = np.concatenate([rows[s] for s in rng.choice(ids, len(ids))])
        values["uar"].append(metrics.uar(metrics.confusion(y[drawn], scores[drawn])))
        values["ece"].append(metrics.ece(y[drawn], scores[drawn]))
        values["auc"].append(metrics.auc(y[drawn], scores[drawn]))
    for name, resampled in values.items():
        expected = np.percentile(resampled, [2.5, 97.5])
        assert [found[name].low, found[name].high] == pytest.approx(expected, abs=0.005)
    one = metrics.evaluate(y, scores, np.zeros(len(y)))["uar"]
    assert np.isnan([one.low, one.high]).all() and one.value == found["uar"].value


def test_per_subject_by_hand():
    y = np.array([0, 0, 1, 1, 1, 0])
    scores = one_hot([0, 1, 1, 1, 0, 0], 3)
    table = metrics.per_subject(y, scores, np.array(["b", "b", "b", "a", "a", "c"]), ("x", "y", "z"))
    assert table["subject"].tolist() == ["a", "b", "c"] and table["n"].tolist() == [2, 3, 1]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 2 / 3, 1])
    assert table["uar"].tolist() == pytest.approx([0.5, 0.75, 1])
    assert table["macro_f1"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert table["recall_x"].tolist() == pytest.approx([np.nan, 0.5, 1], nan_ok=True)
    assert table["recall_z"].isna().all()


def test_paired_gain_is_exact_for_few_subjects():
    y, a, subject = made_up(90, n_subjects=6, skill=0.5, seed=1)
    b = made_up(90, n_subjects=6, skill=0.5, seed=2)[1]
    b = np.where((np.random.default_rng(3).random(90) < 0.4)[:, None], one_hot(y, 4), b)
    gain = metrics.paired_gain(y, a, b, subject)

    def difference(first, second):
        return metrics.uar(metrics.confusion(y, second)) - metrics.uar(metrics.confusion(y, first))

    reached, ids, as_far = difference(a, b), np.unique(subject), []
    for signs in product([False, True], repeat=len(ids)):
        swap = np.isin(subject, ids[list(signs)])[:, None]
        as_far.append(abs(difference(np.where(swap, b, a), np.where(swap, a, b))) >= abs(reached) - 1e-9)
    assert gain.value == pytest.approx(100 * reached) and gain.p == pytest.approx(np.mean(as_far))
    assert gain.low < gain.value < gain.high


def test_p_of_a_gain_without_cause_is_small_as_often_as_it_says():
    ps = []
    for seed in range(60):
        y, _, subject = made_up(120, 3, 15, seed=seed)
        noise, other = np.random.default_rng(1000 + seed).dirichlet(np.ones(3), (2, 120))
        ps.append(metrics.paired_gain(y, noise, other, subject).p)
    assert 0.3 < np.mean(ps) < 0.7 and np.mean(np.array(ps) < 0.1) < 0.25


def test_chance_test_tells_skill_from_knowing_who_it_is():
    y, scores, subject = made_up(skill=1.0)
    assert metrics.chance_test(y, scores, subject) < 0.01
    subject = np.repeat(np.arange(10), 40)
    mostly = subject % 2
    y = np.where(np.random.default_rng(0).random(400) < 0.8, mostly, 1 - mostly)
    assert metrics.uar(metrics.confusion(y, one_hot(mostly, 2))) > 0.7
    assert metrics.chance_test(y, one_hot(mostly, 2), subject) == 1
    # people are shuffled where each has one class
    y, scores, _ = made_up(200)
    assert metrics.chance_test(y, scores, np.arange(200)) < 0.01
    lucky = np.repeat(np.arange(4), 50) % 2  # 4 people, 2 of each class
    p = metrics.chance_test(lucky, one_hot(lucky, 2), np.repeat(np.arange(4), 50))
    assert p == pytest.approx(1 / 6, abs=0.03)


def test_the_unit_of_exchange_follows_the_design():
    """25 of 29 people have one of four classes; within people, nearly nothing could be exchanged."""
    rng, subject = np.random.default_rng(0), np.repeat(np.arange(29), 12)
    y = subject % 4
    y[subject < 4] = rng.integers(4, size=48)
    skilled = one_hot(np.where(rng.random(len(y)) < 0.55, y, rng.integers(4, size=len(y))), 4)
    assert metrics.exchanged(y, subject) == metrics.WHOLE and metrics.chance_test(y, skilled, subject) < 0.01
    assert metrics.exchanged(rng.permutation(y), subject) == metrics.WITHIN


def test_p_without_skill_is_small_as_often_as_it_says_also_between_whole_people():
    """Answers that know who is who, and nothing of the class."""
    ps = []
    for seed in range(40):
        rng, subject = np.random.default_rng(seed), np.repeat(np.arange(12), 10)
        of_person, answered = rng.permutation(np.arange(12) % 3), rng.integers(3, size=12)
        y = of_person[subject]
        y[subject < 2] = rng.integers(3, size=20)
        ps.append(metrics.chance_test(y, one_hot(answered[subject], 3), subject))
    assert 0.3 < np.mean(ps) < 0.7 and np.mean(np.array(ps) < 0.1) < 0.25


@pytest.mark.parametrize(("y", "scores", "message"), [
    ([0, 1], [[0.5, 0.5]], "2 labels for scores"),
    ([2], [[0.5, 0.5]], "expected 0 to 1"),
    ([0], [[np.nan, 0.5]], "softmax"),
])  # fmt: skip
def test_scores_that_are_none_are_refused(y, scores, message):
    with pytest.raises(BadSet, match=message):
        metrics.evaluate(np.array(y, dtype=int), np.array(scores), np.arange(len(y)))
