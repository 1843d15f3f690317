import mne
import numpy as np
import pytest
import scipy.signal

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.eeg import asymmetry, band_powers, differential_entropy, welch

SFREQ = 128
X = np.random.default_rng(0).normal(0, 10, (4, 30 * SFREQ)) + 7


@pytest.mark.parametrize("segment_s, overlap", [(1, 0.5), (2, 0.5), (1, 0), (0.5, 0.75)])
@pytest.mark.parametrize("sfreq", [128, 125])
def test_welch_is_scipys(sfreq, segment_s, overlap):
    n = round(segment_s * sfreq)
    freqs, expected = scipy.signal.welch(X, sfreq, "hann", n, int(n * overlap))
    found_freqs, found = welch(X, sfreq, segment_s, overlap)
    np.testing.assert_allclose(found_freqs, freqs)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_band_powers_are_mnes():
    density, freqs = mne.time_frequency.psd_array_welch(
        X, SFREQ, fmin=8, fmax=12.9, n_fft=SFREQ, n_overlap=SFREQ // 2, window="hann", verbose="error"
    )
    found = band_powers(X, SFREQ, [(8, 13)])[:, 0]
    np.testing.assert_allclose(found, density.sum(axis=1) * (freqs[1] - freqs[0]), rtol=1e-6)


def test_a_sine_has_its_power_in_its_band():
    t = np.arange(30 * SFREQ) / SFREQ
    powers = band_powers(3 * np.sin(2 * np.pi * 10 * t), SFREQ)
    assert powers[2] == pytest.approx(4.5, rel=1e-3) and powers[[0, 1, 3, 4]].max() < 1e-6


def test_differential_entropy_is_a_gaussians():
    expected = scipy.stats.norm(scale=3).entropy()
    assert differential_entropy(np.array(9.0)) == pytest.approx(expected)
    assert np.isfinite(differential_entropy(np.zeros(3))).all()


def test_asymmetry_by_hand():
    power = np.array([[1.0, 2.0], [np.e, 2 * np.e**2], [5.0, 5.0]])
    np.testing.assert_allclose(asymmetry(power, [(0, 1), (1, 0)]), [[1, 2], [-1, -2]])
    assert asymmetry(power, []).shape == (0, 2)


def test_bad_input_is_named():
    with pytest.raises(BadRecording, match="expected 128 or more"):
        welch(X[:, :100], SFREQ)
    with pytest.raises(BadParameter, match="Band 8.2–8.8 Hz"):
        band_powers(X, SFREQ, [(8.2, 8.8)])
    with pytest.raises(BadParameter, match="below 64.0 Hz"):
        band_powers(X, SFREQ, [(30, 80)])
    with pytest.raises(BadParameter, match="from 0 to 3"):
        asymmetry(np.ones((4, 2)), [(0, 4)])
