"""Zero-phase filters and resampling by FFT, and cutting into windows, along the last axis.

The gains are those of digital Butterworth filters run forwards and backwards (as sosfiltfilt does), so the results
equal theirs away from the ends, which are extended by odd reflection. A NaN spoils its row.
"""

import numpy as np

from emolib.core.errors import BadParameter


def band_pass(x: np.ndarray, sfreq: float, low_hz: float, high_hz: float | None, order=3) -> np.ndarray:
    """x (…, n_times) between low_hz and high_hz (None: high-pass), float64; -6 dB at both. Squared magnitude of a
    Butterworth filter after the bilinear transform. Raises BadParameter."""
    if not 0 < low_hz < (high_hz or sfreq / 2) or (high_hz or 0) >= sfreq / 2:
        raise BadParameter(
            f"A band from {low_hz} to {high_hz} Hz at {sfreq} Hz, expected 0 < low < high < {sfreq / 2}: "
            "choose a band below half the sampling rate."
        )
    x = np.asarray(x, np.float64)
    n_times = x.shape[-1]
    pad = min(n_times - 1, int(np.ceil(3 / low_hz * sfreq)))
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(pad, pad)], mode="reflect", reflect_type="odd")
    spectrum = np.fft.rfft(padded)
    freqs = np.fft.rfftfreq(padded.shape[-1], 1 / sfreq)
    warped = np.tan(np.pi * np.minimum(freqs / sfreq, 0.5 - 1e-9))
    warped[0] = 1e-300 ** (1 / (4 * order))
    low = np.tan(np.pi * low_hz / sfreq)
    if high_hz is None:
        ratio = low / warped
    else:
        high = np.tan(np.pi * high_hz / sfreq)
        ratio = (warped**2 - low * high) / (warped * (high - low))
    spectrum *= 1 / (1 + ratio ** (2 * order))
    return np.fft.irfft(spectrum, padded.shape[-1])[..., pad : pad + n_times]


def resample(x: np.ndarray, sfreq: float, sfreq_out: float) -> np.ndarray:
    """x (…, n_times) at sfreq_out Hz, (…, round(n_times · sfreq_out / sfreq)), band-limited, of x's dtype. The ends are
    extended by reflection for 10 ms or more, until both lengths are whole numbers of samples."""
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
    """Windows of x along axis, as a read-only view: n_windows stands at axis, window samples at the end. (n_chans,
    n_times) gives (n_chans, n_windows, window). Raises BadParameter."""
    n_windows = len(starts(x.shape[axis], window, hop))
    shape, strides = list(x.shape), list(x.strides)
    shape[axis], strides[axis] = n_windows, hop * x.strides[axis]
    shape, strides = (*shape, window), (*strides, x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
