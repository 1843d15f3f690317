"""A bundle: int8 models and what they need, as a folder that a device opens. numpy and an interpreter alone.

`bundle.json` names each model's file and sha256, classes, front end, standardiser; and fusion weights.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emolib.errors import BadArtifact, BadParameter
from emolib.fusion.scores import fuse, softmax
from emolib.runtime.interpreter import Model
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser, by_subject


class Bundle:
    """Raises BadArtifact where a file is missing or not the one that was exported."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        path = self.folder / "bundle.json"
        if not path.is_file():
            raise BadArtifact(
                f"{path} is missing: make a bundle with `emolib export results/<run> --out {folder}`."
            )
        self.record = json.loads(path.read_text())
        for entry in self.record["models"].values():
            self.check(entry)

    def check(self, entry: dict):
        path = self.folder / entry["file"]
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if found != entry["sha256"]:
            raise BadArtifact(
                f"{path} is not the file that was exported ({found[:12]}, expected {entry['sha256'][:12]}): export again."
            )

    def source(self, modality: str, names: Sequence[str] = ()) -> str:
        """The source of a modality: the only one, or the one among `names`. Raises BadParameter."""
        known = [key for key, entry in self.record["models"].items() if entry["modality"] == modality]
        wanted = [key for key in known if key in names] or known
        if len(wanted) != 1:
            raise BadParameter(
                f"{modality}: the bundle has {', '.join(known) or 'no source'}, expected one: pick it with --source."
            )
        return wanted[0]

    def model(self, source: str, backend: str = "litert", threads: int = 1) -> Model:
        return Model(self.folder / self.record["models"][source]["file"], backend, threads)

    def answer(self, source: str, data: np.ndarray, sfreq: float, kind: str) -> dict:
        """Scores by class of one recording (mean over its windows), windows used and dropped, milliseconds.

        A source that was trained on windows standardised within each person gets them standardised within this
        recording.
        """
        entry, start = self.record["models"][source], time.perf_counter()
        front = front_end(entry["modality"], **entry["frontend"])
        windows = front(data, sfreq, kind)
        if not len(windows.X):
            return {"source": source, "scores": None, "windows": 0, "dropped": windows.dropped}
        X = windows.X
        if entry["normalise"] == "subject":
            X = by_subject(X, np.zeros(len(X), int), front.feature_axis)
        with self.model(source) as model:
            scores = softmax(model.predict(Standardiser.from_dict(entry["standardiser"])(X))).mean(axis=0)
        return {
            "source": source,
            "scores": dict(zip(entry["classes"], scores.tolist(), strict=True)),
            "windows": len(X),
            "dropped": windows.dropped,
            "ms": round(1e3 * (time.perf_counter() - start), 2),
        }

    def fused(self, answers: list[dict]) -> dict | None:
        """Scores by class of the answers that have any, weighted as their study learned; None if classes differ."""
        answers = [answer for answer in answers if answer["scores"]]
        if len(answers) < 2 or len({tuple(answer["scores"]) for answer in answers}) > 1:
            return None
        scores = np.array([list(answer["scores"].values()) for answer in answers])
        weights = np.array([self.weight(answer["source"]) for answer in answers])
        total = fuse(
            (scores / scores.sum(axis=1, keepdims=True))[:, None], "weighted", weights / weights.sum()
        )
        return dict(zip(answers[0]["scores"], total[0].tolist(), strict=True))

    def weight(self, source: str) -> float:
        """Fusion weight of a source in the first study that has it, 1 without a study."""
        return next((study[source] for study in self.record["weights"].values() if source in study), 1.0)
