"""EEG: 1/f background; with arousal alpha falls and beta rises; with valence frontal alpha leans."""

import numpy as np

from emolib.signals.generated.affect import Affect

SFREQ = 128.0
CHANNELS = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2")
ALPHA = np.array([0.5, 0.5, 0.7, 0.7, 0.8, 0.8, 1.4, 1.4])  # how strong a rhythm is in each channel
BETA = np.array([0.9, 0.9, 1.1, 1.1, 1.2, 1.2, 0.7, 0.7])
LEAN = np.array([-0.5, 0.5, -1, 1, -0.4, 0.4, 0, 0])  # positive affect: less alpha on the left
BLINK = np.array([1, 1, 0.35, 0.35, 0.1, 0.1, 0, 0])


def spread(rng: np.random.Generator, n_times: int, gain, common: float) -> np.ndarray:
    """Noise of unit variance in 8 channels, a share `common` in all; its amplitude over frequency in Hz is gain(f)."""
    freqs = np.fft.rfftfreq(n_times, 1 / SFREQ)
    amplitude = np.concatenate([[0.0], gain(freqs[1:])])
    shape = len(CHANNELS) + 1, len(freqs)
    spectrum = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * amplitude
    noise = np.fft.irfft(spectrum, n_times) * n_times / (2 * np.linalg.norm(amplitude))
    return np.sqrt(1 - common) * noise[1:] + np.sqrt(common) * noise[0]


def rhythm(rng: np.random.Generator, n_times: int, centre_hz: float, width_hz: float) -> np.ndarray:
    """Narrow-band noise of unit variance around centre_hz, (8, n_times)."""
    return spread(rng, n_times, lambda f: np.exp(-0.5 * ((f - centre_hz) / width_hz) ** 2), common=0.3)


def disturbances(rng: np.random.Generator, n_times: int) -> np.ndarray:
    """Mains hum of 50 Hz, drift, blinks and sensor noise in µV, (8, n_times). Blinks are 0.3 s long, about one in five
    seconds, strongest above the eyes."""
    n_chans, t = len(CHANNELS), np.arange(n_times) / SFREQ
    mains = rng.uniform(0.5, 4, (n_chans, 1)) * np.sin(2 * np.pi * 50 * t + rng.uniform(0, 2 * np.pi))
    drift = np.cumsum(rng.normal(0, 0.5, (n_chans, n_times)), axis=1)
    when = rng.uniform(0, t[-1], rng.poisson(t[-1] / 5))[:, None]
    height = rng.uniform(60, 140, when.shape)
    blinks = BLINK[:, None] * (height * np.exp(-0.5 * ((t - when) / 0.07) ** 2)).sum(axis=0)
    return blinks + mains + drift + rng.normal(0, 0.8, (n_chans, n_times))


def recording(affect: Affect) -> np.ndarray:
    """EEG of a trial at SFREQ in µV, (8, n_times) float32; in one of twenty a channel is flat or missing for a part."""
    person, rng = affect.person_rng("eeg"), affect.trial_rng("eeg")
    n_times = round(affect.trial_s * SFREQ)
    valence, arousal = affect.shown("eeg", np.arange(n_times) / SFREQ)
    level, alpha_level, beta_level = np.exp(person.normal(0, (0.15, 0.2, 0.15)))
    own_lean, peak_hz, slope = person.normal(0, 0.12), person.uniform(9, 11), person.uniform(1.0, 1.4)
    lean = LEAN[:, None] * (own_lean + 0.25 * valence)
    strength = 6 * alpha_level * ALPHA[:, None] * np.exp(lean - 0.25 * arousal)
    alpha = strength * rhythm(rng, n_times, peak_hz, 0.8)
    beta = 3 * beta_level * BETA[:, None] * np.exp(0.2 * arousal) * rhythm(rng, n_times, 20, 3)
    background = spread(rng, n_times, lambda f: np.maximum(f, 1) ** (-slope / 2), common=0.4)
    data = level * (8 * background + alpha + beta) + disturbances(rng, n_times)
    if rng.uniform() < 0.05:
        start, stop = np.sort(rng.integers(n_times + 1, size=2))
        data[rng.integers(len(data)), start:stop] = rng.choice([0.0, np.nan])
    return data.astype(np.float32)
