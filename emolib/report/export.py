"""A run's int8 models as a bundle for a device, each with its card."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from emolib import __version__, datasets
from emolib.core.artifacts import Run, digest, record_of, sha256
from emolib.core.errors import BadArtifact, check_names
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.out import check_out, replaced
from emolib.core.paths import read_json
from emolib.datasets import face_boxes
from emolib.device.bundle import PARTS, read_record, studies_of
from emolib.report import cards
from emolib.signals.readers import SignalInfo
from emolib.studies.fusion.study import record_of_fold

DETECTOR, FUSION = "-detector.csv", "-fusion.json"
FILES = (".tflite", ".md", ".keras")  # of a model in a bundle: itself, its card, its network
NOTHING = {part: {} for part in PARTS}


def names_of(run: Run) -> tuple[list[str], list[str]]:
    """Sources of a run that may be exported, and its face detectors; a leaky source is for comparison only. Raises
    BadArtifact where the run has neither."""
    sources = sorted(path.name.removesuffix("-quantize.csv") for path in run.folder.glob("rows/*-*-*-*-quantize.csv"))
    sources = [name for name in sources if Experiment.parse(name).protocol != "leaky"]
    detectors = sorted(path.name.removesuffix(DETECTOR) for path in run.folder.glob(f"rows/*{DETECTOR}"))
    if not sources and not detectors:
        raise BadArtifact(f"{run.folder} holds no models: `make reproduce` first.")
    return sources, detectors


def _entry(run: Run, stem: str, folder: Path, name: str) -> dict:
    """Copy a model's int8 file into the bundle's folder; its name there, its hash, and the run, commit and packages that
    made it."""
    path, file = run.read(f"{stem}-{INT8}.tflite"), f"{name}.tflite"
    shutil.copy(path, folder / file)
    made = record_of(path)
    origin = {"run": run.folder.name, "commit": made["commit"], "versions": made["versions"]}
    return {"file": file, "sha256": sha256(folder / file), **origin}


def _source(run: Run, name: str, fold: int, folder: Path) -> dict:
    """Copy a source's model of one fold and its card; what bundle.json says of it."""
    model, source = model_name(name, fold), Experiment.parse(name)
    arrays = run.arrays(f"data/{name}.npz")
    recorded = {key: arrays[key].tolist() for key in SignalInfo._fields if key in arrays}
    (folder / f"{name}.md").write_text(cards.of_source(run, name, fold))
    return {
        **_entry(run, model, folder, name),
        "modality": source.modality,
        "classes": run.arrays(f"scores/{name}.npz")["classes"].tolist(),
        "recordings": SignalInfo(**recorded)._asdict(),
        "frontend": run.parameters_of(f"data/{name}.npz")["frontend"],
        "standardiser": run.json(f"{model}.json")["standardiser"],
        **({"trust": run.json(f"{model}-trust.json")} if (run.folder / f"{model}-trust.json").is_file() else {}),
        "normalise": run.parameters_of(f"scores/{name}-keras.npz")["normalise"],
        "licence": datasets.get(source.corpus).licence,
        "fold": fold,
    }


def _detector(run: Run, name: str, folder: Path) -> dict:
    """Copy a detector and its card; what bundle.json says of it."""
    table = pd.read_csv(run.read(f"tables/{name}-detector.csv")).set_index("variant")
    corpora = run.parameters_of(f"rows/{name}{DETECTOR}")["corpora"]
    (folder / f"{name}.md").write_text(cards.of_detector(run, name))
    return {
        **_entry(run, f"models/{name}", folder, name),
        "grid": run.json(f"models/{name}-grid.json"),
        "min_score": float(table.min_score[INT8]),
        "licence": "; ".join(face_boxes.get(corpus).licence for corpus in corpora),
    }


def write(
    folder: Path, run: Run, sources: Sequence[str], detectors: Sequence[str], fold: int = 0, record: dict = NOTHING
):
    """Write a bundle's files of these sources and detectors; `record` is what bundle.json says of others in the folder."""
    files = sorted(path.name for path in run.folder.glob(f"models/*{FUSION}"))
    learned = {file.removesuffix(FUSION): record_of_fold(run.json(f"models/{file}"), fold) for file in files}
    made = {
        "models": {name: _source(run, name, fold, folder) for name in sources},
        "detectors": {name: _detector(run, name, folder) for name in detectors},
        "studies": studies_of(learned, sources),
    }
    firsts = {one["modality"]: name for name, one in reversed((record["models"] | made["models"]).items())}
    defaults = dict(sorted((firsts | record.get("defaults", {})).items()))
    parts = {part: dict(sorted((record[part] | made[part]).items())) for part in made}
    record = json.loads(json.dumps({"emolib": __version__, "defaults": defaults, **parts}))
    (folder / "bundle.json").write_text(json.dumps(record | {"self": digest(record)}, indent=1) + "\n")


def _known(out: Path, names: Iterable[str]) -> set[str]:
    """File names of the bundle in `out`: those of the models that it names and, where it is damaged, of `names`."""
    if not (out / "bundle.json").is_file():
        return set()
    with suppress(ValueError, LookupError, TypeError):
        record = read_json(out / "bundle.json")
        names = {*names, *record["models"], *record["detectors"]}
    return {"bundle.json", *(f"{name}{ending}" for name in names for ending in FILES)}


def export(
    results: Path, out: Path, fold: int = 0, with_keras: bool = False, only: Sequence[str] = (), add: bool = False
) -> list[str]:
    """Write the bundle `out` of the run in `results`; the sources and detectors of the run that are in it.

    The models are those of one fold, whose test people are still unseen; <name>.md is the card of each. with_keras:
    <name>.keras is its float32 network, to train on. only: some of the names; add: what the bundle holds of others stays.
    The first source of a modality is its default. Raises BadArtifact, and BadParameter for an `out` that holds something
    else, or a name that the run has not.
    """
    run = Run(results, "export", {"fold": fold})
    sources, detectors = names_of(run)
    out = check_out(out, lambda folder: _known(folder, [*sources, *detectors]))
    if only:
        check_names(only, [*sources, *detectors], "the models of the run")
        sources, detectors = ([name for name in dict.fromkeys(only) if name in part] for part in (sources, detectors))
    with replaced(out) as folder:
        record = NOTHING
        if add and (out / "bundle.json").exists():
            shutil.copytree(out, folder, dirs_exist_ok=True)
            record = read_record(folder / "bundle.json")
            for name in [*sources, *detectors]:
                (folder / f"{name}.keras").unlink(missing_ok=True)  # its other files are written again
        write(folder, run, sources, detectors, fold, record)
        for name in [*sources, *detectors] if with_keras else ():
            stem = f"models/{name}" if name in detectors else model_name(name, fold)
            shutil.copy(run.read(f"{stem}.keras"), folder / f"{name}.keras")
    return [*sources, *detectors]


@contextmanager
def bundle_of(run: Run) -> Iterator[Path]:
    """The run's int8 models as a bundle in a temporary folder; the notebook of `run` has read them."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), run, *names_of(run))
        yield Path(folder)
