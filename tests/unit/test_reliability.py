"""Temperatures against a grid and scikit-learn, typicality against scipy, and a sensor that breaks."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.metrics import log_loss as sklearn_log_loss

from emolib.core.errors import BadSet
from emolib.fusion.reliability import Typicality, calibrated, fresh, statistics, temperature
from emolib.fusion.scores import softmax

RNG = np.random.default_rng(3)
TRAIN = RNG.normal(size=(400, 12, 1, 4)).astype(np.float32)


def overconfident(n, times, seed):
    """Scores whose logits are `times` those of the distribution that the labels were drawn from, and the labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 4))
    y = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(times * logits), np.minimum(y, 3)


def shares(scores):
    """Scores in the precision in which scikit-learn wants their sum to be one."""
    return scores / scores.sum(axis=1, keepdims=True, dtype=float)


@pytest.mark.parametrize("times", [0.5, 1, 3])
def test_the_temperature_undoes_what_made_scores_too_sure_or_unsure(times):
    scores, y = overconfident(4000, times, 0)
    found = temperature(scores, y)
    assert found == pytest.approx(times, rel=0.1)
    grid = np.linspace(0.3, 5, 100)

    def loss(t):
        return (
            sklearn_log_loss(y, shares(calibrated(scores, t)), labels=range(4)) + 10 / 4000 * (1 / t - 1) ** 2
        )

    assert loss(found) <= min(map(loss, grid)) + 1e-5


def test_temperatures_are_bounded_and_missing_trials_are_left_out():
    y = np.arange(8000) % 4
    wrong = softmax(5.0 * np.eye(4)[(y + 1) % 4])
    assert temperature(wrong, y) == pytest.approx(20, rel=0.01)
    scores, y = overconfident(60, 2, 2)
    gap = np.concatenate([scores, np.full((5, 4), np.nan, np.float32)])
    assert temperature(gap, np.append(y, [0] * 5)) == pytest.approx(temperature(scores, y), rel=1e-6)
    with pytest.raises(BadSet, match="No validation trial"):
        temperature(np.full((3, 4), np.nan), np.zeros(3, int))


def test_statistics_by_hand():
    X = np.zeros((2, 3, 1, 2), np.float32)
    X[0, :, 0] = [[1, -1], [1, -1], [4, -1]]
    mean, rms, along, across, far = statistics(X)[0]
    assert (mean, far) == pytest.approx((0.5, 1 / 6))
    powers = [21 / 6, 9 / 4, (4 + 4 + 25) / 3]
    assert np.exp([rms, along, across]) == pytest.approx(np.sqrt(powers), abs=2e-3)
    assert np.isfinite(statistics(X)[1]).all()  # a window of zeros
    picture = np.zeros((1, 2, 2, 1), np.float32)
    picture[0, :, :, 0] = [[0, 3], [0, 3]]
    assert np.exp(statistics(picture)[0][2:4]) == pytest.approx(
        [0, 3], abs=2e-3
    )  # along rows, across columns
    functionals = np.array([0.0, 3, 0], np.float32).reshape(1, 1, 3, 1)  # of one step
    assert np.exp(statistics(functionals)[0][2:4]) == pytest.approx([0, 3], abs=2e-3)


def test_distance_is_scipys_mahalanobis_and_the_limit_a_percentile():
    train = statistics(TRAIN)
    typical = Typicality.fit(train)
    covariance = np.cov((train / train.std(axis=0)).T, bias=True) + 1e-2 * np.eye(5)
    inverse = np.linalg.inv(covariance)
    expected = [
        mahalanobis(*(v / train.std(axis=0) for v in (row, train.mean(axis=0))), inverse) for row in train
    ]
    np.testing.assert_allclose(typical.distance(train), expected, rtol=1e-6)
    assert (typical(train) == 1).mean() == pytest.approx(0.99, abs=0.003)


def test_the_weight_falls_with_the_square_of_the_distance_beyond_the_limit():
    typical = Typicality(np.zeros(5), np.ones(5), np.eye(5), 2.0)
    typical = Typicality.from_dict(json.loads(json.dumps(typical.to_dict())))
    found = typical(np.outer([0, 1.9, 2, 4, 20], [1, 0, 0, 0, 0]))
    assert found == pytest.approx([1, 1, 1, 0.25, 0.01])


@pytest.mark.parametrize(
    "breakage",
    [
        lambda X: X + 3 * RNG.normal(size=X.shape),
        lambda X: np.zeros_like(X),
        lambda X: np.clip(10 * X, -2.9, 2.9),
        lambda X: X + 5,
        lambda X: np.repeat(X[:, :1], X.shape[1], axis=1),
    ],
    ids=["noise", "flat", "saturated", "offset", "frozen"],
)
def test_a_broken_sensor_loses_weight_and_a_new_one_does_not(breakage):
    typical = Typicality.fit(statistics(TRAIN))
    new = RNG.normal(size=(100, 12, 1, 4)).astype(np.float32)
    assert typical(statistics(new)).mean() > 0.97
    assert np.median(typical(statistics(breakage(new)))) < 0.5


def test_typicality_refuses_what_it_cannot_learn_from():
    with pytest.raises(BadSet, match="two or more"):
        Typicality.fit(np.zeros((1, 5)))
    with pytest.raises(BadSet, match="finite"):
        Typicality.fit(np.full((4, 5), np.nan))


def test_repetition_is_seen_across_a_gap_and_never_in_live_windows():
    a, b = statistics(TRAIN[:2])
    gap = np.full(5, np.nan)
    assert fresh(np.stack([a, a, gap, a, b, a])).tolist() == [True, False, True, False, True, True]
    assert fresh(statistics(TRAIN)).all()
    assert fresh(np.empty((0, 5))).tolist() == []
