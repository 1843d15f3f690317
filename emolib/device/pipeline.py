"""From recordings to scores of one source: front end, standardiser, network. numpy and an interpreter alone."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.interpreter import Model
from emolib.device.owner import Owner
from emolib.fusion.scores import softmax
from emolib.fusion.trust import Trust
from emolib.signals import standardisers
from emolib.signals.frontend import Windows, front_end
from emolib.signals.owner import Prior
from emolib.signals.readers import SignalInfo
from emolib.signals.standardise import by_subject

LEAST_OF_PERSON = 8  # windows that a person is standardised by; fewer say nothing


class Pipeline:
    """One source, from its entry in bundle.json. by_person: trained on windows standardised within each person, so it
    needs several of a person. learns: normalises a window by what an Owner gave before."""

    def __init__(self, source: str, entry: dict, model: Model):
        self.source, self.modality, self.model = source, entry["modality"], model
        self.classes, self.licence = (
            tuple(entry["classes"]),
            entry.get("licence", "none stated"),
        )  # that of the training data
        self.trained = SignalInfo(**entry["recordings"])
        self.front = front_end(self.modality, **entry["frontend"])
        self.standardiser = standardisers.from_dict(entry["standardiser"])
        self.trust = Trust.from_dict(entry.get("trust", {}))
        self.by_person, self.learns = entry["normalise"] == "subject", isinstance(self.standardiser, Prior)

    def seen(self, data: np.ndarray, sfreq: float = 0.0) -> Windows:
        """Windows of a recording that the front end does not drop, nor the gate refuse."""
        return self.trust.passed(self.front(data, sfreq, self.trained.kind))

    def windows(
        self, pieces: Sequence[np.ndarray], sfreq: float, owner: Owner | None = None
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Windows of all pieces as the network takes them, and {reason: windows dropped}. Where the source is `by_person`
        they are standardised within this recording, and dropped if they are too few. Where it `learns`, `owner` is
        heard window by window, by default from nothing."""
        found = [self.seen(piece, sfreq) for piece in pieces]
        dropped = dict(sum((Counter(windows.dropped) for windows in found), Counter()))
        X = np.concatenate([windows.X for windows in found])
        if len(X) and (reason := self.too_few(len(X))):
            seconds = (self.front.window_s or 0) + (LEAST_OF_PERSON - 1) * self.front.hop_s
            dropped[f"{reason}, expected {seconds:g} s of recording or more"] = len(X)
            X = X[:0]
        return self.standardised(X, owner or Owner()), dropped

    def too_few(self, n: int) -> str:
        """Why n windows of a person are too few to answer, "" where they are enough."""
        is_known = not self.by_person or n >= LEAST_OF_PERSON
        return "" if is_known else f"window {n} of {LEAST_OF_PERSON} to know the person"

    def check_faces(self):
        """Raises BadParameter where single pictures are not enough to answer."""
        if self.by_person:
            raise BadParameter(f"{self.source} needs a recording of each person: pick another with --model.")

    def standardised(self, X: np.ndarray, owner: Owner) -> np.ndarray:
        """Windows (n_windows, *shape) of one person as the network takes them."""
        if self.by_person and len(X):
            X = by_subject(X, np.zeros(len(X), int), self.front.feature_axis)
        if not self.learns:
            return self.standardiser(X)
        found = np.empty_like(X)
        for i in range(len(X)):
            found[i] = self.known_by(owner, X[i : i + 1])[0]
            owner.hear(self.source, self.standardiser, X[i])
        return found

    def known_by(self, owner: Owner, X: np.ndarray) -> np.ndarray:
        """Windows of the owner by what was heard so far; they are not heard themselves."""
        return self.standardiser.normalise(X, owner.known(self.source, self.standardiser))

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores (n_windows, n_classes) of standardised windows, as a fusion takes them; `trust.told` calibrates them."""
        return softmax(self.model.predict(X))
