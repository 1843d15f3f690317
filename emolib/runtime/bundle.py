"""A bundle: int8 models and what they need, as a folder that a device opens. numpy and an interpreter alone.

`bundle.json` names each model's file and sha256, classes, the recordings it was trained on, front end,
standardiser; each face detector's file, sha256, grid and least score; and fusion weights.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emolib.detection.grid import Grid
from emolib.errors import BadArtifact, BadParameter
from emolib.fusion.scores import fuse, softmax
from emolib.runtime.faces import Classifier, Detector, FacePath
from emolib.runtime.interpreter import Model
from emolib.runtime.readers import Trained, read, read_face
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser, by_subject

ENTRY = {"file", "sha256", "modality", "classes", "recordings", "frontend", "standardiser", "normalise"}
DETECTOR = {"file", "sha256", "grid", "min_score"}
PARTS = {"models", "detectors", "weights"}


def read_record(path: Path) -> dict:
    """What bundle.json says. Raises BadArtifact where it is missing, damaged, or of an older emolib."""
    again = f"export again: `emolib export results/<run> --out {path.parent}`."
    if not path.is_file():
        raise BadArtifact(f"{path} is missing, expected a bundle: {again}")
    try:
        record = json.loads(path.read_text())
        missing = sorted(PARTS - record.keys()) or _missing(record)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{path} is damaged ({reason}), expected what export wrote: {again}") from error
    if missing:
        raise BadArtifact(f"{path} does not name {', '.join(missing)}, expected every field: {again}")
    return record


def _missing(record: dict) -> list[str]:
    """Fields that some model or detector lacks; "models" where there is none of either."""
    needed = {"models": ENTRY, "detectors": DETECTOR}
    lacks = {
        field
        for part, fields in needed.items()
        for one in record[part].values()
        for field in fields - one.keys()
    }
    return sorted(lacks) if record["models"] or record["detectors"] else ["models"]


class Bundle:
    """Raises BadArtifact where a file is missing or not the one that was exported."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.record = read_record(self.folder / "bundle.json")
        for entry in (*self.record["models"].values(), *self.record["detectors"].values()):
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
        return self._picked(modality, known, names)

    def detector(self, names: Sequence[str] = ()) -> str:
        """The face detector: the only one, or the one among `names`. Raises BadParameter."""
        return self._picked("face detector", list(self.record["detectors"]), names)

    def _picked(self, what: str, known: list[str], names: Sequence[str]) -> str:
        wanted = [key for key in known if key in names] or known
        if len(wanted) != 1:
            raise BadParameter(
                f"{what}: the bundle has {', '.join(known) or 'none'}, expected one: pick it with --source."
            )
        return wanted[0]

    def model(self, source: str, backend: str = "litert", threads: int = 1) -> Model:
        return Model(self.folder / self.record["models"][source]["file"], backend, threads)

    def answer(self, source: str, path: Path) -> dict:
        """Scores by class of the recording in a file (mean over its windows), its rate, windows used and
        dropped, milliseconds without the reading.

        A source that was trained on windows standardised within each person gets them standardised within this
        recording. Raises BadRecording, BadParameter.
        """
        entry = self.record["models"][source]
        trained = Trained(**entry["recordings"])
        pieces, sfreq = read(entry["modality"], path, trained)
        start = time.perf_counter()
        X, dropped = self.windows(entry, pieces, sfreq, trained.kind)
        about = {"source": source, "sfreq": sfreq, "windows": len(X), "dropped": dropped}
        if not len(X):
            return {**about, "scores": None}
        with self.model(source) as model:
            scores = softmax(model.predict(X)).mean(axis=0)
        by_class = dict(zip(entry["classes"], scores.tolist(), strict=True))
        return {**about, "scores": by_class, "ms": round(1e3 * (time.perf_counter() - start), 2)}

    def windows(
        self, entry: dict, pieces: list[np.ndarray], sfreq: float, kind: str
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Standardised windows of all pieces as a model takes them, and a count of those dropped by reason."""
        front = front_end(entry["modality"], **entry["frontend"])
        found = [front(piece, sfreq, kind) for piece in pieces]
        X = np.concatenate([windows.X for windows in found])
        dropped = dict(sum((Counter(windows.dropped) for windows in found), Counter()))
        if len(X) and entry["normalise"] == "subject":
            X = by_subject(X, np.zeros(len(X), int), front.feature_axis)
        return Standardiser.from_dict(entry["standardiser"])(X), dropped

    def face_path(self, detector: str, source: str) -> FacePath:
        """Detector and classifier as one function of a picture. Raises BadParameter for a classifier that needs a
        recording of the person first."""
        found, told = self.record["detectors"][detector], self.record["models"][source]
        if told["normalise"] == "subject":
            raise BadParameter(
                f"{source} needs a recording of each person, expected another: pick it with --source."
            )
        model = Model(self.folder / found["file"])
        front = front_end("face", **told["frontend"])
        standardiser = Standardiser.from_dict(told["standardiser"])
        return FacePath(
            Detector(model, Grid(**found["grid"]), found["min_score"]),
            Classifier(self.model(source), front, standardiser),
        )

    def faces(self, detector: str, source: str, path: Path) -> dict:
        """Every face of a picture in a file, best first: box in its pixels, the detector's score, scores by class; and
        the milliseconds of each stage. Raises BadRecording, BadParameter."""
        look, classes = self.face_path(detector, source), self.record["models"][source]["classes"]
        [image], _ = read_face(path, Trained(0.0))
        found = [
            {
                "box": face.box.round(1).tolist(),
                "score": face.score,
                "scores": dict(zip(classes, face.scores.tolist(), strict=True)),
            }
            for face in look(image)
        ]
        return {
            "detector": detector,
            "source": source,
            "faces": found,
            "ms": {k: round(v, 2) for k, v in look.ms.items()},
        }

    def fused(self, answers: list[dict]) -> dict | None:
        """Scores by class of the answers that have any, weighted as their study learned; None for less than two, or if
        classes differ."""
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
