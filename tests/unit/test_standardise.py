"""Standardisation against scikit-learn, and what it must refuse."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from emolib.core.errors import BadSet
from emolib.signals.standardise import Standardiser, by_subject

X = np.random.default_rng(0).normal(size=(50, 6, 1, 4)) * [1, 10, 0.1, 3] + [0, 70, -5, 1e3]
X = X.astype(np.float32)


def sklearns(X):
    return StandardScaler().fit_transform(X.reshape(-1, 4).astype(np.float64)).reshape(X.shape)


def test_axis_is_sklearns_standard_scaler_over_all_steps():
    standardiser = Standardiser.fit(X, axis=3)
    found = standardiser(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, sklearns(X), atol=1e-3)
    np.testing.assert_array_equal(Standardiser.fit(X, axis=-1)(X), found)
    again = Standardiser.from_dict(json.loads(json.dumps(standardiser.to_dict())))
    np.testing.assert_array_equal(again(X), found)


@pytest.mark.parametrize("value", [0.0, 70.1, 1e6])
def test_a_constant_feature_becomes_zero_even_on_other_values(value):
    constant = X.copy()
    constant[..., 1] = value
    standardiser = Standardiser.fit(constant, axis=3)
    assert (standardiser(constant)[..., 1] == 0).all() and (standardiser(X)[..., 1] == 0).all()
    assert np.abs(standardiser(constant)[..., 0]).max() > 1


def test_by_subject_removes_each_subjects_own_level():
    subject = np.repeat(["a", "b"], 25)
    found = by_subject(X + 100 * (subject == "b")[:, None, None, None], subject, axis=3)
    expected = np.concatenate([sklearns(X[:25]), sklearns(X[25:])])
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_refuses_nan_nothing_and_other_features():
    with pytest.raises(BadSet, match="NaN"):
        Standardiser.fit(X * np.float32(np.nan), axis=3)
    with pytest.raises(BadSet, match="No windows"):
        Standardiser.fit(X[:0], axis=3)
    with pytest.raises(BadSet, match="3 features on axis 3, expected 4"):
        Standardiser.fit(X, axis=3)(X[..., :3])
