"""What the saliency notebook reports: maps of each fold's own network, regions where the faces are, entries by hand."""

import numpy as np
import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, few
from emolib.signals.generated import face
from emolib.signals.generated.affect import affects

keras = pytest.importorskip("keras")
from emolib.studies.saliency import study  # noqa: E402
from emolib.studies.saliency.regions import masks  # noqa: E402

SYNTHETIC = Experiment("synthetic", "face", "emotion", "loso")
FER2013 = Experiment("fer2013", "face", "emotion7", "official")


def pictures(trial, side=48):
    """A set of black pictures, one for each name of a trial."""
    n, names = len(trial), np.array(trial)
    return EmotionSet(np.zeros((n, side, side, 1), np.float32), np.zeros(n, int), names, names, ("a", "b"))


def test_drawn_windows_are_of_the_fold_and_in_its_order():
    fold = Fold("a", [0, 1], [2], np.arange(10, 60))
    rows = few(fold.test, 20, seed=1)
    assert len(set(rows)) == 20 and set(rows) <= set(fold.test) and (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, few(fold.test, 20, seed=1))
    assert (rows != few(fold.test, 20, seed=2)).any()
    np.testing.assert_array_equal(few(fold.test, 999, seed=1), fold.test)


def write_fold(run, k, bias, mean, std):
    """A network that always answers `bias`, and its standardiser."""
    inputs = keras.Input((2, 3, 1))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    model.set_weights([np.zeros((6, 2)), np.full(2, bias)])
    with run.write(f"models/{SYNTHETIC}/fold{k:02d}.keras") as path:
        model.save(path)
    record = {"mean": mean, "std": std, "axis": None}
    run.write_json(f"models/{SYNTHETIC}/fold{k:02d}.json", {"standardiser": record, "history": {}})


def test_each_fold_explains_its_own_test_windows_as_it_standardises_them(tmp_path):
    run = Run(tmp_path, "test", {})
    write_fold(run, 0, bias=100.0, mean=1.0, std=2.0)
    write_fold(run, 1, bias=200.0, mean=3.0, std=4.0)
    X = np.arange(12 * 6, dtype=np.float32).reshape(12, 2, 3, 1)
    ids = np.arange(12).astype(str)
    data = EmotionSet(X, np.zeros(12, int), ids, ids, ("a", "b"))
    folds = [Fold("a", [0, 1], [2], [4, 5, 6, 7, 8]), Fold("b", [4, 5], [6], [0, 1])]
    seen = {
        "windows": lambda model, X: X[..., 0],
        "network": lambda model, X: np.broadcast_to(model.get_weights()[1][0], X.shape[:3]),
    }
    rows, maps = study.fold_maps(run, str(SYNTHETIC), data, folds, 3, seen, seed=5)
    assert len(rows) == 5 and set(rows[:3]) < {4, 5, 6, 7, 8} and rows[3:].tolist() == [0, 1]
    np.testing.assert_allclose(maps["windows"][:3], (X[rows[:3], ..., 0] - 1) / 2)
    np.testing.assert_allclose(maps["windows"][3:], (X[[0, 1], ..., 0] - 3) / 4)
    assert maps["network"].shape == (5, 2, 3)
    assert maps["network"][:, 0, 0].tolist() == [100, 100, 100, 200, 200]


OPTIONS = {"n_subjects": 2, "n_trials": 4, "trial_s": 5.0, "seed": 3}


@pytest.mark.parametrize(
    ("frontend", "side", "frames"),
    [({"hop_s": 1.0}, 48, range(5)), ({}, 48, (0, 2, 4)), ({"size": 24, "hop_s": 4.0}, 24, (0, 4))],
)
def test_regions_of_synthetic_pictures_are_the_generators(tmp_path, frontend, side, frames):
    """Of trial 6's last window, and of the first of trial 1, in the order that is asked for."""
    shown = list(affects(**OPTIONS))
    made = Run(tmp_path, "01_windows", {"frontend": frontend, "corpus_options": OPTIONS})
    made.write_arrays(f"data/{SYNTHETIC}.npz", X=np.zeros(1))
    data = pictures([one.trial_id for one in shown for _ in frames], side)
    rows = np.array([7 * len(frames) - 1, len(frames)])
    run = Run(tmp_path, "02b_saliency", {"frontend": {"hop_s": 9.0}})  # not these
    found = study.regions(run, SYNTHETIC, data, rows)
    for place, (trial, frame) in enumerate([(6, frames[-1]), (1, frames[0])]):
        boxes = face.face_regions(face.portrait(shown[trial]), side)
        expected = masks({name: box[[frame]] for name, box in boxes.items()}, side, side)
        assert set(found) == set(expected) == {"eyes", "cheeks", "mouth", "elsewhere"}
        for part, mask in found.items():
            np.testing.assert_allclose(mask[place], expected[part][0])
    assert (found["mouth"][0] != found["mouth"][1]).any()


def test_regions_of_other_faces_are_fixed_and_need_no_file(tmp_path):
    found = study.regions(Run(tmp_path, "test", {}), FER2013, pictures(["x"] * 9, 100), np.array([8, 2, 5]))
    mouth = np.zeros((100, 100))
    mouth[69:92, 29:71] = 1
    for mask in found["mouth"]:
        np.testing.assert_allclose(mask, mouth, atol=1e-9)
    area = {part: mask.sum(axis=(1, 2)).tolist() for part, mask in found.items()}
    assert area["eyes"] == pytest.approx([2 * 25 * 17] * 3)
    assert area["cheeks"] == pytest.approx([2 * 21 * 20] * 3)
    assert area["elsewhere"] == pytest.approx([10_000 - 850 - 840 - 42 * 23] * 3)


def test_the_table_has_every_method_on_every_region():
    where = {"left": np.zeros((2, 1, 4)), "right": np.ones((2, 1, 4))}
    where["left"][..., 0], where["right"][..., 0] = 1, 0
    maps = {
        "sure": np.array([[[9.0, 0, 0, 0]], [[1, 0, 0, 0]]]),
        "even": np.ones((2, 1, 4)),
    }
    table = study.attention_table(maps, where, np.array(["s0", "s1"]))
    assert table.columns[0] == "method" and table.index.tolist() == [0, 1, 2, 3]
    found = {(row.method, row.region): (row.share, row.ratio) for row in table.itertuples()}
    assert found == {
        ("sure", "left"): pytest.approx((1, 4)),
        ("sure", "right"): pytest.approx((0, 0)),
        ("even", "left"): pytest.approx((0.25, 1)),
        ("even", "right"): pytest.approx((0.75, 1)),
    }


NAN = float("nan")


def attention(*rows):
    return pd.DataFrame(rows, columns=["method", "region", "n", "ratio", "ratio_low", "ratio_high"])


def sanity(*rows):
    names = ["method", "step", "layer", "n", "spearman", "spearman_low", "spearman_high", "other"]
    return pd.DataFrame(rows, columns=names)


TABLE = attention(
    ("gradient", "eyes", 30, 1.5, 1.25, 1.75),
    ("gradient", "mouth", 30, 2.5, 2.0, 3.0),
    ("gradient", "elsewhere", 30, 9.0, 8.0, 10.0),
    ("Grad-CAM", "eyes", 28, 0.5, NAN, NAN),
    ("Grad-CAM", "mouth", 28, 0.25, NAN, NAN),
    ("Grad-CAM", "elsewhere", 28, 1.1, NAN, NAN),
)
CHECKED = sanity(
    ("gradient", 1, "logits", 12, 0.9, 0.8, 1.0, 0.7),
    ("Grad-CAM", 1, "logits", 12, 0.8, 0.7, 0.9, 0.6),
    ("occlusion", 1, "logits", 12, 0.6, 0.5, 0.7, 0.4),
    ("gradient", 2, "conv1", 11, 0.1, -0.05, 0.2, 0.05),
    ("Grad-CAM", 2, "conv1", 1, 0.3, NAN, NAN, 0.2),
    ("occlusion", 2, "conv1", 0, NAN, NAN, NAN, NAN),
)


def entry(value, low, high, unit, n, table):
    artifact = f"tables/{FER2013}-{table}.csv"
    return {"value": value, "low": low, "high": high, "unit": unit, "n": n, "artifact": artifact}


def test_numbers_are_densities_and_what_is_left_when_all_weights_are_random():
    of = "fer2013/emotion7/official"
    assert study.numbers(FER2013, TABLE, CHECKED) == {
        f"{of}/gradient/eyes_density": entry(1.5, 1.25, 1.75, "ratio", 30, "attention"),
        f"{of}/gradient/mouth_density": entry(2.5, 2.0, 3.0, "ratio", 30, "attention"),
        f"{of}/Grad-CAM/eyes_density": entry(0.5, None, None, "ratio", 28, "attention"),
        f"{of}/Grad-CAM/mouth_density": entry(0.25, None, None, "ratio", 28, "attention"),
        f"{of}/gradient/randomised_spearman": entry(0.1, -0.05, 0.2, "", 11, "sanity"),
        f"{of}/Grad-CAM/randomised_spearman": entry(0.3, None, None, "", 1, "sanity"),
    }


def test_keys_name_the_modality_where_the_corpus_has_several():
    keys = study.numbers(SYNTHETIC, TABLE, CHECKED)
    assert "synthetic/emotion/loso/face_gradient/eyes_density" in keys and len(keys) == 6


def test_the_answer_is_the_densest_region_of_a_face_and_the_last_step():
    found = study.answer(TABLE, CHECKED).set_index("method")
    assert found.loc["gradient"].tolist() == ["mouth", 2.5, 2.0, 3.0, 0.1, 0.05]
    assert found.loc["Grad-CAM", ["region", "ratio", "spearman", "other"]].tolist() == ["eyes", 0.5, 0.3, 0.2]
    assert np.isnan(found.ratio_low["Grad-CAM"]) and len(found) == 2
