"""Which optimizer, batch size, loss and number of epochs train best, as inner validation people tell.

A cell is one level of every factor. One cell with one fold and one seed is one training and one JSON file. A killed study
goes on at that training, and a wider grid or another seed trains only what is new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from time import perf_counter

import numpy as np
import pandas as pd
import yaml

from emolib.core.artifacts import Run, git_commit
from emolib.core.bars import with_progress
from emolib.core.errors import BadParameter, check_names
from emolib.core.experiment import Experiment
from emolib.core.parameters import Training, check
from emolib.datasets import splits
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models.crossval import fit, prepared
from emolib.models.training import Trainer, trainer_of
from emolib.signals.frontend import FRONT_ENDS

LOSSES = {
    "cross_entropy": {"label_smoothing": 0.0, "focal_gamma": 0.0},
    "label_smoothed": {"label_smoothing": 0.1, "focal_gamma": 0.0},
    "focal": {"label_smoothing": 0.0, "focal_gamma": 2.0},
}
FACTORS = ["optimizer", "batch_size", "loss", "epochs"]  # the last varies fastest: it needs no new graph
Cell = Mapping[str, str | int]
Levels = Mapping[str, Sequence]


def grid(levels: Levels) -> list[Cell]:
    """Every combination of levels. Raises BadParameter for a level that is unknown."""
    every = product(*(dict.fromkeys(levels[name]) for name in FACTORS))
    cells = [dict(zip(FACTORS, values, strict=True)) for values in every]
    for cell in cells:
        check(Training, fields_of(cell), "A cell")
    return cells


def fields_of(cell: Cell) -> dict:
    """The fields of Training that a cell sets. Raises BadParameter for another loss."""
    check_names([cell["loss"]], list(LOSSES), "losses")
    return {name: cell[name] for name in FACTORS if name != "loss"} | LOSSES[cell["loss"]]


def cell_of(training: Training) -> Cell:
    """The cell of these options. Raises BadParameter where their loss is none of LOSSES."""
    wanted = {name: getattr(training, name) for name in ("label_smoothing", "focal_gamma")}
    loss = next((name for name, fields in LOSSES.items() if fields == wanted), None)
    if loss is None:
        raise BadParameter(f"fit: its loss is {wanted}, expected one of the study's: {LOSSES}.")
    return {name: loss if name == "loss" else getattr(training, name) for name in FACTORS}


@dataclass(eq=False)
class Study:
    """The trainings of one source, judged by the inner validation people of its first `n_folds` folds.

    `training` holds the options that no factor sets; `model` and `normalise` are those of 02_train. `max_windows` limits the
    training windows of a fold and then makes classes even; 0 is no limit. Test parts are never touched. One seed, which has
    no spread, and folds that are not there raise BadParameter.
    """

    run: Run
    of: Experiment
    data: EmotionSet
    folds: Sequence[Fold]
    seeds: Sequence[int]
    training: Training
    model: dict = field(default_factory=dict)
    normalise: str = "train"
    n_folds: int = 1
    max_windows: int = 0

    def __post_init__(self):
        if len(set(self.seeds)) < 2:
            raise BadParameter(f"seeds: got {self.seeds}, expected 2 or more.")
        if not 1 <= self.n_folds <= len(self.folds):
            raise BadParameter(f"n_folds: got {self.n_folds}, expected 1 to {len(self.folds)}.")
        self.axis = FRONT_ENDS[self.of.modality].feature_axis
        self.data = prepared(self.data, self.normalise, self.axis)
        self.inputs, self.trainer = dict(self.run.inputs), None
        self.current = cell_of(self.training)

    def train_rows(self, fold: Fold) -> np.ndarray:
        """The training windows of a fold that the study uses, as sorted indices."""
        return splits.evenly(self.data.y, fold.train, self.max_windows) if self.max_windows else fold.train

    def people(self) -> pd.DataFrame:
        """Who trains and who validates, a row per fold: fold, train_people, train_windows, val_people, val_windows.
        People are None where identities are unknown, so that every window has a subject of its own."""
        subject, rows = self.data.subject, []
        known = len(np.unique(subject)) < len(subject)
        for fold in self.folds[: self.n_folds]:
            row = {"fold": fold.name}
            for name, windows in (("train", self.train_rows(fold)), ("val", fold.val)):
                people = len(np.unique(subject[windows])) if known else None
                row |= {f"{name}_people": people, f"{name}_windows": len(windows)}
            rows.append(row)
        return pd.DataFrame(rows)

    def search(self, levels: Levels) -> pd.DataFrame:
        """The table of `summarised` for every cell of the grid, and for the current options of training (column current)."""
        cells = grid(levels)
        table = summarised(self.measure(cells if self.current in cells else [*cells, self.current]))
        table["current"] = [cell == self.current for cell in table[FACTORS].to_dict("records")]
        return table

    def measure(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """A row per training: the factors, fold, seed, val_uar, val_loss, epoch, epochs_run, seconds."""
        jobs = with_progress([*product(self.seeds, cells, range(self.n_folds))], "train", "trainings")
        return pd.DataFrame(self.trained(cell, k, seed) for seed, cell, k in jobs)

    def trained(self, cell: Cell, k: int, seed: int) -> dict:
        """What one training gives: read from its file if that is current, else trained and written."""
        options = self.training.model_copy(update={**fields_of(cell), "seed": seed})
        named = "{optimizer}-batch{batch_size}-{loss}-epochs{epochs}".format(**cell)
        name = f"ablation/{self.of}/{named}-fold{k:02d}-seed{seed}.json"
        chosen = {field: getattr(self, field) for field in ("model", "normalise", "max_windows")}
        job = self.run.branch({**chosen, "fold": k, "training": dict(options)})  # all that it depends on
        job.inputs = self.inputs
        if not job.is_current(name):
            found = self.train(options, k, f"{named}, fold {self.folds[k].name}, seed {seed}")
            job.write_json(name, {**cell, "fold": self.folds[k].name, "seed": seed, **found})
        return self.run.json(name)

    def train(self, options: Training, k: int, name: str) -> dict:
        """val_uar and val_loss at the epoch of least loss, this epoch (from 1), epochs_run, and seconds without tracing."""
        trainer, fold = self.trainer_of(options), self.folds[k]
        rows = self.train_rows(fold)
        start = perf_counter()
        _, history = fit(trainer, self.data, replace(fold, name=name, train=rows), self.axis)
        best, ran = int(np.argmin(history["val_loss"])), len(history["val_loss"])
        found = {key: history[key][best] for key in ("val_uar", "val_loss")}
        return {**found, "epoch": best + 1, "epochs_run": ran, "seconds": perf_counter() - start}

    def trainer_of(self, options: Training) -> Trainer:
        """A trainer with these options: the one before, if its graph serves."""
        if self.trainer is None or not self.trainer.serves(options):
            self.trainer = trainer_of(self.of, self.data, self.model, options)
            self.trainer.steps.get_concrete_function()
        self.trainer.options = options
        return self.trainer

    def cautions(self, table: pd.DataFrame) -> list[str]:
        """What a reader of the table must know before believing its best cell."""
        val = np.concatenate([self.data.subject[fold.val] for fold in self.folds[: self.n_folds]])
        tested = np.concatenate([self.data.subject[fold.test] for fold in self.folds])
        found = [
            f"One sd between seeds, over all cells, is {100 * seed_sd(table):.1f} points: {table.near_best.sum() - 1} other "
            "cells are that near to the best. The best is chosen among many, which makes its UAR optimistic."
        ]
        if n_people := len(np.intersect1d(val, tested)):
            found.append(
                f"{n_people} of these validation people are tested too, in this or another fold: for a score over all "
                "folds the choice is optimistic."
            )
        if self.max_windows:
            found.append(f"Chosen on at most {self.max_windows} training windows a fold, classes even.")
        return found

    def write_choice(self, table: pd.DataFrame, told: Iterable[str]):
        """Write the best cell as ablation/<source>.yaml, a config to put behind the run's own; `told` are its comments."""
        run, fit = self.run, fields_of(table.iloc[0][FACTORS].to_dict())
        config = {"sources": {str(self.of): {"train": {"fit": fit}}}}
        origin = f"Chosen by {run.notebook}.ipynb in run {run.folder.name}, commit {git_commit()[:12]}."
        comments = "".join(f"# {line}\n" for line in (origin, *told))
        run.write_text(f"ablation/{self.of}.yaml", comments + yaml.safe_dump(config, sort_keys=False))


def summarised(trainings: pd.DataFrame) -> pd.DataFrame:
    """A row per cell, best first: factors, n_seeds, uar and uar_sd over seeds, val_loss, epoch, epochs_run, train_s.

    Numbers are means over folds, then over seeds; ties in UAR go to the lower loss, then to fewer epochs.
    `near_best`: its UAR is at most one standard deviation between seeds, `seed_sd`, below the best cell's.
    """
    numbers = ["val_uar", "val_loss", "epoch", "epochs_run", "seconds"]
    seeds = trainings.groupby([*FACTORS, "seed"], sort=False)[numbers].mean()
    cells = seeds.groupby(FACTORS, sort=False)
    table = cells.mean().rename(columns={"val_uar": "uar", "seconds": "train_s"})
    table.insert(0, "n_seeds", cells.size())
    table.insert(2, "uar_sd", cells["val_uar"].std())
    table = table.reset_index().sort_values(
        ["uar", "val_loss", "epochs_run"], ascending=[False, True, True], kind="stable", ignore_index=True
    )
    table["near_best"] = table["uar"] >= table["uar"][0] - seed_sd(table)
    return table


def seed_sd(table: pd.DataFrame) -> float:
    """Standard deviation of UAR between seeds, pooled over all cells, because one cell has few seeds."""
    return float(np.sqrt((table["uar_sd"] ** 2).mean()))


def main_effects(table: pd.DataFrame, levels: Levels) -> pd.DataFrame:
    """A row per factor and level: n_cells, uar and uar_sd over the cells with that level. Only cells whose levels all
    lie in `levels` count: every level then meets the same others."""
    inside = table[np.logical_and.reduce([table[name].isin(levels[name]) for name in FACTORS])]
    rows = []
    for factor in FACTORS:
        for level in dict.fromkeys(levels[factor]):
            uar = inside.loc[inside[factor] == level, "uar"]
            rows.append((factor, str(level), len(uar), uar.mean(), uar.std()))
    return pd.DataFrame(rows, columns=["factor", "level", "n_cells", "uar", "uar_sd"])
