"""Skin: electrodermal activity (EDA) as a tonic and a phasic part, the responses in it, and skin temperature.

Terms as Boucsein et al. 2012, Publication recommendations for electrodermal measurements, Psychophysiology 49,
doi 10.1111/j.1469-8986.2012.01384.x. Parts and responses are those of NeuroKit2's `eda_process`.
"""

from typing import NamedTuple

import numpy as np

from emolib.signals.beats import moving_mean
from emolib.signals.filters import band_pass
from emolib.signals.quality import FLAT, MAX_CLIPPED, MISSING

SFREQ = 4.0  # Hz, an Empatica E4's; other recordings are resampled to it
CHANNELS = ("eda", "temp")  # in µS and °C
CUTOFF_HZ = 0.05  # the tonic part lies below
MIN_SHARE = 0.1  # of the most prominent response; less is none
MIN_US = 0.01  # nor is less than this, the resolution of good amplifiers
LOCAL_S = 20.0  # over which a rate or a slope is taken
EDA_US = (0.05, 60.0)  # of skin under electrodes, Kleckner et al. 2018, doi 10.1109/TBME.2017.2758643
TEMP_C = (24.0, 40.0)  # of skin
STEADY_C = 33.0  # stands for a temperature that was not recorded
NO_CONTACT, OFF_SCALE, OFF_SKIN = "no skin contact", "EDA off scale", "temperature off the skin"
FEATURES = (
    "ln tonic level (µS)",
    "tonic slope (µS/min)",
    "phasic part (µS)",
    "responses a minute",
    "ln response amplitude (µS)",
    "response rise (s)",
    "temperature (°C)",
    "temperature slope (°C/min)",
)


class Responses(NamedTuple):
    """Skin conductance responses, each (n_responses,): sample of the peak; amplitude in µS and rise time in s, both from
    the trough before it."""

    peaks: np.ndarray
    amplitude_us: np.ndarray
    rise_s: np.ndarray


def with_temperature(eda: np.ndarray, sfreq=1.0, temp=(), temp_hz=1.0, after_s=0.0) -> np.ndarray:
    """EDA (n_times,) at sfreq Hz above temperature, (2, n_times) float32. The temperature (n_temps,) at temp_hz, which began
    after_s later, is interpolated; NaN where there is none."""
    at_s, temp_s = np.arange(len(eda)) / sfreq, after_s + np.arange(len(temp)) / temp_hz
    nothing = np.full(len(eda), np.nan)
    beside = np.interp(at_s, temp_s, temp, left=np.nan, right=np.nan) if len(temp) else nothing
    return np.stack([eda, beside]).astype(np.float32)


def at_rate(x: np.ndarray, sfreq: float) -> np.ndarray:
    """x (n_times,) at SFREQ Hz, (round(n_times · SFREQ / sfreq),): means of 1 / SFREQ seconds. They leave ends that differ as
    they are; a resampler by FFT joins them, and rings."""
    if sfreq == SFREQ:
        return x
    n_out, i = round(len(x) * SFREQ / sfreq), np.arange(len(x))
    return np.interp(np.arange(n_out) / SFREQ, i / sfreq, moving_mean(x, round(sfreq / SFREQ)))


def decompose(eda: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Tonic and phasic part in µS, (n_times,) float64 each, of EDA (n_times,): below and above CUTOFF_HZ. Gains of a
    Butterworth low-pass and high-pass that run forwards and backwards add up to 1."""
    phasic = band_pass(eda, sfreq, CUTOFF_HZ, None, order=2)
    return eda - phasic, phasic


def responses(phasic: np.ndarray, sfreq: float) -> Responses:
    """The responses in a phasic part (n_times,): peaks as prominent as MIN_SHARE and MIN_US say. One whose rise began
    before the first sample is left out."""
    turn = np.diff(np.sign(np.diff(phasic)))
    tops, troughs = np.flatnonzero(turn < 0) + 1, np.flatnonzero(turn > 0) + 1
    height, before = prominences(phasic, tops), np.searchsorted(troughs, tops) - 1
    is_one = (before >= 0) & (height >= max(MIN_US, MIN_SHARE * height.max(initial=0.0)))
    peaks, onsets = tops[is_one], troughs[before[is_one]]
    return Responses(peaks, phasic[peaks] - phasic[onsets], (peaks - onsets) / sfreq)


def prominences(x: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """How far x (n_times,) falls from each peak before it is higher than there, on the side where it falls less,
    (n_peaks,)."""
    i, top = np.arange(len(x)), tops[:, None]
    is_higher, is_before = x > x[top], i < top
    first = np.where(is_higher & is_before, i, -1).max(axis=1, keepdims=True)
    last = np.where(is_higher & ~is_before, i, len(x)).min(axis=1, keepdims=True)
    sides = (i > first) & is_before, (i < last) & ~is_before
    return x[tops] - np.maximum(*(np.where(side, x, np.inf).min(axis=1) for side in sides))


def slope(x: np.ndarray, sfreq: float) -> np.ndarray:
    """Change of x (n_times,) in a minute, (n_times,): the mean of LOCAL_S / 2 after each sample less that before it, so that
    steps of a coarse scale do not show. The ends have the nearest one."""
    half = min(round(LOCAL_S / 2 * sfreq), (len(x) - 1) // 2)
    i, total = np.clip(np.arange(len(x)), half, len(x) - 1 - half), np.concatenate([[0.0], np.cumsum(x)])
    change = (total[i + half + 1] - total[i] - total[i + 1] + total[i - half]) / (half + 1)
    return 60 * sfreq * change / max(half, 1)


def skin_series(eda: np.ndarray, temp: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """FEATURES, (n_steps, n_features), of EDA in µS and temperature in °C, (n_times,) at SFREQ Hz, each the mean over a step;
    steps begin at time_s (n_steps,). Amplitude and rise are interpolated between responses; without any they are MIN_US and 0."""
    at, n_local = np.arange(len(eda)), round(LOCAL_S * SFREQ)
    tonic, phasic = decompose(eda, SFREQ)
    found = responses(phasic, SFREQ)
    is_peak, amplitude, rise_s = np.zeros(len(at)), np.full(len(at), MIN_US), np.zeros(len(at))
    is_peak[found.peaks] = 1
    if len(found.peaks):
        amplitude, rise_s = (np.interp(at, found.peaks, values) for values in found[1:])
    columns = (
        np.log(np.maximum(tonic, EDA_US[0])),
        slope(tonic, SFREQ),
        phasic,
        60 * SFREQ * moving_mean(is_peak, n_local),
        np.log(np.maximum(amplitude, MIN_US)),
        rise_s,
        temp,
        slope(temp, SFREQ),
    )
    first = np.minimum(np.round(SFREQ * time_s).astype(int), len(at) - 1)
    n_each = np.maximum(np.diff(first, append=len(at)), 1)
    return (np.add.reduceat(np.stack(columns), first, axis=1) / n_each).T


def reason(eda: np.ndarray, temp: np.ndarray) -> str:
    """Why a window of EDA in µS and temperature in °C, both (n_times,), cannot be used, "" if it can. MISSING: a sample of
    either. FLAT: EDA that never changes. The others: more than MAX_CLIPPED of it beyond EDA_US or TEMP_C."""
    if not (np.isfinite(eda).all() and np.isfinite(temp).all()):
        return MISSING
    if eda.min() == eda.max():
        return FLAT
    faults = {
        NO_CONTACT: eda < EDA_US[0],
        OFF_SCALE: eda > EDA_US[1],
        OFF_SKIN: (temp < TEMP_C[0]) | (temp > TEMP_C[1]),
    }
    return next((fault for fault, where in faults.items() if where.mean() > MAX_CLIPPED), "")
