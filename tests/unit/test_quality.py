import numpy as np
import pytest

from emolib.signals.quality import CLIPPED, FLAT, MISSING, assess, repair, run_lengths


@pytest.fixture
def clean():
    return np.sin(np.arange(640) / 7) + np.random.default_rng(0).normal(0, 0.05, 640)


def test_run_lengths_by_hand():
    assert run_lengths(np.array([1, 1, 0, 1, 0, 0, 1, 1, 1], bool)).tolist() == [2, 2, 0, 1, 0, 0, 3, 3, 3]
    assert run_lengths(np.zeros(0, bool)).tolist() == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_samples_are_counted(clean, value):
    clean[[3, 100]] = value
    found = assess(clean, sfreq=64)
    assert found.n_missing == 2 and found.reasons == (MISSING,)


@pytest.mark.parametrize("n_equal, reasons", [(31, ()), (32, (FLAT,)), (200, (FLAT,))])
def test_a_flat_line_of_half_a_second_fails(clean, n_equal, reasons):
    clean[50 : 50 + n_equal] = 0.123
    found = assess(clean, sfreq=64, max_flat_s=0.5)
    assert found.reasons == reasons and found.n_flat == (n_equal if reasons else 0)


def test_a_constant_signal_is_flat_not_clipped():
    found = assess(np.zeros(100), sfreq=64)
    assert found.reasons == (FLAT,) and found.n_flat == 100 and found.n_clipped == 0


def test_clipping_is_counted_at_both_ends(clean):
    limited = np.clip(clean, -0.8, 0.8)
    found = assess(limited, sfreq=64)
    beyond = (limited <= -0.8) | (limited >= 0.8)
    assert found.reasons == (CLIPPED,)
    assert 0.9 * beyond.sum() <= found.n_clipped <= beyond.sum()


def test_one_bad_channel_fails_the_recording(clean):
    x = np.stack([clean, clean[::-1], clean])
    x[1, 10:100] = 0
    found = assess(x, sfreq=64)
    assert found.reasons == (FLAT,) and found.n_flat == 90


def test_short_gaps_are_interpolated_long_ones_stay():
    x = np.arange(100, dtype=float)
    x[10:14], x[50:60], x[99] = np.nan, np.inf, np.nan
    mended = repair(x, sfreq=10, max_gap_s=0.5)
    np.testing.assert_allclose(mended[:50], np.arange(50))
    assert np.isnan(mended[50:60]).all() and mended[99] == 98
    assert np.isnan(x[10:14]).all(), "the argument is left as it was"
