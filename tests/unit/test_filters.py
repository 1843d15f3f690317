"""Filters, resampling and spectra against SciPy; cutting into windows against slices."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from emolib.signals.eeg import welch
from emolib.signals.filters import band_pass, frame, resample, starts

SFREQ = 128
NOISE = np.random.default_rng(0).normal(size=(3, 20 * SFREQ)) + 50


@pytest.mark.parametrize("low, high, order", [(30, 45, 2), (0.5, None, 3)])
def test_band_pass_is_butterworth_both_ways(low, high, order):
    edges = (low, high) if high else low
    sos = scipy.signal.butter(order, edges, "bandpass" if high else "highpass", fs=SFREQ, output="sos")
    found, expected = band_pass(NOISE, SFREQ, low, high, order), scipy.signal.sosfiltfilt(sos, NOISE)
    inner = slice(5 * SFREQ, -5 * SFREQ)
    np.testing.assert_allclose(found[:, inner], expected[:, inner], atol=1e-3)


@pytest.mark.parametrize("sfreq", [8000, 24414, 44100])
def test_resampled_tones_are_the_tones(sfreq):
    def tone(rate):
        return np.sin(2 * np.pi * 440 * np.arange(rate) / rate + 0.3).astype(np.float32)

    found = resample(tone(sfreq), sfreq, 16000)
    assert found.shape == (16000,) and found.dtype == np.float32
    np.testing.assert_allclose(found[800:-800], tone(16000)[800:-800], atol=5e-3)
    same = resample(tone(sfreq).astype(np.float64), sfreq, 16000)  # whatever numpy, it computes in float64
    np.testing.assert_array_equal(found, same.astype(np.float32))


def test_resampling_lets_no_alias_through():
    t = np.arange(48000) / 48000
    assert np.abs(resample(np.sin(2 * np.pi * 11000 * t), 48000, 16000)[800:-800]).max() < 1e-2


sizes = st.integers(1, 40)


@given(st.integers(1, 90), sizes, sizes, st.integers(0, 2))
def test_frame_equals_slicing_along_any_axis(n_times, window, hop, axis):
    shape = [2, 3]
    shape.insert(axis, n_times)
    x = np.arange(6 * n_times).reshape(shape)
    framed, first = frame(x, window, hop, axis=axis), starts(n_times, window, hop)
    assert first.tolist() == [start for start in range(0, n_times, hop) if start + window <= n_times]
    assert framed.shape[axis] == len(first)
    for i, start in enumerate(first):
        expected = np.moveaxis(x, axis, -1)[..., start : start + window]
        np.testing.assert_array_equal(framed.take(i, axis=axis), expected)


@pytest.mark.parametrize("sfreq, segment_s", [(128, 0.5), (125, 1), (125, 2)])
def test_welch_is_scipys(sfreq, segment_s):
    n = round(segment_s * sfreq)
    expected = scipy.signal.welch(NOISE, sfreq, "hann", n, n // 2)
    for ours, theirs in zip(welch(NOISE, sfreq, segment_s), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
