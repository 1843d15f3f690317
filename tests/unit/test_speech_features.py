"""Log-mel, MFCC and functionals of speech, against librosa, NumPy and numbers worked out by hand."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.signals import functionals
from emolib.signals import mfcc as module
from emolib.signals.frontend import SpeechFrontEnd
from emolib.signals.mfcc import log_mel, mel_filterbank, mfcc

SFREQ, HOP = 16000, 160
FRONT = SpeechFrontEnd(window_s=1.0, hop_s=0.5, hop=HOP, functionals=True)
MEL = {"n_fft": 512, "hop_length": 256, "n_mels": 40, "center": False}


def voice(hz, seconds=1.0):
    """A buzz whose pitch is `hz`, one number or one a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, round(seconds * SFREQ))) / SFREQ
    return 0.1 * sum(np.sin(k * phase) / k for k in range(1, 13)).astype(np.float32)


def glide(dtype=np.float32):
    noise = np.random.default_rng(0).normal(0, 1e-3, 24000)
    return (voice(np.linspace(100, 180, 24000), 1.5) + noise).astype(dtype)


@pytest.mark.parametrize("sfreq, options", [(16000, {"n_mels": 40}), (22050, {"n_mels": 64, "fmin": 20, "fmax": 8000})])
def test_filterbank_is_librosas(sfreq, options):
    expected = librosa.filters.mel(sr=sfreq, n_fft=1024, dtype=np.float64, **options)
    np.testing.assert_allclose(mel_filterbank(sfreq, 1024, **options), expected, atol=1e-12)


@pytest.mark.parametrize("rfft", [module.rfft, np.fft.rfft], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_mel_and_mfcc_are_librosas(monkeypatch, rfft, dtype):
    monkeypatch.setattr(module, "rfft", rfft)
    x = glide(dtype)
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=x, sr=SFREQ, **MEL), top_db=None)
    found = log_mel(x, SFREQ)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected.T, rtol=1e-4, atol=1e-4)
    cepstrum = librosa.feature.mfcc(S=expected, n_mfcc=20).T
    np.testing.assert_allclose(mfcc(found, 20), cepstrum, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n_frames", [1, 63, 65])
def test_a_frame_has_the_same_bits_in_a_shorter_recording(n_frames):
    np.testing.assert_array_equal(log_mel(glide()[: 256 * (n_frames + 1)], SFREQ), log_mel(glide(), SFREQ)[:n_frames])


def found(x):
    return functionals.groups(x, log_mel(x, SFREQ, hop=HOP, fmin=50.0), SFREQ, HOP)


def test_pitch_of_a_glide_is_librosas():
    x = voice(np.linspace(120, 240, 2 * SFREQ), 2.0)
    semitones, voicing, energy_db = functionals.pitch(x, SFREQ, HOP)
    assert voicing.min() > 0.9
    np.testing.assert_allclose(energy_db, 10 * np.log10((x**2).mean()), atol=1)
    hz = librosa.yin(x, fmin=60, fmax=500, sr=SFREQ, frame_length=1024, hop_length=HOP, center=False)
    times = np.arange(len(semitones)) * HOP + round(functionals.FRAME_S * SFREQ) / 2
    theirs = np.interp(times, np.arange(len(hz)) * HOP + 512, 12 * np.log2(hz / 100))
    np.testing.assert_allclose(semitones[10:-10], theirs[10:-10], atol=0.25)


def test_sums_by_hand():
    levels = np.arange(101.0)
    np.testing.assert_allclose(functionals.spread(levels[:, None]), [50, np.std(levels), 10, 50, 90])
    at = functionals.pitch_functionals(levels / 10)
    np.testing.assert_allclose(at[:8], [0.5, 2.5, 5, 7.5, 9.5, 5, np.std(levels) / 10, 9])
    np.testing.assert_allclose(at[8:], [0, 0.1, 0.1, 0.1], atol=1e-9)
    assert not functionals.pitch_functionals(levels[:5]).any()
    jumping = functionals.pitch_functionals(np.array([0, 1, 0, 12, 13, 12, 13.0]))
    assert jumping[9] == 1  # the step of an octave is left out
    loudness = functionals.loudness_functionals(-levels)
    np.testing.assert_allclose(loudness, [np.std(levels), 90, 1, -95, -75, -50, -25, -5])
    voiced = np.array([0, 1, 1, 0, 0, 1, 0, 1, 1, 1], bool)
    heard = functionals.voice_functionals(np.where(voiced, 0.8, 0.1), voiced, 0.1)
    np.testing.assert_allclose(heard, [0.6, 0.8, 0, 3], atol=1e-12)
    np.testing.assert_allclose(functionals.voice_functionals(np.zeros(4), np.zeros(4, bool), 0.1), 0)


@pytest.mark.parametrize("rate, band", [(1.2, 0), (6, 2), (18, 4)])
def test_the_rate_of_a_tremble_is_in_its_band(rate, band):
    times = np.arange(3 * SFREQ) / SFREQ
    x = np.random.default_rng(0).normal(size=len(times)) * (1 + 0.9 * np.sin(2 * np.pi * rate * times))
    of_groups = found(x.astype(np.float32))["modulation"].reshape(5, 5)
    assert (of_groups.argmax(axis=1) == band).all()
    np.testing.assert_allclose(np.exp(of_groups).sum(axis=1), 1, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 4), st.integers(0, 99))
def test_a_louder_voice_differs_in_its_level_alone(gain, seed):
    rng = np.random.default_rng(seed)
    x = voice(rng.uniform(90, 300)) * np.float32(rng.uniform(0.3, 1))
    x += rng.normal(size=SFREQ).astype(np.float32) * 0.01
    soft, loud = found(x), found(x * np.float32(gain))
    for name in soft:
        moved = np.zeros(len(soft[name]))
        if name == "mfcc":  # of the first coefficient of an orthonormal transform of 40 bands
            moved[[0, 40, 60, 80]] = 20 * np.log10(gain) * np.sqrt(40)
        np.testing.assert_allclose(loud[name], soft[name] + moved, atol=0.02, err_msg=name)


@pytest.mark.parametrize("x", [np.full(SFREQ, 0.2, np.float32), np.eye(1, SFREQ, 4000, dtype=np.float32)[0]])
def test_any_audio_gives_finite_windows_of_one_length(x):
    features = FRONT.features(x)
    assert features.shape == (1, sum(map(len, found(voice(200)).values()))) and np.isfinite(features).all()


def test_windows_of_an_utterance_are_those_of_its_parts():
    x = voice(np.linspace(100, 300, 2 * SFREQ), 2.0)
    windows = FRONT(x, SFREQ)
    assert windows.X.shape[:2] == (3, 1) and windows.start_s.tolist() == [0, 0.5, 1]
    np.testing.assert_array_equal(windows.X[1:2], FRONT(x[8000:24000], SFREQ).X)
    at = sum(map(len, list(found(x).values())[:4])) + 2  # the median pitch
    np.testing.assert_allclose(windows.X[:, 0, at, 0], 12 * np.log2([1.5, 2, 2.5]), atol=0.3)
