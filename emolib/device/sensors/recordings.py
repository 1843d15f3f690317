"""Recordings as sensors: files (a signal, a picture, a folder of pictures, a video) and a generated person."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain, islice, starmap
from pathlib import Path

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.sensors.base import SCENE, Chunk, Sensor
from emolib.signals.files import PICTURES, VIDEOS, decode_video
from emolib.signals.readers import SignalInfo, read_face, read_recording

CHUNK_S = 0.1
FOLDER_HZ = 1.0  # of a folder of pictures, where neither its name nor the model says more
N_TIMED = 16  # frames of a video that tell its rate
N_PARTS, PART_S = 30, 20  # of a generated person, and the seconds for which an emotion lasts


def cut(data: np.ndarray, sfreq: float, start_s: float = 0.0) -> Iterator[Chunk]:
    """Chunks of data (…, n_times) at sfreq Hz whose first sample lies at start_s, one sample long or longer."""
    n = max(1, round(CHUNK_S * sfreq))
    for first in range(0, data.shape[-1], n):
        yield Chunk(start_s + first / sfreq, data[..., first : first + n])


def pictures(frames: Iterable[np.ndarray], sfreq: float, start_s: float = 0.0) -> Iterator[Chunk]:
    return (Chunk(start_s + number / sfreq, frame) for number, frame in enumerate(frames))


class Recording(Sensor):
    is_live = False
    _chunks: Iterator[Chunk] | None = None

    def open(self) -> SignalInfo:
        about, self._chunks = self.read()
        return about

    def chunks(self) -> Iterator[Chunk]:
        chunks = self._chunks
        while chunks is not None and self._chunks is chunks and (chunk := next(chunks, None)):
            yield chunk

    def close(self):
        self._chunks = None

    @abstractmethod
    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        """What the recording is, and its chunks. Raises BadParameter, BadRecording."""


def in_order(folder: Path) -> list[Path]:
    """Pictures of a folder by name, face2 before face10. Raises BadRecording where there is none."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES]
    if not found:
        raise BadRecording(f"{folder} holds no pictures, expected .jpg, .png or the like, named in their order.")
    return sorted(found, key=lambda path: re.sub(r"\d+", lambda n: n[0].zfill(12), path.name.lower()))


class File(Recording):
    """Samples at the file's own rate, in order; a gap in the time stamps of EEG stays one. FOLDER@HZ shows so many
    pictures a second."""

    kind = ""  # of pictures

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        path, sfreq = Path(self.where), 0.0
        if self.modality != "face":
            found = read_recording(self.modality, path, self.trained)
            pieces = (cut(data, found.sfreq, first / found.sfreq) for first, data in found.stretches.items())
            return self.trained._replace(sfreq=found.sfreq), chain.from_iterable(pieces)
        timed = re.fullmatch(r"(.+)@(\d+\.?\d*)", self.where)
        if timed and float(timed[2]) and not path.exists():
            path, sfreq = Path(timed[1]), float(timed[2])
        if path.is_dir():
            paths, sfreq = in_order(path), sfreq or self.trained.sfreq or FOLDER_HZ
        elif path.suffix.lower() in VIDEOS:
            return self.video(path)
        else:
            paths, sfreq = [path], 0.0
        frames = (read_face(path).data for path in paths)
        return SignalInfo(sfreq, self.kind), pictures(frames, sfreq or 1.0)

    def video(self, path: Path) -> tuple[SignalInfo, Iterator[Chunk]]:
        def chunks() -> Iterator[Chunk]:
            try:
                yield from starmap(Chunk, decode_video(path))
            except ImportError as error:
                raise BadParameter(f"{self.name} needs av or opencv-python-headless: pip install av.") from error
            except ValueError as error:
                raise BadRecording(f"{path} cannot be read as a video ({error}): expected a whole one.") from error

        first = list(islice(frames := chunks(), N_TIMED))
        sfreq = (len(first) - 1) / first[-1].time_s if first[-1].time_s else FOLDER_HZ
        return SignalInfo(sfreq, self.kind), chain(first, frames)


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
    Equal seeds give the same person and the same emotions in every modality."""

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        from emolib.signals.generated import CARDIAC, recording
        from emolib.signals.generated.affect import QUADRANTS, Affect

        emotion, _, seed = self.where.partition("/")
        if emotion not in ("", *QUADRANTS) or not (seed or "0").isdecimal():
            known = ", ".join(QUADRANTS)
            raise BadParameter(f"{self.name}: expected synthetic[:EMOTION[/SEED]], one of {known}, a number.")
        seed, cardiac = int(seed or 0), self.trained.kind if self.trained.kind in CARDIAC else "ppg"
        felt = course((emotion,) if emotion else tuple(QUADRANTS), N_PARTS, seed)

        def part(number: int):
            return recording(Affect(seed, 0, number, felt[number], PART_S), self.modality, cardiac)

        first, chunks = part(0), pictures if self.modality == "face" else cut

        def samples() -> Iterator[Chunk]:
            for number in range(N_PARTS):
                made = part(number) if number else first
                yield from chunks(made.data, made.sfreq, float(number * PART_S))

        return SignalInfo(first.sfreq, first.kind, first.channels), samples()
