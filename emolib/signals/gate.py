"""A gate before a network: cheap measures of a window's raw samples, and the range that training people have them in.

The same measures are taken in training and on the device. A window with a measure outside gets no answer. Level is no
measure of speech: a soft voice is a voice. numpy only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emolib.signals.filters import frame
from emolib.signals.functionals import autocorrelation

TAILS = (0.5, 99.5)  # percentiles of the training windows
MARGIN = 0.2  # of the range between them, added on either side: other people differ
TINY = 1e-10
BLOCK_S, FRAME_S = 0.01, 0.04  # of speech: of a level, of a pitch
RANGE_DB, LOUD_DB = 60.0, 30.0  # below the loudest lies digital silence; a pause
PITCH_HZ, SYLLABLES_HZ, HIGH_HZ = (60.0, 500.0), (2.0, 8.0), 4000.0
PULSE_HZ, BEAT_S = (0.5, 8.0), (0.33, 1.5)
SLOW_HZ, FAST_HZ, MAINS_HZ = (1.0, 8.0), (20.0, 45.0), ((49.0, 51.0), (59.0, 61.0))
MEASURES = {
    "heart": ("beat-to-beat likeness", "ln amplitude", "share of power at 0.5 to 8 Hz"),
    "eeg": ("ln largest range (µV)", "ln smallest range (µV)", "share of mains", "ln slow over fast waves"),
    "speech": ("range of level (dB)", "syllables' modulation (dB)", "harmonicity (dB)", "power above 4 kHz (dB)"),
    "face": ("brightness", "ln contrast", "ln sharpness", "left-right likeness"),
    "skin": ("ln EDA (µS)", "ln change of EDA (µS)", "ln step of EDA (µS)", "temperature (°C)"),
}


def decibels(power) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, TINY))


def power_in(power: np.ndarray, freqs: np.ndarray, *bands: tuple[float, float]) -> np.ndarray:
    """Sum over the last axis of power (…, n_freqs) where low <= freqs < high in one of the bands."""
    return power[..., sum((freqs >= low) & (freqs < high) for low, high in bands) > 0].sum(axis=-1)


def heart(x: np.ndarray, sfreq: float) -> list[float]:
    """Of PPG or ECG x (n_times,): its highest autocorrelation at a beat's distance, and what else MEASURES names."""
    x = np.asarray(x, np.float64) - np.mean(x)
    spectrum, freqs = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / sfreq)
    power = np.abs(spectrum) ** 2
    pulse = np.fft.irfft(np.where((freqs >= PULSE_HZ[0]) & (freqs < PULSE_HZ[1]), spectrum, 0), len(x))
    first, last = (round(s * sfreq) for s in BEAT_S)
    alike = autocorrelation(pulse) / max(pulse @ pulse, TINY)
    share = power_in(power, freqs, PULSE_HZ) / max(power[1:].sum(), TINY)
    return [alike[first : last + 1].max(initial=0.0), np.log(x.std() + TINY), share]


def eeg(x: np.ndarray, sfreq: float) -> list[float]:
    """Of EEG x (n_chans, n_times) in µV; mains are those of the worst channel."""
    x = np.asarray(x, np.float64)
    power, freqs = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True))) ** 2, np.fft.rfftfreq(x.shape[1], 1 / sfreq)
    heights = np.log(np.ptp(x, axis=1) + TINY)
    mains = power_in(power, freqs, *MAINS_HZ) / np.maximum(power.sum(axis=1), TINY)
    slow, fast = (power_in(power, freqs, band).sum() for band in (SLOW_HZ, FAST_HZ))
    return [heights.max(), heights.min(), mains.max(), np.log((slow + TINY) / (fast + TINY))]


def speech(x: np.ndarray, sfreq: float) -> list[float]:
    """Of audio x (n_times,), of 0.2 s or more: how its level moves, at the rate of syllables too; the harmonics-to-noise
    ratio that a tenth of its loud frames surpass; its power above HIGH_HZ by all of it."""
    n = round(BLOCK_S * sfreq)
    level = decibels((np.asarray(x[: len(x) // n * n], np.float64).reshape(-1, n) ** 2).mean(axis=1))
    level = np.maximum(level, level.max() - RANGE_DB)
    modulation = np.abs(np.fft.rfft(level - level.mean())) ** 2 / len(level) ** 2 * 2
    rate = np.fft.rfftfreq(len(level), BLOCK_S)
    n = round(FRAME_S * sfreq)
    frames = frame(np.asarray(x, np.float64), n, 4 * n)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(n)
    loudness = decibels((frames**2).sum(axis=1))
    frames = frames[loudness >= loudness.max() - LOUD_DB]
    alike = autocorrelation(frames) / autocorrelation(np.hanning(n))
    first, last = (round(sfreq / hz) for hz in reversed(PITCH_HZ))
    voiced = np.clip(alike[:, first : last + 1].max(axis=1) / np.maximum(alike[:, 0], TINY), 1e-3, 1 - 1e-6)
    power = (np.abs(np.fft.rfft(frames)) ** 2).sum(axis=0)
    high = power[round(HIGH_HZ * FRAME_S) :].sum() / max(power.sum(), TINY)
    low_db, high_db = np.percentile(level, (5, 95))
    harmonicity = np.percentile(decibels(voiced / (1 - voiced)), 90)
    return [high_db - low_db, np.sqrt(power_in(modulation, rate, SYLLABLES_HZ)), harmonicity, decibels(high)]


def face(grey: np.ndarray) -> list[float]:
    """Of a picture (height, width) of 0 to 255. Sharpness is the standard deviation of its Laplacian by the contrast."""
    x = np.asarray(grey, np.float64)
    contrast, centred = x.std() + 1e-3, x - x.mean()
    edges = 4 * x[1:-1, 1:-1] - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]
    alike = (centred * centred[:, ::-1]).mean() / contrast**2
    return [x.mean(), np.log(contrast), np.log(edges.std() / contrast + 1e-3), alike]


def skin(x: np.ndarray) -> list[float]:
    """Of EDA in µS and temperature in °C, x (2, n_times)."""
    eda, temp = x
    step = np.abs(np.diff(eda)).mean() if len(eda) > 1 else 0.0
    return [np.log(max(eda.mean(), 1e-3)), np.log(eda.std() + 1e-3), np.log(step + 1e-4), np.median(temp)]


def measured(modality: str, windows: Iterable[np.ndarray], reasons: list[str], *more) -> np.ndarray:
    """Measures of the windows without a reason to be dropped, (n_kept, n_measures) float32; `more` as its function takes it."""
    measure = {"heart": heart, "eeg": eeg, "speech": speech, "face": face, "skin": skin}[modality]
    rows = [measure(window, *more) for window, reason in zip(windows, reasons, strict=True) if not reason]
    return np.reshape(rows, (len(rows), len(MEASURES[modality]))).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Gate:
    """The least and greatest of each measure, low and high (n_measures,), of windows that may pass."""

    names: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, measures: np.ndarray, modality: str) -> "Gate":
        """From the measures of training people's windows, (n_windows, n_measures)."""
        low, high = np.percentile(measures, TAILS, axis=0)
        margin = MARGIN * (high - low)
        return cls(MEASURES[modality], low - margin, high + margin)

    def reasons(self, measures: np.ndarray) -> list[str]:
        """Why each window of measures (n_windows, n_measures) gets no answer, "" for one that does."""
        limits = list(zip(self.names, self.low, self.high, strict=True))
        return [next(filter(None, map(self._reason, limits, row)), "") for row in measures]

    @staticmethod
    def _reason(limit: tuple[str, float, float], value: float) -> str:
        name, low, high = limit
        if low <= value <= high:
            return ""
        return f"{name} below {low:.3g}" if value < low else f"{name} above {high:.3g}"

    def to_dict(self) -> dict:
        return {
            name: [float(low), float(high)] for name, low, high in zip(self.names, self.low, self.high, strict=True)
        }

    @classmethod
    def from_dict(cls, record: dict) -> "Gate":
        low, high = np.array(list(record.values()), float).reshape(-1, 2).T
        return cls(tuple(record), low, high)
