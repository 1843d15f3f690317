"""Log-mel spectrograms and MFCC; the numbers are librosa's for the same options.

float64 samples are computed in float64, all others in float32. With scipy.fft the FFT is about twice as fast.
"""

from functools import cache

import numpy as np

from emolib.core.errors import BadParameter
from emolib.signals.filters import frame

try:
    from scipy.fft import rfft
except ImportError:
    from numpy.fft import rfft

AMIN = 1e-10  # power below which everything is -100 dB
BLOCK = 64  # frames in one matrix product, see band_energies


def hz_to_mel(hz):
    """Slaney's mel scale: linear to 1 kHz, logarithmic above (Slaney 1998, Auditory Toolbox)."""
    hz = np.asarray(hz, float)
    return np.where(hz < 1000, 3 * hz / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def mel_to_hz(mel):
    """Inverse of hz_to_mel."""
    mel = np.asarray(mel, float)
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(np.log(6.4) / 27 * (np.maximum(mel, 15) - 15)))


@cache
def mel_filterbank(
    sfreq: float, n_fft: int, n_mels: int = 40, fmin: float = 0.0, fmax: float | None = None
) -> np.ndarray:
    """Triangles of unit area per Hz, (n_mels, n_fft // 2 + 1) float64, read-only. Raises BadParameter."""
    fmax = sfreq / 2 if fmax is None else fmax
    if not 0 <= fmin < fmax <= sfreq / 2 or n_mels < 1 or n_fft < 2:
        raise BadParameter(
            f"{n_mels} mel bands from {fmin} to {fmax} Hz at {sfreq} Hz with {n_fft} points, "
            f"expected 1 band or more and 0 <= fmin < fmax <= {sfreq / 2}."
        )
    edges = mel_to_hz(np.linspace(*hz_to_mel([fmin, fmax]), n_mels + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    freqs = np.fft.rfftfreq(n_fft, 1 / sfreq)
    triangles = np.minimum((freqs - low) / (centre - low), (high - freqs) / (high - centre))
    bank = np.maximum(0, triangles) * 2 / (high - low)
    bank.flags.writeable = False
    return bank


@cache
def hann(n_fft: int, dtype: str) -> np.ndarray:
    """Periodic Hann window, (n_fft,)."""
    return np.hanning(n_fft + 1)[:-1].astype(dtype)


def band_energies(spectrum: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Power of spectrum (n_frames, n_bins) @ bank.

    A BLAS rounds a row by the height of its product. It is always BLOCK rows: a frame gives the same bits anywhere.
    """
    n_frames, n_bins = spectrum.shape
    n_blocks = -(-n_frames // BLOCK)
    power = np.zeros((n_blocks * BLOCK, n_bins), bank.dtype)
    np.square(spectrum.real, out=power[:n_frames])
    power[:n_frames] += np.square(spectrum.imag)
    return (power.reshape(n_blocks, BLOCK, n_bins) @ bank).reshape(-1, bank.shape[1])[:n_frames]


def log_mel(
    x: np.ndarray, sfreq: float, n_fft=512, hop=256, n_mels=40, fmin: float = 0.0, fmax: float | None = None
) -> np.ndarray:
    """Log-mel spectrogram in dB re 1, (n_frames, n_mels), not below -100 dB, of audio x (n_times,) at sfreq Hz.

    Equals librosa's power_to_db(melspectrogram(…, center=False), top_db=None).T: periodic Hann window, power, Slaney's
    bands. n_fft and hop are in samples. Raises BadParameter.
    """
    x = x if x.dtype == np.float64 else x.astype(np.float32, copy=False)
    bank = np.ascontiguousarray(mel_filterbank(sfreq, n_fft, n_mels, fmin, fmax).T, x.dtype)
    power = band_energies(rfft(frame(x, n_fft, hop) * hann(n_fft, x.dtype.name), axis=-1), bank)
    return np.log(np.maximum(power, AMIN)) * power.dtype.type(10 / np.log(10))


@cache
def dct(n_mels: int, n_mfcc: int) -> np.ndarray:
    """Orthonormal DCT-II as a matrix, (n_mels, n_mfcc)."""
    k, n = np.arange(n_mfcc), np.arange(n_mels)[:, None]
    matrix = np.sqrt(2 / n_mels) * np.cos(np.pi * k * (2 * n + 1) / (2 * n_mels))
    matrix[:, 0] = np.sqrt(1 / n_mels)
    return matrix


def mfcc(spectrogram: np.ndarray, n_mfcc: int) -> np.ndarray:
    """Cepstral coefficients, (n_frames, n_mfcc): the orthonormal DCT-II of a log-mel spectrogram. Raises BadParameter."""
    n_mels = spectrogram.shape[1]
    if not 1 <= n_mfcc <= n_mels:
        raise BadParameter(f"{n_mfcc} coefficients, expected 1 to {n_mels}, the number of mel bands.")
    return spectrogram @ dct(n_mels, n_mfcc).astype(spectrogram.dtype)
