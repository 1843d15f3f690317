"""Heart: beats from PPG or ECG, intervals between them, and their features as time series."""

from dataclasses import dataclass

import numpy as np

from emolib.core.errors import BadRecording
from emolib.signals.filters import band_pass
from emolib.signals.quality import repair, run_lengths

IBI_RANGE_S = (0.3, 2.0)  # 200 to 30 beats a minute
MAX_JUMP = 0.3  # of an interval, relative to the median of its neighbours
NEIGHBOURS = 5  # on either side of an interval
LEVEL_S = 3.0  # over which the level of the energy is taken
SPREAD_S = 10.0  # over which a local variability is taken
FEATURES = {
    "ppg": ("heart rate (bpm)", "ln pulse amplitude", "ln local RMSSD (s)", "pulse fullness"),
    "ecg": ("heart rate (bpm)", "ln R amplitude", "ln local RMSSD (s)"),
    "bpm": ("heart rate (bpm)", "ln local sd (bpm)"),
}


@dataclass(frozen=True)
class Detector:
    """Two moving averages over an energy: beat_s follows the level, peak_s stands above it where a beat is. Elgendi et
    al. 2013 (PPG, doi 10.1371/journal.pone.0076585), Elgendi 2013 (ECG, …pone.0073557)."""

    energy_hz: tuple[float, float]
    wave_hz: tuple[float, float | None]  # the wave whose extreme is the beat
    peak_s: float
    beat_s: float
    offset: float  # of the mean energy over LEVEL_S, not over all: motion must not hide the beats in calm
    refractory_s: float = 0.3


DETECTORS = {
    "ppg": Detector((0.5, 8.0), (0.5, 8.0), 0.111, 0.667, 0.02),
    "ecg": Detector((8.0, 20.0), (0.5, None), 0.097, 0.611, 0.08),
}


def moving_mean(x: np.ndarray, n: int) -> np.ndarray:
    """Centred mean of x (n_times,) over n samples, made odd; fewer at the ends."""
    half = n // 2
    total = np.concatenate([[0.0], np.cumsum(x)])
    i = np.arange(len(x))
    start, stop = np.maximum(i - half, 0), np.minimum(i + half + 1, len(x))
    return (total[stop] - total[start]) / (stop - start)


def detect_beats(signal: np.ndarray, sfreq: float, kind: str = "ppg") -> tuple[np.ndarray, np.ndarray]:
    """The wave in which beats were looked for, (n_times,) float64, gaps bridged, and the samples of its beats,
    (n_beats,): systolic peaks of a PPG, R peaks of an ECG (n_times,). Raises BadRecording."""
    if len(signal) < sfreq or not np.isfinite(signal).any():
        raise BadRecording(f"{kind} of {len(signal)} samples at {sfreq} Hz, expected 1 s or more, finite.")
    d = DETECTORS[kind]
    low, high = d.wave_hz
    bridged = repair(np.asarray(signal, np.float64), sfreq, np.inf)
    wave = band_pass(bridged, sfreq, low, high and min(high, 0.45 * sfreq))
    if kind == "ppg":
        energy = np.maximum(wave, 0) ** 2
    else:
        energy = band_pass(wave, sfreq, d.energy_hz[0], min(d.energy_hz[1], 0.45 * sfreq)) ** 2
    peak, beat, level = (moving_mean(energy, round(s * sfreq)) for s in (d.peak_s, d.beat_s, LEVEL_S))
    high = run_lengths(peak > beat + d.offset * level) >= round(d.peak_s * sfreq)
    blocks = np.flatnonzero(np.diff(high, prepend=False, append=False)).reshape(-1, 2)
    lean = [wave[a:b].max() + wave[a:b].min() for a, b in blocks]
    is_inverted = kind == "ecg" and lean and np.median(lean) < 0  # as an ECG lead may be
    heights = -wave if is_inverted else wave
    peaks = np.array([a + heights[a:b].argmax() for a, b in blocks], int)
    inside = (peaks > 0) & (peaks < len(wave) - 1)  # a wave cut by the end has its top elsewhere
    return wave, thin(peaks[inside], heights, d.refractory_s * sfreq)


def thin(peaks: np.ndarray, heights: np.ndarray, min_distance: float) -> np.ndarray:
    """Of peaks closer than min_distance samples, the higher one."""
    kept: list[int] = []
    for peak in peaks:
        if not kept or peak - kept[-1] >= min_distance:
            kept.append(peak)
        elif heights[peak] > heights[kept[-1]]:
            kept[-1] = peak
    return np.array(kept, int)


def ibi(beats: np.ndarray) -> np.ndarray:
    """Inter-beat intervals in s, (n_beats - 1,); NaN where one is out of range or far off its neighbours' median."""
    intervals = np.diff(np.asarray(beats, np.float64))
    intervals[(intervals < IBI_RANGE_S[0]) | (intervals > IBI_RANGE_S[1])] = np.nan
    if np.isnan(intervals).all():
        return intervals
    padded = np.pad(intervals, NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    usual = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in around])
    return np.where(np.abs(intervals - usual) <= MAX_JUMP * usual, intervals, np.nan)


def heart_series(signal: np.ndarray, sfreq: float, kind: str, sfreq_out: float) -> np.ndarray:
    """FEATURES[kind] at sfreq_out Hz, (n_steps, n_features), of a signal (n_times,) at sfreq Hz. Interpolated between
    plausible intervals; NaN where none covers a step. Raises BadRecording."""
    times = np.arange(int(len(signal) * sfreq_out / sfreq)) / sfreq_out
    nothing = np.full((len(times), len(FEATURES[kind])), np.nan)
    if not np.isfinite(signal).any():
        return nothing
    if kind == "bpm":
        return rate_series(signal, sfreq, times)
    wave, peaks = detect_beats(signal, sfreq, kind)
    intervals = ibi(peaks / sfreq)
    valid = np.isfinite(intervals)
    if valid.sum() < 3:
        return nothing
    features = beat_features(wave, peaks, intervals, kind)[valid]
    middles = (peaks[:-1] + peaks[1:])[valid] / (2 * sfreq)
    series = np.stack([np.interp(times, middles, column) for column in features.T], axis=1)
    which = np.searchsorted(peaks / sfreq, times, side="right") - 1  # the interval in which a step lies
    inside = (which >= 0) & (which < len(valid))
    series[~(inside & valid[np.clip(which, 0, len(valid) - 1)])] = np.nan
    return series


def beat_features(wave: np.ndarray, peaks: np.ndarray, intervals: np.ndarray, kind: str) -> np.ndarray:
    """Features of every interval between peaks (sample indices) of a wave, (n_intervals, n_features)."""
    n_samples = np.diff(peaks)
    foot, mean = np.minimum.reduceat(wave, peaks)[:-1], np.add.reduceat(wave, peaks)[:-1] / n_samples
    amplitude = np.maximum(np.abs(wave[peaks[:-1]]) if kind == "ecg" else wave[peaks[:-1]] - foot, 1e-6)
    columns = [60 / intervals, np.log(amplitude), local_rmssd(intervals)]
    if kind == "ppg":  # the share of its box that a pulse fills: it changes with the tone of the vessels
        columns.append(np.clip((mean - foot) / amplitude, 0, 1))
    return np.stack(columns, axis=1)


def local_rmssd(intervals: np.ndarray) -> np.ndarray:
    """ln of the root mean square of successive differences in s around each interval, about SPREAD_S wide."""
    squares = np.diff(intervals, append=np.nan) ** 2
    known = np.isfinite(squares)
    n = max(3, round(SPREAD_S / np.nanmedian(intervals)))
    total, count = moving_mean(np.where(known, squares, 0), n), moving_mean(known, n)
    overall = squares[known].mean() if known.any() else 0.0
    mean = np.where(count > 1e-9, total / np.maximum(count, 1e-9), overall)
    return 0.5 * np.log(np.maximum(mean, 0) + 1e-6)


def rate_series(bpm: np.ndarray, sfreq: float, times: np.ndarray) -> np.ndarray:
    """Series of a heart rate in bpm, (n_steps, 2); NaN where it is implausible or missing."""
    bpm = np.asarray(bpm, np.float64)
    valid = np.isfinite(bpm) & (bpm > 60 / IBI_RANGE_S[1]) & (bpm < 60 / IBI_RANGE_S[0])
    if not valid.any():
        return np.full((len(times), 2), np.nan)
    at = np.minimum((times * sfreq).astype(int), len(bpm) - 1)
    rate = np.interp(times, np.flatnonzero(valid) / sfreq, bpm[valid])
    n = max(3, round(SPREAD_S / (times[1] if len(times) > 1 else 1)))
    centred = rate - rate.mean()
    variance = moving_mean(centred**2, n) - moving_mean(centred, n) ** 2
    series = np.stack([rate, 0.5 * np.log(np.maximum(variance, 0) + 1e-2)], axis=1)
    series[~valid[at]] = np.nan
    return series
