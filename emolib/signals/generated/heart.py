"""Heart: beats from a rate that arousal drives, the pulse that a PPG sensor at the wrist makes of them, their ECG."""

import numpy as np

from emolib.signals.generated.affect import Affect

CARDIAC = {"ppg": 64.0, "ecg": 256.0}  # Hz of what records a heart
MARGIN_S = 2.0  # beats before and after the trial whose waves reach into it
SYSTOLE_S = 0.2  # from the beat to the top of the pulse at the wrist
PQRST = (  # delay in s (T: per √IBI), amplitude in mV, width in s
    (-0.17, 0.12, 0.022),
    (-0.030, -0.10, 0.009),
    (0.0, 1.0, 0.011),
    (0.030, -0.18, 0.009),
    (0.28, 0.28, 0.045),
)


def beats(t: np.ndarray, bpm, rsa: float, resp_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Beat times in seconds, (n_beats,), on the time axis t (n_times,) in seconds.

    bpm, a number or (n_times,), is the mean rate; rsa the relative depth of respiratory sinus arrhythmia at resp_hz.
    A beat falls wherever the integrated rate passes an integer (Mateo and Laguna 2000).
    """
    phase = rng.uniform(0, 2 * np.pi, 2)
    waves = rsa * np.sin(2 * np.pi * resp_hz * t + phase[0]) + 0.3 * rsa * np.sin(0.2 * np.pi * t + phase[1])
    rate_hz = np.broadcast_to(bpm, t.shape) / 60 * (1 + waves)
    count = rng.uniform() + np.concatenate([[0], np.cumsum(rate_hz[:-1] * np.diff(t))])
    exact = np.interp(np.arange(1, np.floor(count[-1]) + 1), count, t)
    return exact + rng.normal(0, 0.004, len(exact)) * 60 / np.mean(bpm)


def intervals(beat_times: np.ndarray) -> np.ndarray:
    """Interval in seconds after each beat, (n_beats,); the last one is repeated."""
    ibi = np.diff(beat_times)
    return np.append(ibi, ibi[-1])


def bumps(t: np.ndarray, centre: np.ndarray, width) -> np.ndarray:
    """Sum of unit Gaussians at centre (n_beats,) seconds, (n_times,)."""
    return np.exp(-0.5 * ((t - centre[:, None]) / width) ** 2).sum(axis=0)


def ppg(beat_times: np.ndarray, t: np.ndarray, dicrotic: float = 0.4) -> np.ndarray:
    """Clean pulse wave, (n_times,), its systolic tops about 1 and SYSTOLE_S after each beat."""
    late = SYSTOLE_S + 0.27 * np.sqrt(intervals(beat_times))
    return bumps(t, beat_times + SYSTOLE_S, 0.085) + dicrotic * bumps(t, beat_times + late, 0.11)


def ecg(beat_times: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Clean ECG in mV, (n_times,), R peaks on the beats; five Gaussians a beat (McSharry et al. 2003)."""
    stretch = np.sqrt(intervals(beat_times))
    waves = ((delay * stretch if delay > 0.1 else delay, *shape) for delay, *shape in PQRST)
    return sum(height * bumps(t, beat_times + delay, width) for delay, height, width in waves)


def smooth_noise(rng: np.random.Generator, n_times: int, width: int) -> np.ndarray:
    """Noise of unit variance over a Hann window of 2 · width + 1 samples, (n_times,)."""
    kernel = np.hanning(2 * width + 1)
    return np.convolve(rng.normal(size=n_times + 2 * width), kernel / np.linalg.norm(kernel), mode="valid")


def burst(rng: np.random.Generator, n_times: int, low_s: float, high_s: float, sfreq: float) -> slice:
    """A stretch of low_s to high_s seconds somewhere in the trial at sfreq Hz."""
    length = min(n_times, int(rng.uniform(low_s, high_s) * sfreq))
    start = rng.integers(n_times - length + 1)
    return slice(start, start + length)


def disturb(wave: np.ndarray, rng: np.random.Generator, sfreq: float) -> np.ndarray:
    """The wave (n_times,) with wander and noise; at times also motion, or a frozen or missing stretch."""
    n_times = len(wave)
    noisy = wave + 0.15 * smooth_noise(rng, n_times, int(1.5 * sfreq)) + rng.normal(0, 0.03, n_times)
    if rng.uniform() < 0.25:
        where = burst(rng, n_times, 0.4, 1.5, sfreq)
        noisy[where] += 0.7 * smooth_noise(rng, n_times, int(6 / 64 * sfreq))[where]
    if rng.uniform() < 0.05:
        where = burst(rng, n_times, 0.3, 1.0, sfreq)
        noisy[where] = np.nan if rng.uniform() < 0.5 else noisy[where.start]
    return noisy


def rhythm(affect: Affect) -> tuple[np.ndarray, float]:
    """Beat times in seconds and breaths per second; arousal raises both, and lowers the heart's variability."""
    person, rng = affect.person_rng("heart"), affect.trial_rng("heart")
    t = np.arange(-MARGIN_S, affect.trial_s + MARGIN_S, 1 / 256)
    valence, arousal = affect.shown("heart", t)
    bpm = person.uniform(55, 85) + 9 * arousal - 1.5 * valence
    rsa = 0.06 * np.exp(-0.35 * arousal.mean() + 0.3 * valence.mean() + rng.normal(0, 0.2))
    resp_hz = person.uniform(0.2, 0.3) * 2 ** (0.3 * arousal.mean())
    return beats(t, bpm, rsa, resp_hz, rng), resp_hz


def recording(affect: Affect, kind: str) -> np.ndarray:
    """What a sensor of this kind gives of a trial, (n_times,) float32 at CARDIAC[kind] Hz, of the same beats. PPG in
    arbitrary units, vessels narrow with arousal; ECG in mV."""
    rng, (beat_times, resp_hz) = affect.trial_rng("heart sensor"), rhythm(affect)
    t = np.arange(round(affect.trial_s * CARDIAC[kind])) / CARDIAC[kind]
    if kind == "ecg":
        breath = 1 + 0.08 * np.sin(2 * np.pi * resp_hz * t + rng.uniform(0, 2 * np.pi))
        wave = np.exp(rng.normal(0, 0.2)) * breath * ecg(beat_times, t)
    else:
        valence, arousal = affect.shown("heart", t)
        pulse = ppg(beat_times, t, 0.4 * np.exp(0.25 * valence.mean() + rng.normal(0, 0.3)))
        wave = np.exp(-0.15 * arousal + rng.normal(0, 0.3)) * pulse
    return disturb(wave, rng, CARDIAC[kind]).astype(np.float32)
