import subprocess
import sys

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals import mfcc as module
from emolib.signals.mfcc import StreamingLogMel, log_mel, mel_filterbank, mfcc

SFREQ = 16000


def voice(seconds=1.5, seed=0):
    """A gliding harmonic tone in noise, float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SFREQ)) / SFREQ
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(3 * t)) / SFREQ
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * tone * np.abs(np.sin(4 * t)) + rng.normal(0, 1e-3, len(t))).astype(np.float32)


def reference(x, top_db=None, center=False, **options):
    power = librosa.feature.melspectrogram(y=x, sr=SFREQ, center=center, **options)
    return librosa.power_to_db(power, top_db=top_db).T


@pytest.mark.parametrize(
    "sfreq, n_fft, n_mels, fmin, fmax",
    [(16000, 512, 40, 0, None), (22050, 1024, 64, 20, 8000), (8000, 256, 20, 100, 4000)],
)
def test_filterbank_is_librosas(sfreq, n_fft, n_mels, fmin, fmax):
    expected = librosa.filters.mel(
        sr=sfreq, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filterbank(sfreq, n_fft, n_mels, fmin, fmax), expected, atol=1e-12)


@pytest.mark.parametrize("rfft", [module.rfft, np.fft.rfft], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("top_db", [None, 80.0])
def test_log_mel_is_librosas(monkeypatch, rfft, dtype, center, top_db):
    monkeypatch.setattr(module, "rfft", rfft)
    x = voice().astype(dtype)
    found = log_mel(x, SFREQ, center=center, top_db=top_db)
    expected = reference(x, top_db, center, n_fft=512, hop_length=256, n_mels=40)
    assert found.dtype == dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_mfcc_is_librosas():
    x = voice()
    options = {"n_fft": 512, "n_mels": 40}
    expected = librosa.feature.mfcc(y=x, sr=SFREQ, n_mfcc=13, hop_length=256, center=False, **options).T
    np.testing.assert_allclose(mfcc(x, SFREQ, n_mfcc=13, hop=256, **options), expected, rtol=1e-4, atol=1e-3)
    expected = librosa.feature.mfcc(y=x.astype(float), sr=SFREQ, n_mfcc=20, hop_length=256, **options).T
    np.testing.assert_allclose(
        mfcc(x.astype(float), SFREQ, n_mfcc=20, hop=256, center=True, **options),
        expected,
        rtol=1e-5,
        atol=1e-5,
    )


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 2500), min_size=1, max_size=25),
    st.sampled_from([(512, 256), (512, 160), (256, 400)]),
    st.sampled_from([np.float32, np.float64]),
)
def test_a_stream_gives_the_bits_of_the_whole_however_it_is_cut(lengths, sizes, dtype):
    n_fft, hop = sizes
    x = np.random.default_rng(1).normal(0, 0.1, sum(lengths)).astype(dtype)
    stream = StreamingLogMel(SFREQ, n_fft=n_fft, hop=hop)
    parts = [stream.feed(chunk) for chunk in np.split(x, np.cumsum(lengths)[:-1])]
    whole = log_mel(x, SFREQ, n_fft=n_fft, hop=hop)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: log_mel(np.zeros((2, 900)), SFREQ), BadRecording),
        (lambda: log_mel(np.zeros(900), SFREQ, fmax=9000), BadParameter),
        (lambda: mfcc(np.zeros(900), SFREQ, n_mfcc=41), BadParameter),
        (lambda: StreamingLogMel(SFREQ, center=True), BadParameter),
    ],
)
def test_bad_input_is_named_in_one_line(call, error):
    with pytest.raises(error) as raised:
        call()
    assert "\n" not in str(raised.value) and "expected" in str(raised.value) or "whole" in str(raised.value)


def test_signals_need_numpy_alone():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np, emolib.signals.frontend as f\n"
        "w = f.front_end('speech')(np.random.default_rng(0).normal(0, .1, 48000), 16000.0)\n"
        "assert w.X.shape == (1, 124, 40, 1), w.X.shape\n"
        "assert not {'tensorflow', 'pandas', 'sklearn', 'librosa'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, emolib.signals.frontend; assert 'scipy.signal' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
