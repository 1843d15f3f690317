"""Seed variability: numbers by hand, and nothing is trained twice."""

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.datasets import windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import loso, to_arrays
from emolib.models import crossval
from emolib.studies import seed_variability

SOURCE = Experiment("synthetic", "heart", "emotion", "loso")
CLASSES = ("rest", "task")
COLUMNS = {  # four people, two answers of each
    "part": np.array(["val"] + ["test"] * 8),
    "y": np.array([0] + [0, 1] * 4),
    "subject": np.array(["a"] + sorted("abcd" * 2)),
    "fold": np.zeros(9, int),
    "trial": np.array(list("rstuvwxyz")),
    "classes": np.array(CLASSES),
}


def says(*answers):
    """Scores that give these classes, and one for the validation row."""
    return np.eye(2)[[0, *answers]] * 0.8 + 0.1


SCORES = {
    ("train", 0): says(0, 1, 0, 1, 0, 0, 1, 0),  # recalls 3/4 and 2/4
    ("train", 1): says(0, 1, 0, 1, 0, 1, 0, 0),  # 4/4 and 3/4
    ("subject", 0): says(0, 1, 0, 1, 0, 1, 0, 1),
    ("subject", 1): says(0, 1, 0, 1, 0, 1, 1, 1),  # 3/4 and 4/4
}


def test_uar_over_seeds_is_the_mean_of_theirs_and_people_have_a_spread_if_they_have_names():
    table = seed_variability.over_seeds(COLUMNS, SCORES, "window").set_index("normalise")
    assert table.index.tolist() == ["train", "subject"] and (table.seeds == 2).all() and (table.n == 16).all()
    train, subject = table.loc["train"], table.loc["subject"]
    assert train.uar == pytest.approx((0.625 + 0.875) / 2)
    assert train.uar_seeds_sd == pytest.approx(np.std([0.625, 0.875], ddof=1))
    own = [1, 1, 0.75, 0.25]  # of each person, mean of the seeds
    assert (train.uar_people_mean, train.uar_people_sd) == pytest.approx((np.mean(own), np.std(own, ddof=1)))
    assert train.uar_low <= train.uar <= train.uar_high and np.isnan(train.points)
    assert subject.points == pytest.approx(100 * ((1 + 0.875) / 2 - 0.75))
    assert subject.points_high > 0 and subject.p <= 1
    nameless = COLUMNS | {"subject": np.array(list("ABCDEFGHI"))}
    table = seed_variability.over_seeds(nameless, {("train", 0): SCORES["train", 0]}, "window").iloc[0]
    assert np.isnan([table.uar_seeds_sd, table.uar_people_sd]).all() and table.uar == table.uar_people_mean


def test_what_02_train_has_trained_serves_and_every_other_arm_has_networks_of_its_own(tmp_path):
    rng = np.random.default_rng(0)
    subject, y = np.repeat(list("abcd"), 6), np.tile([0, 1], 12)
    X = rng.normal(size=(24, 32, 1, 4)).astype(np.float32) + subject.view(np.int32)[:, None, None, None] % 7
    data = EmotionSet(X, y, subject, np.arange(24).astype(str), CLASSES)
    folds = loso(data, n_val=1)[:2]
    made = Run(tmp_path, "01_windows", {})
    made.write_arrays(f"data/{SOURCE}.npz", **windowed.to_arrays(data))
    made.write_arrays(f"data/{SOURCE}-folds.npz", **to_arrays(folds))
    given = {"normalise": "train", "level": "window", "seed": 7, "model": {}, "fit": {"epochs": 1, "seed": 0}}
    first = rng.dirichlet((1, 1), 24)[:12]
    columns = crossval.score_columns(data, folds)
    Run(tmp_path, "02_train", given).write_arrays(f"scores/{SOURCE}-keras.npz", keras=first, **columns)
    _, scores = seed_variability.scores(Run(tmp_path, "02e_seed_variability", {}), SOURCE, (0, 1))
    assert list(scores) == [("train", 0), ("train", 1), ("subject", 0), ("subject", 1)]
    np.testing.assert_array_equal(scores["train", 0], first)
    stem = f"models/{SOURCE}/"
    written = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*.keras"))}
    arms = ("subject-seed0", "subject-seed1", "train-seed1")
    assert [*written] == [tmp_path / f"{stem}{arm}/fold0{k}.keras" for arm in arms for k in (0, 1)]
    _, again = seed_variability.scores(Run(tmp_path, "02e_seed_variability", {}), SOURCE, (0, 1))
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.keras")}
    assert len({each.tobytes() for each in scores.values()}) == 4
    np.testing.assert_array_equal(again["subject", 1], scores["subject", 1])
