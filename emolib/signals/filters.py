"""Zero-phase filters and resampling by FFT, and cutting into windows, along the last axis.

The gains are those of digital Butterworth and notch filters run forwards and backwards (as sosfiltfilt does), so the
results equal theirs away from the ends, which are extended by odd reflection. A NaN spoils its row.
"""

import numpy as np

from emolib.core.errors import BadParameter


def apply_gain(x: np.ndarray, sfreq: float, gain, pad_s: float) -> np.ndarray:
    """x (…, n_times) with each frequency in Hz multiplied by gain(freqs), float64."""
    x = np.asarray(x, np.float64)
    n_times = x.shape[-1]
    pad = min(n_times - 1, int(np.ceil(pad_s * sfreq)))
    widths = [(0, 0)] * (x.ndim - 1) + [(pad, pad)]
    padded = np.pad(x, widths, mode="reflect", reflect_type="odd")
    spectrum = np.fft.rfft(padded)
    spectrum *= gain(np.fft.rfftfreq(padded.shape[-1], 1 / sfreq))
    return np.fft.irfft(spectrum, padded.shape[-1])[..., pad : pad + n_times]


def band_pass(
    x: np.ndarray, sfreq: float, low_hz: float, high_hz: float | None, order: int = 3
) -> np.ndarray:
    """x (…, n_times) between low_hz and high_hz (None: high-pass), float64; -6 dB at both.

    Squared magnitude of a Butterworth filter after the bilinear transform (Oppenheim and Schafer, ch. 7).
    Raises BadParameter.
    """
    if not 0 < low_hz < (high_hz or sfreq / 2) or (high_hz or 0) >= sfreq / 2:
        raise BadParameter(
            f"A band from {low_hz} to {high_hz} Hz at {sfreq} Hz, expected 0 < low < high < {sfreq / 2}: "
            "choose a band below half the sampling rate."
        )
    low = np.tan(np.pi * low_hz / sfreq)

    def gain(freqs):
        warped = np.tan(np.pi * np.minimum(freqs / sfreq, 0.5 - 1e-9))
        warped[0] = 1e-300 ** (1 / (4 * order))
        if high_hz is None:
            return 1 / (1 + (low / warped) ** (2 * order))
        high = np.tan(np.pi * high_hz / sfreq)
        return 1 / (1 + ((warped**2 - low * high) / (warped * (high - low))) ** (2 * order))

    return apply_gain(x, sfreq, gain, 3 / low_hz)


def notch(x: np.ndarray, sfreq: float, freq_hz: float, q: float = 30.0) -> np.ndarray:
    """x (…, n_times) without freq_hz (width freq_hz / q), float64. Raises BadParameter.

    Squared magnitude of the second-order notch (Orfanidis 1996, section 8.2).
    """
    if not 0 < freq_hz < sfreq / 2:
        raise BadParameter(
            f"A notch at {freq_hz} Hz, expected one between 0 and {sfreq / 2} Hz, half the sampling rate."
        )
    centre, beta = 2 * np.pi * freq_hz / sfreq, np.tan(np.pi * freq_hz / (q * sfreq))

    def gain(freqs):
        w = 2 * np.pi * freqs / sfreq
        off = (np.cos(w) - np.cos(centre)) ** 2
        return off / (off + (beta * np.sin(w)) ** 2)

    return apply_gain(x, sfreq, gain, 2 * q / freq_hz)


def resample(x: np.ndarray, sfreq: float, sfreq_out: float) -> np.ndarray:
    """x (…, n_times) at sfreq_out Hz, (…, round(n_times · sfreq_out / sfreq)), band-limited, of x's dtype.

    The ends are extended by reflection for 10 ms or more, until both lengths are whole numbers of samples.
    """
    if sfreq == sfreq_out:
        return x
    n_times, n_out = x.shape[-1], round(x.shape[-1] * sfreq_out / sfreq)
    block = round(sfreq / np.gcd(round(sfreq), round(sfreq_out)))
    pad = -(-int(0.01 * sfreq) // block) * block
    total = -(-(n_times + pad) // block) * block + pad
    widths = [(0, 0)] * (x.ndim - 1) + [(pad, total - pad - n_times)]
    padded = np.pad(np.asarray(x, np.float64), widths, mode="symmetric")  # numpy 2 has an FFT in float32
    n_padded = round(total * sfreq_out / sfreq)
    spectrum = np.fft.rfft(padded)[..., : n_padded // 2 + 1]
    first = round(pad * sfreq_out / sfreq)
    out = np.fft.irfft(spectrum, n_padded)[..., first : first + n_out] * (n_padded / total)
    return out.astype(x.dtype)


def starts(n_times: int, window: int, hop: int) -> np.ndarray:
    """First sample of each window, (n_windows,), of n_times samples; no window is partial. Raises BadParameter."""
    if window < 1 or hop < 1:
        raise BadParameter(f"A window of {window} and a hop of {hop} samples, expected both to be 1 or more.")
    return np.arange(0, n_times - window + 1, hop)


def frame(x: np.ndarray, window: int, hop: int, axis: int = -1) -> np.ndarray:
    """Windows of x along axis, as a read-only view: n_windows stands at axis, window samples at the end.

    (n_chans, n_times) gives (n_chans, n_windows, window); fewer samples than a window give no windows.
    Raises BadParameter.
    """
    n_windows = len(starts(x.shape[axis], window, hop))
    shape, strides = list(x.shape), list(x.strides)
    shape[axis], strides[axis] = n_windows, hop * x.strides[axis]
    shape, strides = (*shape, window), (*strides, x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
