"""Ablation: each training once, the best cell by hand, a choice that training reads."""

from dataclasses import replace
from itertools import product
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
import yaml

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold

pytest.importorskip("keras")
from emolib.models import training
from emolib.studies import ablation

OF = Experiment("synthetic", "eeg", "emotion", "loso")
LEVELS = {
    "optimizer": ["adam", "sgd"],
    "batch_size": [16, 32],
    "loss": ["cross_entropy", "label_smoothed", "focal"],
    "epochs": [1, 2],
}
CURRENT = training.Training(batch_size=16, epochs=2, patience=5)
SETS = 24  # cells of LEVELS


def people(n: int = 96) -> EmotionSet:
    """Two classes and four people; the value of a window is its row, so that a test can see who was looked at."""
    y = np.arange(n) // 4 % 2
    X = np.broadcast_to(np.arange(n)[:, None, None, None], (n, 2, 1, 3)).astype(np.float32)
    return EmotionSet(X, y, (np.arange(n) % 4).astype(str), np.arange(n).astype(str), ("low", "high"))


DATA = people()


def turn(k: int) -> Fold:
    """Person k is tested, the next one validates, the other two train."""
    person = np.arange(96) % 4
    roles = np.select([person == k, person == (k + 1) % 4], ["test", "val"], "train")
    return Fold(str(k), *(np.flatnonzero(roles == role) for role in ("train", "val", "test")))


TURNS = [turn(k) for k in range(4)]


SERVES = training.Trainer.serves


class Stub:
    """A trainer that counts its fits and answers by formula, not by training."""

    fits, built = [], 0

    def __init__(self, factory, options, augment, solve):
        Stub.built += 1
        self.options, self.steps = options, self

    def get_concrete_function(self):
        pass

    def serves(self, options):
        return SERVES(self, options)

    def fit(self, train, val, name):
        Stub.fits.append((train, val, name))
        options = self.options
        uar = 0.5 + 0.1 * (options.optimizer == "adam") + 0.01 * options.seed + 0.02 * (options.epochs > 1)
        return {"val_uar": [0.9, uar], "val_loss": [2.0, 1 / options.batch_size]}


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(training, "Trainer", Stub)
    Stub.fits, Stub.built = [], 0
    return Stub


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path, "02a_ablation", {"seeds": [0, 1]})
    run.write_text("data.txt", "windows")
    return run


def study(run, seeds=(0, 1), **options) -> ablation.Study:
    again = Run(run.folder, run.notebook, {"seeds": list(seeds)})
    again.read("data.txt")
    return ablation.Study(again, OF, DATA, TURNS, list(seeds), options.pop("training", CURRENT), **options)


def test_the_grid_is_every_combination_once():
    cells = ablation.grid(LEVELS)
    expected = set(product(*(LEVELS[name] for name in ablation.FACTORS)))
    assert len(cells) == len(expected) == SETS
    assert {tuple(cell[name] for name in ablation.FACTORS) for cell in cells} == expected
    assert len({ablation.name_of(cell) for cell in cells}) == SETS
    cell = {"epochs": 30, "loss": "label_smoothed", "batch_size": 32, "optimizer": "adam"}
    assert ablation.name_of(cell) == "adam-batch32-label_smoothed-epochs30"  # finished cells are found by it


def test_cells_and_options_of_training_say_the_same():
    for cell in ablation.grid(LEVELS):
        assert ablation.cell_of(training.options(0, ablation.fields_of(cell))) == cell
    with pytest.raises(BadParameter, match="its loss is .*0.3.* expected one of the study's: cross_entropy"):
        ablation.cell_of(training.Training(label_smoothing=0.3))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizer": ["lion"]}, "optimizer: got 'lion', expected one of adam"),
        ({"loss": ["hinge"]}, "loss: got 'hinge', expected one of cross_entropy, label_smoothed, focal"),
        ({"epochs": [5, 5]}, r"epochs: got \[5, 5\], expected 1 or more, each once"),
        ({"epochs": ["5"]}, r"epochs: got \['5'\], expected a list of int"),
        ({"optimizer": "adam"}, "optimizer: got 'adam', expected a list of str"),
    ],
)
def test_bad_levels_stop_before_anything_is_trained(run, stub, wrong, message):
    with pytest.raises(BadParameter, match=message) as error:
        ablation.search(study(run), LEVELS | wrong, "grid", 5)
    assert "\n" not in str(error.value)
    assert not stub.fits and not (run.folder / "ablation").exists()


def test_bad_numbers_and_searches_are_named(run, stub):
    for wrong, message in (
        ({"seeds": [0]}, r"seeds: got \[0\], expected 2 or more"),
        ({"n_folds": 5}, "n_folds: got 5, expected 1 to 4"),
        ({"max_windows": -1}, "max_windows: got -1"),
    ):
        with pytest.raises(BadParameter, match=message):
            study(run, **wrong)
    with pytest.raises(BadParameter, match="search: got 'random', expected one of grid, optuna"):
        ablation.search(study(run), LEVELS, "random", 5)
    with pytest.raises(BadParameter, match="n_trials: got 0"):
        ablation.search(study(run), LEVELS, "optuna", 0)


def test_only_what_is_new_is_trained(run, stub):
    first = ablation.search(study(run), LEVELS, "grid", 1)
    assert len(stub.fits) == 2 * SETS
    pd.testing.assert_frame_equal(ablation.search(study(run), LEVELS, "grid", 1), first)
    assert len(stub.fits) == 2 * SETS
    ablation.search(study(run, seeds=(0, 1, 7)), LEVELS, "grid", 1)
    assert len(stub.fits) == 3 * SETS
    assert all(name.endswith("seed 7") for _, _, name in stub.fits[2 * SETS :])
    ablation.search(study(run), LEVELS | {"epochs": [1, 2, 3]}, "grid", 1)
    assert len(stub.fits) == 3 * SETS + 2 * 12
    ablation.search(study(run, n_folds=2), LEVELS, "grid", 1)
    assert len(stub.fits) == 3 * SETS + 2 * 12 + 2 * SETS


def test_a_killed_study_goes_on_at_its_training(run, stub, monkeypatch):
    def killed(self, train, val, name):
        if len(stub.fits) == 5:
            raise KeyboardInterrupt
        return whole(self, train, val, name)

    whole = Stub.fit
    monkeypatch.setattr(Stub, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        ablation.search(study(run), LEVELS, "grid", 1)
    monkeypatch.setattr(Stub, "fit", whole)
    ablation.search(study(run), LEVELS, "grid", 1)
    assert len(stub.fits) == 2 * SETS


@pytest.mark.parametrize(
    "changed", [{"training": replace(CURRENT, learning_rate=0.1)}, {"model": {"width": 2.0}}, {"max_windows": 20}]
)  # fmt: skip
def test_what_matters_to_a_training_trains_it_again(run, stub, changed):
    one = {name: levels[:1] for name, levels in LEVELS.items()} | {"epochs": [2]}
    ablation.search(study(run), one, "grid", 1)
    assert len(stub.fits) == 2 * 2  # and the current options
    ablation.search(study(run, **changed), one, "grid", 1)
    assert len(stub.fits) == 2 * 2 * 2
    run.write_text("data.txt", "other windows")
    ablation.search(study(run, **changed), one, "grid", 1)
    assert len(stub.fits) == 3 * 2 * 2


def test_optuna_over_a_finished_grid_trains_nothing_and_resumes(run, stub):
    found = ablation.search(study(run), LEVELS, "optuna", 15)
    visited = len(stub.fits)
    assert visited == 2 * len(found) < 2 * SETS
    pd.testing.assert_frame_equal(ablation.search(study(run), LEVELS, "optuna", 15), found)
    assert len(stub.fits) == visited
    ablation.search(study(run), LEVELS, "grid", 1)
    assert len(stub.fits) == 2 * SETS
    more = ablation.search(study(run), LEVELS, "optuna", 25)
    assert len(stub.fits) == 2 * SETS and len(more) >= len(found)
    assert more["optimizer"][0] == "adam" and more["uar"][0] == pytest.approx(0.625)


def test_only_training_and_validation_windows_are_looked_at(run, stub):
    whole = study(run, n_folds=2, max_windows=10)
    whole.measure(ablation.grid(LEVELS)[:1])
    rows = {k: whole.train_rows(TURNS[k]) for k in (0, 1)}
    for (train, val, _), k in zip(stub.fits, (0, 1, 0, 1), strict=True):
        assert len(train.y) == 10 and np.bincount(train.y).tolist() == [5, 5]
        assert set(train.subject) <= set(map(str, range(4))) - {str(k), str((k + 1) % 4)}
        assert set(val.subject) == {str((k + 1) % 4)}
        raw = DATA.X[rows[k]]
        np.testing.assert_allclose(train.X, (raw - raw.mean()) / raw.std(), rtol=1e-4)
        np.testing.assert_allclose(val.X, (DATA.X[TURNS[k].val] - raw.mean()) / raw.std(), rtol=1e-4)
    expected = {"fold": ["0", "1"], "train_people": [2, 2], "train_windows": [10, 10], "val_people": [1, 1]}
    pd.testing.assert_frame_equal(whole.people(), pd.DataFrame(expected | {"val_windows": [24, 24]}))


def test_trainings_that_differ_in_epochs_or_smoothing_share_a_graph(run, stub):
    study(run).measure(ablation.grid(LEVELS))
    assert stub.built == 2 * 2 * 2 * 2  # seeds, optimizers, batch sizes, with and without focus


def trainings() -> pd.DataFrame:
    """Two folds, two seeds, three cells: c loses to a and b, which tie in UAR."""
    rows = []
    for loss, uars, nats in (("a", (0.5, 0.7, 0.6, 0.8), 1.0), ("b", (0.6, 0.6, 0.7, 0.7), 0.9), ("c", (0.5, 0.5, 0.4, 0.4), 0.1)):  # fmt: skip
        for (seed, fold), uar in zip(product((0, 1), "xy"), uars, strict=True):
            cell = {"optimizer": "adam", "batch_size": 8, "loss": loss, "epochs": 3}
            rows.append({**cell, "fold": fold, "seed": seed, "val_uar": uar, "val_loss": nats, "epoch": 1, "epochs_run": 3, "seconds": 2.0})  # fmt: skip
    return pd.DataFrame(rows)


def test_mean_and_spread_are_over_seeds_after_folds_and_ties_go_to_the_lower_loss():
    table = ablation.summarised(trainings())
    assert table["loss"].tolist() == ["b", "a", "c"]
    assert table["n_seeds"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(table["uar"], [0.65, 0.65, 0.45])
    spreads = [stdev([0.6, 0.7]), stdev([0.6, 0.7]), stdev([0.5, 0.4])]
    np.testing.assert_allclose(table["uar_sd"], spreads)
    assert ablation.seed_sd(table) == pytest.approx(mean(s**2 for s in spreads) ** 0.5)
    assert table["near_best"].tolist() == [True, True, False] and ablation.near_ties(table) == 1


def test_main_effects_by_hand():
    uars = {("adam", 1): 0.5, ("adam", 2): 0.7, ("sgd", 1): 0.3, ("sgd", 2): 0.4, ("sgd", 9): 0.99}
    rows = [
        {"optimizer": o, "batch_size": 8, "loss": "focal", "epochs": e, "uar": u}
        for (o, e), u in uars.items()
    ]
    levels = {"optimizer": ["adam", "sgd"], "batch_size": [8], "loss": ["focal"], "epochs": [1, 2]}
    effects = ablation.main_effects(pd.DataFrame(rows), levels).set_index(["factor", "level"])
    assert effects["n_cells"].tolist() == [2, 2, 4, 4, 2, 2]  # 9 epochs are off the grid
    assert effects.loc[("optimizer", "adam"), "uar"] == pytest.approx(0.6)
    assert effects.loc[("optimizer", "sgd"), "uar"] == pytest.approx(0.35)
    assert effects.loc[("epochs", "2"), "uar_sd"] == pytest.approx(stdev([0.7, 0.4]))
    assert effects.loc[("loss", "focal"), "uar_sd"] == pytest.approx(stdev([0.5, 0.7, 0.3, 0.4]))


def test_the_choice_is_a_config_that_training_reads(run, stub):
    of = study(run)
    table = ablation.search(of, LEVELS, "grid", 1)
    ablation.write_choice(of, table)
    text = run.read(f"ablation/{OF}.yaml").read_text()
    fit = yaml.safe_load(text)["sources"][str(OF)]["train"]["fit"]
    chosen = training.options(0, {"patience": 3} | fit)
    found = (chosen.optimizer, chosen.epochs, chosen.batch_size)
    assert found == ("adam", 2, 32)  # the best UAR, then the least loss
    assert ablation.cell_of(chosen) == {name: table[name][0] for name in ablation.FACTORS}
    assert chosen.patience == 3 and "patience" not in fit
    assert "# 1 of these validation people are tested too" in text
    # the stub's seeds are 0.01 apart, so only adam with 2 epochs is within their sd: 2 batch sizes × 3 losses
    assert len(table) == SETS and ablation.near_ties(table) == 5


def test_an_official_split_tests_no_one_of_validation(run, stub):
    official = study(run)
    official.folds = TURNS[:1]
    assert ablation.tested_elsewhere(study(run, n_folds=3)) == ["1", "2", "3"]
    assert ablation.tested_elsewhere(official) == []
    table = ablation.search(official, LEVELS, "grid", 1)
    _, cautions = ablation.conclusion(official, table)
    assert "tested too" not in " ".join(cautions)


def test_people_without_identities_are_not_counted(run, stub):
    of = study(run)
    of.data = replace(DATA, subject=np.arange(96).astype(str))
    assert of.people()[["train_people", "val_people"]].isna().all(axis=None)
    assert of.people()["val_windows"].tolist() == [24]


def test_a_shared_trainer_gives_what_a_new_one_gives(run):
    real = study(run, training=training.Training(epochs=2, batch_size=16, augment=False))
    cells = [
        {"optimizer": "adam", "batch_size": 16, "loss": loss, "epochs": epochs}
        for loss, epochs in (("cross_entropy", 3), ("label_smoothed", 2))
    ]
    shared = real.measure(cells).drop(columns="seconds")
    for one in shared[shared["loss"] == "label_smoothed"].to_dict("records"):
        options = replace(real.training, **ablation.fields_of(cells[1]), seed=one["seed"])
        alone = study(run).train(options, 0, "alone")
        for key in ("val_uar", "val_loss", "epoch", "epochs_run"):
            assert one[key] == alone[key], key
