"""Every fold of a source: trained once, kept on disk, converted, scored. A killed run goes on at its fold."""

import json
from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from emolib import metrics, splits
from emolib.artifacts import Run
from emolib.compression.ptq import convert
from emolib.datasets.base import EmotionSet
from emolib.errors import BadParameter
from emolib.fusion.scores import softmax, trial_scores
from emolib.runtime.interpreter import Model
from emolib.signals.standardise import Standardiser, by_subject
from emolib.sources import model_name
from emolib.splits import Fold
from emolib.training import Trainer, part

NORMALISATIONS = ("train", "subject")
LEVELS = ("window", "trial")
METRICS = ("uar", "accuracy", "macro_f1", "ece")


def prepared(data: EmotionSet, normalise: str, axis: int | None) -> EmotionSet:
    """The set as the standardisers see it: "train" leaves it, "subject" standardises within each person.

    "subject" uses all of a person's windows without their labels: it needs a recording of that person first.
    Raises BadParameter for another way.
    """
    if normalise not in NORMALISATIONS:
        raise BadParameter(f"normalise: got {normalise!r}, expected {' or '.join(NORMALISATIONS)}.")
    if normalise == "train":
        return data
    return part(data, np.arange(len(data.y)), lambda X: by_subject(X, data.subject, axis))


def train_fold(run: Run, name: str, trainer: Trainer, data: EmotionSet, fold: Fold, axis: int | None) -> dict:
    """The history of one fold; writes <name>.keras and <name>.json (standardiser, history), or finds them."""
    if run.is_current(f"{name}.keras") and run.is_current(f"{name}.json"):
        return json.loads((run.folder / f"{name}.json").read_text())["history"]
    standardiser = Standardiser.fit(data.X[fold.train], axis)
    train, val = (part(data, rows, standardiser) for rows in (fold.train, fold.val))
    history = trainer.fit(train, val, fold.name)
    with run.write(f"{name}.keras") as path:
        trainer.model.save(path)
    with run.write(f"{name}.json") as path:
        path.write_text(json.dumps({"standardiser": standardiser.to_dict(), "history": history}))
    return history


def load_fold(run: Run, name: str) -> tuple[keras.Model, Standardiser]:
    """Model and standardiser that `train_fold` wrote."""
    record = json.loads(run.read(f"{name}.json").read_text())
    return keras.models.load_model(run.read(f"{name}.keras")), Standardiser.from_dict(record["standardiser"])


def convert_fold(
    run: Run, name: str, data: EmotionSet, fold: Fold, variants: Sequence[str], n_calibration: int, seed: int
) -> dict[str, np.ndarray]:
    """Logits (n_val + n_test, n_classes) of each variant on litert; writes <name>-<variant>.tflite, or finds it."""
    model, standardiser = load_fold(run, name)
    rows = splits.calibration(data, fold, n_calibration, seed)
    X = standardiser(data.X[np.concatenate([fold.val, fold.test])])
    logits = {}
    for variant in variants:
        file, calibration = f"{name}-{variant}.tflite", rows.tolist()
        if not run.is_current(file, calibration=calibration):
            content = convert(model, variant, standardiser(data.X[rows]), data.y[rows])
            with run.write(file, calibration=calibration) as path:
                path.write_bytes(content)
        with Model(run.folder / file) as interpreter:
            logits[variant] = interpreter.predict(X)
    return logits


def score_columns(data: EmotionSet, folds: Sequence[Fold]) -> dict[str, np.ndarray]:
    """fold, part, y, subject and trial of every val and test window of every fold, in the order of their scores."""
    rows = np.concatenate([np.concatenate([fold.val, fold.test]) for fold in folds])
    k = np.repeat(np.arange(len(folds)), [len(fold.val) + len(fold.test) for fold in folds])
    parts = np.concatenate([np.repeat(["val", "test"], [len(f.val), len(f.test)]) for f in folds])
    columns = {name: getattr(data, name)[rows] for name in ("y", "subject", "trial")}
    return {"fold": k, "part": parts, "classes": np.array(data.classes), **columns}


def train_folds(
    run: Run, source: str, trainer: Trainer, data: EmotionSet, folds: Sequence[Fold], axis: int | None
) -> list[dict]:
    """The history of every fold."""
    return [train_fold(run, model_name(source, k), trainer, data, f, axis) for k, f in enumerate(folds)]


def keras_scores(run: Run, source: str, data: EmotionSet, folds: Sequence[Fold]) -> np.ndarray:
    """Scores (n_rows, n_classes) of the Keras models, in the order of `score_columns`."""
    logits, traced = [], None
    for k, fold in enumerate(tqdm(folds, desc="score", leave=False)):
        model, standardiser = load_fold(run, model_name(source, k))
        traced = traced or model  # one graph for all folds
        traced.set_weights(model.get_weights())
        X = standardiser(data.X[np.concatenate([fold.val, fold.test])])
        logits.append(traced.predict(X, batch_size=256, verbose=0))
    return softmax(np.concatenate(logits))


def convert_folds(
    run: Run,
    source: str,
    data: EmotionSet,
    folds: Sequence[Fold],
    variants: Sequence[str],
    n_calibration: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Scores (n_rows, n_classes) of each variant, in the order of `score_columns`."""
    found, branches = [], [run.branch() for _ in folds]
    for k, fold in enumerate(tqdm(folds, desc="convert")):
        name = model_name(source, k)
        found.append(convert_fold(branches[k], name, data, fold, variants, n_calibration, seed))
    for branch in branches:
        run.inputs |= branch.inputs
    return {variant: softmax(np.concatenate([logits[variant] for logits in found])) for variant in variants}


def check_level(level: str):
    """Raise BadParameter for something else than LEVELS to count as one answer."""
    if level not in LEVELS:
        raise BadParameter(f"level: got {level!r}, expected {' or '.join(LEVELS)}.")


def test_scores(columns: dict[str, np.ndarray], scores: np.ndarray, level: str) -> dict[str, np.ndarray]:
    """y, subject and scores of the test rows, by window or averaged over the windows of each trial and fold.

    Raises BadParameter for another level.
    """
    check_level(level)
    test = columns["part"] == "test"
    y, subject, scores = columns["y"][test], columns["subject"][test], scores[test]
    if level == "trial":
        names = np.char.add(np.char.add(columns["fold"][test].astype(str), "/"), columns["trial"][test])
        _, first, scores = trial_scores(scores, names)
        y, subject = y[first], subject[first]
    return {"y": y, "scores": scores, "subject": subject}


def by_person(test: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same answers for a table per subject: one row for all where each has a subject of its own (FER2013)."""
    if len(np.unique(test["subject"])) < len(test["y"]):
        return test
    return {**test, "subject": np.full(len(test["y"]), "all (identities unknown)")}


def evaluated(columns: dict[str, np.ndarray], scores: dict[str, np.ndarray], level: str) -> pd.DataFrame:
    """One row per variant: n, and uar, accuracy, macro_f1, ece, each with its 95 % interval over subjects, and auc."""
    rows = []
    for variant, of_variant in scores.items():
        test = test_scores(columns, of_variant, level)
        row, intervals = {"variant": variant, "n": len(test["y"])}, metrics.evaluate(**test)
        for metric in METRICS:
            found = intervals[metric]
            row |= {metric: found.value, f"{metric}_low": found.low, f"{metric}_high": found.high}
        row["auc"] = metrics.auc(test["y"], test["scores"])
        rows.append(row)
    return pd.DataFrame(rows)


def majority_scores(data: EmotionSet, folds: Sequence[Fold]) -> np.ndarray:
    """Scores of always giving each fold's most frequent training class, in the order of `score_columns`."""
    n_classes = len(data.classes)
    given = [np.bincount(data.y[fold.train], minlength=n_classes).argmax() for fold in folds]
    return np.eye(n_classes)[np.repeat(given, [len(fold.val) + len(fold.test) for fold in folds])]
