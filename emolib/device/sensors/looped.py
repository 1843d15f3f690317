"""Generated recordings, and a sensor that plays one again and again: what is timed where no person is. numpy only."""

import time
from collections.abc import Iterator
from threading import Event

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import SCENE, Chunk, Sensor
from emolib.signals import generated
from emolib.signals.filters import resample
from emolib.signals.generated.affect import affects
from emolib.signals.generated.scenes import scene
from emolib.signals.readers import SignalInfo

CAMERA = SignalInfo(30.0, SCENE)
PICTURE = (240, 320)  # height and width of a small camera's
SCENES = 0, 3, 11, 12, 13, 14, 22  # large faces; 7, so that no second ends with the picture of the last
CHUNK_S = 0.1


def recording(modality: str, trained: SignalInfo, seconds: float) -> np.ndarray:
    """A generated person, (…, n_times) as a sensor of that rate, kind and channels gives it; of a face, pictures
    (n_pictures, height, width, 3) uint8. Raises BadParameter for a kind that is not generated."""
    if modality == "face":
        return np.stack([scene(seed, PICTURE, n_faces=1)[0] for seed in SCENES])
    if modality == "heart" and trained.kind == "bpm":
        time_s = np.arange(round(seconds * trained.sfreq)) / trained.sfreq
        return (70 + 4 * np.sin(2 * np.pi * 0.2 * time_s)).astype(np.float32)  # it breathes
    if trained.kind not in {"heart": generated.CARDIAC, "eeg": ("raw",)}.get(modality, ("",)):
        raise BadParameter(f"{modality} of kind {trained.kind} cannot be generated: nothing to time it on.")
    affect = next(iter(affects(n_subjects=1, n_trials=1, trial_s=float(np.ceil(seconds)), seed=0)))
    made = generated.recording(affect, modality, trained.kind if modality == "heart" else "ppg")
    data = resample(made.data, made.sfreq, trained.sfreq)[..., : round(seconds * trained.sfreq)]
    return np.resize(data, (len(trained.channels), data.shape[-1])) if modality == "eeg" else data


class Looped(Sensor):
    """A live sensor that gives a recording over and over, at its real rate, `at_s` seconds into it from the start."""

    is_live = True

    def __init__(self, modality: str, trained: SignalInfo, seconds: float, at_s: float = 0.0):
        super().__init__(modality, f"{modality}=loop")
        self.about = CAMERA if modality == "face" else trained
        self.data, self.stopped = recording(modality, trained, seconds), Event()
        self.first = round(at_s * self.about.sfreq)
        self.n_chunk = 1 if modality == "face" else max(1, round(CHUNK_S * self.about.sfreq))

    def samples(self, start: int, n: int) -> np.ndarray:
        """Samples start to start + n, as a chunk holds them; of a camera, its picture `start`."""
        if self.modality == "face":
            return self.data[start % len(self.data)]
        return self.data[..., np.arange(start, start + n) % self.data.shape[-1]]

    def open(self) -> SignalInfo:
        self.stopped.clear()
        return self.about

    def chunks(self) -> Iterator[Chunk]:
        step_s, began_s, k = self.n_chunk / self.about.sfreq, time.monotonic(), 0
        while not self.stopped.wait(max(0.0, began_s + (k + 1) * step_s - time.monotonic())):
            yield Chunk(began_s + k * step_s, self.samples(self.first + k * self.n_chunk, self.n_chunk))
            k += 1

    def close(self) -> None:
        self.stopped.set()
