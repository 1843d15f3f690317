"""Recordings in files: a signal as the device's readers take it, a picture, a folder of pictures, a video."""

import csv
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.sensors.base import SCENE, Chunk
from emolib.device.sensors.extras import extra
from emolib.device.sensors.recording import Recording, cut
from emolib.signals.limits import MOST_FPS
from emolib.signals.readers import Trained, read, read_face

IMAGES = {".jpg", ".jpeg", ".png"}
VIDEOS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}
FOLDER_HZ = 1.0  # of a folder of pictures, where neither its name nor the model says more


def time_stamps(path: Path) -> np.ndarray | None:
    """The column `timestamps` of a CSV file in seconds, (n_times,); None where there is none."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        head, *rows = (row for row in csv.reader(file) if row)
    names = [name.strip().lower() for name in head]
    if "timestamps" not in names:
        return None
    return np.array([row[names.index("timestamps")] for row in rows], np.float64)


def gaps(path: Path, pieces: list[np.ndarray]) -> list[float]:
    """Seconds without samples before each piece (n_chans, n_times) of a file, by its time stamps; 0 before the first."""
    if len(pieces) == 1:
        return [0.0]
    time_s = time_stamps(path)
    at = np.cumsum([piece.shape[-1] for piece in pieces])[:-1]
    step_s = np.median(np.diff(time_s))
    return [0.0, *(time_s[at] - time_s[at - 1] - step_s).tolist()]


def in_order(folder: Path) -> list[Path]:
    """Pictures of a folder by name, face2 before face10. Raises BadRecording where there is none."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    if not found:
        raise BadRecording(
            f"{folder} holds no pictures, expected {', '.join(sorted(IMAGES))} named in their order."
        )
    return sorted(
        found, key=lambda path: [part.zfill(12) if part.isdigit() else part for part in _parts(path)]
    )


def _parts(path: Path) -> list[str]:
    return re.split(r"(\d+)", path.name.lower())


class File(Recording):
    """Samples at the file's own rate, in order; a gap in the time stamps of EEG stays one."""

    kind = ""  # of pictures

    def read(self) -> tuple[Trained, Iterator[Chunk]]:
        if self.modality != "face":
            return self.signal(Path(self.where))
        path, sfreq = self.folder()
        if path.is_dir():
            return Trained(sfreq, self.kind), self.each(in_order(path), sfreq)
        if path.suffix.lower() in VIDEOS:
            return self.video(path)
        return Trained(0.0, self.kind), self.each([path], 1.0)

    def signal(self, path: Path) -> tuple[Trained, Iterator[Chunk]]:
        pieces, sfreq = read(self.modality, path, self.trained)
        about = Trained(sfreq, self.trained.kind, self.trained.channels)
        return about, self.joined(pieces, gaps(path, pieces), sfreq)

    def joined(self, pieces: list[np.ndarray], gaps_s: list[float], sfreq: float) -> Iterator[Chunk]:
        start_s = 0.0
        for piece, gap_s in zip(pieces, gaps_s, strict=True):
            yield from cut(piece, sfreq, start_s + gap_s, self.chunk_s)
            start_s += gap_s + piece.shape[-1] / sfreq

    def folder(self) -> tuple[Path, float]:
        """The path, and pictures a second that FOLDER@HZ asks for. Raises BadParameter for a rate of 0."""
        found = re.fullmatch(r"(.+)@(\d+\.?\d*)", self.where)
        if not found or Path(self.where).exists():
            return Path(self.where), self.trained.sfreq or FOLDER_HZ
        if not float(found[2]):
            raise BadParameter(f"{self.name}: 0 pictures a second, expected more, as in file:frames@5.")
        return Path(found[1]), float(found[2])

    def each(self, paths: list[Path], sfreq: float) -> Iterator[Chunk]:
        for number, path in enumerate(paths):
            [image], _ = read_face(path, self.trained)
            yield Chunk(number / sfreq, image)

    def video(self, path: Path) -> tuple[Trained, Iterator[Chunk]]:
        cv2 = extra("cv2", self.name)
        capture = cv2.VideoCapture(str(path))
        sfreq = capture.get(cv2.CAP_PROP_FPS) if capture.isOpened() else 0.0
        if not 0 < sfreq < MOST_FPS:
            raise BadRecording(f"{path} cannot be read as a video, expected one that OpenCV can decode.")
        return Trained(sfreq, self.kind), frames(cv2, capture, sfreq)


def frames(cv2, capture, sfreq: float) -> Iterator[Chunk]:
    """Every picture of an open video, (height, width, 3) uint8 RGB."""
    try:
        for number in count():
            is_read, image = capture.read()
            if not is_read:
                return
            yield Chunk(number / sfreq, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    finally:
        capture.release()


class Scene(File):
    """Pictures in which a face is to be found first."""

    kind = SCENE
