"""A bundle: int8 models and what they need, as a folder that a device opens. numpy and an interpreter alone.

`bundle.json` holds, of each model, its file with sha256, classes, the recordings that it was trained on, front end,
standardiser and the licence of its data; of each face detector its file with sha256, grid and least score; what each
fusion study learned; `defaults`, the model of each modality that answers where none is picked; and `self`, a digest of all this,
which bundles of older versions lack.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from emolib.core.artifacts import digest
from emolib.core.errors import BadArtifact, BadParameter, EmolibError, check_names
from emolib.core.paths import models_folder, read_json
from emolib.device.faces import Classifier, Detector, FacePath
from emolib.device.interpreter import Model
from emolib.device.owner import Owner
from emolib.device.pipeline import Pipeline
from emolib.fusion.reliability import statistics
from emolib.fusion.trust import Trust
from emolib.fusion.weighing import Fusion
from emolib.signals.boxes import Grid
from emolib.signals.readers import read_face, read_recording

# Least and most of the manifest's numbers by name, whole ones where the least is whole: beyond, a window takes all memory
WHOLE = dict.fromkeys(("n_fft", "hop"), (16, 8192)) | {"n_mels": (1, 512), "n_mfcc": (0, 512), "size": (8, 512)}
WHOLE |= {"axis": (-3, 3), "n_cells": (1, 256), "n_boxes": (1, 16)}
BOUNDS = WHOLE | dict.fromkeys(("window_s", "hop_s", "step_s"), (0.05, 600.0))
BOUNDS |= dict.fromkeys(("fmin", "fmax"), (0.0, 1e5))
BOUNDS |= dict.fromkeys(("max_gap_s", "max_flat_s"), (0.0, 600.0)) | {"sfreq": (0.0, 1e6), "sfreq_out": (0.1, 1000.0)}
BOUNDS |= dict.fromkeys(("min_cover", "min_score", "reach"), (0.0, 1.0)) | {"silence_db": (-300.0, 0.0)}
BOUNDS |= {"weight": (0.0, 1e6), "temperature": (1e-3, 1e3), "limit": (0.0, 1e9), "pairs": (0, 1000)}
BOUNDS |= {None: (-1e12, 1e12)}  # any other
LONGEST_TEXT = 1000
PARTS = {"models", "detectors", "studies"}
DETECTOR = "face detector"


def read_record(path: Path) -> dict:
    """What bundle.json says. Raises BadArtifact where it is missing, damaged, or of an older emolib."""
    again = f"export again: `emolib export results/<run> --out {path.parent}`."
    if not path.is_file():
        raise BadArtifact(f"{path} is missing, expected a bundle: {again}")
    try:
        record = read_json(path)
        if record.get("self", own := digest(record)) != own:
            raise ValueError("it was altered after it was written")
        _bounded(record)
        _check(record)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EmolibError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{path} is damaged ({reason}), expected what export wrote: {again}") from error
    return record


def _bounded(value, name: str = ""):
    """Raises ValueError or TypeError for a number of the manifest that is out of its bounds, or no number where one belongs."""
    if isinstance(value, dict) and name not in BOUNDS:
        for key, each in value.items():
            _bounded(each, key)
    elif isinstance(value, list) and (name not in BOUNDS or name == "pairs"):
        for each in value:
            _bounded(each, name)
    elif name not in BOUNDS and isinstance(value, str | bool | None):
        if len(str(value)) > LONGEST_TEXT:
            raise ValueError(f"{name}: a text of {len(value)} characters, expected {LONGEST_TEXT} at most")
    elif value is not None or name not in ("fmax", "axis"):
        least, most = BOUNDS.get(name, BOUNDS[None])
        if isinstance(value, bool) or (name in WHOLE and not isinstance(value, int)) or not least <= value <= most:
            raise ValueError(f"{name}: got {value!r:.40}, expected {least:g} to {most:g}")


def _check(record: dict):
    """Build everything that the entries describe. Raises as their classes do, and ValueError for what they let pass."""
    for name, entry in record["models"].items():
        fitted = Pipeline(name, entry, None).standardiser
        shapes = {getattr(fitted, part).shape for part in ("mean", "std", "within") if hasattr(fitted, part)}
        if len(shapes) != 1 or len(*shapes) != (fitted.axis is not None):
            raise ValueError(f"a standardiser of shapes {shapes}")
        _classes(entry["classes"])
    for entry in record["detectors"].values():
        Grid(**entry["grid"])
        float(entry["min_score"])
    for study in record["studies"].values():
        fusion = Fusion.of_study(study, list(study["sources"]))
        _classes(study["classes"])
        for name, member in fusion.members.items():
            expected = (
                len(record["models"][name]["classes"] if name in record["models"] else member.to_task),
                len(fusion.classes),
            )
            if member.to_task.shape != expected:
                raise ValueError(f"to_task of {name} is {member.to_task.shape}, expected {expected}")
            vote = member.vote(np.full((1, expected[0]), 1 / expected[0]), np.ones((1, 5)))
            if not (np.isfinite(vote.scores).all() and 0 <= vote.trust <= 1):
                raise ValueError(f"{name} votes {vote}")
    for modality, name in record.get("defaults", {}).items():
        if record["models"][name]["modality"] != modality:
            raise ValueError(f"{name} as the default of {modality}")
    entries = [*record["models"].values(), *record["detectors"].values()]
    for entry in entries:
        if PurePath(entry["file"]).name != entry["file"]:
            raise ValueError(f"file {entry['file']}, expected one in the bundle")
        kinds = [
            isinstance(entry[name], kind) for name, kind in (("sha256", str), ("licence", str), ("versions", dict))
        ]
        if not all(kinds):
            raise ValueError(
                f"sha256 {entry['sha256']}, licence {entry['licence']}, expected texts, and versions by name"
            )
    if not entries:
        raise ValueError("no models at all")


def _classes(classes):
    if (
        not classes
        or not isinstance(classes, list)
        or not all(isinstance(name, str) for name in classes)
        or len({*classes}) < len(classes)
    ):
        raise ValueError(f"classes {classes}, expected a list of different names")


class Bundle:
    """Raises BadArtifact where a file is missing or not the one that was exported."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.record = read_record(self.folder / "bundle.json")
        self.models, self.studies = self.record["models"], self.record["studies"]
        self.contents = {}  # of the files, by model or detector: what was hashed is what is opened
        for name, entry in (self.models | self.record["detectors"]).items():
            path, expected = self.folder / entry["file"], entry["sha256"]
            self.contents[name] = path.read_bytes() if path.is_file() else b""
            if (found := hashlib.sha256(self.contents[name]).hexdigest()) != expected:
                why = f"{found[:12]}, expected {expected[:12]}" if path.is_file() else "it is missing"
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
            model = Model(self.contents[name], threads=threads, name=str(self.folder / entry["file"]))
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
            recording = read_recording(modality, recordings[modality], pipeline.trained)
            sfreq = recording.sfreq
            start = time.perf_counter()
            about = {"source": source, "sfreq": sfreq}
            if pipeline.learns:
                about["heard"] = round(owner.known(source, pipeline.standardiser).n)
            X, dropped = pipeline.windows(list(recording.stretches.values()), sfreq, owner)
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
        for face in face_path(read_face(path).data):
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
