"""The steps of mixed precision on a small network with shortcuts: choices of bits, their files, their tables."""

import json

import compressed
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib.core.artifacts import Run
from emolib.core.experiment import model_name
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import build
from emolib.quantization import conversion, flatbuffer
from emolib.quantization import mixed_precision as mp
from emolib.quantization.ptq import convert
from emolib.signals.standardise import Standardiser
from emolib.studies import mixed
from emolib.studies.quantize import lost

TABLE2 = "synthetic-face-emotion-loso-table2"  # its shortcuts stand elsewhere in the file than in the network


def layer(name, operator, weights, macs):
    return mp.Layer(name, operator, weights, macs, 2.0, 0.1, {4: float(weights), 8: 0.1})


def test_choices_of_a_fold():
    """Either layer alone meets the budget; the first costs less, the logits cost less for each byte."""
    layers = [layer("first", "Conv2D", 40, 900), layer("depth", "DepthwiseConv2D", 9, 100)]
    fold = mixed.Prepared(None, [*layers, layer("logits", "Dense", 60, 60)], {}, {}, {})
    chosen = mixed.choices(fold.layers, 90)
    assert list(chosen) == list(mixed.VARIANTS)
    assert [list(bits.values()) for bits in chosen.values()] == [[8, 8, 8], [4, 8, 4], [4, 8, 8], [8, 8, 4]]
    found = mixed.needs([fold, fold], [chosen["uniform_int8"], chosen["int4"]])
    perturbation = pytest.approx(2.02639, rel=1e-5)
    assert found == {"weight_bytes": 84, "bops": 8480 * 6 + 100 * 16, "perturbation": perturbation}


def test_answers_are_judged_as_sklearn_does(monkeypatch):
    n, rng = 60, np.random.default_rng(0)
    y, part = rng.integers(3, size=n), np.repeat(["val", "test"], n // 2)
    columns = {"y": y, "part": part, "subject": np.repeat([f"s{i}" for i in range(6)], n // 6)}
    good, poor = np.eye(3)[y] * 0.85 + 0.05, rng.dirichlet(np.ones(3), size=n)
    scores = {mixed.ILP: good, "random 1": good, "random 2": poor}
    made = {name: ("random" if "random" in name else "variant", []) for name in scores}
    need = {"weight_bytes": 1.0, "bops": 1.0, "perturbation": 0.0}
    monkeypatch.setattr(mixed, "needs", lambda folds, bits: need)
    picked = mixed.picks_table([], made, scores, columns, "window")
    val = part == "val"
    weights = (1 / np.bincount(y[val]))[y[val]]
    assert picked.val_loss[2] == pytest.approx(log_loss(y[val], poor[val], sample_weight=weights))
    assert picked.uar[2] == pytest.approx(balanced_accuracy_score(y[~val], poor[~val].argmax(axis=1)))


@pytest.fixture(scope="module")
def table2(tmp_path_factory):
    """CalibrationData of one fold of table2, small and untrained, with its artifacts."""
    keras.utils.set_random_seed(3)
    run, name = Run(tmp_path_factory.mktemp("run"), "02_train", {}), model_name(TABLE2, 0)
    X, y = compressed.windows(36, shape=(32, 32, 1)), np.arange(36) % 3
    subject = np.repeat(["a", "b", "c"], 12)
    data = EmotionSet(X, y, subject, np.arange(36).astype(str), ("calm", "glad", "sad"))
    fold = Fold("c", np.arange(12), np.arange(12, 24), np.arange(24, 36))
    with run.write(f"{name}.keras") as path:
        compressed.settled(build("face", (32, 32, 1), 3, "table2"), X, 1).save(path)
    run.write_text(f"{name}.json", json.dumps({"standardiser": Standardiser.fit(X[:12]).to_dict()}))
    [calibration] = conversion.calibration_data(run, TABLE2, data, [fold], 12, 0)
    conversion.convert_fold(calibration, {"float32": lambda fold: convert(fold.model, "float32")})
    return calibration


@pytest.fixture(scope="module")
def prepared(table2):
    [found], _ = mixed.prepared([table2], 2, 0.666)
    return found


def test_the_bits_of_a_shortcut_go_to_its_tensor(prepared):
    """The 3×3 one of the last block is the only kernel of this shape; it stands before its block in the file."""
    [shortcut] = [each.name for each in prepared.layers if each.weights == 3 * 3 * 32 * 64]
    content = prepared.file(mp.uniform(prepared.layers, 8) | {shortcut: 4})
    kernels = [operator.inputs[1] for operator in flatbuffer.weighted(content)]
    assert [each.shape for each in kernels if each.dtype == "INT4"] == [(64, 3, 3, 32)]
    order = [each.weights for each in prepared.layers]
    assert [int(np.prod(each.shape)) for each in kernels] != order and len(kernels) == len(order) == 18


def test_files_answer_as_the_choice_does_which_is_the_best(table2, prepared):
    scores = conversion.convert_folds(table2.run, [table2], mixed.converters([prepared]))
    picked = mixed.pick_scores([prepared], [prepared.bits[mixed.ILP]])
    np.testing.assert_array_equal(picked, scores[mixed.ILP])
    assert mixed.is_optimal([prepared], 0.666 * sum(one.weights for one in prepared.layers)).all()


def test_lost_is_the_gain_upside_down():
    columns = ["variant", "points", "points_low", "points_high"]
    compared = pd.DataFrame([("int8", 0.0, np.nan, np.nan), ("mixed", -2.0, -4.0, 1.0)], columns=columns)
    [row] = lost(compared, "int8").to_dict("records")
    found = [row[f"uar_lost_to_int8{end}"] for end in ("", "_low", "_high")]
    assert row["variant"] == "mixed" and found == [2, -1, 4]
