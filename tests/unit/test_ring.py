"""The ring buffer and the measured rate: against plain slices of the same samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.device.stream import Rate, Ring

X = np.arange(1000, dtype=np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(1, 250), st.floats(0, 12))
def test_it_gives_the_last_samples_whatever_the_chunks(sizes, n, time_s):
    ring, at = Ring(100.0, 250), 0
    for size in sizes:
        ring.push(at / 100, X[at : at + size])
        at = min(at + size, len(X))
    newest = min(at, int(np.floor(time_s * 100 + 1e-6)))
    expected = X[max(newest - n, at - 250, 0) : max(newest, 0)]
    np.testing.assert_array_equal(ring.until(time_s, n), expected)
    assert ring.samples.size == 250 and ring.jumps == 0


def test_rows_stay_rows():
    ring = Ring(10.0, 30, rows=2)
    for at in range(0, 60, 7):
        ring.push(at / 10, np.stack([X, -X])[:, at : at + 7])
    np.testing.assert_array_equal(ring.until(6.0, 5), [X[55:60], -X[55:60]])


def test_a_gap_is_missing_samples_and_counted():
    ring = Ring(100.0, 500)
    ring.push(0.0, X[:100])
    ring.push(1.5, X[150:200])
    found = ring.until(2.0, 200)
    assert np.isnan(found[100:150]).all() and ring.jumps == 1
    np.testing.assert_array_equal(np.delete(found, slice(100, 150)), np.delete(X[:200], slice(100, 150)))


def test_a_gap_longer_than_the_ring_leaves_nothing_old():
    ring = Ring(100.0, 50)
    ring.push(0.0, X[:100])
    ring.push(60.0, X[:10])
    found = ring.until(60.1, 50)
    assert np.isnan(found[:40]).all()
    np.testing.assert_array_equal(found[40:], X[:10])


@pytest.mark.parametrize("back_to", [0.5, -30.0])
def test_stamps_that_go_back_write_over(back_to):
    ring = Ring(100.0, 500)
    ring.push(0.0, X[:100])
    ring.push(back_to, X[500:520])
    assert ring.jumps == 1
    np.testing.assert_array_equal(ring.until(back_to + 0.2, 20), X[500:520])


def test_a_live_sensor_s_stamps_may_be_uneven():
    rng, ring = np.random.default_rng(0), Ring(100.0, 500, jitter_s=0.1)
    for at in range(0, 1000, 10):
        ring.push(at / 100 + rng.uniform(-0.04, 0.04), X[at : at + 10])
    assert ring.jumps == 0 and np.isfinite(ring.until(11.0, 500)).all()


def test_before_the_first_sample_there_is_none():
    ring = Ring(100.0, 50)
    assert ring.until(3.0, 10).size == 0
    ring.push(5.0, X[:10])
    assert ring.until(4.0, 10).size == 0 and ring.until(5.1, 50).size == 10


@pytest.mark.parametrize("hz", [48.0, 64.0])
def test_the_rate_is_measured_through_jitter_and_a_drop_out(hz):
    rng, rate = np.random.default_rng(1), Rate()
    assert rate.hz() is None
    for k in range(300):
        if not 150 < k < 158:
            rate.push(k * 8 / hz + rng.uniform(0, 0.03), 8)
    assert rate.hz() == pytest.approx(hz, rel=0.02)


def test_a_clock_that_is_set_back_starts_the_rate_again():
    rate = Rate()
    for k in range(100):
        rate.push(1000 + k / 8, 8)
    rate.push(3.0, 8)
    assert rate.hz() is None
