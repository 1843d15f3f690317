"""Beats against NeuroKit2, intervals and series by hand."""

import neurokit2 as nk
import numpy as np
import pytest

from emolib.core.errors import BadRecording
from emolib.signals.beats import FEATURES, detect_beats, heart_series, ibi


def neurokits(kind, sfreq, bpm):
    """A simulated signal and its peaks as sample indices."""
    about = {"duration": 30, "sampling_rate": sfreq, "heart_rate": bpm, "random_state": 3}
    if kind == "ppg":
        x = nk.ppg_simulate(motion_amplitude=0, drift=0, ibi_randomness=0.05, **about)
        return x, nk.ppg_findpeaks(nk.ppg_clean(x, sampling_rate=sfreq), sampling_rate=sfreq)["PPG_Peaks"]
    x = nk.ecg_simulate(noise=0, **about)
    return x, nk.ecg_findpeaks(nk.ecg_clean(x, sampling_rate=sfreq), sampling_rate=sfreq)["ECG_R_Peaks"]


def pulse(beats, sfreq, duration):
    t = np.arange(int(duration * sfreq)) / sfreq
    return np.exp(-0.5 * ((t - np.asarray(beats)[:, None]) / 0.1) ** 2).sum(axis=0)


@pytest.mark.parametrize("kind", ["ppg", "ecg"])
@pytest.mark.parametrize("sfreq, bpm", [(64, 140), (250, 55)])
def test_beats_are_neurokits_within_one_sample(kind, sfreq, bpm):
    x, expected = neurokits(kind, sfreq, bpm)
    _, found = detect_beats(x, sfreq, kind)
    inner = found[(found >= expected[0] - 1) & (found <= expected[-1] + 1)]  # NeuroKit leaves out edge beats
    assert len(inner) == len(expected) and len(found) - len(inner) <= 2
    assert np.abs(inner - expected).max() <= 1


def test_motion_in_one_place_hides_no_beats_elsewhere():
    beats = np.arange(0.5, 60, 0.8)
    x = pulse(beats, 64, 60)
    x[64 * 30 : 64 * 32] += 40 * np.sin(np.arange(128) / 3)
    found = detect_beats(x, 64)[1] / 64
    calm = beats[(beats < 28) | ((beats > 35) & (beats < 59))]
    assert max(np.abs(found - beat).min() for beat in calm) < 0.05


def test_implausible_intervals_are_nan():
    beats = np.cumsum([0.0] + [0.8] * 6 + [1.6] + [0.8] * 3 + [2.5] + [0.8] * 3 + [0.2] + [0.8] * 3)
    expected = np.array([0.8] * 6 + [np.nan] + [0.8] * 3 + [np.nan] + [0.8] * 3 + [np.nan] + [0.8] * 3)
    np.testing.assert_allclose(ibi(beats), expected)


def test_series_follow_rate_amplitude_and_variability():
    steady, jittered = np.full(50, 0.8), 0.8 + 0.04 * (-1.0) ** np.arange(50)
    beats = 0.5 + np.cumsum(np.concatenate([steady, jittered]))
    x = pulse(beats, 64, 80) * np.where(np.arange(80 * 64) < 40 * 64, 1.0, 2.0)
    series = heart_series(x, 64, "ppg", sfreq_out=4)
    assert series.shape == (320, len(FEATURES["ppg"]))
    first, second = np.nanmedian(series[40:100], axis=0), np.nanmedian(series[200:280], axis=0)
    assert first[0] == pytest.approx(75, abs=1.5)
    assert second[1] - first[1] == pytest.approx(np.log(2), abs=0.05)
    assert np.exp(second[2]) == pytest.approx(0.08, rel=0.2) and second[2] - first[2] > 1
    assert np.isnan(series[0]).all(), "no interval covers the time before the first beat"


def test_a_given_heart_rate_is_resampled_and_cleaned():
    bpm = np.repeat([70.0, 90.0], 20 * 25)
    bpm[100:150] = 0
    series = heart_series(bpm, 25, "bpm", sfreq_out=4)
    assert series.shape == (160, 2)
    assert np.isnan(series[17:23]).all() and np.isfinite(series[30:]).all()
    assert series[40, 0] == 70 and series[120, 0] == 90
    assert series[80, 1] > series[150, 1], "the jump is more variable than the plateau"
    assert np.isnan(heart_series(np.full(100, 20.0), 1, "bpm", 4.0)).all()


def test_a_dead_sensor_has_no_beats_and_too_short_a_signal_is_refused():
    assert np.isnan(heart_series(np.zeros(640), 64, "ppg", 4.0)).all()
    with pytest.raises(BadRecording, match="ecg of 10 samples"):
        detect_beats(np.zeros(10), 64, "ecg")
