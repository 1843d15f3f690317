"""Fusion rules by hand and by their laws, learned weights against a grid, temperatures, typicality, and a sensor that breaks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from sklearn.metrics import log_loss

from emolib.core.errors import EmolibError
from emolib.evaluation.fusion_weights import fitted_weights, validation_weights
from emolib.fusion.reliability import Typicality, calibrated, fresh, statistics, temperature
from emolib.fusion.scores import RULES, fuse, softmax


def some_scores(shape, seed, missing):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
    gone = rng.random(shape[:-1]) < missing
    gone[0] &= ~gone.all(axis=0)
    return np.where(gone[..., None], np.float32(np.nan), scores)


@settings(deadline=None, max_examples=50)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 20), st.integers(2, 7)),
    st.sampled_from([rule for rule in RULES if rule != "weighted"]),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.4]),
)
def test_laws_of_the_rules(shape, rule, seed, missing):
    """Shares in any order of modalities; agreement is kept; a modality that is missing changes nothing."""
    scores = some_scores(shape, seed, missing)
    fused = fuse(scores, rule)
    assert fused.shape == shape[1:] and fused.dtype == np.float32
    assert (fused >= 0).all() and np.allclose(fused.sum(axis=1), 1, atol=1e-5)
    order = np.random.default_rng(seed).permutation(len(scores))
    assert np.allclose(fuse(scores[order], rule), fused, atol=1e-6)
    with_gap = np.concatenate([scores, np.full_like(scores[:1], np.nan)])
    assert np.allclose(fuse(with_gap, rule), fused, atol=1e-6)
    same = np.repeat(fused[None], 3, axis=0)
    assert (fuse(same, rule).argmax(axis=1) == fused.argmax(axis=1)).all()


def test_rules_by_hand():
    assert softmax(np.array([[1e4, 0.0]], dtype=np.float32))[0].tolist() == [1, 0]
    assert softmax(np.log([[1.0, 9.0]]), temperature=2)[0] == pytest.approx([0.25, 0.75])
    scores = np.array([[[0.6, 0.4, 0.0]], [[0.1, 0.8, 0.1]], [[0.5, 0.3, 0.2]]])
    assert fuse(scores, "mean")[0] == pytest.approx([0.4, 0.5, 0.1])
    assert fuse(scores, "max")[0] == pytest.approx(np.array([0.6, 0.8, 0.2]) / 1.6)
    product = np.cbrt([0.03, 0.096, 1e-7 * 0.02])
    assert fuse(scores, "product")[0] == pytest.approx(product / product.sum())
    assert fuse(scores, "vote")[0] == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-3)
    assert fuse(scores, "weighted", [1, 3, 0])[0] == pytest.approx([0.225, 0.7, 0.075])


def test_missing_modalities_hand_on_their_weight_and_weights_may_differ_by_trial():
    gap = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[np.nan, np.nan]]])
    assert fuse(gap, "weighted", [1, 3, 96])[0] == pytest.approx([0.25, 0.75])
    assert fuse(gap, "weighted", [0, 0, 1])[0] == pytest.approx([0.5, 0.5])
    scores = np.tile([[[0.9, 0.1]], [[0.2, 0.8]]], (1, 3, 1))
    weights = np.array([[1, 0, 0], [1, 2, 0]])  # the last trial: nobody is trusted, so all count equally
    assert fuse(scores, "weighted", weights)[:, 0] == pytest.approx([0.55, 0.2, 0.55])
    powers = np.array([0.9**0.75 * 0.2**0.25, 0.1**0.75 * 0.8**0.25])
    assert fuse(scores, "product", [3, 1])[0] == pytest.approx(powers / powers.sum())


@pytest.mark.parametrize(("scores", "rule", "weights"), [
    ([[[np.nan, np.nan]]], "mean", None),
    ([[[0.5, 0.4]]], "mean", None),
    ([[0.5, 0.5]], "mean", None),
    ([[[0.5, 0.5]]], "weighted", None),
    ([[[0.5, 0.5]]], "weighted", [np.nan]),
])  # fmt: skip
def test_scores_rules_and_weights_that_do_not_fit_are_refused(scores, rule, weights):
    with pytest.raises(EmolibError):
        fuse(np.array(scores), rule, weights)


def test_validation_weights_by_hand():
    """UAR 1 and 0.75 of two classes: 0.5 and 0.25 above chance; the third is at chance."""
    y = np.array([0, 0, 1, 1])
    scores = np.eye(2)[np.array([[0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]])]
    assert validation_weights(scores, y) == pytest.approx([2 / 3, 1 / 3, 0])
    assert validation_weights(scores[[2, 2]], y) == pytest.approx([0.5, 0.5])
    scores[1, 3] = np.nan
    assert validation_weights(scores, y) == pytest.approx([0.5, 0.5, 0])


def test_fitted_weights_are_the_best_of_a_grid():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=200)
    logits = [skill * np.eye(3)[y] + rng.standard_normal((200, 3)) for skill in (1.5, 1.2, 0.0)]
    scores = softmax(np.stack(logits))
    weights = fitted_weights(scores, y)

    def loss(w):
        fused = np.tensordot(w, scores.astype(float), axes=1)
        return -np.log(fused[np.arange(200), y]).sum() + 10.0 * ((w - 1 / 3) ** 2).sum()

    ticks = np.arange(0, 1.0001, 0.02)
    grid = [np.array([a, b, 1 - a - b]) for a in ticks for b in ticks if a + b <= 1]
    assert loss(weights) <= min(map(loss, grid)) + 1e-6
    assert np.abs(weights - min(grid, key=loss)).max() <= 0.03
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()


RNG = np.random.default_rng(3)
TRAIN = RNG.normal(size=(400, 12, 1, 4)).astype(np.float32)


def overconfident(n, times, seed):
    """Scores whose logits are `times` those of the distribution that the labels were drawn from, and the labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 4))
    y = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(times * logits), np.minimum(y, 3)


@pytest.mark.parametrize("times", [0.5, 3])
def test_the_temperature_undoes_what_made_scores_too_sure_or_unsure(times):
    scores, y = overconfident(4000, times, 0)
    found = temperature(scores, y)
    assert found == pytest.approx(times, rel=0.1)

    def loss(t):
        shares = calibrated(scores, t).astype(float)
        shares /= shares.sum(axis=1, keepdims=True)  # scikit-learn wants a sum of one in this precision
        return log_loss(y, shares, labels=range(4)) + 10 / 4000 * (1 / t - 1) ** 2

    assert loss(found) <= min(map(loss, np.linspace(0.3, 5, 100))) + 1e-5
    gap = np.concatenate([scores, np.full((5, 4), np.nan, np.float32)])
    assert temperature(gap, np.append(y, [0] * 5)) == pytest.approx(found, rel=1e-6)


def test_statistics_by_hand():
    X = np.zeros((2, 3, 1, 2), np.float32)
    X[0, :, 0] = [[1, -1], [1, -1], [4, -1]]
    mean, rms, along, across, far = statistics(X)[0]
    assert (mean, far) == pytest.approx((0.5, 1 / 6))
    powers = [21 / 6, 9 / 4, (4 + 4 + 25) / 3]
    assert np.exp([rms, along, across]) == pytest.approx(np.sqrt(powers), abs=2e-3)
    assert np.isfinite(statistics(X)[1]).all()  # a window of zeros
    picture = np.float32([[0, 3], [0, 3]]).reshape(1, 2, 2, 1)
    functionals = np.float32([0, 3, 0]).reshape(1, 1, 3, 1)  # of one step
    for window in (picture, functionals):  # nothing along rows, 3 across columns
        assert np.exp(statistics(window)[0][2:4]) == pytest.approx([0, 3], abs=2e-3)


def test_distance_is_scipys_mahalanobis_and_the_limit_a_percentile():
    train = statistics(TRAIN)
    typical, std = Typicality.fit(train), train.std(axis=0)
    inverse = np.linalg.inv(np.cov((train / std).T, bias=True) + 1e-2 * np.eye(5))
    expected = [mahalanobis(row / std, train.mean(axis=0) / std, inverse) for row in train]
    np.testing.assert_allclose(typical.distance(train), expected, rtol=1e-6)
    assert (typical(train) == 1).mean() == pytest.approx(0.99, abs=0.003)
    simple = Typicality(np.zeros(5), np.ones(5), np.eye(5), 2.0)
    simple = Typicality.from_dict(json.loads(json.dumps(simple.to_dict())))
    found = simple(np.outer([0, 1.9, 2, 4, 20], [1, 0, 0, 0, 0]))
    assert found == pytest.approx([1, 1, 1, 0.25, 0.01])  # the square of the distance beyond the limit


def test_repetition_is_seen_across_a_gap_and_never_in_live_windows():
    a, b = statistics(TRAIN[:2])
    gap = np.full(5, np.nan)
    assert fresh(np.stack([a, a, gap, a, b, a])).tolist() == [True, False, True, False, True, True]
    assert fresh(statistics(TRAIN)).all()
    assert fresh(np.empty((0, 5))).tolist() == []
