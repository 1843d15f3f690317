import numpy as np
import pytest

from emolib.signals.quality import CLIPPED, FLAT, MISSING, first_reason, repair, run_lengths

CLEAN = np.sin(np.arange(640) / 7) + np.random.default_rng(0).normal(0, 0.05, 640)


def spoilt(where, value):
    x = CLEAN.copy()
    x[where] = value
    return x


def test_run_lengths_by_hand():
    assert run_lengths(np.array([1, 1, 0, 1, 0, 0, 1, 1, 1], bool)).tolist() == [2, 2, 0, 1, 0, 0, 3, 3, 3]


@pytest.mark.parametrize(
    "x, reason",
    [
        (CLEAN, ""),
        (spoilt([3, 100], np.nan), MISSING),
        (spoilt(3, -np.inf), MISSING),
        (spoilt(slice(50, 81), 0.123), ""),  # 31 of 32 samples
        (spoilt(slice(50, 82), 0.123), FLAT),
        (np.zeros(100), FLAT),
        (np.clip(CLEAN, -2, 0.8), CLIPPED),
        (np.clip(CLEAN, -0.8, 2), CLIPPED),
        (np.stack([CLEAN, spoilt(slice(10, 100), 0), CLEAN]), FLAT),
    ],
)
def test_the_first_reason_against_a_signal(x, reason):
    assert first_reason(x, sfreq=64, max_flat_s=0.5) == reason


def test_short_gaps_are_interpolated_long_ones_stay():
    x = np.arange(100, dtype=float)
    x[10:14], x[50:60], x[99] = np.nan, np.inf, np.nan
    mended = repair(x, sfreq=10, max_gap_s=0.5)
    np.testing.assert_allclose(mended[:50], np.arange(50))
    assert np.isnan(mended[50:60]).all() and mended[99] == 98
    assert np.isnan(x[10:14]).all(), "the argument is left as it was"
