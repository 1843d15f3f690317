import neurokit2 as nk
import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.beats import FEATURES, detect_beats, heart_series, hrv, ibi

PEAKS = {
    "ppg": lambda x, sfreq: nk.ppg_findpeaks(nk.ppg_clean(x, sampling_rate=sfreq), sampling_rate=sfreq)[
        "PPG_Peaks"
    ],
    "ecg": lambda x, sfreq: nk.ecg_findpeaks(nk.ecg_clean(x, sampling_rate=sfreq), sampling_rate=sfreq)[
        "ECG_R_Peaks"
    ],
}


def simulated(kind, sfreq, bpm, duration=30):
    simulate = nk.ppg_simulate if kind == "ppg" else nk.ecg_simulate
    clean = {"ppg": {"motion_amplitude": 0, "drift": 0, "ibi_randomness": 0.05}, "ecg": {"noise": 0}}[kind]
    return simulate(duration=duration, sampling_rate=sfreq, heart_rate=bpm, random_state=3, **clean)


def pulse(beats, sfreq, duration):
    t = np.arange(int(duration * sfreq)) / sfreq
    return np.exp(-0.5 * ((t - np.asarray(beats)[:, None]) / 0.1) ** 2).sum(axis=0)


@pytest.mark.parametrize("kind", ["ppg", "ecg"])
@pytest.mark.parametrize("sfreq, bpm", [(64, 55), (64, 140), (128, 75), (250, 110)])
def test_beats_are_neurokits_within_one_sample(kind, sfreq, bpm):
    x = simulated(kind, sfreq, bpm)
    expected = PEAKS[kind](x, sfreq)
    found = np.round(detect_beats(x, sfreq, kind) * sfreq).astype(int)
    inner = found[(found >= expected[0] - 1) & (found <= expected[-1] + 1)]  # NeuroKit leaves out edge beats
    assert len(inner) == len(expected) and len(found) - len(inner) <= 2
    assert np.abs(inner - expected).max() <= 1


def test_motion_in_one_place_hides_no_beats_elsewhere():
    beats = np.arange(0.5, 60, 0.8)
    x = pulse(beats, 64, 60)
    x[64 * 30 : 64 * 32] += 40 * np.sin(np.arange(128) / 3)
    found = detect_beats(x, 64)
    calm = beats[(beats < 28) | ((beats > 35) & (beats < 59))]
    assert max(np.abs(found - beat).min() for beat in calm) < 0.05


def test_implausible_intervals_are_nan():
    beats = np.cumsum([0.0] + [0.8] * 6 + [1.6] + [0.8] * 3 + [2.5] + [0.8] * 3 + [0.2] + [0.8] * 3)
    expected = np.array([0.8] * 6 + [np.nan] + [0.8] * 3 + [np.nan] + [0.8] * 3 + [np.nan] + [0.8] * 3)
    np.testing.assert_allclose(ibi(beats), expected)


def test_hrv_is_neurokits():
    intervals = 0.85 + np.random.default_rng(0).normal(0, 0.04, 200)
    samples = np.round(np.cumsum(intervals) * 1000).astype(int)
    expected = nk.hrv_time(samples, sampling_rate=1000).iloc[0]
    found = hrv(ibi(samples / 1000))
    assert found["mean_hr_bpm"] == pytest.approx(60_000 / expected["HRV_MeanNN"])
    assert found["sdnn_ms"] == pytest.approx(expected["HRV_SDNN"])
    assert found["rmssd_ms"] == pytest.approx(expected["HRV_RMSSD"])
    assert found["pnn50_percent"] == pytest.approx(expected["HRV_pNN50"])


@pytest.mark.parametrize("rate_hz, strong", [(0.1, "lf_ms2"), (0.25, "hf_ms2")])
def test_a_slow_or_a_respiratory_rhythm_lands_in_its_band(rate_hz, strong):
    times = [0.0]
    while times[-1] < 300:
        times.append(times[-1] + 0.8 + 0.05 * np.sin(2 * np.pi * rate_hz * times[-1]))
    found = hrv(ibi(np.array(times)))
    assert 0.7 * 50**2 / 2 < found[strong] < 1.1 * 50**2 / 2
    assert found[strong] > 20 * found["hf_ms2" if strong == "lf_ms2" else "lf_ms2"]
    assert np.isnan(hrv(ibi(np.array(times[:100])))["lf_hf"])


def test_series_follow_rate_amplitude_and_variability():
    steady, jittered = np.full(50, 0.8), 0.8 + 0.04 * (-1.0) ** np.arange(50)
    beats = 0.5 + np.cumsum(np.concatenate([steady, jittered]))
    x = pulse(beats, 64, 80) * np.where(np.arange(80 * 64) < 40 * 64, 1.0, 2.0)
    series = heart_series(x, 64, "ppg", sfreq_out=4)
    assert series.shape == (320, len(FEATURES["ppg"]))
    first, second = series[40:100], series[200:280]
    assert np.nanmedian(first[:, 0]) == pytest.approx(75, abs=1.5)
    assert np.nanmedian(second[:, 1]) - np.nanmedian(first[:, 1]) == pytest.approx(np.log(2), abs=0.05)
    assert np.exp(np.nanmedian(second[:, 2])) == pytest.approx(0.08, rel=0.2)
    assert np.nanmedian(second[:, 2]) - np.nanmedian(first[:, 2]) > 1
    assert np.isnan(series[0]).all(), "no interval covers the time before the first beat"


def test_a_given_heart_rate_is_resampled_and_cleaned():
    bpm = np.repeat([70.0, 90.0], 20 * 25)
    bpm[100:150] = 0
    series = heart_series(bpm, 25, "bpm", sfreq_out=4)
    assert series.shape == (160, 2)
    assert np.isnan(series[17:23]).all() and np.isfinite(series[30:]).all()
    assert series[40, 0] == 70 and series[120, 0] == 90
    assert series[80, 1] > series[150, 1], "the jump is more variable than the plateau"
    assert np.isnan(heart_series(np.full(100, 20.0), 1, "bpm")).all()


@pytest.mark.parametrize(
    "signal, sfreq, kind, error",
    [
        (np.zeros(640), 64, "bcg", BadParameter),
        (np.zeros(10), 64, "ppg", BadRecording),
        (np.full(640, np.nan), 64, "ecg", BadRecording),
        (np.zeros(640), 0, "ppg", BadRecording),
    ],
)
def test_bad_input_is_named(signal, sfreq, kind, error):
    with pytest.raises(error, match=kind):
        detect_beats(signal, sfreq, kind)


def test_a_dead_sensor_has_no_beats():
    assert len(detect_beats(np.zeros(640), 64)) == 0
    assert all(np.isnan(value) for value in hrv(ibi([1.0, 9.0])).values())
    assert np.isnan(heart_series(np.zeros(640), 64)).all()
