"""The same training with other seeds, with and without label-free normalisation within each person.

The UAR over several trainings is that of all their answers together, which is the mean of their UARs. Its interval draws
people, each with the answers of all trainings. How far the seeds are apart stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.bars import progress_bar
from emolib.core.experiment import Experiment, model_name
from emolib.evaluation import metrics
from emolib.models import crossval, training
from emolib.signals.frontend import FRONT_ENDS

CONDITIONS = {"train": "normalised by train", "subject": "normalised by subject (transductive)"}
Columns = dict[str, np.ndarray]  # of crossval.score_columns
Scores = Mapping[tuple[str, int], np.ndarray]  # (n_rows, n_classes) in their order, by normalisation and seed


def scores(run: Run, of: Experiment, seeds: Sequence[int]) -> tuple[Columns, Scores]:
    """Of every arm, trained with the options of `02_train`, whose own scores serve for the arm that it trained. Folds
    that are current are not trained again."""
    trained = run.parameters_of(f"scores/{of}-keras.npz")
    data, folds = crossval.windows_of(run, of)
    axis = FRONT_ENDS[of.modality].feature_axis
    sets = {normalise: crossval.prepared(data, normalise, axis) for normalise in CONDITIONS}
    by_02_train = trained["normalise"], trained["fit"].get("seed", trained["seed"])
    arms = [(normalise, seed) for normalise in CONDITIONS for seed in seeds]
    found, trainers = {}, {}
    with progress_bar(len(arms) * len(folds), "train", "folds") as bar:
        for normalise, seed in sorted(arms, key=lambda arm: arm[1]):  # a graph serves all arms of a seed
            if (normalise, seed) == by_02_train:
                found[normalise, seed] = run.arrays(f"scores/{of}-keras.npz")["keras"]
                bar.update(len(folds))
                continue
            if seed not in trainers:
                options = training.options(seed, {**trained["fit"], "seed": seed})
                trainers = {seed: training.trainer_of(of, data, trained["model"], options)}
            name = f"{of}/{normalise}-seed{seed}"
            for k, fold in enumerate(folds):
                shown = replace(fold, name=f"{normalise}, seed {seed}, {fold.name}")
                where = model_name(name, k)
                crossval.train_fold(run, where, trainers[seed], sets[normalise], shown, axis, bar)
            found[normalise, seed] = crossval.keras_scores(run, name, sets[normalise], folds)
    return crossval.score_columns(data, folds), {arm: found[arm] for arm in arms}


def by_seed(columns: Columns, scores: Scores, level: str) -> pd.DataFrame:
    """A row per arm: normalise, seed, n, uar with its interval over people, uar_people_mean and uar_people_sd."""
    rows = []
    for (normalise, seed), of_arm in scores.items():
        found = _uar_and_spread(crossval.answers(columns, of_arm, level), columns["classes"])
        rows.append({"normalise": normalise, "seed": str(seed), **found})
    return pd.DataFrame(rows)


def over_seeds(columns: Columns, scores: Scores, level: str) -> pd.DataFrame:
    """A row per normalisation, over the answers of all its seeds: the columns of `by_seed`, seeds and uar_seeds_sd.

    points, points_low, points_high and p compare it with the first normalisation (`metrics.paired_gain`), for which they
    are NaN.
    """
    rows, first = [], None
    for normalise, of_seeds in by_seed(columns, scores, level).groupby("normalise", sort=False):
        tests = [crossval.answers(columns, scores[arm], level) for arm in scores if arm[0] == normalise]
        test = {name: np.concatenate([one[name] for one in tests]) for name in tests[0]}
        row = {"normalise": normalise, "seeds": len(of_seeds)} | _uar_and_spread(test, columns["classes"])
        first = first or test
        gained = metrics.paired_gain(first["y"], first["scores"], test["scores"], first["subject"])
        rows.append(row | {"uar_seeds_sd": of_seeds.uar.std()} | gained.columns())
    found = pd.DataFrame(rows)
    found.loc[0, ["points", "points_low", "points_high", "p"]] = np.nan
    return found


def _uar_and_spread(test: dict[str, np.ndarray], classes: Sequence[str]) -> dict:
    people = metrics.per_subject(**crossval.by_person(test), classes=classes).uar
    uar = metrics.columns_of("uar", metrics.evaluate(**test)["uar"])
    return {"n": len(test["y"]), **uar, "uar_people_mean": people.mean(), "uar_people_sd": people.std()}
