"""Recordings as sensors: files (a signal, a picture, a folder of pictures, a video) and a generated person."""

import csv
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import ClassVar

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.sensors.base import SCENE, Chunk, Sensor, extra
from emolib.signals.files import MOST_FPS
from emolib.signals.readers import SignalInfo, read_face, read_recording

CHUNK_S = 0.1
IMAGES = {".jpg", ".jpeg", ".png"}
VIDEOS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}
FOLDER_HZ = 1.0  # of a folder of pictures, where neither its name nor the model says more
N_PARTS, PART_S = 30, 20  # of a generated person, and the seconds for which an emotion lasts


def cut(data: np.ndarray, sfreq: float, start_s: float = 0.0) -> Iterator[Chunk]:
    """Chunks of data (…, n_times) at sfreq Hz whose first sample lies at start_s, one sample long or longer."""
    n = max(1, round(CHUNK_S * sfreq))
    for first in range(0, data.shape[-1], n):
        yield Chunk(start_s + first / sfreq, data[..., first : first + n])


def pictures(frames: np.ndarray, sfreq: float, start_s: float = 0.0) -> Iterator[Chunk]:
    return (Chunk(start_s + number / sfreq, frame) for number, frame in enumerate(frames))


class Recording(Sensor):
    is_live: ClassVar[bool] = False
    _chunks: Iterator[Chunk] | None = None

    def open(self) -> SignalInfo:
        about, self._chunks = self.read()
        return about

    def chunks(self) -> Iterator[Chunk]:
        chunks = self._chunks
        while chunks is not None and self._chunks is chunks and (chunk := next(chunks, None)):
            yield chunk

    def close(self) -> None:
        self._chunks = None

    @abstractmethod
    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        """What the recording is, and its chunks. Raises BadParameter, BadRecording."""


def gaps(path: Path, pieces: list[np.ndarray]) -> list[float]:
    """Seconds without samples before each piece (n_chans, n_times) of a file, by its stamps; 0 before the first."""
    if len(pieces) == 1:
        return [0.0]
    with open(path, newline="", encoding="utf-8-sig") as file:
        head, *rows = (row for row in csv.reader(file) if row)
    column = [name.strip().lower() for name in head].index("timestamps")
    time_s = np.array([row[column] for row in rows], np.float64)
    at = np.cumsum([piece.shape[-1] for piece in pieces])[:-1]
    step_s = np.median(np.diff(time_s))
    return [0.0, *(time_s[at] - time_s[at - 1] - step_s).tolist()]


def in_order(folder: Path) -> list[Path]:
    """Pictures of a folder by name, face2 before face10. Raises BadRecording where there is none."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    if not found:
        raise BadRecording(f"{folder} holds no pictures, expected .jpg, .jpeg or .png named in their order.")
    return sorted(found, key=lambda path: re.sub(r"\d+", lambda n: n[0].zfill(12), path.name.lower()))


class File(Recording):
    """Samples at the file's own rate, in order; a gap in the time stamps of EEG stays one."""

    kind = ""  # of pictures

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        if self.modality != "face":
            path = Path(self.where)
            pieces, sfreq = read_recording(self.modality, path, self.trained)
            return self.trained._replace(sfreq=sfreq), self.joined(pieces, gaps(path, pieces), sfreq)
        path, sfreq = self.folder()
        if path.is_dir():
            return SignalInfo(sfreq, self.kind), self.each(in_order(path), sfreq)
        if path.suffix.lower() in VIDEOS:
            return self.video(path)
        return SignalInfo(0.0, self.kind), self.each([path], 1.0)

    def joined(self, pieces: list[np.ndarray], gaps_s: list[float], sfreq: float) -> Iterator[Chunk]:
        start_s = 0.0
        for piece, gap_s in zip(pieces, gaps_s, strict=True):
            yield from cut(piece, sfreq, start_s + gap_s)
            start_s += gap_s + piece.shape[-1] / sfreq

    def folder(self) -> tuple[Path, float]:
        """The path, and pictures a second that FOLDER@HZ asks for."""
        found = re.fullmatch(r"(.+)@(\d+\.?\d*)", self.where)
        if not found or not float(found[2]) or Path(self.where).exists():
            return Path(self.where), self.trained.sfreq or FOLDER_HZ
        return Path(found[1]), float(found[2])

    def each(self, paths: list[Path], sfreq: float) -> Iterator[Chunk]:
        for number, path in enumerate(paths):
            [image], _ = read_face(path, self.trained)
            yield Chunk(number / sfreq, image)

    def video(self, path: Path) -> tuple[SignalInfo, Iterator[Chunk]]:
        cv2 = extra("cv2", self.name)
        capture = cv2.VideoCapture(str(path))
        sfreq = capture.get(cv2.CAP_PROP_FPS) if capture.isOpened() else 0.0
        if not 0 < sfreq < MOST_FPS:
            raise BadRecording(f"{path} cannot be read as a video, expected one that OpenCV can decode.")
        return SignalInfo(sfreq, self.kind), self.frames(cv2, capture, sfreq)

    def frames(self, cv2, capture, sfreq: float) -> Iterator[Chunk]:
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


def course(emotions: tuple[str, ...], n_parts: int, seed: int) -> list[str]:
    """An emotion for each part, the same for every modality; never the same twice in a row where there are several."""
    rng, felt = np.random.default_rng(seed), []
    for _ in range(n_parts):
        others = [emotion for emotion in emotions if [emotion] != felt[-1:]]
        felt.append(others[rng.integers(len(others))] if others else emotions[0])
    return felt


class Synthetic(Recording):
    """`where` is "", EMOTION or EMOTION/SEED: one person, in N_PARTS of PART_S seconds that are recorded one by one.

    Equal seeds give the same person and the same emotions in every modality.
    """

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        first = self.part(0)
        parts = chain([first], map(self.part, range(1, N_PARTS)))
        return SignalInfo(first.sfreq, first.kind, first.channels), self.samples(parts)

    def samples(self, parts: Iterable) -> Iterator[Chunk]:
        chunks = pictures if self.modality == "face" else cut
        for number, part in enumerate(parts):
            yield from chunks(part.data, part.sfreq, float(number * PART_S))

    def part(self, number: int):
        """A recording of PART_S seconds. Raises BadParameter for an unknown emotion or seed."""
        from emolib.signals.generated import CARDIAC, recording
        from emolib.signals.generated.affect import QUADRANTS, Affect

        emotion, _, seed = self.where.partition("/")
        if emotion not in ("", *QUADRANTS) or not (seed or "0").isdecimal():
            known = ", ".join(QUADRANTS)
            raise BadParameter(f"{self.name}: expected synthetic[:EMOTION[/SEED]], one of {known}, a number.")
        seed = int(seed or 0)
        label = course((emotion,) if emotion else tuple(QUADRANTS), number + 1, seed)[number]
        cardiac = self.trained.kind if self.trained.kind in CARDIAC else "ppg"
        return recording(Affect(seed, 0, number, label, PART_S), self.modality, cardiac)
