"""Log-mel and MFCC against librosa."""

import subprocess
import sys

import librosa
import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals import mfcc as module
from emolib.signals.mfcc import log_mel, mel_filterbank, mfcc

SFREQ = 16000
MEL = {"n_fft": 512, "hop_length": 256, "n_mels": 40, "center": False}


def voice(dtype=np.float32):
    """A gliding harmonic tone in noise, 1.5 s."""
    t = np.arange(24000) / SFREQ
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(3 * t)) / SFREQ
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * tone * np.abs(np.sin(4 * t)) + np.random.default_rng(0).normal(0, 1e-3, len(t))).astype(
        dtype
    )


@pytest.mark.parametrize(
    "sfreq, options", [(16000, {"n_mels": 40}), (22050, {"n_mels": 64, "fmin": 20, "fmax": 8000})]
)
def test_filterbank_is_librosas(sfreq, options):
    expected = librosa.filters.mel(sr=sfreq, n_fft=1024, dtype=np.float64, **options)
    np.testing.assert_allclose(mel_filterbank(sfreq, 1024, **options), expected, atol=1e-12)


@pytest.mark.parametrize("rfft", [module.rfft, np.fft.rfft], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_mel_and_mfcc_are_librosas(monkeypatch, rfft, dtype):
    monkeypatch.setattr(module, "rfft", rfft)
    x = voice(dtype)
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=x, sr=SFREQ, **MEL), top_db=None)
    found = log_mel(x, SFREQ)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected.T, rtol=1e-4, atol=1e-4)
    cepstrum = librosa.feature.mfcc(S=expected, n_mfcc=20).T
    np.testing.assert_allclose(mfcc(x, SFREQ, n_mfcc=20), cepstrum, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n_frames", [1, 63, 64, 65])
def test_a_frame_has_the_same_bits_in_a_shorter_recording(n_frames):
    np.testing.assert_array_equal(
        log_mel(voice()[: 256 * (n_frames + 1)], SFREQ), log_mel(voice(), SFREQ)[:n_frames]
    )


def test_bad_input_is_named():
    with pytest.raises(BadRecording, match="expected"):
        log_mel(np.zeros((2, 900)), SFREQ)
    with pytest.raises(BadParameter, match="expected"):
        log_mel(np.zeros(900), SFREQ, fmax=9000)
    with pytest.raises(BadParameter, match="expected"):
        mfcc(np.zeros(900), SFREQ, n_mfcc=41)


def test_signals_need_numpy_alone():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np, emolib.signals.frontend as f\n"
        "w = f.front_end('speech')(np.random.default_rng(0).normal(0, .1, 48000), 16000.0)\n"
        "assert w.X.shape == (1, 124, 40, 1), w.X.shape\n"
        "assert not {'tensorflow', 'pandas', 'sklearn', 'librosa'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
