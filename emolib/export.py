"""A run's int8 models as a bundle for a device."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from emolib import __version__
from emolib.artifacts import Run, git_commit, sha256
from emolib.errors import BadArtifact, BadParameter
from emolib.runtime.readers import KINDS, Trained
from emolib.sources import INT8, Source, model_name


def sources(run: Run) -> list[str]:
    """Sources of a run that may be exported: a leaky one is for comparison only. Raises BadArtifact."""
    names = sorted(path.name for path in (run.folder / "models").glob("*-*-*-*"))
    honest = [name for name in names if Source.parse(name).protocol != "leaky"]
    if not honest:
        raise BadArtifact(f"{run.folder} holds no models: `make reproduce` first.")
    return honest


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


def entry(run: Run, name: str, fold: int, folder: Path) -> dict:
    """Copy one model into the bundle's folder; what bundle.json says of it."""
    model = model_name(name, fold)
    file = f"{name}.tflite"
    shutil.copy(run.read(f"{model}-{INT8}.tflite"), folder / file)
    with_classes = run.arrays(f"scores/{name}.npz")
    return {
        "file": file,
        "sha256": sha256(folder / file),
        "modality": Source.parse(name).modality,
        "classes": with_classes["classes"].tolist(),
        "recordings": recordings(run, name)._asdict(),
        "frontend": run.parameters_of(f"data/{name}.npz")["frontend"],
        "standardiser": json.loads(run.read(f"{model}.json").read_text())["standardiser"],
        "normalise": run.parameters_of(f"scores/{name}-keras.npz")["normalise"],
        "fold": fold,
    }


def weights(run: Run) -> dict[str, dict[str, float]]:
    """Mean weight of each source over the folds, by study."""
    found = {}
    for path in sorted(run.folder.glob("tables/*-weights.csv")):
        study = path.stem.removesuffix("-weights")
        table = pd.read_csv(run.read(f"tables/{path.name}"))
        mean = table[table.rule == "weighted"].groupby("modality").weight.mean()
        names = run.parameters_of(f"scores/{study}-summary.json")["sources"]
        found[study] = {name: float(mean[Source.parse(name).modality]) for name in names}
    return found


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


def export(results: Path, out: Path, fold: int = 0) -> list[str]:
    """Write the bundle `out` of the run in `results`; the sources in it.

    The models are those of one fold, so that their test people are still unseen. Raises BadArtifact for altered
    artifacts, BadParameter where `out` is no folder to write, or holds something else.
    """
    out = out.resolve()
    check_out(out)
    run = Run(results, "export", {"fold": fold})
    names = sources(run)
    with beside(out) as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        record = {
            "emolib": __version__,
            "run": results.name,
            "commit": git_commit(),
            "models": {name: entry(run, name, fold, folder) for name in names},
            "weights": weights(run),
        }
        (folder / "bundle.json").write_text(json.dumps(record, indent=1) + "\n")
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
    return names
