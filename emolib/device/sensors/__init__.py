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


ALL, HERE = tuple(READERS), "emolib.device.sensors"
KINDS = {
    "file": Kind(f"{HERE}.recordings", "File", ALL, "file:PATH (pictures also file:FOLDER@HZ)"),
    "scene": Kind(f"{HERE}.recordings", "Scene", ("face",), "scene:PATH, with faces to be found"),
    "synthetic": Kind(f"{HERE}.recordings", "Synthetic", ALL, "synthetic[:EMOTION[/SEED]]"),
    "microphone": Kind(f"{HERE}.microphone", "Microphone", ("speech",), "microphone[:DEVICE]"),
    "camera": Kind(f"{HERE}.camera", "Camera", ("face",), "camera[:INDEX or PATH]"),
    "lsl": Kind(f"{HERE}.lsl", "Lsl", ("heart", "eeg", "skin"), "lsl:NAME or TYPE"),
    "strap": Kind(f"{HERE}.strap", "Strap", ("heart",), "strap[:ADDRESS]"),
}


def parse(text: str, trained: Mapping[str, SignalInfo], kinds: Mapping[str, Kind] = KINDS) -> Sensor:
    """The sensor of "heart=file:BVP.csv", not opened; `trained`, by modality, is what its model learned from. Raises
    BadParameter for a modality without a model, or a kind that is unknown or serves others."""
    modality, _, name = text.partition("=")
    kind, _, where = name.partition(":")
    if modality not in trained:
        known = " or ".join(trained)
        raise BadParameter(f"source {text!r}: no model of {modality!r}, expected {known}=KIND[:WHERE].")
    fitting = {name: each for name, each in kinds.items() if modality in each.modalities}
    if kind not in fitting:
        forms = "; ".join(each.form for each in fitting.values())
        raise BadParameter(f"source {text!r}: {kind!r} is no source of {modality}, expected one of {forms}.")
    made = getattr(import_module(fitting[kind].module), fitting[kind].sensor)
    return made(modality, name, where, trained[modality])
