"""What wrong labels cost: only training labels change, each share is trained once, the table is right."""

import numpy as np
import pytest
from emolib.studies.reduction.store import Store
from emolib.studies.reduction.table import Answers
from sklearn import metrics as sklearn_metrics

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.models.alexnet import embedded
from emolib.report.plots.reduction import noise_cost
from emolib.studies.reduction import wrong_labels

NETWORK = embedded(1, 3)
SOURCE = Experiment("fer2013", "face", "emotion7", "official")


def test_shares_have_the_clean_one_that_they_are_compared_with():
    assert wrong_labels.shares([0.3, 0.09, 0.3]) == [0.0, 0.09, 0.3]
    assert wrong_labels.shares([0, 0.09]) == [0.0, 0.09]
    assert wrong_labels.shares([]) == []


def test_names_are_percent():
    assert [wrong_labels.name(share) for share in (0, 0.0, 0.09, 0.29, 0.025, 1)] == [
        "noise0", "noise0", "noise9", "noise29", "noise2.5", "noise100",
    ]  # fmt: skip


def test_only_labels_of_training_change():
    rows = np.arange(200)
    X = rows.reshape(-1, 1, 1, 1).astype(np.float32)
    clean = EmotionSet(X, rows % 4, rows.astype(str), rows.astype(str), ("a", "b", "c", "d"))
    noisy = wrong_labels.mislabelled(clean, 0.09, seed=3)
    assert (noisy.y != clean.y).sum() == 18 and set(noisy.y) == {0, 1, 2, 3}
    assert noisy.X is clean.X and noisy.subject is clean.subject
    np.testing.assert_array_equal(clean.y, rows % 4)
    np.testing.assert_array_equal(noisy.y, wrong_labels.mislabelled(clean, 0.09, seed=3).y)
    np.testing.assert_array_equal(wrong_labels.mislabelled(clean, 0, seed=3).y, clean.y)
    with pytest.raises(BadParameter, match=r"share 1.2"):
        wrong_labels.mislabelled(clean, 1.2, seed=3)


def answers(skill: float, seed: int, n: int = 300, n_subjects: int = 30) -> Answers:
    """On the same labels and subjects whatever the skill."""
    y, subject = np.arange(n) % 3, np.arange(n) // (n // n_subjects)
    scores = np.random.default_rng(seed).dirichlet(np.ones(3), n) + skill * np.eye(3)[y]
    return Answers("Embedded", "test", NETWORK, y, scores / scores.sum(axis=1, keepdims=True), subject)


@pytest.fixture(scope="module")
def judged() -> dict[float, Answers]:
    return {0.0: answers(0.6, 1), 0.09: answers(0.5, 2), 0.3: answers(0.1, 3)}


def bootstrapped(a: Answers, b: Answers) -> np.ndarray:
    """95 % interval of the points of b over a: people drawn with replacement, the same ones for both."""
    people, gains = np.unique(a.subject), 0.0
    drawn = np.random.default_rng(7).choice(len(people), (2000, len(people)))
    for sign, one in ((-1, a), (1, b)):
        right = one.scores.argmax(axis=1) == one.y
        of = [[(one.subject == person) & (one.y == label) for label in range(3)] for person in people]
        hits, totals = (
            [[(rows & mask).sum() for mask in row] for row in of] for rows in (right, right | True)
        )
        gains += sign * (np.array(hits)[drawn].sum(axis=1) / np.array(totals)[drawn].sum(axis=1)).mean(axis=1)
    return np.percentile(100 * gains, [2.5, 97.5])


def test_the_table_agrees_with_sklearn_and_a_bootstrap_by_hand(judged):
    found = wrong_labels.table(judged, n_boot=400)
    assert found["wrong_labels_percent"].tolist() == [0, 9, 30] and found["n"].tolist() == [300] * 3
    recalls, areas = [], []
    for one in judged.values():
        areas.append(sklearn_metrics.roc_auc_score(one.y, one.scores, multi_class="ovr"))
        recalls.append(sklearn_metrics.balanced_accuracy_score(one.y, one.scores.argmax(axis=1)))
    assert found["auc"].tolist() == pytest.approx(areas) and found["uar"].tolist() == pytest.approx(recalls)
    assert found["points"].tolist() == pytest.approx([100 * (r - recalls[0]) for r in recalls])
    for metric in ("auc", "uar"):
        assert (found[f"{metric}_low"] < found[metric]).all() and (
            found[metric] < found[f"{metric}_high"]
        ).all()
    low, high = bootstrapped(judged[0.0], judged[0.3])
    assert (found["points_low"][2], found["points_high"][2]) == pytest.approx((low, high), abs=1.5)
    assert found["points_high"][2] < 0 and np.isnan(found["points_low"][0])


def test_numbers_of_the_report(judged):
    table = wrong_labels.table(judged, n_boot=200)
    found, of = wrong_labels.numbers(SOURCE, table), "fer2013/reduction/official"
    assert set(found) == {
        f"{of}/search_{share}/{metric}"
        for share in ("noise0", "noise9", "noise30")
        for metric in ("auc", "uar")
    } | {f"{of}/search_noise9/points", f"{of}/search_noise30/points"}
    lost, row = found[f"{of}/search_noise30/points"], table.iloc[2]
    assert (lost["value"], lost["low"], lost["high"]) == pytest.approx(
        (-row.points, -row.points_high, -row.points_low), rel=1e-5
    )
    assert lost["value"] > 0 and lost["unit"] == "points" and lost["n"] == 300
    area = found[f"{of}/search_noise9/auc"]
    assert (area["value"], area["low"], area["high"]) == pytest.approx(
        (table.auc[1], table.auc_low[1], table.auc_high[1]), rel=1e-5
    )
    assert {one["artifact"] for one in found.values()} == {f"tables/{SOURCE}-noise.csv"}


def test_one_test_person_gives_no_interval():
    alone = {share: answers(skill, 1, n_subjects=1) for share, skill in ((0.0, 0.6), (0.09, 0.3))}
    table = wrong_labels.table(alone, n_boot=50)
    assert table["auc_low"].isna().all() and table["points_low"].isna().all()
    for one in wrong_labels.numbers(SOURCE, table).values():
        assert one["low"] is None and one["high"] is None


def test_a_share_is_trained_once_and_leaves_the_others_alone(tmp_path):
    pytest.importorskip("tensorflow")
    trained = []

    def stores() -> dict[float, Store]:
        def train(share):
            def fit(architecture, path, state):
                trained.append(share)
                path.write_text(str(share))
                return {"auc": 0.9 - share}

            return fit

        run = Run(tmp_path, "02c_reduction", {})
        return {
            share: Store(run, f"m/{wrong_labels.name(share)}", train(share), {"noise": share})
            for share in wrong_labels.shares([0.09, 0.3])
        }

    for _ in range(2):
        found = {share: store(NETWORK)["auc"] for share, store in stores().items()}
    assert found == {0.0: 0.9, 0.09: 0.81, 0.3: 0.6000000000000001}
    assert trained == [0.0, 0.09, 0.3]


def test_the_figure_shows_every_share_with_its_interval_and_chance(judged):
    table = wrong_labels.table(judged, n_boot=200)
    for axes, metric, scale, chance in zip(
        noise_cost(table, 3).axes, ("auc", "uar"), (1, 100), (0.5, 100 / 3), strict=True
    ):
        line, level = axes.lines
        assert line.get_xdata().tolist() == [0, 9, 30]
        np.testing.assert_allclose(line.get_ydata(), scale * table[metric])
        assert level.get_ydata()[0] == pytest.approx(chance)
        [bars] = axes.collections
        ends = [segment[:, 1] for segment in bars.get_segments()]
        np.testing.assert_allclose(ends, scale * table[[f"{metric}_low", f"{metric}_high"]].to_numpy())
