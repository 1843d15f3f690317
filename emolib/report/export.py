"""A run's int8 models as a bundle for a device, each with its card."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from emolib import __version__, datasets
from emolib.core.artifacts import Run, record_of, sha256
from emolib.core.errors import BadArtifact, check_names
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.out import check_out, replaced
from emolib.core.paths import read_json
from emolib.datasets import face_boxes
from emolib.device.bundle import PARTS, read_record, studies_of
from emolib.report import cards
from emolib.signals.readers import SignalInfo
from emolib.studies.fusion.study import record_of_fold

ENDING, FUSION = "-detector.csv", "-fusion.json"
FILES = (".tflite", ".md", ".keras")  # of a model in a bundle: itself, its card, its network


def sources(run: Run) -> list[str]:
    """Sources of a run that may be exported: a leaky one is for comparison only."""
    names = sorted(path.name for path in (run.folder / "models").glob("*-*-*-*"))
    return [name for name in names if Experiment.parse(name).protocol != "leaky"]


def detectors(run: Run) -> list[str]:
    """Face detectors of a run."""
    return sorted(path.name.removesuffix(ENDING) for path in (run.folder / "rows").glob(f"*{ENDING}"))


def copied(run: Run, artifact: str, folder: Path, file: str) -> dict:
    """Copy a model into the bundle's folder; its name there, its hash, and the run, commit and packages that made it."""
    path = run.read(artifact)
    shutil.copy(path, folder / file)
    made = record_of(path)
    origin = {"run": run.folder.name, "commit": made["commit"], "versions": made["versions"]}
    return {"file": file, "sha256": sha256(folder / file), **origin}


def entry(run: Run, name: str, fold: int, folder: Path) -> dict:
    """Copy one model into the bundle's folder; what bundle.json says of it."""
    model, source = model_name(name, fold), Experiment.parse(name)
    classes, arrays = run.arrays(f"scores/{name}.npz")["classes"], run.arrays(f"data/{name}.npz")
    recorded = {key: arrays[key].tolist() for key in SignalInfo._fields if key in arrays}
    return {
        **copied(run, f"{model}-{INT8}.tflite", folder, f"{name}.tflite"),
        "modality": source.modality,
        "classes": classes.tolist(),
        "recordings": SignalInfo(**recorded)._asdict(),
        "frontend": run.parameters_of(f"data/{name}.npz")["frontend"],
        "standardiser": run.json(f"{model}.json")["standardiser"],
        "normalise": run.parameters_of(f"scores/{name}-keras.npz")["normalise"],
        "licence": datasets.get(source.corpus).licence,
        "fold": fold,
    }


def detector_entry(run: Run, name: str, folder: Path) -> dict:
    """Copy one detector into the bundle's folder; what bundle.json says of it."""
    table = pd.read_csv(run.read(f"tables/{name}-detector.csv")).set_index("variant")
    corpora = run.parameters_of(f"rows/{name}-detector.csv")["corpora"]
    return {
        **copied(run, f"models/{name}-{INT8}.tflite", folder, f"{name}.tflite"),
        "grid": run.json(f"models/{name}-grid.json"),
        "min_score": float(table.min_score[INT8]),
        "licence": "; ".join(face_boxes.get(corpus).licence for corpus in corpora),
    }


def studies(run: Run, names: Sequence[str], fold: int) -> dict[str, dict]:
    """What the fusion studies of two or more of these sources learned for the models of one fold."""
    files = sorted(path.name for path in run.folder.glob(f"models/*{FUSION}"))
    learned = {file.removesuffix(FUSION): record_of_fold(run.json(f"models/{file}"), fold) for file in files}
    return studies_of(learned, names)


def known(out: Path, names: Iterable[str]) -> set[str]:
    """File names of the bundle in `out`: those of the models that it names and, where it is damaged, of `names`."""
    if not (out / "bundle.json").is_file():
        return set()
    with suppress(ValueError, LookupError, TypeError):
        record = read_json(out / "bundle.json")
        names = {*names, *record["models"], *record["detectors"]}
    return {"bundle.json", *(f"{name}{ending}" for name in names for ending in FILES)}


def fill(folder: Path, run: Run, names: Sequence[str], found: Sequence[str], fold: int, record: dict):
    """Write the files of sources `names` and detectors `found` beside those of `record`, and their cards."""
    made = {
        "models": {name: entry(run, name, fold, folder) for name in names},
        "detectors": {name: detector_entry(run, name, folder) for name in found},
        "studies": studies(run, names, fold),
    }
    parts = {part: dict(sorted((record[part] | made[part]).items())) for part in made}
    firsts = {one["modality"]: name for name, one in reversed((record["models"] | made["models"]).items())}
    defaults = dict(sorted((firsts | record.get("defaults", {})).items()))
    text = json.dumps({"emolib": __version__, "defaults": defaults, **parts}, indent=1)
    (folder / "bundle.json").write_text(text + "\n")
    for name in names:
        (folder / f"{name}.md").write_text(cards.of_source(run, name, fold))
    for name in found:
        (folder / f"{name}.md").write_text(cards.of_detector(run, name))


def export(
    results: Path,
    out: Path,
    fold: int = 0,
    with_keras: bool = False,
    only: Sequence[str] = (),
    add: bool = False,
) -> list[str]:
    """Write the bundle `out` of the run in `results`; the sources and detectors of the run that are in it.

    The models are those of one fold, whose test people are still unseen; <name>.md is the card of each. with_keras:
    <name>.keras is its float32 network, to train on. only: some of the names; add: what the bundle holds of others stays.
    The first source of a modality is its default. Raises BadArtifact, and BadParameter for an `out` that holds something
    else, or a name that the run has not.
    """
    run = Run(results, "export", {"fold": fold})
    names, found = sources(run), detectors(run)
    if not names and not found:
        raise BadArtifact(f"{run.folder} holds no models: `make reproduce` first.")
    out = check_out(out, lambda folder: known(folder, [*names, *found]))
    if only:
        check_names(only, [*names, *found], "the models of the run")
        names, found = ([name for name in dict.fromkeys(only) if name in part] for part in (names, found))
    with replaced(out) as folder:
        record = {part: {} for part in PARTS}
        if add and (out / "bundle.json").exists():
            shutil.copytree(out, folder, dirs_exist_ok=True)
            record = read_record(folder / "bundle.json")
            for name in [*names, *found]:
                for ending in FILES:
                    (folder / f"{name}{ending}").unlink(missing_ok=True)
        fill(folder, run, names, found, fold, record)
        for name in [*names, *found] if with_keras else ():
            stem = f"models/{name}" if name in found else model_name(name, fold)
            shutil.copy(run.read(f"{stem}.keras"), folder / f"{name}.keras")
    return [*names, *found]


@contextmanager
def bundle_of(run: Run) -> Iterator[Path]:
    """The run's int8 models as a bundle in a temporary folder; the notebook of `run` has read them."""
    found = detectors(run)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        for name in export(run.folder, bundle):
            run.read(
                f"models/{name}-{INT8}.tflite" if name in found else f"{model_name(name, 0)}-{INT8}.tflite"
            )
        yield bundle
