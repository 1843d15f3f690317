"""Cross-validation: every fold is trained once, kept on disk and scored. A killed run goes on at its fold."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment, model_name
from emolib.core.windows import scratch
from emolib.datasets import splits, windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax, trial_scores
from emolib.signals import standardisers
from emolib.signals.frontend import FRONT_ENDS
from emolib.signals.owner import Heard
from emolib.signals.standardise import Standardiser, by_subject
from emolib.signals.standardisers import ByBranch

if TYPE_CHECKING:  # these import TensorFlow
    import keras

    from emolib.models.training import Trainer

Axis = int | None | dict[str, int | None]  # of the features; where a set has several branches, by branch
METRICS = ("uar", "accuracy", "macro_f1", "ece")


def prepared(data: EmotionSet, normalise: str, axis: int | None) -> EmotionSet:
    """The set before a fold's standardiser sees it, without labels. "train" leaves it. "owner" listens to each person, recording
    by recording in a random order: a window then knows what was heard before it, as on a device. "subject" standardises
    within each person by all of the person's windows, which is transductive: no device has them before its first answer.

    Raises BadParameter for another way to normalise.
    """
    if normalise not in ("train", "owner", "subject"):
        raise BadParameter(f"normalise: got {normalise!r}, expected train, owner or subject.")
    if normalise == "train":
        return data
    person = np.char.add(np.char.add(data.subject, "/"), np.where(data.own, "", data.split))  # a copy is another voice
    if normalise == "subject":
        return replace(data, X=by_subject(data.X, person, axis))
    return replace(data, X=Heard.of(data.X, person, np.char.add(person, data.trial), axis, seed=0))


def drift_free(data: EmotionSet) -> EmotionSet:
    """The set, which knows session_s, without each person's trend over the session: of every value of X the least-squares
    parabola over that person's windows; the person's mean stays.

    Transductive: it sees all windows of a person, without labels, and is an estimate, no way to run a device. Where a few
    conditions come in an order, the trend takes part of their difference with it, or all of it.
    """
    X = scratch(data.X.shape) if isinstance(data.X, np.memmap) else np.empty(data.X.shape, np.float32)
    for name in np.unique(data.subject):
        rows = data.subject == name
        own, minutes = np.asarray(data.X[rows], np.float64).reshape(rows.sum(), -1), data.session_s[rows] / 60
        powers = np.vander(minutes - minutes.mean(), 3)[:, :2]
        powers -= powers.mean(axis=0)
        X[rows] = (own - powers @ np.linalg.lstsq(powers, own, rcond=None)[0]).reshape(-1, *X.shape[1:])
    return replace(data, X=X)


def windows_of(run: Run, source: Experiment) -> tuple[EmotionSet, list[Fold]]:
    """A source's windows and its folds, as 01_windows wrote them."""
    data = windowed.from_arrays(run.arrays(f"data/{source}.npz"))
    return data, splits.from_arrays(run.arrays(f"data/{source}-folds.npz"))


def opened(run: Run, source: Experiment, steady: bool = False) -> tuple[EmotionSet, list[Fold], str]:
    """The set as training saw it, or as its drift-free networks did; the folds, and the level at which training counted
    answers."""
    trained = run.parameters_of(f"scores/{source}-keras.npz")
    data, folds = windows_of(run, source)
    data = drift_free(data) if steady else data
    data = prepared(data, trained["normalise"], FRONT_ENDS[source.modality].feature_axis)
    return data, folds, trained["level"]


def fit(trainer: "Trainer", data, fold: Fold, axis: Axis, state=None, bar=None) -> tuple[Standardiser | ByBranch, dict]:
    """Fit a fold's standardiser and then its network, which `trainer` holds; the standardiser and the history. People who are
    learned are heard in new orders all the time, so that the network meets strangers and people well known."""
    seen = data.seen(fold.train)
    standardiser = standardisers.fit(seen, axis)
    train, val = (data.part(rows, standardiser) for rows in (fold.train, fold.val))
    anew = (lambda rng: standardiser(seen.anew(rng))) if isinstance(seen, Heard) else None
    return standardiser, trainer.fit(train, val, fold.name, state, bar, anew)


def train_fold(run: Run, name: str, trainer: "Trainer", data, fold: Fold, axis: Axis, bar) -> dict:
    """The history of one fold. Writes <name>.keras and <name>.json (standardiser, history), unless they are current.
    While it trains, training/<source>/ holds its curve as CSV and for TensorBoard, and a state to go on from."""
    from emolib.models.checkpoint import Checkpoint

    if run.is_current(f"{name}.keras") and run.is_current(f"{name}.json"):
        bar.update(1)
        return json.loads((run.folder / f"{name}.json").read_text())["history"]
    identity = {"parameters": run.parameters, "inputs": run.inputs, "fold": fold.name}
    state = Checkpoint(run.folder / name.replace("models", "training", 1), identity)
    standardiser, history = fit(trainer, data, fold, axis, state, bar)
    with run.write(f"{name}.keras") as path:
        trainer.model.save(path)
    with run.write(f"{name}.json") as path:
        path.write_text(json.dumps({"standardiser": standardiser.to_dict(), "history": history}))
    state.done()
    return history


def load_standardiser(run: Run, name: str) -> Standardiser | ByBranch:
    """The standardiser that `train_fold` fitted."""
    return standardisers.from_dict(run.json(f"{name}.json")["standardiser"])


def load_model(run: Run, name: str) -> "keras.Model":
    """The Keras model that `train_fold` wrote."""
    from emolib.models.backend import keras

    return keras.models.load_model(run.read(f"{name}.keras"))


def score_columns(data: EmotionSet, folds: Sequence[Fold]) -> dict[str, np.ndarray]:
    """Arrays fold, part, y, subject, trial, and start_s where it is known, of every validation and test window of every
    fold, in the order of scores."""
    rows = np.concatenate([part for fold in folds for part in (fold.val, fold.test)])
    sizes = [(len(fold.val), len(fold.test)) for fold in folds]
    k = np.repeat(np.arange(len(folds)), np.sum(sizes, axis=1))
    parts = np.repeat(["val", "test"] * len(folds), np.ravel(sizes))
    known = ["start_s"] * (getattr(data, "start_s", None) is not None)
    columns = {name: getattr(data, name)[rows] for name in ("y", "subject", "trial", *known)}
    return {"fold": k, "part": parts, "classes": np.array(data.classes), **columns}


def train_folds(run: Run, source: str, trainer, data, folds: Sequence[Fold], axis: Axis) -> list[dict]:
    """The history of every fold, as `train_fold` gives it."""
    with progress_bar(len(folds), "train", "folds") as bar:
        named = [(model_name(source, k), fold) for k, fold in enumerate(folds)]
        return [train_fold(run, name, trainer, data, fold, axis, bar) for name, fold in named]


def keras_scores(run: Run, source: str, data: EmotionSet, folds: Sequence[Fold]) -> np.ndarray:
    """Scores (n_rows, n_classes) of the Keras models, in the order of `score_columns`. Networks with several heads give
    (n_rows, n_heads, n_classes)."""
    from emolib.models.training import batched_logits, forward

    logits, traced = [], None
    for k, fold in enumerate(folds):
        name = model_name(source, k)
        model, standardiser = load_model(run, name), load_standardiser(run, name)
        if traced is None:  # one graph for all folds
            traced, answer = model, forward(model)
        traced.set_weights(model.get_weights())
        scored = data.part(np.concatenate([fold.val, fold.test]), standardiser)
        logits.append(batched_logits(answer, scored.X))
    return softmax(np.concatenate(logits))


def answers(columns: dict, scores: np.ndarray, level: str, part: str = "test") -> dict[str, np.ndarray]:
    """y, subject and scores of one part: of its windows, or (level "trial") means over each trial's windows in each fold."""
    rows = columns["part"] == part
    y, subject, scores = columns["y"][rows], columns["subject"][rows], scores[rows]
    if level == "trial":
        names = np.char.add(np.char.add(columns["fold"][rows].astype(str), "/"), columns["trial"][rows])
        _, first, scores = trial_scores(scores, names)
        y, subject = y[first], subject[first]
    return {"y": y, "scores": scores, "subject": subject}


def by_person(test: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The answers for a table by subject. Where identities are unknown (FER2013), all answers get the same subject."""
    if len(np.unique(test["subject"])) < len(test["y"]):
        return test
    return {**test, "subject": np.full(len(test["y"]), "all (identities unknown)")}


def evaluated(columns: dict[str, np.ndarray], scores: dict[str, np.ndarray], level: str) -> pd.DataFrame:
    """One row per variant: n, people, auc, and uar, accuracy, macro_f1, ece with their 95 % intervals over subjects."""
    tests = {variant: answers(columns, of_variant, level) for variant, of_variant in scores.items()}
    return pd.DataFrame(
        {"variant": variant, **_measured(test, METRICS), "auc": metrics.auc(test["y"], test["scores"])}
        for variant, test in tests.items()
    )


def _measured(test: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, float]:
    """n, people, and each metric with its interval."""
    row, found = {"n": len(test["y"]), "people": len(np.unique(test["subject"]))}, metrics.evaluate(**test)
    for name in names:
        row |= metrics.columns_of(name, found[name])
    return row


def compared(columns: dict, scores: dict[str, np.ndarray], level: str, baseline: str) -> pd.DataFrame:
    """One row per variant: n, people, uar with its interval, and points of UAR over `baseline` on the same answers.

    points, points_low, points_high and p are paired over subjects (`metrics.paired_gain`). For the baseline itself the
    points are 0 and the others NaN.
    """
    rows, first = [], answers(columns, scores[baseline], level)
    for variant, of_variant in scores.items():
        test = answers(columns, of_variant, level)
        gain = metrics.paired_gain(first["y"], first["scores"], test["scores"], first["subject"])
        rows.append({"variant": variant, **_measured(test, ["uar"]), **gain.columns()})
    table = pd.DataFrame(rows)
    table.loc[table.variant == baseline, ["points_low", "points_high", "p"]] = np.nan
    return table


def majority_scores(data: EmotionSet, folds: Sequence[Fold]) -> np.ndarray:
    """Scores of always giving the class that is most frequent in the folds' training, in the order of `score_columns`. It is one
    class for all folds: where people have one class each, the most frequent one of a fold is never that of who is left out."""
    given = np.bincount(data.y[np.concatenate([fold.train for fold in folds])]).argmax()
    return np.eye(len(data.classes))[np.repeat(given, sum(len(fold.val) + len(fold.test) for fold in folds))]
