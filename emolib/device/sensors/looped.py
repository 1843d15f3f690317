"""Generated recordings, and a sensor that plays one without an end: what is timed where no person is. numpy only."""

from collections.abc import Iterator
from itertools import count, cycle

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.pipeline import Pipeline
from emolib.device.sensors.base import SCENE, Chunk
from emolib.device.sensors.recordings import CHUNK_S, Recording, pictures
from emolib.signals import generated
from emolib.signals.filters import resample
from emolib.signals.generated.affect import affects
from emolib.signals.generated.scenes import scene
from emolib.signals.readers import SignalInfo

CAMERA = SignalInfo(30.0, SCENE)
PICTURE = (240, 320)  # height and width of a small camera's
SCENES = 0, 3, 11, 12, 13, 14, 22  # large faces; 7, so that no second ends with the picture of the last
SPARE_S = 20.0  # of a recording, beyond what a model looks back on


def recording(modality: str, trained: SignalInfo, seconds: float) -> np.ndarray:
    """A generated person, (…, n_times) as a sensor of that rate, kind and channels gives it; of a face, pictures
    (n_pictures, height, width, 3) uint8. Raises BadParameter for a kind that is not generated."""
    if modality == "face":
        return np.stack([scene(seed, PICTURE, n_faces=1)[0] for seed in SCENES])
    if modality == "heart" and trained.kind == "bpm":
        time_s = np.arange(round(seconds * trained.sfreq)) / trained.sfreq
        return (70 + 4 * np.sin(2 * np.pi * 0.2 * time_s)).astype(np.float32)  # it breathes
    if trained.kind not in {"heart": generated.CARDIAC, "eeg": ("raw",), "skin": ("eda",)}.get(modality, ("",)):
        raise BadParameter(f"{modality} of kind {trained.kind} cannot be generated: nothing to time it on.")
    affect = next(iter(affects(n_subjects=1, n_trials=1, trial_s=float(np.ceil(seconds)), seed=0)))
    made = generated.recording(affect, modality, trained.kind if modality == "heart" else "ppg")
    data = resample(made.data, made.sfreq, trained.sfreq)[..., : round(seconds * trained.sfreq)]
    return np.resize(data, (len(trained.channels), data.shape[-1])) if modality == "eeg" else data


class Looped(Recording):
    """A person of a model's rate, kind and channels, or pictures of a small camera, over and over; from before 0 on, so
    that its first answer has all the context of the front end."""

    def __init__(self, pipeline: Pipeline):
        super().__init__(pipeline.modality, f"{pipeline.modality}=loop", trained=pipeline.trained)
        front = pipeline.front
        self.past_s = float(np.ceil(front.window_s + front.context_s)) if front.window_s else 1.0

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        data = recording(self.modality, self.trained, self.past_s + SPARE_S)
        if self.modality == "face":
            return CAMERA, pictures(cycle(data), CAMERA.sfreq, -self.past_s)
        sfreq = self.trained.sfreq
        n = max(1, round(CHUNK_S * sfreq))
        pieces = (data.take(range(k, k + n), axis=-1, mode="wrap") for k in count(0, n))
        return self.trained, (Chunk(k * n / sfreq - self.past_s, piece) for k, piece in enumerate(pieces))
