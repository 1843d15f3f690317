"""Front ends: whole windows against librosa and SciPy, and what is dropped, mended or refused."""

import json
from dataclasses import asdict

import librosa
import numpy as np
import pytest
import scipy.signal

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.eeg import BANDS
from emolib.signals.frontend import FRONT_ENDS, front_end
from emolib.signals.quality import CLIPPED, FLAT, MISSING, first_reason, repair

RNG = np.random.default_rng(0)


def ppg(seconds=8, sfreq=64, bpm=75):
    t = np.arange(int(seconds * sfreq)) / sfreq
    beats = np.arange(0.4, seconds + 1, 60 / bpm)
    wave = np.exp(-0.5 * ((t - beats[:, None]) / 0.1) ** 2).sum(axis=0)
    return (wave + RNG.normal(0, 0.01, len(t))).astype(np.float32)


def speech(seconds=3.0):
    t = np.arange(int(seconds * 16000)) / 16000
    tone = np.sin(2 * np.pi * 200 * t * (1 + 0.1 * t))
    return (0.1 * tone + RNG.normal(0, 0.01, len(t))).astype(np.float32)


TRIALS = {
    "heart": (ppg(), 64.0, "ppg", (1, 32, 1, 4)),
    "eeg": (RNG.normal(0, 10, (8, 1024)).astype(np.float32), 128.0, "raw", (3, 4, 1, 32)),
    "speech": (speech(8), 16000.0, "", (4, 124, 40, 1)),
    "face": (RNG.integers(0, 256, (8, 48, 48), np.uint8), 1.0, "", (4, 48, 48, 1)),
    "skin": (RNG.normal(33, 0.1, (2, 480)).astype(np.float32), 4.0, "eda", (3, 60, 1, 8)),
}


@pytest.mark.parametrize("modality", FRONT_ENDS)
def test_the_demo_trial_gives_whole_windows_also_after_json(modality):
    *trial, shape = TRIALS[modality]
    front = front_end(modality)
    found = front(*trial)
    assert found.X.shape == shape and found.X.dtype == np.float32 and np.isfinite(found.X).all()
    assert found.start_s.shape == shape[:1] and found.dropped == {} and found.X.flags.c_contiguous
    again = front_end(modality, **json.loads(json.dumps(asdict(front))))
    np.testing.assert_array_equal(again(*trial).X, found.X)


@pytest.mark.parametrize("modality, data, sfreq", [
    ("heart", np.zeros((2, 600)), 64),
    ("eeg", np.zeros((8, 600)), 0),
    ("speech", np.full(600, "x"), 16000),
    ("face", np.zeros((0, 48, 48), np.uint8), 1),
    ("heart", None, 64),
])  # fmt: skip
def test_unusable_recordings_are_refused(modality, data, sfreq):
    with pytest.raises(BadRecording, match="expected"):
        front_end(modality)(data, sfreq)


def test_heart_windows_without_signal_or_beats_are_dropped_and_counted():
    x = ppg(64)
    x[10 * 64 : 11 * 64] = np.nan
    x[26 * 64 : 27 * 64] = x[26 * 64]
    x[40 * 64 : 56 * 64] = RNG.normal(0, 1e-3, 16 * 64)
    found = front_end("heart", window_s=8, hop_s=8)(x, 64, "ppg")
    assert found.dropped == {"missing samples": 1, "flat line": 1, "too few beats": 2}
    assert found.start_s.tolist() == [0, 16, 32, 56] and np.isfinite(found.X).all()
    steady = front_end("heart", window_s=8, hop_s=4)(np.full(400, 72.0), 25.0, "bpm")  # that is no flat line
    assert steady.X.shape == (3, 32, 1, 2) and (steady.X[..., 0] == 72).all()
    nothing = front_end("heart")(np.full(512, np.nan), 64, "ppg")
    assert nothing.X.shape == (0, 32, 1, 4) and nothing.dropped == {"missing samples": 1}


def test_eeg_features_are_the_entropies_of_scipys_band_powers():
    x = TRIALS["eeg"][0]
    X = front_end("eeg", pairs=((0, 1), (6, 7)))(x, 128).X
    assert X.shape == (3, 4, 1, 8 * 4 + 2 * 4)
    freqs, density = scipy.signal.welch(x[:, 3 * 128 : 4 * 128].astype(float), 128, nperseg=128)
    bands = [BANDS[name] for name in ("theta", "alpha", "beta", "gamma")]
    power = np.stack([density[:, (freqs >= a) & (freqs < b)].sum(axis=1) for a, b in bands], axis=1)
    np.testing.assert_allclose(X[0, 3, 0, :32], 0.5 * np.log(2 * np.pi * np.e * power).ravel(), rtol=1e-5)
    np.testing.assert_allclose(X[1, 1, 0, 32:36], np.log(power[1] / power[0]), rtol=1e-4)


def test_band_powers_of_a_corpus_become_windows_of_steps():
    power = RNG.uniform(0.1, 2, (29, 14, 4))
    made = front_end("eeg", window_s=60, hop_s=60)(power, 1 / 12, "band_power")
    assert made.X.shape == (5, 5, 1, 56) and made.start_s.tolist() == [0, 60, 120, 180, 240]
    expected = 0.5 * np.log(2 * np.pi * np.e * power[5:10]).reshape(5, 56)
    np.testing.assert_allclose(made.X[1, :, 0], expected, rtol=1e-5)
    power[7, 3, 1] = np.nan
    spoilt = front_end("eeg", window_s=12, hop_s=12)(power, 1 / 12, "band_power")
    assert spoilt.dropped == {"missing samples": 1}
    with pytest.raises(BadParameter, match="window_s=4.0, expected at least 12 s"):
        front_end("eeg")(power, 1 / 12, "band_power")


def test_speech_windows_are_librosas_log_mel_and_short_ones_are_repeated():
    x, options = speech(3.0), {"n_fft": 512, "hop_length": 256, "n_mels": 40, "center": False}
    found = front_end("speech", hop_s=1)(x, 16000)
    assert found.start_s.tolist() == [0, 1]
    mel = librosa.feature.melspectrogram(y=x[16000:], sr=16000, **options)
    np.testing.assert_allclose(found.X[1, :, :, 0], librosa.power_to_db(mel, top_db=None).T, atol=1e-2)
    short, repeated = front_end("speech")(x[:20800], 16000), np.tile(x[:20800], 2)[:32000]
    np.testing.assert_array_equal(short.X, front_end("speech")(repeated, 16000).X)


@pytest.mark.parametrize("functionals", [False, True])
def test_audio_without_speech_is_dropped_and_changes_no_other_window(functionals):
    made, whole, missing = front_end("speech", hop_s=2, functionals=functionals), speech(2), speech(2)
    missing[5000:6000] = np.nan
    hiss = RNG.normal(0, 10 ** (-70 / 20), 32000)
    found = made(np.concatenate([np.clip(20 * speech(2), -1, 1), missing, np.zeros(32000), hiss, whole]), 16000)
    assert found.dropped == {"clipping": 1, "missing samples": 1, "flat line": 1, "no speech": 1}
    assert found.start_s.tolist() == [8]
    np.testing.assert_array_equal(found.X, made(np.float64(whole), 16000).X)
    alone = made(hiss, 16000)
    assert alone.dropped == {"no speech": 1} and alone.X.shape == (0, *found.X.shape[1:])


def test_faces_are_grey_square_scaled_and_not_blank():
    image = RNG.integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_allclose(front_end("face")(image, 0).X[0, :, :, 0], image / 127.5 - 1, atol=1e-6)
    wide = RNG.integers(0, 256, (90, 160, 3), np.uint8)
    assert front_end("face", size=24)(wide, 0).X.shape == (1, 24, 24, 1)
    clip = TRIALS["face"][0][:3].copy()
    clip[1] = 7
    found = front_end("face", hop_s=0.5)(clip, 2.0)
    assert found.dropped == {"blank image": 1} and found.start_s.tolist() == [0, 1]


CLEAN = np.sin(np.arange(640) / 7) + np.random.default_rng(0).normal(0, 0.05, 640)


def spoilt(where, value):
    x = CLEAN.copy()
    x[where] = value
    return x


@pytest.mark.parametrize("x, reason", [
    (CLEAN, ""),
    (spoilt(3, -np.inf), MISSING),
    (spoilt(slice(50, 81), 0.123), ""),  # 31 of 32 samples
    (spoilt(slice(50, 82), 0.123), FLAT),
    (np.clip(CLEAN, -2, 0.8), CLIPPED),
    (np.clip(CLEAN, -0.8, 2), CLIPPED),
    (np.stack([CLEAN, spoilt(slice(10, 100), 0), CLEAN]), FLAT),
])  # fmt: skip
def test_the_first_reason_against_a_signal(x, reason):
    assert first_reason(x, sfreq=64, max_flat_s=0.5) == reason


def test_short_gaps_are_interpolated_long_ones_stay():
    x = np.arange(100, dtype=float)
    x[10:14], x[50:60], x[99] = np.nan, np.inf, np.nan
    mended = repair(x, sfreq=10, max_gap_s=0.5)
    np.testing.assert_allclose(mended[:50], np.arange(50))
    assert np.isnan(mended[50:60]).all() and mended[99] == 98
    assert np.isnan(x[10:14]).all(), "the argument is left as it was"
