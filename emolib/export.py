"""A run's int8 models as a bundle for a device, each with its card."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emolib import __version__, cards, datasets
from emolib.artifacts import Run, git_commit, record_of, sha256
from emolib.datasets import face_boxes
from emolib.errors import BadArtifact, BadParameter
from emolib.fusion import deployed
from emolib.runtime.readers import KINDS, Trained
from emolib.sources import INT8, Source, model_name

ENDING, FUSION = "-detector-summary.json", "-fusion.json"


def sources(run: Run) -> list[str]:
    """Sources of a run that may be exported: a leaky one is for comparison only."""
    names = sorted(path.name for path in (run.folder / "models").glob("*-*-*-*"))
    honest = [name for name in names if Source.parse(name).protocol != "leaky"]
    return honest


def detectors(run: Run) -> list[str]:
    """Face detectors of a run."""
    return sorted(path.name.removesuffix(ENDING) for path in (run.folder / "scores").glob(f"*{ENDING}"))


def recordings(run: Run, name: str) -> Trained:
    """What the recordings of a source were. Raises BadArtifact for windows of an emolib that did not say it."""
    path = run.read(f"data/{name}.npz")
    with np.load(path, allow_pickle=False) as arrays:
        about = {key: arrays[key].tolist() for key in Trained._fields if key in arrays}
    if "kind" not in about and Source.parse(name).modality in KINDS:
        raise BadArtifact(
            f"{path} does not say what was recorded, expected kind and channels: "
            "run 01_windows.ipynb again, or `make reproduce FORCE=windows`."
        )
    return Trained(**about)


def copied(run: Run, artifact: str, folder: Path, file: str) -> dict:
    """Copy a model into the bundle's folder; its name there, its hash, and the packages that made it."""
    path = run.read(artifact)
    shutil.copy(path, folder / file)
    return {"file": file, "sha256": sha256(folder / file), "versions": record_of(path)["versions"]}


def entry(run: Run, name: str, fold: int, folder: Path) -> dict:
    """Copy one model into the bundle's folder; what bundle.json says of it."""
    model, source = model_name(name, fold), Source.parse(name)
    with_classes = run.arrays(f"scores/{name}.npz")
    return {
        **copied(run, f"{model}-{INT8}.tflite", folder, f"{name}.tflite"),
        "modality": source.modality,
        "classes": with_classes["classes"].tolist(),
        "recordings": recordings(run, name)._asdict(),
        "frontend": run.parameters_of(f"data/{name}.npz")["frontend"],
        "standardiser": json.loads(run.read(f"{model}.json").read_text())["standardiser"],
        "normalise": run.parameters_of(f"scores/{name}-keras.npz")["normalise"],
        "licence": datasets.get(source.corpus).licence,
        "fold": fold,
    }


def detector_entry(run: Run, name: str, folder: Path) -> dict:
    """Copy one detector into the bundle's folder; what bundle.json says of it."""
    table = pd.read_csv(run.read(f"tables/{name}-detector.csv")).set_index("variant")
    corpora = run.parameters_of(f"scores/{name}-detector-summary.json")["corpora"]
    return {
        **copied(run, f"models/{name}-{INT8}.tflite", folder, f"{name}.tflite"),
        "grid": run.json(f"models/{name}-grid.json"),
        "min_score": float(table.min_score[INT8]),
        "licence": "; ".join(face_boxes.get(corpus).licence for corpus in corpora),
    }


def studies(run: Run, fold: int) -> dict[str, dict]:
    """What each fusion study of the run learned for the models of one fold."""
    found = sorted(path.name for path in run.folder.glob(f"models/*{FUSION}"))
    return {name.removesuffix(FUSION): deployed.of_fold(run.json(f"models/{name}"), fold) for name in found}


def check_out(out: Path):
    """Raises BadParameter where `out` is a file, or a folder that holds something else than a bundle."""
    if out.exists() and not out.is_dir():
        raise BadParameter(f"--out: {out} is a file, expected a folder: choose another name.")
    if out.exists() and any(out.iterdir()) and not (out / "bundle.json").exists():
        raise BadParameter(f"--out: {out} is not empty and no bundle: choose another folder.")


def beside(out: Path) -> tempfile.TemporaryDirectory:
    """A temporary folder in the one of `out`, which is made. Raises BadParameter where that cannot be."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=out.parent)
    except OSError as error:
        raise BadParameter(
            f"--out: {out.parent} cannot be written ({error.strerror}): choose another folder."
        ) from error


def fill(folder: Path, run: Run, names: Sequence[str], found: Sequence[str], fold: int):
    """Write the files of a bundle of sources `names` and detectors `found`, and their cards."""
    record = {
        "emolib": __version__,
        "run": run.folder.name,
        "commit": git_commit(),
        "models": {name: entry(run, name, fold, folder) for name in names},
        "detectors": {name: detector_entry(run, name, folder) for name in found},
        "studies": studies(run, fold),
    }
    (folder / "bundle.json").write_text(json.dumps(record, indent=1) + "\n")
    pages = {name: cards.of_source(run, name, fold) for name in names}
    pages |= {name: cards.of_detector(run, name) for name in found}
    for name, page in pages.items():
        (folder / f"{name}.md").write_text(page)


def export(results: Path, out: Path, fold: int = 0, with_keras: bool = False) -> list[str]:
    """Write the bundle `out` of the run in `results`; the sources and detectors in it.

    The models are those of one fold, so that their test people are still unseen. <name>.md is the card of each;
    with_keras: <name>.keras is its float32 network, to train on. Raises BadArtifact for altered artifacts,
    BadParameter where `out` is no folder to write, or holds something else.
    """
    out = out.resolve()
    check_out(out)
    run = Run(results, "export", {"fold": fold})
    names, found = sources(run), detectors(run)
    if not names and not found:
        raise BadArtifact(f"{run.folder} holds no models: `make reproduce` first.")
    with beside(out) as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        fill(folder, run, names, found, fold)
        for name in [*names, *found] if with_keras else ():
            stem = f"models/{name}" if name in found else model_name(name, fold)
            shutil.copy(run.read(f"{stem}.keras"), folder / f"{name}.keras")
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
    return [*names, *found]
