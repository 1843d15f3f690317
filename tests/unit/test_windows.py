import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.core.errors import BadParameter
from emolib.signals.filters import frame, starts

sizes = st.integers(1, 40)


@given(st.integers(0, 200), sizes, sizes)
def test_windows_are_whole_and_as_many_as_fit(n_times, window, hop):
    first = starts(n_times, window, hop)
    assert all(start + window <= n_times for start in first)
    assert len(first) == sum(1 for start in range(0, n_times, hop) if start + window <= n_times)


@given(st.integers(1, 60), sizes, sizes, st.integers(0, 2))
def test_frame_equals_slicing_along_any_axis(n_times, window, hop, axis):
    shape = [2, 3]
    shape.insert(axis, n_times)
    x = np.arange(6 * n_times).reshape(shape)
    framed = frame(x, window, hop, axis=axis)
    for i, start in enumerate(starts(n_times, window, hop)):
        expected = np.moveaxis(x, axis, -1)[..., start : start + window]
        np.testing.assert_array_equal(framed.take(i, axis=axis), expected)
    assert framed.shape[axis] == len(starts(n_times, window, hop))


def test_frame_copies_nothing():
    x = np.zeros(1000)
    assert np.shares_memory(frame(x, 100, 10), x)


@pytest.mark.parametrize("window, hop", [(0, 1), (1, 0), (-2, 3)])
def test_lengths_below_one_are_refused(window, hop):
    with pytest.raises(BadParameter, match="expected both to be 1 or more"):
        starts(10, window, hop)
