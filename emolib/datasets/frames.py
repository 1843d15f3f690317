"""Faces in motion: folders of frames, and videos."""

import itertools
import tempfile

import numpy as np

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import Tree
from emolib.datasets.images import read_image
from emolib.signals.files import MOST_FPS

FPS = 5.0  # of the frames that a face trial keeps


def read_frames(tree: Tree, folder: str, names: list[str]) -> np.ndarray:
    """Pictures (n_frames, height, width[, 3]) uint8 in the order of `names`. Raises BadRecording."""
    frames = [read_image(tree, name) for name in names]
    if len({frame.shape for frame in frames}) > 1:
        raise BadRecording(
            f"{tree.where(folder)} has frames of unequal size: extract them again with ffmpeg."
        )
    return np.stack(frames)


def read_video(tree: Tree, name: str) -> tuple[np.ndarray, float]:
    """About FPS frames a second (n_frames, height, width, 3) uint8 of an mp4, and their exact rate.

    Raises BadRecording for a file that does not decode, CorpusMissing where OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise CorpusMissing(
            f"{tree.where(name)} needs opencv-python-headless; install it, or put its frames in its place: "
            f"ffmpeg -i X.mp4 -vf fps={FPS:g} X/%04d.png"
        ) from error
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:  # OpenCV reads paths only
        file.write(tree.read(name))
        file.flush()
        video = cv2.VideoCapture(file.name)
        fps = video.get(cv2.CAP_PROP_FPS)
        if not 0 < fps < MOST_FPS:
            raise BadRecording(
                f"{tree.where(name)} has {fps:g} frames a second, expected a video: fetch it again."
            )
        step = max(1, round(fps / FPS))
        frames = []
        for at in itertools.count():
            if not video.grab():
                break
            if at % step == 0:
                is_whole, frame = video.retrieve()
                if not is_whole:
                    break
                frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    if not frames:
        raise BadRecording(f"{tree.where(name)} does not decode, expected a video: fetch it again.")
    return np.stack(frames), fps / step
