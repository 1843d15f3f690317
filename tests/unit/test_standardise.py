"""Standardisation against scikit-learn, and what it must refuse."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from emolib.core.errors import BadSet
from emolib.signals.standardise import Standardiser, by_subject

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(50, 6, 1, 4)) * [1, 10, 0.1, 3] + [0, 70, -5, 1e3]).astype(np.float32)


def test_axis_is_sklearns_standard_scaler_over_all_steps():
    expected = StandardScaler().fit_transform(X.reshape(-1, 4).astype(np.float64)).reshape(X.shape)
    found = Standardiser.fit(X, axis=3)(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(Standardiser.fit(X, axis=-1)(X), found)


@pytest.mark.parametrize("value", [0.0, 70.1, 1e6])
def test_a_constant_feature_becomes_zero_even_on_other_values(value):
    constant = X.copy()
    constant[..., 1] = value
    standardiser = Standardiser.fit(constant, axis=3)
    assert (standardiser(constant)[..., 1] == 0).all()
    assert (standardiser(X)[..., 1] == 0).all()
    assert np.abs(standardiser(constant)[..., 0]).max() > 1


@pytest.mark.parametrize("axis", [None, 3])
def test_json_round_trip_gives_the_same_numbers(axis):
    standardiser = Standardiser.fit(X, axis)
    again = Standardiser.from_dict(json.loads(json.dumps(standardiser.to_dict())))
    np.testing.assert_array_equal(again(X), standardiser(X))


def test_by_subject_removes_each_subjects_own_level():
    subject = np.repeat(["a", "b"], 25)
    moved = X + 100 * (subject == "b")[:, None, None, None]
    found = by_subject(moved, subject, axis=3)
    for name in ("a", "b"):
        rows = X[subject == name].reshape(-1, 4).astype(np.float64)
        expected = StandardScaler().fit_transform(rows)
        np.testing.assert_allclose(found[subject == name].reshape(-1, 4), expected, atol=2e-3)


def test_refuses_nan_nothing_and_other_features():
    broken = X.copy()
    broken[3, 2, 0, 1] = np.nan
    with pytest.raises(BadSet, match="NaN"):
        Standardiser.fit(broken, axis=3)
    with pytest.raises(BadSet, match="No windows"):
        Standardiser.fit(X[:0], axis=3)
    with pytest.raises(BadSet, match="3 features on axis 3, expected 4"):
        Standardiser.fit(X, axis=3)(X[..., :3])
