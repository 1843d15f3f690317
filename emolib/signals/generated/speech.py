"""Speech-like sound by source and filter: glottal pulses and breath noise through moving formants.

Arousal speaks higher, louder, faster and brighter; valence moves the pitch more and, by the smile that
shortens the vocal tract, raises the formants. There are no words in it.
"""

from collections import namedtuple

import numpy as np

from emolib.signals.generated.affect import Affect

SFREQ = 16000.0
HOP = 320  # samples (20 ms) from one filter to the next
VOWELS = np.array([[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]])
BANDWIDTHS = np.array([80.0, 100, 140, 200])  # Hz
PAUSE_EVERY = 6  # syllables in a phrase


# Per step of 20 ms, (n_steps,) each: loudness of voice and hiss, vowel, pitch accent, fall of the phrase.
Syllables = namedtuple("Syllables", "voice hiss vowel accent fall")


def syllables(n_steps: int, per_s: float, rng: np.random.Generator) -> Syllables:
    """A random utterance of n_steps steps at about per_s syllables a second: consonant, vowel, pauses."""
    n = int(n_steps * HOP / SFREQ * per_s * 2) + 8
    length = rng.gamma(12, 1 / 12, n) * SFREQ / HOP / per_s
    length[PAUSE_EVERY - 1 :: PAUSE_EVERY] *= 2  # what follows the vowel there is a pause
    ends = np.cumsum(length)
    step = np.arange(n_steps)
    which = np.searchsorted(ends, step, side="right")
    position = 1 - (ends[which] - step) / length[which]
    position *= np.where(which % PAUSE_EVERY == PAUSE_EVERY - 1, 2, 1)
    onset = rng.uniform(0.15, 0.35, n)[which]
    vowel = np.clip((position - onset) / (1 - onset), 0, 1)
    hiss = rng.choice([0.0, 0.5, 1.0], n)[which] * np.sin(np.pi * np.clip(position / onset, 0, 1))
    accent, sound = rng.normal(size=n)[which], rng.integers(len(VOWELS), size=n)[which]
    fall = (which % PAUSE_EVERY) / PAUSE_EVERY - 0.5
    return Syllables(np.sin(np.pi * vowel) ** 0.5, hiss, sound, accent, fall)


def to_samples(steps: np.ndarray, n_times: int) -> np.ndarray:
    """Values per step, (n_steps,), drawn out to samples, (n_times,), linearly."""
    return np.interp(np.arange(n_times) / HOP, np.arange(len(steps)) + 0.5, steps)


def smoothed(steps: np.ndarray) -> np.ndarray:
    """Values per step, (n_steps, …), averaged over 60 ms along the first axis: the tongue has mass."""
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def glottis(f0: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Derivative of glottal flow, the pulse x² − x³ of Klatt and Klatt (1990), for f0 (n_times,) in Hz."""
    cycles = np.cumsum(f0) / SFREQ
    number = cycles.astype(int)
    n_cycles = number[-1] + 2
    jittered = cycles + np.interp(cycles, np.arange(n_cycles), rng.normal(0, 0.01, n_cycles))
    x = (jittered % 1) / 0.6
    return np.where(x < 1, 2 * x - 3 * x**2, 0) * (1 + rng.normal(0, 0.05, n_cycles))[number]


def denominators(formants: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """All-pole filters, (n_steps, 10): formants (n_steps, 4) in Hz, low pass with pole tilt (n_steps,)."""
    radius = np.exp(-np.pi * BANDWIDTHS / SFREQ)
    poles = -2 * radius * np.cos(2 * np.pi * formants / SFREQ), np.broadcast_to(radius**2, formants.shape)
    filters = np.zeros((len(formants), 10))
    filters[:, 0], filters[:, 1] = 1, -tilt
    for a1, a2 in zip(*(pole.T[..., None] for pole in poles), strict=True):
        filters[:, 2:] += a1 * filters[:, 1:-1] + a2 * filters[:, :-2]
        filters[:, 1:2] += a1
    return filters


def vocal_tract(source: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """The source through all-pole filters (n_steps, order + 1), one a step: overlap-add of windows two steps long."""
    n_steps, n_fft = len(filters), 3 * HOP
    window = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)) ** 2
    padded = np.concatenate([np.zeros(HOP // 2), source, np.zeros(HOP // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP] * window
    response = filters.sum(axis=1, keepdims=True) / np.fft.rfft(filters, n_fft)
    heard = np.fft.irfft(np.fft.rfft(frames, n_fft) * response, n_fft).reshape(n_steps, 3, HOP)
    out = np.zeros((n_steps + 2, HOP))
    for part in range(3):
        out[part : part + n_steps] += heard[:, part]
    return out.ravel()[HOP // 2 : HOP // 2 + len(source)]


def utter(f0_hz: np.ndarray, said: Syllables, tract, tilt, rng: np.random.Generator) -> np.ndarray:
    """Sound of unit loudness, (n_steps · HOP,), from f0_hz (n_steps,); tract scales the formants, tilt dulls."""
    n_steps, n_times = len(f0_hz), len(f0_hz) * HOP
    breath = rng.standard_normal(n_times, dtype=np.float32)
    source = to_samples(said.voice, n_times) * (glottis(to_samples(f0_hz, n_times), rng) + 0.02 * breath)
    formants = np.column_stack([VOWELS[said.vowel], np.full(n_steps, 3600.0)])
    formants = smoothed(formants) * np.broadcast_to(tract, n_steps)[:, None]
    voiced = vocal_tract(source, denominators(formants, np.broadcast_to(tilt, n_steps)))
    hiss = np.diff(breath, n=2, prepend=[0, 0]) * to_samples(said.hiss, n_times)
    return voiced / np.std(voiced) + 0.1 * hiss


def recording(affect: Affect) -> np.ndarray:
    """An utterance that fills the trial at SFREQ, (n_times,) float32 in [-1, 1]."""
    person, rng = affect.person_rng("speech"), affect.trial_rng("speech")
    n_times = round(affect.trial_s * SFREQ)
    n_steps = -(-n_times // HOP)
    valence, arousal = affect.shown("speech", np.arange(n_steps) * HOP / SFREQ)
    high_voice = person.uniform() < 0.5
    base_hz = (205 if high_voice else 115) * np.exp(person.normal(0, 0.07))
    tract = (1.14 if high_voice else 1.0) * np.exp(person.normal(0, 0.03))
    said = syllables(n_steps, 4 * 2 ** (0.15 * arousal.mean() + rng.normal(0, 0.1)), rng)
    lively = 1.3 * np.exp(0.3 * valence)
    semitones = 2.2 * arousal + lively * said.accent - 3 * said.fall + rng.normal(0, 1)
    f0_hz = base_hz * 2 ** (smoothed(semitones) / 12)
    tilt = np.clip(0.6 - 0.1 * arousal + person.normal(0, 0.05), 0.1, 0.95)
    voice = utter(f0_hz, said, tract * (1 + 0.05 * valence), tilt, rng)[:n_times]
    loudness_db = -24 + 2.5 * arousal.mean() + rng.normal(0, 2.5)
    microphone = 10 ** (-rng.uniform(15, 35) / 20) * rng.standard_normal(n_times, dtype=np.float32)
    return np.clip(10 ** (loudness_db / 20) * (voice + microphone), -1, 1).astype(np.float32)
