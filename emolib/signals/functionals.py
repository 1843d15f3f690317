"""Functionals of an utterance: how pitch, loudness, voice and spectrum are distributed over a window. Needs numpy only.

Descriptors of frames are summed up over the window by mean, standard deviation and percentiles, as in Eyben et al.
(2016), "The Geneva minimalistic acoustic parameter set", section 3, which inspired the choice; the set is our own.
"""

from itertools import pairwise

import numpy as np

from emolib.signals.filters import frame
from emolib.signals.mfcc import dct

FRAME_S = 0.04  # of which a pitch is taken
PITCH_HZ = (60.0, 500.0)
OCTAVE_COST = 0.0006  # of the autocorrelation by sample of lag: of two periods as good, the shorter
PERCENTILES = (5, 25, 50, 75, 95)
RATES_HZ = (0.5, 2, 4, 8, 12, 25)  # edges of bands of the modulation spectrum
TINY = 1e-10


def functionals(x: np.ndarray, log_mel: np.ndarray, sfreq: float, hop: int, level: bool = True) -> np.ndarray:
    """All `groups` in one row, (n,) float32; n depends on the number of mel bands alone."""
    return np.concatenate(list(groups(x, log_mel, sfreq, hop, level).values())).astype(np.float32)


def groups(x: np.ndarray, log_mel: np.ndarray, sfreq: float, hop: int, level: bool = True) -> dict[str, np.ndarray]:
    """By what they describe, of audio x (n_times,) at sfreq Hz and its log-mel (n_frames, n_mels) in dB, hop in samples. Without
    `level` they are alike however loud x is: the zeroth coefficient is taken about its mean."""
    loudest = log_mel.max(axis=1)
    loud = log_mel[loudest > loudest.max() - 50.0].astype(np.float64)  # in dB; what is quieter is pause
    cepstrum = loud @ dct(loud.shape[1], min(20, loud.shape[1]))
    cepstrum[:, 0] -= 0 if level else cepstrum[:, 0].mean()
    slope = change(cepstrum)
    semitones, voicing, energy_db = pitch(x, sfreq, hop)
    voiced = (voicing > 0.5) & (energy_db > energy_db.max() - 40.0)
    return {
        "mfcc": spread(cepstrum),
        "change of mfcc": np.concatenate([slope.mean(axis=0), slope.std(axis=0), change(slope).std(axis=0)]),
        "mel bands": np.concatenate([loud.mean(axis=0) - loud.mean(), loud.std(axis=0)]),
        "spectral shape": spread(spectral_shape(loud)),
        "pitch": pitch_functionals(semitones[voiced]),
        "voice": voice_functionals(voicing, voiced, hop / sfreq),
        "loudness": loudness_functionals(energy_db),
        "modulation": modulation(log_mel, sfreq / hop),
    }


def spread(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, 10th, 50th and 90th percentile of values (n_frames, k), one after the other: (5 k,)."""
    levels = np.percentile(values, (10, 50, 90), axis=0)
    return np.concatenate([values.mean(axis=0), values.std(axis=0), levels.ravel()])


def change(values: np.ndarray) -> np.ndarray:
    """Central differences from frame to frame of values (n_frames, k); none of a single frame."""
    return np.gradient(values, axis=0) if len(values) > 1 else np.zeros_like(values)


def pitch(x: np.ndarray, sfreq: float, hop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch in semitones over 100 Hz, voicing from about 0 to 1, and energy in dB, of frames of FRAME_S, (n_frames,) each.

    The lag of the highest peak of the autocorrelation of a Hann-windowed frame over that of the window, a parabola
    through each: Boersma (1993), "Accurate short-term analysis of the fundamental frequency", equation 9, without
    its path over frames. Without a peak there is no voicing.
    """
    n = round(FRAME_S * sfreq)
    frames, window = frame(np.asarray(x, np.float64), n, hop), np.hanning(n)
    frames = frames - frames.mean(axis=1, keepdims=True)
    of_frames, of_window = autocorrelation(frames * window), autocorrelation(window)
    first, last = int(sfreq / PITCH_HZ[1]), int(sfreq / PITCH_HZ[0])
    lags = np.arange(first - 1, min(last, n - 1) + 1)
    ratio = of_frames[:, lags] / np.maximum(of_frames[:, :1], TINY) * of_window[0] / of_window[lags]
    aside, height = peaks(ratio)
    best = (height * (1 - OCTAVE_COST * (lags[1:-1] - first))).argmax(axis=1)[:, None]
    lag = (lags[1:-1] + aside)[np.arange(len(best)), best[:, 0]]
    voicing = np.take_along_axis(height, best, axis=1)[:, 0]
    return 12 * np.log2(sfreq / lag / 100.0), voicing, 10 * np.log10((frames**2).mean(axis=1) + TINY)


def peaks(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Top of the parabola through each peak of x (n_frames, n): place between samples, height; (n_frames, n - 2), 0 beside."""
    before, here, after = x[:, :-2], x[:, 1:-1], x[:, 2:]
    top = (here >= before) & (here > after)
    bend = np.where(top, before - 2 * here + after, -1)
    aside = np.where(top, (before - after) / (2 * bend), 0)
    return aside, np.where(top, here - (before - after) * aside / 4, 0)


def autocorrelation(x: np.ndarray) -> np.ndarray:
    """Sum of x (…, n) times itself later, by lag 0 to n - 1: (…, n)."""
    n = x.shape[-1]
    return np.fft.irfft(np.abs(np.fft.rfft(x, 2 * n)) ** 2)[..., :n]


def pitch_functionals(semitones: np.ndarray) -> np.ndarray:
    """Where the pitch of voiced frames lies and how it moves, (12,); zeros where too few are voiced."""
    if len(semitones) <= 5:
        return np.zeros(12)
    low, *_, high = levels = np.percentile(semitones, PERCENTILES)
    steps = np.diff(semitones)
    steps = steps[np.abs(steps) < 3.0]  # beyond, the pitch has jumped
    steps = steps if len(steps) else np.zeros(1)
    moves = [steps.std(), np.abs(steps).mean(), *np.percentile(steps, (10, 90))]
    return np.array([*levels, semitones.mean(), semitones.std(), high - low, *moves])


def voice_functionals(voicing: np.ndarray, voiced: np.ndarray, step_s: float) -> np.ndarray:
    """Share of voiced frames, mean and deviation of their voicing, and voiced stretches a second, (4,)."""
    n_starts = np.count_nonzero(np.diff(voiced.astype(int), prepend=0) == 1)
    heard = voicing[voiced] if voiced.any() else np.zeros(1)
    return np.array([voiced.mean(), heard.mean(), heard.std(), n_starts / (len(voiced) * step_s)])


def loudness_functionals(energy_db: np.ndarray) -> np.ndarray:
    """Spread, range and mean step of the energy, and its percentiles below the loudest frame, (8,)."""
    levels = np.percentile(energy_db, PERCENTILES)
    steps = np.abs(np.diff(energy_db)) if len(energy_db) > 1 else np.zeros(1)
    return np.array([energy_db.std(), levels[-1] - levels[0], steps.mean(), *(levels - energy_db.max())])


def spectral_shape(log_mel: np.ndarray) -> np.ndarray:
    """Centre of gravity, low over high bands and change to the next frame in dB, and tilt, of each frame, (n_frames, 4)."""
    power, place = 10 ** (log_mel / 10), np.linspace(0, 1, log_mel.shape[1])
    third = log_mel.shape[1] // 3
    centre = power @ place / power.sum(axis=1)
    balance = 10 * np.log10(power[:, :third].sum(axis=1) / power[:, third:].sum(axis=1))
    flux = np.abs(np.diff(log_mel, axis=0, append=log_mel[-1:])).mean(axis=1)
    return np.stack([centre, balance, flux, log_mel @ (place - place.mean())], axis=1)


def modulation(log_mel: np.ndarray, frames_hz: float) -> np.ndarray:
    """Ln of the share of each of RATES_HZ in the modulation of five groups of mel bands, (25,)."""
    parts = np.array_split(np.arange(log_mel.shape[1]), 5)
    level = np.stack([log_mel[:, bands].mean(axis=1) for bands in parts]).astype(np.float64)
    level -= level.mean(axis=1, keepdims=True)
    n = max(512, level.shape[1])
    power = np.abs(np.fft.rfft(level * np.hanning(level.shape[1]), n)) ** 2
    rate = np.fft.rfftfreq(n, 1 / frames_hz)
    edges = pairwise(RATES_HZ)
    bands = np.stack([power[:, (rate >= low) & (rate < high)].sum(axis=1) for low, high in edges], axis=1)
    return np.log(bands / (bands.sum(axis=1, keepdims=True) + TINY) + 1e-6).ravel()
