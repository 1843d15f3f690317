"""Ablation: each training once, the best cell by hand, a choice that training reads."""

from itertools import product
from statistics import mean, stdev
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import training
from emolib.studies import ablation

OF = Experiment("synthetic", "eeg", "emotion", "loso")
LEVELS = {
    "optimizer": ["adam", "sgd"],
    "batch_size": [16, 32],
    "loss": ["cross_entropy", "label_smoothed", "focal"],
    "epochs": [1, 2],
}
CELL = {"optimizer": "adam", "batch_size": 16, "loss": "cross_entropy", "epochs": 2}
ONE = {name: [level] for name, level in CELL.items()}
CURRENT = training.Training(batch_size=16, epochs=2, patience=5)
SETS = 24  # cells of LEVELS
PERSON = np.arange(96) % 4
WINDOWS = np.broadcast_to(np.arange(96)[:, None, None, None], (96, 2, 1, 3)).astype(np.float32)
DATA = EmotionSet(  # two classes; the value of a window is its row, so that a test can see who was looked at
    WINDOWS, np.arange(96) // 4 % 2, PERSON.astype(str), np.arange(96).astype(str), ("low", "high")
)
FOLDS = [  # person k is tested, the next one validates, the other two train
    Fold(str(k), *map(np.flatnonzero, ((PERSON - k) % 4 > 1, (PERSON - k) % 4 == 1, k == PERSON))) for k in range(4)
]


@pytest.fixture
def fits(monkeypatch):
    """Names of the trainings, which answer by formula; a sixth is killed where the first entry is "dies"."""
    made = []

    def train(self, options, k, name):
        if made[:1] == ["dies"] and len(made) == 6:
            raise KeyboardInterrupt
        made.append(name)
        uar = 0.5 + 0.1 * (options.optimizer == "adam") + 0.01 * options.seed + 0.02 * (options.epochs > 1)
        about = {"val_uar": uar, "val_loss": 1 / options.batch_size, "epoch": 2, "epochs_run": 2}
        return about | {"seconds": 1.0}

    monkeypatch.setattr(ablation.Study, "train", train)
    return made


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path, "02a_ablation", {"seeds": [0, 1]})
    run.write_text("data.txt", "windows")
    return run


def study(run, seeds=(0, 1), training=CURRENT, **options) -> ablation.Study:
    again = Run(run.folder, run.notebook, {"seeds": list(seeds)})
    again.read("data.txt")
    return ablation.Study(again, OF, DATA, FOLDS, list(seeds), training, **options)


@pytest.mark.parametrize(("levels", "options", "message"), [
    ({"optimizer": ["lion"]}, {}, "optimizer: got 'lion', expected 'adam', 'adamw' or 'sgd'"),
    ({"loss": ["focl"]}, {}, "focl does not exist in losses: did you mean focal"),
    ({}, {"seeds": [0, 0]}, r"seeds: got \[0, 0\], expected 2 or more"),
    ({}, {"n_folds": 5}, "n_folds: got 5, expected 1 to 4"),
])  # fmt: skip
def test_what_is_wrong_stops_before_anything_is_trained(run, fits, levels, options, message):
    with pytest.raises(BadParameter, match=message):
        study(run, **options).search(LEVELS | levels)
    assert not fits and not (run.folder / "ablation").exists()


def test_only_what_is_new_is_trained_also_after_a_kill(run, fits):
    fits.append("dies")
    with pytest.raises(KeyboardInterrupt):
        study(run).search(LEVELS)
    fits.remove("dies")
    first = study(run).search(LEVELS)
    assert len(set(fits)) == len(fits) == 2 * SETS
    assert fits[7] == "adam-batch32-cross_entropy-epochs2, fold 0, seed 0"
    assert (run.folder / f"ablation/{OF}/adam-batch32-focal-epochs2-fold00-seed1.json").exists()
    pd.testing.assert_frame_equal(study(run).search(LEVELS), first)
    assert len(fits) == 2 * SETS
    study(run, seeds=(0, 1, 7)).search(LEVELS)
    assert len(fits) == 3 * SETS and all(name.endswith("seed 7") for name in fits[2 * SETS :])
    study(run).search(LEVELS | {"epochs": [1, 2, 3]})
    assert len(fits) == 3 * SETS + 2 * 12


@pytest.mark.parametrize(
    "changed", [{"training": CURRENT.model_copy(update={"learning_rate": 0.1})}, {"model": {"width": 2.0}}, {"max_windows": 20}]
)  # fmt: skip
def test_what_matters_to_a_training_trains_it_again(run, fits, changed):
    study(run).search(ONE)
    assert len(fits) == 2 * 2  # and the current options
    study(run, **changed).search(ONE)
    assert len(fits) == 2 * 2 * 2
    run.write_text("data.txt", "other windows")
    study(run, **changed).search(ONE)
    assert len(fits) == 3 * 2 * 2


def test_only_training_and_validation_windows_are_looked_at(run, monkeypatch):
    whole, seen = study(run, n_folds=2, max_windows=10), []

    def fit(train, val, name, *_):
        seen.append((train, val))
        return {"val_uar": [0.9, 0.5], "val_loss": [2.0, 1.0]}

    monkeypatch.setattr(whole, "trainer_of", lambda options: SimpleNamespace(fit=fit))
    assert whole.measure(ablation.grid(ONE)).val_uar.tolist() == [0.5] * 4  # of the epoch of least loss
    for (train, val), k in zip(seen, (0, 1, 0, 1), strict=True):
        assert len(train.y) == 10 and np.bincount(train.y).tolist() == [5, 5]
        assert not set(train.subject) & {str(k), str(k + 1)} and set(val.subject) == {str(k + 1)}
        raw = DATA.X[whole.train_rows(FOLDS[k])]
        np.testing.assert_allclose(train.X, (raw - raw.mean()) / raw.std(), rtol=1e-4)
        np.testing.assert_allclose(val.X, (DATA.X[FOLDS[k].val] - raw.mean()) / raw.std(), rtol=1e-4)
    assert whole.people().to_numpy().tolist() == [["0", 2, 10, 1, 24], ["1", 2, 10, 1, 24]]


def test_mean_and_spread_are_over_seeds_after_folds_and_ties_go_to_the_lower_loss():
    """Two folds, two seeds, three cells: c loses to a and b, which tie in UAR."""
    uars = {"a": (0.5, 0.7, 0.6, 0.8), "b": (0.6, 0.6, 0.7, 0.7), "c": (0.5, 0.5, 0.4, 0.4)}
    nats = {"a": 1.0, "b": 0.9, "c": 0.1}
    rows = [
        {"loss": loss, "fold": fold, "seed": seed, "val_uar": uar, "val_loss": nats[loss]}
        for loss, found in uars.items()
        for (seed, fold), uar in zip(product((0, 1), "xy"), found, strict=True)
    ]
    same = {"optimizer": "adam", "batch_size": 8, "epochs": 3, "epoch": 1, "epochs_run": 3, "seconds": 2.0}
    table = ablation.summarised(pd.DataFrame(rows).assign(**same))
    assert table["loss"].tolist() == ["b", "a", "c"] and table["n_seeds"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(table["uar"], [0.65, 0.65, 0.45])
    spreads = [stdev([0.6, 0.7]), stdev([0.6, 0.7]), stdev([0.5, 0.4])]
    np.testing.assert_allclose(table["uar_sd"], spreads)
    assert ablation.seed_sd(table) == pytest.approx(mean(s**2 for s in spreads) ** 0.5)
    assert table["near_best"].tolist() == [True, True, False]


def test_the_choice_is_a_config_that_training_reads(run, fits):
    of = study(run)
    table = of.search(LEVELS)
    assert table.current.sum() == 1 and table[table.current].epochs.tolist() == [2]
    cautions = of.cautions(table)
    of.write_choice(table, ["The best.", *cautions])
    text = run.read(f"ablation/{OF}.yaml").read_text()
    fit = yaml.safe_load(text)["sources"][str(OF)]["train"]["fit"]
    chosen = training.options(0, {"patience": 3} | fit)
    assert (chosen.optimizer, chosen.epochs, chosen.batch_size) == ("adam", 2, 32)  # best UAR, then least loss
    assert ablation.cell_of(chosen) == {name: table[name][0] for name in ablation.FACTORS}
    assert "# The best.\n" in text and "# 1 of these validation people are tested too" in text
    # seeds are 0.01 apart, so only adam with 2 epochs is within their sd: 2 batch sizes × 3 losses
    assert len(table) == SETS and "5 other cells are that near" in cautions[0]


def test_main_effects_by_hand():
    uars = {("adam", 1): 0.5, ("adam", 2): 0.7, ("sgd", 1): 0.3, ("sgd", 2): 0.4, ("sgd", 9): 0.99}
    rows = [(*cell, 8, "focal", uar) for cell, uar in uars.items()]
    table = pd.DataFrame(rows, columns=["optimizer", "epochs", "batch_size", "loss", "uar"])
    levels = {"optimizer": ["adam", "sgd"], "batch_size": [8], "loss": ["focal"], "epochs": [1, 2]}
    effects = ablation.main_effects(table, levels).set_index(["factor", "level"])
    assert effects["n_cells"].tolist() == [2, 2, 4, 4, 2, 2]  # 9 epochs are off the grid
    assert effects.loc[("optimizer", "adam"), "uar"] == pytest.approx(0.6)
    assert effects.loc[("optimizer", "sgd"), "uar"] == pytest.approx(0.35)
    assert effects.loc[("epochs", "2"), "uar_sd"] == pytest.approx(stdev([0.7, 0.4]))
