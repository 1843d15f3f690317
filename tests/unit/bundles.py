"""A bundle of five networks that nobody trained, and recordings from arrays, for tests of what runs on the device."""

import hashlib
import json

import keras
import numpy as np

from emolib.core.experiment import INT8
from emolib.device.sensors.base import Chunk, Sensor
from emolib.quantization.ptq import convert
from emolib.signals.frontend import front_end
from emolib.signals.readers import SignalInfo
from emolib.signals.standardise import Standardiser

CLASSES = ["happy", "angry", "sad", "relaxed"]
TRAINED = {
    "heart": SignalInfo(64.0, "ppg"),
    "eeg": SignalInfo(128.0, "raw", ("Fp1", "Fp2", "O1")),
    "speech": SignalInfo(16000.0),
    "face": SignalInfo(2.0),
    "skin": SignalInfo(4.0, "eda", ("eda", "temp")),
}
FRONTENDS = {
    "heart": {},
    "eeg": {"bands": ["alpha", "beta"]},
    "speech": {"window_s": 1.0, "hop_s": 1.0},
    "face": {"size": 24},
    "skin": {"window_s": 8.0, "hop_s": 4.0},
}


def recording(modality, seconds=40.0, seed=0):
    """Data that no front end drops, as a Trial has it."""
    rng, sfreq = np.random.default_rng(seed), TRAINED[modality].sfreq
    n = int(seconds * sfreq)
    t = np.arange(n) / sfreq
    if modality == "heart":
        beats = np.cumsum(1.1 + 0.15 * np.sin(0.7 * t) + 0.05 * rng.standard_normal(n)) / sfreq
        return (np.sin(2 * np.pi * beats) ** 3 + 0.02 * rng.standard_normal(n)).astype(np.float32)
    if modality == "eeg":
        return (20 * rng.standard_normal((3, n)) * (1 + 0.5 * np.sin(t))).astype(np.float32)
    if modality == "speech":
        return (0.1 * rng.standard_normal(n) * (1 + 0.8 * np.sin(3 * t))).astype(np.float32)
    if modality == "skin":
        eda = 2 + np.sin(0.5 * t) + 0.05 * rng.standard_normal(n)
        return np.stack([eda, 33 + np.cos(0.1 * t)]).astype(np.float32)
    return rng.integers(0, 256, (n, 30, 30), np.uint8)


def network(shape):
    x = inputs = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(len(CLASSES))(keras.layers.Flatten()(x)))


def write(folder, modalities=tuple(TRAINED), study=True):
    """A bundle in `folder`; what its study learned has another weight and temperature for each modality."""
    keras.utils.set_random_seed(0)
    folder.mkdir(exist_ok=True)
    models, members = {}, {}
    typical = {"mean": [0.0] * 5, "std": [1.0] * 5, "precision": np.eye(5).tolist(), "limit": 2.0}
    for k, modality in enumerate(modalities):
        name, front = f"synthetic-{modality}-emotion-loso", front_end(modality, **FRONTENDS[modality])
        X = front(recording(modality, seed=1), TRAINED[modality].sfreq, TRAINED[modality].kind).X
        standardiser = Standardiser.fit(X, front.feature_axis)
        content = convert(network(X.shape[1:]), INT8, standardiser(X))
        (folder / f"{name}.tflite").write_bytes(content)
        models[name] = {
            "file": f"{name}.tflite",
            "sha256": hashlib.sha256(content).hexdigest(),
            "modality": modality,
            "classes": CLASSES,
            "recordings": TRAINED[modality]._asdict(),
            "frontend": FRONTENDS[modality],
            "standardiser": standardiser.to_dict(),
            **{"normalise": "train", "licence": "none", "versions": {}},
        }
        learned = {"weight": 0.1 * (k + 1), "temperature": 0.5 + 0.5 * k, "typicality": typical}
        members[name] = {"to_task": np.eye(len(CLASSES)).tolist(), **learned}
    studies = {"all": {"task": "emotion", "classes": CLASSES, "sources": members}} if study else {}
    (folder / "bundle.json").write_text(json.dumps({"models": models, "detectors": {}, "studies": studies}))
    return folder


class Recording(Sensor):
    """An array as a source, in chunks of the seconds given, again and again from the first."""

    is_live = False

    def __init__(self, modality, data=None, chunks_s=(0.1,), about=None, seconds=40.0):
        super().__init__(modality, "array")
        self.data = recording(modality, seconds) if data is None else data
        self.chunks_s, self.about = chunks_s, about or TRAINED[modality]

    def open(self):
        return self.about

    def chunks(self):
        if self.modality == "face":
            yield from (Chunk(k / self.about.sfreq, frame) for k, frame in enumerate(self.data))
            return
        at, k = 0, 0
        while at < self.data.shape[-1]:
            n = max(1, round(self.chunks_s[k % len(self.chunks_s)] * self.about.sfreq))
            yield Chunk(at / self.about.sfreq, self.data[..., at : at + n])
            at, k = at + n, k + 1
