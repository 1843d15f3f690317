import numpy as np
import pytest
import scipy.signal

from emolib.core.errors import BadParameter
from emolib.signals.filters import band_pass, notch, resample

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


def test_filters_shift_nothing():
    t = np.arange(20 * SFREQ) / SFREQ
    wave = np.sin(2 * np.pi * 10 * t)
    np.testing.assert_allclose(band_pass(wave, SFREQ, 4, 25, 4)[INNER], wave[INNER], atol=1e-2)


@pytest.mark.parametrize("low, high", [(0, 8), (8, 4), (4, 64), (4, 70), (70, None)])
def test_impossible_bands_are_refused(low, high):
    with pytest.raises(BadParameter, match="half the sampling rate"):
        band_pass(NOISE, SFREQ, low, high)


def test_a_notch_above_half_the_rate_is_refused():
    with pytest.raises(BadParameter, match="half the sampling rate"):
        notch(NOISE, SFREQ, 64)


@pytest.mark.parametrize("sfreq", [8000, 16000, 22050, 24414, 44100, 48000])
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
