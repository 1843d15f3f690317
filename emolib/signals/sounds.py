"""Sound files, decoded block by block: what a head promises takes no memory before it is there."""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from emolib.signals.unfolding import most_unfolded

LEAST_HZ, MOST_HZ = 1000, 192_000  # of sound; other rates make resampling take all memory
BLOCK = 1 << 20  # samples


class Sound(NamedTuple):
    """Samples (n_times, n_channels) float32 in [-1, 1] at sfreq Hz; n_promised: n_times as the head says."""

    samples: np.ndarray
    sfreq: int
    n_promised: int


def decode(source: Path | BinaryIO, n_bytes: int) -> Sound:
    """A wav, flac or ogg of n_bytes. Raises ValueError, with the reason, for what does not decode, or is too much."""
    import soundfile

    try:
        with soundfile.SoundFile(source) as file:
            if not LEAST_HZ <= file.samplerate <= MOST_HZ:
                raise ValueError(f"its rate is {file.samplerate} Hz, expected {LEAST_HZ} to {MOST_HZ}")
            samples = _samples(file, most_unfolded(n_bytes))
            return Sound(samples, file.samplerate, file.frames)
    except soundfile.LibsndfileError as error:
        raise ValueError(error.error_string) from error
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: a name that ends in .raw
        raise ValueError(str(error)) from error


def _samples(file, most_bytes: int) -> np.ndarray:
    n_frames = max(1, BLOCK // file.channels)
    blocks, n_read = [], 0
    while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
        blocks.append(block)
        n_read += block.nbytes
        if n_read > most_bytes:
            raise ValueError(f"it unfolds to {n_read} bytes or more, expected {most_bytes} at most")
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
