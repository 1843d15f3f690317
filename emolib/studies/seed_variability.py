"""The same training again with other seeds, with and without label-free normalisation within each person.

The UAR over several trainings is that of all their answers together: the mean of their UARs. Its interval draws
people, each with the answers of all trainings; how far seeds part is told beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.summary import number
from emolib.datasets import splits, windowed
from emolib.evaluation import metrics
from emolib.models import crossval
from emolib.signals.frontend import FRONT_ENDS

Arm = tuple[str, int]  # normalise, seed


def scores(
    run: Run, source: Experiment, seeds: Sequence[int], normalisations: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[Arm, np.ndarray]]:
    """`crossval.score_columns`, and the scores of each arm in their order; folds that are current are not trained.

    Options are those of `02_train`, whose own scores serve for the arm that it trained.
    Raises BadParameter for no seed, no normalisation, or one that crossval does not have.
    """
    if not seeds or not normalisations:
        raise BadParameter(
            f"Got {len(seeds)} seeds and normalisations {list(normalisations)}, expected one or more."
        )
    trained = run.parameters_of(f"scores/{source}-keras.npz")
    data = windowed.from_arrays(run.arrays(f"data/{source}.npz"))
    folds = splits.from_arrays(run.arrays(f"data/{source}-folds.npz"))
    axis = FRONT_ENDS[source.modality].feature_axis
    sets = {normalise: crossval.prepared(data, normalise, axis) for normalise in normalisations}
    own, found = (trained["normalise"], trained["fit"].get("seed", trained["seed"])), {}
    for seed in seeds:
        trainer = None
        for normalise, prepared in sets.items():
            if (normalise, seed) == own:
                found[normalise, seed] = run.arrays(f"scores/{source}-keras.npz")["keras"]
                continue
            trainer = trainer or _trainer(source, data, trained, seed)
            name = f"{source}/repeat-{normalise}-{seed}"
            shown = [replace(fold, name=f"{normalise}, seed {seed}, {fold.name}") for fold in folds]
            crossval.train_folds(run, name, trainer, prepared, shown, axis)
            found[normalise, seed] = crossval.keras_scores(run, name, prepared, folds)
    arms = [(normalise, seed) for normalise in normalisations for seed in seeds]
    return crossval.score_columns(data, folds), {arm: found[arm] for arm in arms}


def _trainer(source, data, trained, seed):
    from emolib.models import training  # imports TensorFlow

    options = training.options(seed, {**trained["fit"], "seed": seed})
    return training.trainer_of(source, data, trained["model"], options)


def people(columns: dict[str, np.ndarray], scores: Mapping[Arm, np.ndarray], level: str) -> pd.DataFrame:
    """A row per arm and person: normalise, seed, then as `metrics.per_subject` gives it."""
    tables = []
    for (normalise, seed), of_arm in scores.items():
        test = crossval.by_person(crossval.answers(columns, of_arm, level))
        found = metrics.per_subject(**test, classes=columns["classes"])
        tables.append(found.assign(normalise=normalise, seed=str(seed)))
    return pd.concat(tables, ignore_index=True)


def by_seed(columns: dict[str, np.ndarray], scores: Mapping[Arm, np.ndarray], level: str) -> pd.DataFrame:
    """A row per arm: normalise, seed, n, uar with its interval over people, and people_mean, people_sd of theirs."""
    rows = [
        {"normalise": normalise, "seed": str(seed)}
        | _row(crossval.answers(columns, of_arm, level), columns["classes"])
        for (normalise, seed), of_arm in scores.items()
    ]
    return pd.DataFrame(rows)


def over_seeds(columns: dict[str, np.ndarray], scores: Mapping[Arm, np.ndarray], level: str) -> pd.DataFrame:
    """A row per normalisation: n (answers of all seeds), uar with its interval over people, as `by_seed`; seeds_sd of
    the seeds' UARs; points over the first normalisation, points_low, points_high and p as `metrics.paired_gain` has
    them, NaN for the first itself."""
    table = by_seed(columns, scores, level)
    rows, first = [], None
    for normalise, of_seeds in table.groupby("normalise", sort=False):
        test = _joined(
            [crossval.answers(columns, scores[arm], level) for arm in scores if arm[0] == normalise]
        )
        row = {"normalise": normalise, "seeds": len(of_seeds)} | _row(test, columns["classes"])
        row["uar_seeds_sd"] = of_seeds.uar.std()
        if first is None:
            first, gained = test, dict.fromkeys(("points", "points_low", "points_high", "p"), np.nan)
        else:
            gained = metrics.paired_gain(
                first["y"], first["scores"], test["scores"], first["subject"]
            ).columns()
        rows.append(row | gained)
    return pd.DataFrame(rows)


def _joined(tests: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([test[name] for test in tests]) for name in tests[0]}


def _row(test: dict[str, np.ndarray], classes: Sequence[str]) -> dict:
    found = metrics.evaluate(**test)["uar"]
    people = metrics.per_subject(**crossval.by_person(test), classes=classes).uar
    return {
        "n": len(test["y"]),
        "uar": found.value,
        "uar_low": found.low,
        "uar_high": found.high,
        "uar_people_mean": people.mean(),
        "uar_people_sd": people.std(),  # NaN for one
    }


def numbers(source: Experiment, table: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json from `over_seeds`; what one seed, or people without a name, do not have is left out."""
    artifact, found = f"tables/{source}-repeats.csv", {}
    for row in table.to_dict("records"):
        variant, n = f"repeats_{row['normalise']}", row["n"]
        found[source.key(variant, "uar")] = crossval.uar_entry(row, artifact)
        for name in ("uar_seeds_sd", "uar_people_mean", "uar_people_sd"):
            if np.isfinite(row[name]):
                found[source.key(variant, name)] = number(row[name], unit="fraction", n=n, artifact=artifact)
        if np.isfinite(row["points"]):
            found[source.key(f"{variant}_gain", "points")] = crossval.gained_entry(row, artifact)
    return found
