"""From recordings to scores of one source: front end, standardiser, network. numpy and an interpreter alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.signals.frontend import front_end
from emolib.signals.readers import SignalInfo
from emolib.signals.standardise import Standardiser, by_subject

LEAST_OF_PERSON = 8  # windows that a person is standardised by; fewer say nothing


@dataclass(frozen=True, eq=False)
class Pipeline:
    """One source. by_person: it was trained on windows standardised within each person, so it needs several of
    a person first."""

    source: str
    modality: str
    classes: tuple[str, ...]
    trained: SignalInfo
    front: object
    standardiser: Standardiser
    by_person: bool
    model: Model

    @classmethod
    def of(cls, source: str, entry: dict, model: Model) -> "Pipeline":
        """The pipeline of a model, from its entry in bundle.json."""
        return cls(
            source,
            entry["modality"],
            tuple(entry["classes"]),
            SignalInfo(**entry["recordings"]),
            front_end(entry["modality"], **entry["frontend"]),
            Standardiser.from_dict(entry["standardiser"]),
            entry["normalise"] == "subject",
            model,
        )

    def windows(self, pieces: Sequence[np.ndarray], sfreq: float) -> tuple[np.ndarray, dict[str, int]]:
        """Windows of all pieces as the network takes them, and {reason: windows dropped}.

        Where the source is `by_person` they are standardised within this recording, and dropped if they are too few.
        """
        found = [self.front(piece, sfreq, self.trained.kind) for piece in pieces]
        dropped = dict(sum((Counter(windows.dropped) for windows in found), Counter()))
        X = np.concatenate([windows.X for windows in found])
        if len(X) and (reason := self.too_few(len(X))):
            seconds = (self.front.window_s or 0) + (LEAST_OF_PERSON - 1) * self.front.hop_s
            dropped[f"{reason}, expected {seconds:g} s of recording or more"] = len(X)
            X = X[:0]
        return self.standardised(X), dropped

    def too_few(self, n: int) -> str:
        """Why n windows of a person are too few to answer, "" where they are enough."""
        return (
            f"window {n} of {LEAST_OF_PERSON} to know the person"
            if self.by_person and n < LEAST_OF_PERSON
            else ""
        )

    def standardised(self, X: np.ndarray) -> np.ndarray:
        """Windows (n_windows, *shape) of one person as the network takes them."""
        if self.by_person and len(X):
            X = by_subject(X, np.zeros(len(X), int), self.front.feature_axis)
        return self.standardiser(X)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores (n_windows, n_classes) of standardised windows."""
        return softmax(self.model.predict(X))
