"""EEG features: band powers, differential entropy, asymmetry. Filters are in emolib.signals.filters."""

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.filters import frame
from emolib.signals.mfcc import hann

BANDS = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 45)}  # Hz
FLOOR = 1e-6  # of a power before its logarithm


def welch(x: np.ndarray, sfreq: float, segment_s: float):
    """Frequencies in Hz, (n_freqs,), and power density in unit²/Hz, (…, n_freqs), of x (…, n_times).

    Mean over segments of segment_s that overlap by half, Hann window, mean removed, as scipy.signal.welch
    (Welch 1967). Raises BadRecording where x is shorter than one segment.
    """
    n = round(segment_s * sfreq)
    if n < 2 or x.shape[-1] < n:
        raise BadRecording(
            f"{x.shape[-1]} samples at {sfreq} Hz, expected {n} or more, a segment of {segment_s} s: "
            "take a longer recording or a shorter step."
        )
    segments = frame(np.asarray(x, np.float64), n, n - n // 2)
    window = hann(n, "float64")
    spectrum = np.fft.rfft((segments - segments.mean(axis=-1, keepdims=True)) * window)
    density = (np.abs(spectrum) ** 2).mean(axis=-2) / (sfreq * (window**2).sum())
    density[..., 1 : (n + 1) // 2] *= 2
    return np.fft.rfftfreq(n, 1 / sfreq), density


def band_powers(x: np.ndarray, sfreq: float, bands, segment_s: float) -> np.ndarray:
    """Power in unit² of each band, (…, n_bands): the density summed over low <= f < high. Raises as welch, BadParameter."""
    freqs, density = welch(x, sfreq, segment_s)
    inside = np.array([(freqs >= low) & (freqs < high) for low, high in bands])
    for (low, high), band in zip(bands, inside, strict=True):
        if not band.any() or high > sfreq / 2:
            raise BadParameter(
                f"Band {low}–{high} Hz at {sfreq} Hz and segments of {segment_s} s, expected one below "
                f"{sfreq / 2} Hz that holds a multiple of {1 / segment_s:g} Hz."
            )
    return density @ inside.T * freqs[1]


def differential_entropy(power: np.ndarray) -> np.ndarray:
    """½ ln(2πe σ²) in nats of bands of EEG, near to Gaussian, of power σ² in µV² (Duan, Zhu and Lu 2013)."""
    return 0.5 * np.log(2 * np.pi * np.e * np.maximum(power, FLOOR))


def asymmetry(power: np.ndarray, pairs) -> np.ndarray:
    """ln right - ln left, (…, n_pairs, n_bands), of power (…, n_chans, n_bands).

    pairs: (left, right) channel indices. Raises BadParameter for one that does not exist. Allen et al. 2004.
    """
    left, right = np.array(pairs, int).reshape(-1, 2).T
    if any(not 0 <= channel < power.shape[-2] for channel in (*left, *right)):
        raise BadParameter(f"Channel pairs {pairs}, expected indices from 0 to {power.shape[-2] - 1}.")
    logs = np.log(np.maximum(power, FLOOR))
    return logs[..., right, :] - logs[..., left, :]
