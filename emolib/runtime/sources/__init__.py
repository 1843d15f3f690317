"""What a live engine can listen to, by name: recordings of any format, and sensors. Each is imported when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from emolib.errors import BadParameter
from emolib.runtime.readers import READERS, Trained
from emolib.runtime.sources.base import Source


class Kind(NamedTuple):
    """A kind of source: where its class is, what it can be a source of, and how a user writes it."""

    module: str
    source: str
    modalities: tuple[str, ...]
    form: str


ALL = tuple(READERS)
KINDS = {
    "file": Kind("files", "File", ALL, "file:PATH (pictures also file:FOLDER@HZ)"),
    "scene": Kind("files", "Scene", ("face",), "scene:PATH, in which a face is looked for first"),
    "corpus": Kind("corpus", "CorpusTrial", ALL, "corpus:NAME/SUBJECT/TRIAL"),
    "synthetic": Kind("synthetic", "Synthetic", ALL, "synthetic[:EMOTION[/SEED]]"),
    "microphone": Kind("microphone", "Microphone", ("speech",), "microphone[:DEVICE]"),
    "camera": Kind("camera", "Camera", ("face",), "camera[:INDEX or PATH]"),
    "lsl": Kind("lsl", "Lsl", ("heart", "eeg"), "lsl:NAME or TYPE"),
    "strap": Kind("strap", "Strap", ("heart",), "strap[:ADDRESS]"),
}


def parse(text: str, trained: Mapping[str, Trained]) -> Source:
    """The source of "heart=file:BVP.csv"; `trained`, by modality, is what its model learned from.

    Nothing is opened. Raises BadParameter for a modality without a model, an unknown kind, one that does not go with it.
    """
    modality, _, name = text.partition("=")
    kind, _, where = name.partition(":")
    if modality not in trained:
        raise BadParameter(
            f"source {text!r}: no model of {modality!r}, expected {' or '.join(trained)}, as in heart=file:BVP.csv."
        )
    if kind not in KINDS:
        forms = "; ".join(found.form for found in KINDS.values() if modality in found.modalities)
        raise BadParameter(f"source {text!r}: no kind {kind!r}, expected one of {forms}.")
    found = KINDS[kind]
    if modality not in found.modalities:
        raise BadParameter(
            f"source {text!r}: a {kind} is no source of {modality}, expected {' or '.join(found.modalities)}."
        )
    made = getattr(import_module(f"{__name__}.{found.module}"), found.source)
    return made(modality, name, where, trained[modality])
