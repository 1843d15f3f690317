"""Sound, pictures and videos of corpora, decoded. Recordings of speech become mono at 16 kHz."""

import io
import tempfile
import wave
from contextlib import suppress

import numpy as np

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import Tree
from emolib.signals.files import MOST_FPS, decode_sound, open_picture

SFREQ = 16000.0  # of speech
FPS = 5.0  # of the frames that a face trial keeps
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


def read_audio(tree: Tree, name: str) -> np.ndarray:
    """Mono samples (n_times,) float32 in [-1, 1] at 16 kHz from a wav, flac or other sound. Raises BadRecording."""
    from scipy.signal import resample_poly

    content = tree.read(name)
    if content.startswith(b"version https://git-lfs"):
        raise BadRecording(f"{tree.where(name)} is a Git LFS pointer, expected sound: run `git lfs pull`.")
    try:
        samples, sfreq, n_frames = decode_sound(io.BytesIO(content), len(content))
    except ValueError as error:
        raise tree.damaged(name, f"does not decode ({error}), expected sound") from error
    with suppress(wave.Error, EOFError, RuntimeError), wave.open(io.BytesIO(content)) as file:
        n_frames = file.getnframes()  # as its head says; what decodes a wav trims that to what is there
    if len(samples) < n_frames:
        raise tree.damaged(name, f"is cut off: got {len(samples)} of {n_frames} samples")
    mono = samples.mean(axis=1, dtype=np.float32)
    return resample_poly(mono, int(SFREQ), sfreq).astype(np.float32)  # as it is where the rates are equal


def with_endings(path: str) -> list[str]:
    """Patterns of the pictures at a path without ending."""
    return [path + ending for ending in PICTURES]


def read_image(tree: Tree, name: str) -> np.ndarray:
    """Pixels uint8, upright as EXIF says: (height, width) if grey, else (height, width, 3). Raises BadRecording."""
    from PIL import ImageOps

    content = io.BytesIO(tree.read(name))
    try:
        with open_picture(content) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except ValueError as error:
        raise tree.damaged(name, f"does not decode ({error}), expected a picture") from error


def read_frames(tree: Tree, folder: str, names: list[str]) -> np.ndarray:
    """Pictures (n_frames, height, width[, 3]) uint8 in the order of `names`. Raises BadRecording."""
    frames = [read_image(tree, name) for name in names]
    if len({frame.shape for frame in frames}) > 1:
        raise BadRecording(f"{tree.where(folder)} has frames of unequal size: extract them with ffmpeg.")
    return np.stack(frames)


def read_video(tree: Tree, name: str) -> tuple[np.ndarray, float]:
    """About FPS frames a second (n_frames, height, width, 3) uint8 of an mp4, and their exact rate. Raises BadRecording."""
    try:
        import cv2
    except ImportError as error:
        frames = f"ffmpeg -i X.mp4 -vf fps={FPS:g} X/%04d.png"
        raise CorpusMissing(f"{tree.where(name)} needs opencv-python-headless, or {frames}") from error
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:  # OpenCV reads paths only
        file.write(tree.read(name))
        file.flush()
        video = cv2.VideoCapture(file.name)
        fps = video.get(cv2.CAP_PROP_FPS)
        if not 0 < fps < MOST_FPS:
            raise tree.damaged(name, f"has {fps:g} frames a second, expected a video")
        step = max(1, round(fps / FPS))
        frames, is_whole = [], video.grab()
        while is_whole:
            is_whole, frame = video.retrieve()
            if is_whole:
                frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
                is_whole = all(video.grab() for _ in range(step))
    if not frames:
        raise tree.damaged(name, "does not decode, expected a video")
    return np.stack(frames), fps / step
