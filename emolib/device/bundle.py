"""A bundle: int8 models and what they need, as a folder that a device opens. numpy and an interpreter alone.

`bundle.json` holds, of each model, its file with sha256, classes, the recordings that it was trained on, front end,
standardiser and the licence of its data; of each face detector its file with sha256, grid and least score; what each
fusion study learned; and `defaults`, the model of each modality that answers where none is picked.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath

import numpy as np

from emolib.core.errors import BadArtifact, BadParameter, check_names
from emolib.core.paths import models_folder, read_json
from emolib.device.faces import Classifier, Detector, FacePath
from emolib.device.interpreter import Model
from emolib.device.owner import Owner
from emolib.device.pipeline import Pipeline
from emolib.fusion.reliability import statistics
from emolib.fusion.trust import Trust
from emolib.fusion.weighing import Fusion
from emolib.signals.boxes import Grid
from emolib.signals.readers import SignalInfo, read_face, read_recording

MOST_HZ = 1e6  # of recordings
PARTS = {"models", "detectors", "studies"}
DETECTOR = "face detector"


def read_record(path: Path) -> dict:
    """What bundle.json says. Raises BadArtifact where it is missing, damaged, or of an older emolib."""
    again = f"export again: `emolib export results/<run> --out {path.parent}`."
    if not path.is_file():
        raise BadArtifact(f"{path} is missing, expected a bundle: {again}")
    try:
        record = read_json(path)
        _check(record)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{path} is damaged ({reason}), expected what export wrote: {again}") from error
    return record


def _check(record: dict):
    """Build everything that the entries describe. Raises as their classes do, and ValueError for what they let pass."""
    for name, entry in record["models"].items():
        Pipeline(name, entry, None)
        sfreq = entry["recordings"]["sfreq"]
        if not 0 <= sfreq < MOST_HZ or not isinstance(entry["classes"], list):
            raise ValueError(f"recordings at {sfreq} Hz, classes {entry['classes']}")
    for entry in record["detectors"].values():
        Grid(**entry["grid"])
        float(entry["min_score"])
    for study in record["studies"].values():
        Fusion.of_study(study, list(study["sources"]))
    for modality, name in record.get("defaults", {}).items():
        if record["models"][name]["modality"] != modality:
            raise ValueError(f"{name} as the default of {modality}")
    entries = [*record["models"].values(), *record["detectors"].values()]
    for entry in entries:
        if PurePath(entry["file"]).name != entry["file"]:
            raise ValueError(f"file {entry['file']}, expected one in the bundle")
    if not entries or any({"sha256", "licence", "versions"} - entry.keys() for entry in entries):
        raise ValueError("models without sha256, licence or versions, or none at all")


class Bundle:
    """Raises BadArtifact where a file is missing or not the one that was exported."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.record = read_record(self.folder / "bundle.json")
        self.models, self.studies = self.record["models"], self.record["studies"]
        for entry in chain(self.models.values(), self.record["detectors"].values()):
            path, expected = self.folder / entry["file"], entry["sha256"]
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
            if found != expected:
                why = f"{found[:12]}, expected {expected[:12]}"
                raise BadArtifact(f"{path} is not the file that was exported ({why}): export again.")

    def sources_of(self, modality: str) -> list[str]:
        return [name for name, entry in self.models.items() if entry["modality"] == modality]

    def source(self, what: str, names: Sequence[str] = ()) -> str:
        """The source of a modality, or the "face detector": the one among `names`, else the default or the only one.
        Raises BadParameter."""
        check_names(names, [*self.models, *self.record["detectors"]], "the bundle")
        known = list(self.record["detectors"]) if what == DETECTOR else self.sources_of(what)
        default = self.record.get("defaults", {}).get(what)
        wanted = [key for key in known if key in names] or ([default] if default else known)
        if len(wanted) != 1:
            hint = "pick it with --model" if known else "take another bundle"
            raise BadParameter(f"{what}: the bundle has {', '.join(known) or 'none'}, expected one: {hint}.")
        return wanted[0]

    def sources(self, modalities: Sequence[str] = (), names: Sequence[str] = ()) -> dict[str, str]:
        """The source of each modality, by default of all. Of several it is the one among `names`, else that of the first
        study that has one of each modality, else the default. Raises BadParameter."""
        wanted = list(modalities) or list(dict.fromkeys(entry["modality"] for entry in self.models.values()))
        for study in self.studies.values():
            found = {name: set(self.sources_of(name)) & study["sources"].keys() for name in wanted}
            if not names and all(len(known) == 1 for known in found.values()):
                return {modality: known.pop() for modality, known in found.items()}
        return {modality: self.source(modality, names) for modality in wanted}

    def model(self, name: str, threads: int = 1) -> Model:
        """The network of a source or detector. Raises BadArtifact, with the versions that it was made with, where the
        interpreter here does not open it."""
        entry = self.models.get(name) or self.record["detectors"][name]
        try:
            model = Model(self.folder / entry["file"], threads=threads)
        except BadArtifact as error:
            made = ", ".join(f"{name} {version}" for name, version in entry["versions"].items())
            hint = "an older interpreter may lack its operators"
            raise BadArtifact(f"{error} Made with {made}: {hint}.") from error
        n_outputs, classes = model.runner.output.shape[-1], entry.get("classes")
        if classes and n_outputs != len(classes):
            raise BadArtifact(f"{model.name} has {n_outputs} outputs for {len(classes)} classes: export again.")
        return model

    def pipeline(self, source: str, threads: int = 1) -> Pipeline:
        """Front end, standardiser and network of a source."""
        return Pipeline(source, self.models[source], self.model(source, threads))

    def fusion(self, sources: Sequence[str]) -> Fusion | None:
        """How these sources are fused: as the first study that has them all learned. Without such a study all count
        alike, or, where their classes differ, there is no fusion (None)."""
        study = next((each for each in self.studies.values() if each["sources"].keys() >= set(sources)), None)
        if study and len(sources) > 1:
            return Fusion.of_study(study, sources)
        classes = {tuple(self.models[name]["classes"]) for name in sources}
        temperatures = {name: Trust.from_dict(self.models[name].get("trust", {})).temperature for name in sources}
        return Fusion.equal(classes.pop(), temperatures) if len(classes) == 1 else None

    def answer(self, recordings: Mapping[str, Path], names: Sequence[str] = (), owner: Owner | None = None) -> dict:
        """What the bundle says of one recording, in a file, of each modality. Raises BadRecording, BadParameter.

        By modality: rate, windows used and dropped, state ("ok", or why there are no scores), scores by class (mean over
        windows, calibrated) or None, whether more than half of the windows are unfamiliar, milliseconds without the reading; of a model that learns its owner, windows heard before. "fused": their scores together, None where less than two
        modalities have scores, or no study maps their classes to each other.
        """
        sources, answers, votes, owner = self.sources(list(recordings), names), {}, {}, owner or Owner()
        fusion = self.fusion(list(sources.values()))
        for modality, source in sources.items():
            pipeline = self.pipeline(source)
            pieces, sfreq = read_recording(modality, recordings[modality], pipeline.trained)
            start = time.perf_counter()
            about = {"source": source, "sfreq": sfreq}
            if pipeline.learns:
                about["heard"] = round(owner.known(source, pipeline.standardiser).n)
            X, dropped = pipeline.windows(pieces, sfreq, owner)
            about |= {"windows": len(X), "dropped": dropped}
            if not len(X):
                answers[modality] = about | {"state": f"dropped: {', '.join(dropped)}", "scores": None}
                continue
            scores = pipeline.scores(X)
            about |= {"state": "ok", "scores": by_class(pipeline.classes, pipeline.trust.told(scores).mean(axis=0))}
            about["unfamiliar"] = pipeline.trust.unfamiliar(X, scores)
            answers[modality] = about | {"ms": round(1e3 * (time.perf_counter() - start), 2)}
            if fusion:
                votes[source] = fusion.members[source].vote(scores, statistics(X))
        fused, _ = fusion.fuse(votes) if len(votes) > 1 else (None, {})
        return answers | {"fused": None if fused is None else by_class(fusion.classes, fused)}

    def face_path(self, pipeline: Pipeline, names: Sequence[str] = ()) -> FacePath | None:
        """Detector and face pipeline as one function of a picture; None where the bundle has no detector. Raises
        BadParameter where it has several, or for a pipeline that needs a recording of the person first."""
        if not self.record["detectors"]:
            return None
        pipeline.check_faces()
        name = self.source(DETECTOR, names)
        found = self.record["detectors"][name]
        looks = Detector(self.model(name), Grid(**found["grid"]), found["min_score"])
        return FacePath(looks, Classifier(pipeline.model, pipeline.seen, pipeline.standardiser))

    def faces(self, names: Sequence[str], path: Path) -> dict:
        """Every face of a picture in a file, best first (box in its pixels, the detector's score, scores by class), and
        the milliseconds of each stage. `names`: of detector and source. Raises BadRecording, BadParameter."""
        detector, pipeline = self.source(DETECTOR, names), self.pipeline(self.source("face", names))
        face_path, found = self.face_path(pipeline, names), []
        [image], _ = read_face(path, SignalInfo(0.0))
        for face in face_path(image):
            about = {"scores": by_class(pipeline.classes, pipeline.trust.told(face.scores))}
            about["unfamiliar"] = pipeline.trust.unfamiliar(face.X[None], face.scores[None])
            found.append({"box": face.box.round(1).tolist(), "score": face.score} | about)
        ms = {stage: round(taken, 2) for stage, taken in face_path.ms.items()}
        return {"detector": detector, "source": pipeline.source, "faces": found, "ms": ms}


def pretrained() -> Bundle:
    """The bundle of all pretrained models and face detectors. Raises BadArtifact where it was not installed."""
    folder = models_folder()
    if not (folder / "bundle.json").is_file():
        raise BadArtifact(
            f"{folder} holds no models, expected those that come with emolib: install from a checkout, or export a run."
        )
    return Bundle(folder)


def load_pretrained(name: str, threads: int = 1) -> Pipeline:
    """Front end, standardiser and int8 network of a model: "speech-emodb", or other words of its name.

    `windows(pieces, sfreq)` makes windows of recordings, `scores(X)` their scores (n_windows, n_classes) in the
    order of `classes`. Raises BadParameter where no model or several fit, BadArtifact where a file is damaged.
    """
    bundle, words = pretrained(), set(name.split("-"))
    found = [each for each in bundle.models if words <= set(each.split("-"))]
    if len(found) != 1:
        fits = f"{name} fits {', '.join(found) or 'none'} of the pretrained models"
        raise BadParameter(f"{fits}, expected one: `emolib models` lists them.")
    return bundle.pipeline(found[0], threads)


def by_class(classes: Sequence[str], scores: np.ndarray) -> dict[str, float]:
    return dict(zip(classes, scores.tolist(), strict=True))


def studies_of(studies: Mapping[str, dict], names: Iterable[str]) -> dict[str, dict]:
    """The studies that fuse two or more of the sources `names`."""
    return {study: each for study, each in studies.items() if len(each["sources"].keys() & set(names)) > 1}
