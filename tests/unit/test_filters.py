"""Filters and resampling against SciPy, and cutting into windows against slices."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from emolib.core.errors import BadParameter
from emolib.signals.filters import band_pass, frame, notch, resample, starts

SFREQ = 128
NOISE = np.random.default_rng(0).normal(size=(3, 20 * SFREQ)) + 50
INNER = slice(5 * SFREQ, -5 * SFREQ)


@pytest.mark.parametrize("low, high, order", [(0.5, 8, 3), (8, 13, 3), (30, 45, 2), (0.5, None, 3)])
def test_band_pass_is_butterworth_both_ways(low, high, order):
    edges = (low, high) if high else low
    sos = scipy.signal.butter(order, edges, "bandpass" if high else "highpass", fs=SFREQ, output="sos")
    expected = scipy.signal.sosfiltfilt(sos, NOISE)
    np.testing.assert_allclose(
        band_pass(NOISE, SFREQ, low, high, order)[:, INNER], expected[:, INNER], atol=1e-3
    )


def test_notch_is_iirnotch_both_ways():
    x = NOISE + 20 * np.sin(2 * np.pi * 50 * np.arange(NOISE.shape[1]) / SFREQ)
    expected = scipy.signal.filtfilt(*scipy.signal.iirnotch(50, 30, fs=SFREQ), x)
    found = notch(x, SFREQ, 50)
    np.testing.assert_allclose(found[:, INNER], expected[:, INNER], atol=1e-2)
    assert np.abs(found[:, INNER] - NOISE[:, INNER]).max() < 1


@pytest.mark.parametrize("low, high", [(0, 8), (8, 4), (4, 64)])
def test_impossible_bands_are_refused(low, high):
    with pytest.raises(BadParameter, match="half the sampling rate"):
        band_pass(NOISE, SFREQ, low, high)
    with pytest.raises(BadParameter, match="half the sampling rate"):
        notch(NOISE, SFREQ, 64)


@pytest.mark.parametrize("sfreq", [8000, 24414, 44100])
def test_resampled_tones_are_the_tones(sfreq):
    def tone(rate):
        return np.sin(2 * np.pi * 440 * np.arange(rate) / rate + 0.3).astype(np.float32)

    found = resample(tone(sfreq), sfreq, 16000)
    assert found.shape == (16000,) and found.dtype == np.float32
    np.testing.assert_allclose(found[800:-800], tone(16000)[800:-800], atol=5e-3)


def test_resampling_computes_in_float64_whatever_numpy():
    x = np.random.default_rng(0).normal(size=(2, 2000)).astype(np.float32)
    expected = resample(x.astype(np.float64), 250, 128).astype(np.float32)
    np.testing.assert_array_equal(resample(x, 250, 128), expected)


def test_resampling_lets_no_alias_through():
    t = np.arange(48000) / 48000
    assert np.abs(resample(np.sin(2 * np.pi * 11000 * t), 48000, 16000)[800:-800]).max() < 1e-2


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


def test_lengths_below_one_are_refused():
    for window, hop in ((0, 1), (1, 0)):
        with pytest.raises(BadParameter, match="expected both to be 1 or more"):
            starts(10, window, hop)
