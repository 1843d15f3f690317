"""Augmentation of speech: copies of utterances in other voices, cut, with noise. They only train.

Speakers differ in pitch and in the length of their vocal tract; a shift of all frequencies changes both. Tempo says more
of the emotion than of the speaker, and is kept. A voice has the same shift in all of a speaker's utterances: it is another
speaker, whom one can get to know.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from emolib.core.errors import BadParameter
from emolib.datasets.base import COPY, Trial

MOST_SEMITONES = 3.5  # up or down
FRAME_S = 0.032  # of the phase vocoder
LEAST_SHARE = 0.75  # of an utterance that is kept
SNR_DB = (15.0, 40.0)


def with_voices(trials: Iterable[Trial], n: int, seed: int = 0) -> Iterator[Trial]:
    """Each trial of speech, then n copies of it with the splits copy1, copy2, …, by `seed`, trial and voice alone."""
    for trial in trials:
        if trial.modality != "speech":
            raise BadParameter(f"voices: got {trial.modality}, expected speech: nothing else has a voice.")
        yield trial
        for voice in range(1, n + 1):
            steps = drawn(seed, trial.subject, voice).uniform(-MOST_SEMITONES, MOST_SEMITONES)
            rng = drawn(seed, f"{trial.subject}/{trial.trial}", voice)
            data = in_other_voice(trial.data, trial.sfreq, steps, rng)
            yield replace(trial, data=data, split=f"{COPY}{voice}")


def drawn(seed: int, name: str, voice: int) -> np.random.Generator:
    """What draws for a name in one voice."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), voice])


def in_other_voice(x: np.ndarray, sfreq: float, steps: float, rng: np.random.Generator) -> np.ndarray:
    """Audio x (n_times,) at sfreq Hz, `steps` semitones higher, cut, with noise: (n_kept,) float32 in [-1, 1]."""
    from librosa.effects import pitch_shift  # takes a second to import

    n_fft = round(FRAME_S * sfreq)
    audio = np.asarray(x, np.float32)
    other = pitch_shift(audio, sr=sfreq, n_steps=steps, n_fft=n_fft, hop_length=n_fft // 4)
    n = int(len(other) * rng.uniform(LEAST_SHARE, 1))
    first = rng.integers(len(other) - n + 1)
    other = other[first : first + n]
    noise = rng.standard_normal(n, np.float32) * other.std() * 10 ** (-rng.uniform(*SNR_DB) / 20)
    return np.clip(other + noise, -1, 1).astype(np.float32)
