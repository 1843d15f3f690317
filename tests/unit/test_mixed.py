import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib import mixed
from emolib.compression import mixed_precision as mp
from emolib.plots.mixed import pareto, sensitivity

SOURCE = "emodb-speech-emotion7-loso"


def layer(name, operator, weights, macs):
    return mp.Layer(name, operator, weights, macs, 2.0, 0.1, {4: float(weights), 8: 0.1})


@pytest.fixture
def fold():
    layers = [layer("first", "Conv2D", 40, 900), layer("depth", "DepthwiseConv2D", 9, 100)]
    return mixed.Prepared(None, [*layers, layer("logits", "Dense", 60, 60)], {})


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
    found = mixed.needs([fold, fold], [chosen["uniform_wi8_ai8"], chosen["static_wi4_ai8"]])
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
    drop = of["mixed_w4w8_drop/points"]
    assert (drop["value"], drop["low"], drop["high"]) == (2.0, -1.0, 4.0)
    assert of["mixed_w4w8_ratio/weights"]["value"] == 1.5
    assert of["uniform_wi8_ai8/uar"]["low"] == 0.4 and "uniform_wi8_ai8_drop/points" not in of
    assert (of["mixed_w4w8/rank"]["value"], of["mixed_w4w8/val_rank"]["value"]) == (1, 2)
    assert of["mixed_w4w8_over_random/points"]["high"] == 3 and of["mixed_w4w8/optimal"]["value"] == 0.75


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
