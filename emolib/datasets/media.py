"""Sound, pictures and videos of corpora, decoded. Recordings of speech become mono at 16 kHz."""

import io
import tempfile
from pathlib import PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import Tree
from emolib.signals.files import PICTURES, decode_picture, decode_sound, decode_video, in_colour

SFREQ = 16000.0  # of speech
FPS = 5.0  # of the frames that a face trial keeps


def read_audio(tree: Tree, name: str) -> np.ndarray:
    """Mono samples (n_times,) float32 in [-1, 1] at 16 kHz from a sound file, or a video's sound. Raises BadRecording."""
    from scipy.signal import resample_poly

    content = tree.read(name)
    if content.startswith(b"version https://git-lfs"):
        raise BadRecording(f"{tree.where(name)} is a Git LFS pointer, expected sound: run `git lfs pull`.")
    try:
        samples, sfreq = decode_sound(content)
    except ValueError as error:
        raise tree.damaged(name, f"does not decode ({error}), expected sound") from error
    mono = samples.mean(axis=1, dtype=np.float32)
    return resample_poly(mono, int(SFREQ), sfreq).astype(np.float32)  # as it is where the rates are equal


def with_endings(path: str) -> list[str]:
    """Patterns of the pictures at a path without ending."""
    return [path + ending for ending in PICTURES]


def read_image(tree: Tree, name: str) -> np.ndarray:
    """Pixels uint8, as `decode_picture` gives them: (height, width) if grey, else (height, width, 3). Raises BadRecording."""
    try:
        return decode_picture(io.BytesIO(tree.read(name)))
    except ValueError as error:
        raise tree.damaged(name, f"does not decode ({error}), expected a picture") from error


def read_frames(tree: Tree, folder: str, names: list[str]) -> np.ndarray:
    """Pictures (n_frames, height, width[, 3]) uint8 in the order of `names`, grey only if all are. Raises BadRecording."""
    frames = [read_image(tree, name) for name in names]
    if len({frame.ndim for frame in frames}) > 1:
        frames = [in_colour(frame) for frame in frames]
    if len({frame.shape for frame in frames}) > 1:
        raise BadRecording(f"{tree.where(folder)} has frames of unequal size: extract them with ffmpeg.")
    return np.stack(frames)


def read_video(tree: Tree, name: str) -> tuple[np.ndarray, float]:
    """What a video shows FPS times a second, by its frames' own times: (n_frames, height, width, 3) uint8, and FPS. Raises
    BadRecording, and CorpusMissing where nothing decodes videos."""
    frames, shown = [], None
    with tempfile.NamedTemporaryFile(suffix=PurePosixPath(name).suffix) as file:  # OpenCV reads paths only
        file.write(tree.read(name))
        file.flush()
        try:
            for time_s, frame in decode_video(file.name):
                while len(frames) / FPS < time_s - 1e-3:  # the frame before is shown until this one is
                    frames.append(shown)
                shown = frame
        except ImportError as error:
            by_hand = f"ffmpeg -i X.mp4 -vf fps={FPS:g} X/%04d.png"
            raise CorpusMissing(f"{tree.where(name)} needs av or opencv-python-headless, or {by_hand}") from error
        except ValueError as error:
            raise tree.damaged(name, f"does not decode ({error}), expected a video") from error
    if len(frames) / FPS <= time_s + 1e-3:
        frames.append(shown)
    return np.stack(frames), FPS
