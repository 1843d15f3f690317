"""What a live engine can listen to, by name: recordings and live sensors. Each is imported when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import Sensor
from emolib.signals.readers import READERS, SignalInfo


class Kind(NamedTuple):
    """A kind of sensor: its module and class, the modalities that it serves, and how a user writes it."""

    module: str
    sensor: str
    modalities: tuple[str, ...]
    form: str


ALL = tuple(READERS)
KINDS = {
    "file": Kind("emolib.device.sensors.recordings", "File", ALL, "file:PATH (pictures also file:FOLDER@HZ)"),
    "scene": Kind(
        "emolib.device.sensors.recordings", "Scene", ("face",), "scene:PATH, with faces to be found"
    ),
    "synthetic": Kind("emolib.device.sensors.recordings", "Synthetic", ALL, "synthetic[:EMOTION[/SEED]]"),
    "microphone": Kind("emolib.device.sensors.microphone", "Microphone", ("speech",), "microphone[:DEVICE]"),
    "camera": Kind("emolib.device.sensors.camera", "Camera", ("face",), "camera[:INDEX or PATH]"),
    "lsl": Kind("emolib.device.sensors.lsl", "Lsl", ("heart", "eeg"), "lsl:NAME or TYPE"),
    "strap": Kind("emolib.device.sensors.strap", "Strap", ("heart",), "strap[:ADDRESS]"),
}


def parse(text: str, trained: Mapping[str, SignalInfo], kinds: Mapping[str, Kind] = KINDS) -> Sensor:
    """The sensor of "heart=file:BVP.csv"; `trained`, by modality, is what its model learned from.

    Nothing is opened. Raises BadParameter for a modality without a model, or a kind that is unknown or serves others.
    """
    modality, _, name = text.partition("=")
    kind, _, where = name.partition(":")
    if modality not in trained:
        raise BadParameter(
            f"source {text!r}: no model of {modality!r}, expected {' or '.join(trained)}, as in heart=file:BVP.csv."
        )
    if kind not in kinds:
        forms = "; ".join(found.form for found in kinds.values() if modality in found.modalities)
        raise BadParameter(f"source {text!r}: no kind {kind!r}, expected one of {forms}.")
    found = kinds[kind]
    if modality not in found.modalities:
        raise BadParameter(
            f"source {text!r}: a {kind} is no source of {modality}, expected {' or '.join(found.modalities)}."
        )
    made = getattr(import_module(found.module), found.sensor)
    return made(modality, name, where, trained[modality])
