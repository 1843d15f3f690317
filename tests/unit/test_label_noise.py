"""Wrong labels: as many as asked for, where asked for, of the kind asked for."""

import numpy as np
import pytest
from emolib.studies.reduction.label_noise import CROWD, relabelled
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolib.core.errors import BadParameter


@given(
    st.integers(2, 8).flatmap(
        lambda k: st.tuples(st.just(k), arrays(np.int64, st.integers(1, 60), elements=st.integers(0, k - 1)))
    ),
    st.floats(0, 1),
    st.integers(0, 5),
    st.data(),
)
def test_exactly_the_share_changes_never_to_itself_and_only_where_it_may(made, share, seed, data):
    n_classes, y = made
    rows = data.draw(st.lists(st.integers(0, len(y) - 1), unique=True).map(np.array)).astype(int)
    before = y.copy()
    noisy = relabelled(y, share, n_classes, seed, rows)
    changed = np.flatnonzero(noisy != y)
    assert len(changed) == round(share * len(rows)) and set(changed) <= set(rows)
    assert noisy.min() >= 0 and noisy.max() < n_classes
    np.testing.assert_array_equal(y, before)
    np.testing.assert_array_equal(noisy, relabelled(y, share, n_classes, seed, rows))


def test_by_hand():
    y = np.array([0, 1, 0, 1, 1, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(relabelled(y, 1.0, 2, 0), 1 - y)
    np.testing.assert_array_equal(relabelled(y, 0.0, 2, 0), y)
    assert (relabelled(y, 0.3, 2, 0) != y).sum() == 3
    training = np.array([2, 5, 7])
    np.testing.assert_array_equal(np.flatnonzero(relabelled(y, 1.0, 2, 0, training) != y), training)


def test_the_crowd_s_share_is_symmetric_by_default():
    y = np.repeat(np.arange(4), 5000)
    noisy = relabelled(y, CROWD, 4, seed=1)
    counts = np.zeros((4, 4))
    np.add.at(counts, (y, noisy), 1)
    assert counts.sum() - np.trace(counts) == 1800
    expected = np.where(np.eye(4, dtype=bool), 5000 * 0.91, 5000 * 0.03)
    assert np.abs(counts - expected)[~np.eye(4, dtype=bool)].max() < 5 * 150**0.5
    assert (relabelled(y, CROWD, 4, seed=2) != noisy).any()


def test_a_confusion_matrix_says_who_is_taken_for_whom():
    """Fear is taken for surprise twice as often as for anger, nothing for fear, anger never wrong."""
    confusion = np.array([[50, 0, 0], [10, 70, 20], [5, 0, 95]])  # anger, fear, surprise
    y = np.repeat([0, 1, 2], 20_000)
    noisy = relabelled(y, 0.1, 3, seed=0, confusion=confusion)
    counts = np.zeros((3, 3))
    np.add.at(counts, (y, noisy), 1)
    assert counts[0].tolist() == [20_000, 0, 0] and counts[2, 1] == 0
    assert counts.sum() - np.trace(counts) == 6000
    assert counts[1, 2] / counts[1, 0] == pytest.approx(2, rel=0.1)
    assert 4 < (20_000 - counts[1, 1]) / (20_000 - counts[2, 2]) < 6  # 30 % against 5 %, less what is used up


def test_the_scale_of_a_confusion_matrix_row_means_nothing():
    counts, y = np.array([[8, 2], [300, 700]]), np.arange(100) % 2
    shares = counts / counts.sum(axis=1, keepdims=True)
    first, second = (relabelled(y, 0.2, 2, 3, confusion=matrix) for matrix in (counts, shares))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": 1.1}, "share 1.1 of 3 classes: expected 0 to 1"),
        ({"share": -0.1}, "share -0.1"),
        ({"n_classes": 1}, "of 1 classes"),
        ({"n_classes": 2}, "Labels are 0 to 2, expected 0 to 1"),
        ({"rows": np.array([1, 1])}, "each once"),
        ({"rows": np.array([6])}, "rows: expected different indices from 0 to 5"),
        ({"confusion": np.eye(2)}, r"got shape \(2, 2\), expected \(3, 3\)"),
        ({"confusion": -np.ones((3, 3))}, "0 or more"),
        (
            {"confusion": np.eye(3)},
            "3 labels are to change, but the confusion matrix has other classes for 0 of 6",
        ),
    ],
)
def test_what_is_no_noise_is_refused(arguments, message):
    y = np.array([0, 1, 2, 0, 1, 2])
    with pytest.raises(BadParameter, match=message):
        relabelled(**{"y": y, "share": 0.5, "n_classes": 3, "seed": 0, **arguments})
