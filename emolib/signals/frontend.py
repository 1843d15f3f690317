"""Front ends: a trial's samples in, a model's windows out. The same code trains and runs on the device.

Each is a frozen dataclass whose fields are JSON-able parameters. `feature_axis` is the axis of X along which features
differ in meaning and scale (None: all values are alike); `n_window`, the samples at sfreq Hz that give just one window.
"""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from emolib.core.errors import BadParameter, BadRecording, check_names, check_options
from emolib.signals import gate, image, skin
from emolib.signals.beats import FEATURES, heart_series
from emolib.signals.eeg import BANDS, asymmetry, band_powers, differential_entropy
from emolib.signals.filters import frame, resample, starts
from emolib.signals.functionals import functionals
from emolib.signals.mfcc import log_mel, mfcc
from emolib.signals.quality import MISSING, first_reason, repair

FEW_BEATS, SILENT, BLANK, SHORT = "too few beats", "no speech", "blank image", "shorter than a window"
FULL_SCALE = (-0.999, 0.999)  # audio beyond is clipped
BLOCK_S, PAUSE_DB = 0.02, 40.0  # of speech: the unit of a cut, and how far below its loudest a pause is
MAX_CLICK_S = 0.005  # of audio missing that is interpolated


@dataclass(frozen=True)
class Windows:
    """Model inputs X (n_windows, *shape) float32, start_s (n_windows,), and {reason: windows dropped}. measures
    (n_windows, n_measures), see gate.MEASURES, of what a gate may judge: None of features that others made."""

    X: np.ndarray
    start_s: np.ndarray
    dropped: dict[str, int]
    measures: np.ndarray | None = None


def collect(X: np.ndarray, start_s: np.ndarray, reasons: list[str], measures: np.ndarray | None = None) -> Windows:
    """The windows whose reason to be dropped is "", whose measures are given, and a count of the others' reasons."""
    kept = np.array([reason == "" for reason in reasons], bool)
    dropped = Counter(filter(None, reasons or [SHORT]))
    return Windows(np.ascontiguousarray(X[kept], np.float32), start_s[kept], dict(dropped), measures)


def in_samples(seconds: float, sfreq: float, name: str) -> int:
    """Seconds in samples or steps. Raises BadParameter below one, BadRecording without a rate."""
    if not sfreq > 0:
        raise BadRecording(f"A sampling rate of {sfreq} Hz, expected one above 0: the corpus must name it.")
    if round(seconds * sfreq) < 1:
        raise BadParameter(f"{name}={seconds}, expected at least {1 / sfreq:g} s, one step at {sfreq:g} Hz.")
    return round(seconds * sfreq)


def check_shape(data: np.ndarray, ndim: int, layout: str) -> np.ndarray:
    """The data. Raises BadRecording unless they are numbers, have ndim axes and are not empty."""
    data = np.asarray(data)
    if data.dtype.kind not in "biuf" or data.ndim != ndim or data.size == 0:
        raise BadRecording(f"Data of {data.dtype} {data.shape}, expected numbers {layout}, not empty.")
    return data


@dataclass(frozen=True)
class HeartFrontEnd:
    """PPG, ECG or bpm (n_times,) → X (n_windows, n_steps, 1, n_features), those of beats.FEATURES[kind].

    Beats are found in the whole trial. A window is kept if plausible intervals cover min_cover of it; what
    they leave open is interpolated.
    """

    window_s: float = 8.0
    hop_s: float = 4.0
    sfreq_out: float = 4.0  # Hz
    max_gap_s: float = 0.5  # longer gaps and flat lines drop the window
    min_cover: float = 0.5
    feature_axis: ClassVar[int | None] = 3
    context_s: ClassVar[float] = 16.0  # before a window of a stream, in which beats are found too

    def n_window(self, sfreq: float) -> int:
        return int(np.ceil(in_samples(self.window_s, self.sfreq_out, "window_s") / self.sfreq_out * sfreq))

    def __call__(self, data: np.ndarray, sfreq: float, kind: str = "ppg") -> Windows:
        kind = kind or "ppg"
        if kind not in FEATURES:
            raise BadParameter(f"Heart data of kind {kind!r}, expected one of {', '.join(FEATURES)}.")
        n_steps, hop = (in_samples(getattr(self, one), self.sfreq_out, one) for one in ("window_s", "hop_s"))
        data, n_raw = check_shape(data, 1, "(n_times,)"), in_samples(self.window_s, sfreq, "window_s")
        series = heart_series(data, sfreq, kind, self.sfreq_out)
        first = starts(len(series), n_steps, hop)
        mended = repair(data, sfreq, self.max_gap_s)
        raw = [mended[round(i / self.sfreq_out * sfreq) :][:n_raw] for i in first]
        cover = frame(np.isfinite(series[:, 0]), n_steps, hop).mean(axis=-1)
        poor = ["" if kind == "bpm" else first_reason(x, sfreq, self.max_gap_s) for x in raw]
        few = [FEW_BEATS if share < self.min_cover else "" for share in cover]
        reasons = [one or other for one, other in zip(poor, few, strict=True)]
        filled = repair(series.T, self.sfreq_out, np.inf)
        X = np.moveaxis(frame(filled, n_steps, hop), 0, -1)[:, :, None]
        measures = None if kind == "bpm" else gate.measured("heart", raw, reasons, sfreq)
        return collect(X, first / self.sfreq_out, reasons, measures)


@dataclass(frozen=True)
class SkinFrontEnd:
    """EDA in µS and skin temperature in °C, (2, n_times) → X (n_windows, n_steps, 1, n_features), those of skin.FEATURES.

    Each window stands alone, as in a stream. A temperature that was not recorded (NaN throughout a window) counts as steady.
    """

    window_s: float = 60.0
    hop_s: float = 30.0
    sfreq_out: float = 1.0  # Hz
    max_gap_s: float = 1.0  # longer gaps drop the window
    feature_axis: ClassVar[int | None] = 3
    context_s: ClassVar[float] = 0.0

    def n_window(self, sfreq: float) -> int:
        return in_samples(self.window_s, sfreq, "window_s")

    def __call__(self, data: np.ndarray, sfreq: float, kind: str = "eda") -> Windows:
        data = check_shape(data, 2, "(2, n_times), EDA and temperature")
        if (kind or "eda") != "eda" or len(data) != 2:
            raise BadParameter(f"Skin data of kind {kind!r}, {len(data)} rows, expected eda, EDA and temperature.")
        n_window, hop = self.n_window(sfreq), in_samples(self.hop_s, sfreq, "hop_s")
        time_s = np.arange(in_samples(self.window_s, self.sfreq_out, "window_s")) / self.sfreq_out
        first, reasons, found = starts(data.shape[1], n_window, hop), [], []
        X = np.zeros((len(first), len(time_s), 1, len(skin.FEATURES)), np.float32)
        for x, window in zip(X[:, :, 0], np.moveaxis(frame(data, n_window, hop), 1, 0), strict=True):
            eda, temp = np.float64(repair(window, sfreq, self.max_gap_s))
            temp = np.full_like(eda, skin.STEADY_C) if np.isnan(temp).all() else temp
            reasons.append(skin.reason(eda, temp))
            found.append((eda, temp))
            if not reasons[-1]:
                x[:] = skin.skin_series(skin.at_rate(eda, sfreq), skin.at_rate(temp, sfreq), time_s)
        return collect(X, first / sfreq, reasons, gate.measured("skin", found, reasons))


@dataclass(frozen=True)
class EegFrontEnd:
    """EEG of a trial → X (n_windows, n_steps, 1, n_features).

    From raw (n_chans, n_times) in µV, or, of kind "band_power", from (n_steps, n_chans, n_bands). Features:
    differential entropy of every channel in every band (band fastest), then ln right - ln left of `pairs` of
    (left, right) channel indices. A step is step_s of raw EEG, 1 / sfreq of band powers.
    """

    window_s: float = 4.0
    hop_s: float = 2.0
    step_s: float = 1.0
    bands: tuple[str, ...] = ("theta", "alpha", "beta", "gamma")
    pairs: tuple[tuple[int, int], ...] = ()
    max_gap_s: float = 0.1  # longer gaps drop the window
    max_flat_s: float = 0.5
    feature_axis: ClassVar[int | None] = 3
    context_s: ClassVar[float] = 0.0

    def n_window(self, sfreq: float) -> int:
        n_steps = in_samples(self.window_s, 1 / self.step_s, "window_s")
        return n_steps * in_samples(self.step_s, sfreq, "step_s")

    def __call__(self, data: np.ndarray, sfreq: float, kind: str = "raw") -> Windows:
        if kind == "band_power":
            X, start_s = self.windows(check_shape(data, 3, "(n_steps, n_chans, n_bands)"), sfreq)
            return collect(X, start_s, ["" if np.isfinite(x).all() else MISSING for x in X])
        x = repair(check_shape(data, 2, "(n_chans, n_times)"), sfreq, self.max_gap_s)
        check_names(self.bands, list(BANDS), "the bands of EEG")
        n_step, n_raw = in_samples(self.step_s, sfreq, "step_s"), in_samples(self.window_s, sfreq, "window_s")
        steps = np.moveaxis(frame(x, n_step, n_step), 0, 1)
        powers = band_powers(steps, sfreq, [BANDS[name] for name in self.bands], self.step_s)
        X, start_s = self.windows(powers, 1 / self.step_s)
        raw = [x[:, round(s * sfreq) :][:, :n_raw] for s in start_s]
        reasons = [first_reason(w, sfreq, self.max_flat_s) for w in raw]
        return collect(X, start_s, reasons, gate.measured("eeg", raw, reasons, sfreq))

    def windows(self, powers: np.ndarray, step_hz: float) -> tuple[np.ndarray, np.ndarray]:
        """X and start_s from powers (n_steps, n_chans, n_bands)."""
        n_steps, hop = (in_samples(getattr(self, one), step_hz, one) for one in ("window_s", "hop_s"))
        features = [differential_entropy(powers), asymmetry(powers, self.pairs)]
        features = np.concatenate([f.reshape(len(f), np.prod(f.shape[1:])) for f in features], axis=1)
        X = np.moveaxis(frame(features, n_steps, hop, axis=0), -1, 1)[:, :, None]
        return X, starts(len(features), n_steps, hop) / step_hz


def trimmed(x: np.ndarray, sfreq: float) -> np.ndarray:
    """Audio x (n_times,) from the first to the last BLOCK_S that is at most PAUSE_DB softer than its loudest one."""
    n = max(1, round(BLOCK_S * sfreq))
    power = np.square(np.nan_to_num(x[: len(x) // n * n]).reshape(-1, n), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power >= power.max(initial=0.0) * 10 ** (-PAUSE_DB / 10))
    return x[loud[0] * n : (loud[-1] + 1) * n] if len(loud) else x


@dataclass(frozen=True)
class SpeechFrontEnd:
    """Audio (n_times,) in [-1, 1] → log-mel in dB, X (n_windows, n_frames, n_mels, 1), or MFCC (…, n_mfcc, 1), or
    how these and the pitch are distributed, (n_windows, 1, n_functionals, 1), see emolib.signals.functionals.

    An utterance shorter than a window is repeated from its start until it fills one, so that none is lost.
    A window below silence_db is dropped as "no speech", also where no other is left.
    """

    window_s: float = 2.0
    hop_s: float = 2.0
    sfreq: float = 16000.0  # Hz; other audio is resampled to it
    n_fft: int = 512  # samples
    hop: int = 256  # samples
    n_mels: int = 40
    fmin: float = 0.0  # Hz
    fmax: float | None = None  # Hz, None: sfreq / 2
    n_mfcc: int = 0  # coefficients; 0: log-mel
    functionals: bool = False  # of log-mel and pitch
    level: bool = True  # functionals know how loud the voice is, which is also how far the microphone is
    trim: bool = False  # pauses at both ends of a window are cut, and what is left repeated until it fills the window
    silence_db: float = -60.0  # RMS re full scale
    feature_axis: ClassVar[int | None] = 2
    context_s: ClassVar[float] = 0.0

    def n_window(self, sfreq: float) -> int:
        return int(np.ceil(self.window_s * sfreq))

    def __call__(self, data: np.ndarray, sfreq: float, kind: str = "") -> Windows:
        hop, n_window = in_samples(self.hop_s, sfreq, "hop_s"), self.n_window(sfreq)
        if in_samples(self.window_s, self.sfreq, "window_s") < self.n_fft:
            raise BadParameter(
                f"window_s={self.window_s}, expected {self.n_fft / self.sfreq} s or more: n_fft is {self.n_fft}."
            )
        if self.functionals and self.n_mfcc:
            raise BadParameter(f"n_mfcc={self.n_mfcc} with functionals, expected 0: they have their own.")
        x = repair(check_shape(data, 1, "(n_times,), one channel"), sfreq, MAX_CLICK_S)
        audio = frame(x, n_window, hop) if len(x) >= n_window else x[None]
        audio = np.stack([np.resize(trimmed(each, sfreq) if self.trim else each, n_window) for each in audio])
        loud = (audio**2).mean(axis=1) >= 10 ** (self.silence_db / 10)
        poor = [first_reason(window, sfreq, self.window_s, FULL_SCALE) for window in audio]
        reasons = [reason or ("" if ok else SILENT) for ok, reason in zip(loud, poor, strict=True)]
        usable = [np.zeros_like(w) if reason else w for w, reason in zip(audio, reasons, strict=True)]
        at_rate = [resample(w, sfreq, self.sfreq) for w in usable]  # there are no functionals of NaN
        X = np.stack([self.features(window) for window in at_rate])[..., None]
        measures = gate.measured("speech", at_rate, reasons, self.sfreq)
        return collect(X, np.arange(len(audio)) * hop / sfreq, reasons, measures)

    def features(self, audio: np.ndarray) -> np.ndarray:
        """(n_frames, n_mels or n_mfcc), or (1, n_functionals), of a window at self.sfreq."""
        window = audio[: round(self.window_s * self.sfreq)]
        spectrum = log_mel(window, self.sfreq, self.n_fft, self.hop, self.n_mels, self.fmin, self.fmax)
        if self.functionals:
            return functionals(audio, spectrum, self.sfreq, self.hop, self.level)[None]
        return mfcc(spectrum, self.n_mfcc) if self.n_mfcc else spectrum


@dataclass(frozen=True)
class FaceFrontEnd:
    """Images uint8 (height, width[, 3]) or (n_frames, height, width[, 3]) → X (n_windows, size, size, 1).

    sfreq 0 means one image, otherwise the frame at every `hop_s` seconds is a window. X is the middle square in grey,
    resized, in [-1, 1]. Blank images are dropped.
    """

    size: int = 48
    hop_s: float = 2.0
    window_s: ClassVar[float | None] = None  # a still
    feature_axis: ClassVar[int | None] = None

    def __call__(self, data: np.ndarray, sfreq: float = 0.0, kind: str = "") -> Windows:
        hop, data = in_samples(self.hop_s, sfreq, "hop_s") if sfreq else 1, np.asarray(data)
        frames = data[None] if sfreq == 0 else data[::hop]
        if frames.ndim not in (3, 4) or len(frames) == 0:
            raise BadRecording(
                f"Images of shape {data.shape} at {sfreq} Hz, expected (height, width[, 3]) at 0 Hz "
                "or (n_frames, height, width[, 3])."
            )
        grey = [self.prepare(image.to_grey(picture)) for picture in frames]
        reasons = [BLANK if face.min() == face.max() else "" for face in grey]
        X = np.stack(grey)[..., None] / np.float32(127.5) - 1
        measures = gate.measured("face", grey, reasons)
        return collect(X, hop * np.arange(len(grey)) / (sfreq or 1.0), reasons, measures)

    def prepare(self, grey: np.ndarray) -> np.ndarray:
        side = min(grey.shape)
        top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
        return image.resize(grey[top : top + side, left : left + side], self.size, self.size)


FRONT_ENDS = {
    "heart": HeartFrontEnd,
    "eeg": EegFrontEnd,
    "speech": SpeechFrontEnd,
    "face": FaceFrontEnd,
    "skin": SkinFrontEnd,
}


def front_end(modality: str, **parameters):
    """The front end of a modality. Raises BadParameter for an unknown modality or field."""
    if modality not in FRONT_ENDS:
        raise BadParameter(f"No front end for {modality!r}, expected one of {', '.join(FRONT_ENDS)}.")
    check_options(parameters, FRONT_ENDS[modality], f"the {modality} front end")
    return FRONT_ENDS[modality](**parameters)


def feature_names(front, kind: str = "") -> tuple[str, ...]:
    """Names of a window's features where they have some: those of heart or skin data of this kind, and MFCC."""
    known = FEATURES | {"eda": skin.FEATURES}
    return known.get(kind, ()) or tuple(f"c{i}" for i in range(getattr(front, "n_mfcc", 0)))
