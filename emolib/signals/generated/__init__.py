"""Signals of people that do not exist: pulse, EEG, voice, face and skin, all driven by the same affect. numpy only.

SYNTHETIC: a program made them. How well a model does on them says nothing about people.
"""

from dataclasses import dataclass

import numpy as np

from emolib.signals.generated import eeg, face, heart, skin, speech
from emolib.signals.generated.affect import Affect
from emolib.signals.generated.heart import CARDIAC
from emolib.signals.skin import CHANNELS, SFREQ


@dataclass(frozen=True)
class Recording:
    """What a sensor gives of one trial: `data` at `sfreq` Hz, in the shapes of emolib.datasets.base.Trial."""

    data: np.ndarray
    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()


def recording(affect: Affect, modality: str, cardiac: str = "ppg") -> Recording:
    """The recording of one trial. `cardiac` is what records a heart: "ppg" or "ecg", of the same beats."""
    if modality == "heart":
        return Recording(heart.recording(affect, cardiac), CARDIAC[cardiac], cardiac)
    if modality == "eeg":
        return Recording(eeg.recording(affect), eeg.SFREQ, "raw", eeg.CHANNELS)
    if modality == "skin":
        return Recording(skin.recording(affect), SFREQ, "eda", CHANNELS)
    channel = {"speech": speech, "face": face}[modality]
    return Recording(channel.recording(affect), channel.SFREQ)
