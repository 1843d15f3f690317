import json

import compressed
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import model_name
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import build, crossval
from emolib.quantization import conversion, flatbuffer
from emolib.quantization import mixed_precision as mp
from emolib.quantization.ptq import convert
from emolib.report.plots.mixed import pareto, sensitivity
from emolib.signals.standardise import Standardiser
from emolib.studies import mixed
from emolib.studies.quantize import sizes

SOURCE = "emodb-speech-emotion7-loso"


def layer(name, operator, weights, macs):
    return mp.Layer(name, operator, weights, macs, 2.0, 0.1, {4: float(weights), 8: 0.1})


@pytest.fixture
def fold():
    layers = [layer("first", "Conv2D", 40, 900), layer("depth", "DepthwiseConv2D", 9, 100)]
    return mixed.Prepared(None, [*layers, layer("logits", "Dense", 60, 60)], {}, {})


def answers(n=60, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "y": rng.integers(3, size=n),
        "part": np.repeat(["val", "test"], n // 2),
        "subject": np.repeat([f"s{i}" for i in range(6)], n // 6),
        "trial": np.arange(n).astype(str),
        "fold": np.zeros(n, int),
    }
    return columns, rng.dirichlet(np.ones(3), size=n)


def test_choices_of_a_fold(fold):
    """Either layer alone meets the budget; the first costs less, the logits cost less for each byte."""
    chosen = mixed.choices(fold.layers, mp.Budget(bytes=90))
    assert list(chosen) == list(mixed.VARIANTS)
    assert [list(bits.values()) for bits in chosen.values()] == [[8, 8, 8], [4, 8, 4], [4, 8, 8], [8, 8, 4]]
    found = mixed.needs([fold, fold], [chosen["uniform_int8"], chosen["int4"]])
    assert found == {
        "weight_bytes": (109 + 59) / 2,
        "bops": 8480 * 6 + 100 * 16,
        "perturbation": pytest.approx(2.02639, rel=1e-5),
    }


def test_a_choice_is_judged_as_sklearn_does():
    columns, scores = answers()
    found = mixed.judged(columns, scores, "window")
    y, val = columns["y"], columns["part"] == "val"
    weights = (1 / np.bincount(y[val]))[y[val]]
    assert found["val_loss"] == pytest.approx(log_loss(y[val], scores[val], sample_weight=weights))
    expected = balanced_accuracy_score(y[~val], scores[~val].argmax(axis=1))
    assert found["uar"] == pytest.approx(expected)


def test_the_best_random_choice_is_the_baseline():
    columns, scores = answers()
    good = np.eye(3)[columns["y"]]
    picked = pd.DataFrame(
        {
            "pick": [mixed.ILP, "random 1", "random 2"],
            "kind": ["variant", "random", "random"],
            "uar": [1, 0.3, 0.5],
        }
    )
    table = mixed.against_best(
        picked, {mixed.ILP: good, "random 1": good, "random 2": scores}, columns, "window"
    )
    assert table.variant.tolist() == ["random 2", mixed.ILP]
    assert table.points[1] == pytest.approx(100 * (1 - table.uar[0])) and table.points_low[1] > 0


def tables():
    variants = pd.DataFrame(
        {
            **{
                "variant": mixed.VARIANTS,
                "weight_bytes": [120.0, 60, 80, 80],
                "file_bytes": [200, 140, 160, 160],
            },
            **{"bops": [960.0, 480, 640, 640], "n": 30, "uar": [0.6, 0.5, 0.58, 0.57]},
            **{"uar_low": 0.4, "uar_high": 0.7, "points": [0, -10, -2.0, -3.0]},
            **{"points_low": [np.nan, -12, -4, -5], "points_high": [np.nan, -8, 1, 1], "p": 0.5},
        }
    )
    picked = pd.DataFrame(
        {
            **{"pick": [*mixed.VARIANTS, "random 1", "random 2"], "kind": ["variant"] * 4 + ["random"] * 2},
            **{"val_loss": [1.0, 2, 1.1, 1.2, 1.05, 1.3], "uar": [0.6, 0.5, 0.58, 0.57, 0.55, 0.56]},
            **{"weight_bytes": [120.0, 60, 80, 80, 79, 78], "bops": [960.0, 480, 640, 640, 600, 500]},
        }
    )
    return variants, picked


def test_numbers_of_the_summary():
    variants, picked = tables()
    against = variants.iloc[[3, 2]].assign(points=[0, 1.0], points_low=[np.nan, -1], points_high=[np.nan, 3])
    found = mixed.numbers(SOURCE, variants, picked, against, np.array([True, True, False, True]))
    of = {name.removeprefix("emodb/emotion7/loso/"): entry for name, entry in found.items()}
    drop = of["mixed_drop/points"]
    assert (drop["value"], drop["low"], drop["high"]) == (2.0, -1.0, 4.0)
    assert of["mixed_ratio/weights"]["value"] == 1.5
    assert of["uniform_int8/uar"]["low"] == 0.4 and "uniform_int8_drop/points" not in of
    assert (of["mixed/rank"]["value"], of["mixed/val_rank"]["value"]) == (1, 2)
    assert of["mixed_over_random/points"]["high"] == 3 and of["mixed/optimal"]["value"] == 0.75


def test_sensitivity_figure_has_a_bar_per_layer_and_width():
    table = pd.DataFrame(
        {
            **{
                "layer": ["a", "b"] * 3,
                "operator": ["Conv2D", "DepthwiseConv2D"] * 3,
                "bits": [4, 8, 8, 8, 4, 8],
            },
            **{"omega_4": [1, 10, 2, 20, 3, 30.0], "omega_8": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]},
        }
    )
    [ax] = sensitivity(table).axes
    assert [round(bar.get_width(), 6) for bar in ax.patches] == [2, 20, 0.3, 0.4]
    assert [text.get_text() for text in ax.texts] == ["4 bits in 2 of 3", "8 bits only"]
    assert "nats" in ax.get_xlabel() and ax.get_xscale() == "log"


def test_pareto_figure_shows_every_choice_twice():
    _, picked = tables()
    size, bops = pareto(picked).axes
    assert [len(ax.lines) for ax in (size, bops)] == [5, 5]
    assert size.lines[-1].get_xdata().tolist() == [0.079, 0.078]
    np.testing.assert_allclose(bops.lines[-1].get_ydata(), [55, 56])
    assert "kB" in size.get_xlabel() and "BOPs" in bops.get_xlabel() and "%" in size.get_ylabel()


TABLE2 = "synthetic-face-emotion-loso-table2"  # its shortcuts stand elsewhere in the file than in the network


@pytest.fixture(scope="module")
def table2(tmp_path_factory):
    """A kit of one fold of table2, small and untrained, with its artifacts; the set, and the fold."""
    keras.utils.set_random_seed(3)
    run, name = Run(tmp_path_factory.mktemp("run"), "02_train", {}), model_name(TABLE2, 0)
    X, y = compressed.windows(36, shape=(32, 32, 1)), np.arange(36) % 3
    subject = np.repeat(["a", "b", "c"], 12)
    data = EmotionSet(X, y, subject, np.arange(36).astype(str), ("calm", "glad", "sad"))
    fold = Fold("c", np.arange(12), np.arange(12, 24), np.arange(24, 36))
    with run.write(f"{name}.keras") as path:
        compressed.settled(build("face", (32, 32, 1), 3, "table2"), X, 1).save(path)
    run.write_text(f"{name}.json", json.dumps({"standardiser": Standardiser.fit(X[:12]).to_dict()}))
    [kit] = conversion.kits(run, TABLE2, data, [fold], 12, 0)
    conversion.convert_fold(kit, {"float32": lambda kit: convert(kit.model, "float32")})
    return kit, data, fold


@pytest.fixture(scope="module")
def prepared(table2):
    return mixed.prepare(table2[0], n_samples=2)


def test_the_bits_of_a_shortcut_go_to_its_tensor(prepared):
    """The 3×3 one of the last block is the only kernel of this shape; it stands before its block in the file."""
    [shortcut] = [each.name for each in prepared.layers if each.weights == 3 * 3 * 32 * 64]
    content = prepared.file(mp.uniform(prepared.layers, 8) | {shortcut: 4})
    kernels = [operator.inputs[1] for operator, _ in flatbuffer.weighted(content)]
    assert [each.shape for each in kernels if each.dtype == "INT4"] == [(64, 3, 3, 32)]
    order = [each.weights for each in prepared.layers]
    assert [int(np.prod(each.shape)) for each in kernels] != order and len(kernels) == len(order) == 18


def test_bits_that_no_file_can_have_are_refused(prepared):
    with pytest.raises(BadParameter, match="_depthwise is a DepthwiseConv2D, which has no 4-bit kernel"):
        prepared.file({each.name: 4 for each in prepared.layers})


def test_the_notebooks_steps_with_branches(table2, prepared):
    """Files of table2 with the bytes that were counted, and every entry of the summary."""
    kit, data, fold = table2
    budget = mp.Budget.shares(prepared.layers, 0.666, None)
    chosen = [mixed.choices(prepared.layers, budget)]
    scores = conversion.convert_folds(kit.run, [kit], mixed.converters([prepared], chosen))
    columns = crossval.score_columns(data, [fold])
    needs = {variant: mixed.needs([prepared], [chosen[0][variant]]) for variant in mixed.VARIANTS}
    for variant in mixed.VARIANTS:
        content = kit.run.read(f"{kit.name}-{variant}.tflite").read_bytes()
        assert flatbuffer.weight_bytes(content) == needs[variant]["weight_bytes"]
    size = sizes(kit.run, TABLE2, 1, mixed.VARIANTS)
    table = mixed.variants_table(columns, scores, "window", size, needs)
    assert table.weight_bytes[2] <= 0.666 * table.weight_bytes[0]
    made = mixed.picks(chosen, mp.random_picks(prepared.layers, budget, 2, 0))
    answers = {name: mixed.pick_scores([prepared], bits) for name, (_, bits) in made.items()}
    np.testing.assert_array_equal(answers[mixed.ILP], scores[mixed.ILP])
    picked = mixed.picks_table([prepared], made, answers, columns, "window")
    against = mixed.against_best(picked, answers, columns, "window")
    optimal = mixed.is_optimal([prepared], chosen, budget)
    found = mixed.numbers(TABLE2, table, picked, against, optimal)
    assert optimal.all() and found["synthetic/emotion/loso/face_table2_mixed/optimal"]["value"] == 1
    assert (
        mixed.layer_table(prepared.layers).layer == mixed.sensitivity_table([prepared], chosen).layer
    ).all()
