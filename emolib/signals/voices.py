"""Utterances in other voices, for training: another tempo, pitch and vocal tract at once, a part of it, some noise.

A recording played faster or slower moves all three, as in Ko et al. (2015), "Audio augmentation for speech recognition".
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from emolib.datasets.base import COPY, Trial
from emolib.errors import BadParameter
from emolib.signals.filters import resample

SPEED = 1.22  # at most, and one over it at least
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
    """Audio x (n_times,) at sfreq Hz in another voice: faster or slower, cut, with noise; float32."""
    speed = SPEED ** rng.uniform(-1, 1)
    other = resample(np.asarray(x, np.float32), round(sfreq * speed), sfreq)
    n = int(len(other) * rng.uniform(PART, 1))
    first = rng.integers(len(other) - n + 1)
    other = other[first : first + n]
    noise = rng.standard_normal(n, np.float32) * other.std() * 10 ** (-rng.uniform(*SNR_DB) / 20)
    return np.clip(other + noise, -1, 1).astype(np.float32)
