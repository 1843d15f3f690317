"""Recordings of speech: decoded, mono, at 16 kHz; and the loader that the speech corpora share."""

import io
import math
from collections.abc import Callable, Iterator

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree
from emolib.datasets.base import Dropped, Trial
from emolib.signals.files import decode_sound

SFREQ = 16000.0


def read_audio(tree: Tree, name: str) -> np.ndarray:
    """Mono samples (n_times,) float32 in [-1, 1] at 16 kHz from a wav, flac or other sound file.

    Raises BadRecording for a file that does not decode, or whose header promises more than is there.
    """
    samples, sfreq = _decode(tree.read(name), tree.where(name))
    return resample(samples.mean(axis=1, dtype=np.float32), sfreq)


def resample(samples: np.ndarray, sfreq: float, to_sfreq: float = SFREQ) -> np.ndarray:
    """Samples (n_times,) float32 at another rate in Hz, by a polyphase anti-alias filter."""
    if sfreq == to_sfreq:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(int(sfreq), int(to_sfreq))
    return resample_poly(samples, int(to_sfreq) // common, int(sfreq) // common).astype(np.float32)


def speech_trials(
    corpus: str,
    tree: Tree,
    names: list[str],
    parse: Callable[[str], tuple[str, str, str] | str],
    dropped: list[Dropped],
) -> Iterator[Trial]:
    """Trials of sound files. `parse(name)` gives (subject, trial, label), or the reason to leave it out.

    Silent and empty files, and second copies of an utterance (some archives hold all twice) are dropped too.
    """
    seen = set()
    for name in names:
        parsed = parse(name)
        if isinstance(parsed, str):
            dropped.append(Dropped(name, parsed))
            continue
        subject, trial, label = parsed
        if trial in seen:
            dropped.append(Dropped(name, "second copy of an utterance"))
            continue
        seen.add(trial)
        data = read_audio(tree, name)
        if not data.any():
            dropped.append(Dropped(name, "silent or empty"))
            continue
        yield Trial(corpus, "speech", subject, trial, data, SFREQ, label)


def _decode(content: bytes, where: str) -> tuple[np.ndarray, int]:
    """Samples (n_times, n_channels) float32 and their rate in Hz."""
    if content.startswith(b"version https://git-lfs"):
        raise BadRecording(f"{where} is a Git LFS pointer, expected sound: run `git lfs pull` in the clone.")
    try:
        samples, sfreq, n_frames = decode_sound(io.BytesIO(content), len(content))
    except ValueError as error:
        raise BadRecording(f"{where} does not decode, expected sound: fetch it again. {error}") from error
    promised = _promised_frames(content) or n_frames
    if len(samples) < promised:
        raise BadRecording(f"{where} is cut off: got {len(samples)} of {promised} samples, fetch it again.")
    return samples, sfreq


def _promised_frames(content: bytes) -> int:
    """Frames that a wav's header promises (its reader trims them to what is there); 0 for other formats."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return 0
    at, frame_bytes = 12, 1
    while at + 8 <= len(content):
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if kind == b"data":
            return size // frame_bytes
        if kind == b"fmt ":
            frame_bytes = max(1, int.from_bytes(content[at + 20 : at + 22], "little"))
        at += 8 + size + size % 2
    return 0
