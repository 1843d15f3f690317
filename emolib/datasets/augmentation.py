"""Utterances in other voices, for training: another pitch and vocal tract at the same tempo, a part of it, some noise.

Speakers differ in pitch and in the length of their vocal tract, which a shift of all frequencies moves together; tempo says
more of the emotion than of the speaker, and is kept.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from emolib.core.errors import BadParameter
from emolib.datasets.base import COPY, Trial

SEMITONES = 3.5  # up or down at most
FRAME_S = 0.032  # of the phase vocoder
PART = 0.75  # of an utterance at least
SNR_DB = (15.0, 40.0)


def with_voices(trials: Iterable[Trial], n: int, seed: int = 0) -> Iterator[Trial]:
    """Each trial of speech, then n copies of it, marked by their split COPY. Raises BadParameter for another modality."""
    for trial in trials:
        if trial.modality != "speech":
            raise BadParameter(f"voices: got {trial.modality}, expected speech: nothing else has a voice.")
        yield trial
        rng = np.random.default_rng([seed, zlib.crc32(f"{trial.subject}/{trial.trial}".encode())])
        for _ in range(n):
            yield replace(trial, data=spoken(trial.data, trial.sfreq, rng), split=COPY)


def spoken(x: np.ndarray, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Audio x (n_times,) at sfreq Hz in another voice: higher or lower, cut, with noise; float32."""
    from librosa.effects import pitch_shift  # takes a second to import

    n_fft, steps = round(FRAME_S * sfreq), rng.uniform(-SEMITONES, SEMITONES)
    audio = np.asarray(x, np.float32)
    other = pitch_shift(audio, sr=sfreq, n_steps=steps, n_fft=n_fft, hop_length=n_fft // 4)
    n = int(len(other) * rng.uniform(PART, 1))
    first = rng.integers(len(other) - n + 1)
    other = other[first : first + n]
    noise = rng.standard_normal(n, np.float32) * other.std() * 10 ** (-rng.uniform(*SNR_DB) / 20)
    return np.clip(other + noise, -1, 1).astype(np.float32)
