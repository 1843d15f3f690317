"""Reduction: the search finds what an exhaustive one finds, trains nothing twice, and says why it stopped; wrong labels
change as asked; answers and tables by hand and against scikit-learn."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.datasets.base import EmotionSet
from emolib.models.alexnet import Architecture, Block, baseline, flops, key, layers
from emolib.models.training import Training
from emolib.studies.reduction import tables, trainings
from emolib.studies.reduction.search import Search, axes, bound, least_auc, reductions, trace
from emolib.studies.reduction.trainings import Answers, Store, judged, mislabelled, trained

TOY = Architecture(64, 1, (Block(32, 7, 4, 3), Block(32, 3, pool=2), Block(16, 3)), (64,), 3)


def closure(architecture: Architecture, accepted=lambda one: True) -> dict[str, Architecture]:
    """Every network that reductions reach, the architecture too, through accepted ones only."""
    found, todo = {key(architecture): architecture}, [architecture]
    while todo:
        one = todo.pop()
        for smaller in reductions(one).values() if accepted(one) else []:
            if key(smaller) not in found:
                found[key(smaller)] = smaller
                todo.append(smaller)
    return found


ALL = closure(TOY)


def below(architecture: Architecture, other: Architecture) -> bool:
    """Whether it is as small as the other, or smaller, in every axis."""
    return all(a <= b for a, b in zip(axes(architecture), axes(other), strict=True))


def rising(architecture: Architecture) -> float:
    """An AUC that no reduction raises: 0.5 and a bit for every axis, concave, side and stride weighing most."""
    side, stride, *widths = axes(architecture)
    return 0.5 + 0.2 * (side / 64) * (4 / -stride) ** 0.5 + 0.15 * np.mean(np.sqrt(np.array(widths) / 64))


def searched(auc=rising, budget=10_000, **options) -> Search:
    search = Search(TOY, lambda one: {"auc": auc(one), "seconds": 1.0}, budget, **options)
    list(search.run())
    return search


def test_neighbours_of_alexnet():
    assert ", ".join(reductions(baseline())) == (
        "input 224 → 160, first stride 4 → 6, conv1 96 → 48, conv2 256 → 128, conv2 dropped, conv3 384 → 192, "
        "conv3 dropped, conv4 384 → 192, conv5 256 → 128, conv5 dropped, dense1 4096 → 2048, dense1 dropped, dense2 4096 → 2048"
    )  # conv4 dropped is conv3 dropped, dense2 dropped is dense1 dropped
    names = [layer.name for layer in layers(reductions(baseline())["conv2 dropped"])]
    assert "conv2" not in names and names[:3] == ["conv1", "pool1", "pool2"]  # its pool stays


@pytest.mark.parametrize("seed", range(2))
def test_the_bound_is_admissible_and_no_lower_with_rejections(seed):
    """Never above the FLOPs of anything below that is below no rejected one; tested against the whole space."""
    rng, everything = np.random.default_rng(seed), list(ALL.values())
    rejected = [everything[i] for i in rng.integers(len(everything), size=4)]
    for i in rng.integers(len(everything), size=40):
        one, space = everything[i], closure(everything[i]).values()
        left = [flops(b) for b in space if not any(below(b, r) for r in rejected)]
        assert bound(one) <= min(map(flops, space))
        assert bound(one) <= bound(one, rejected) <= min(left, default=np.inf)
        if any(below(one, r) for r in rejected):
            assert bound(one, rejected) == np.inf


def test_the_search_finds_the_optimum_where_reductions_only_lose():
    """Of the whole space behind accepted ones, early, and in fewer trainings, none of them twice or below a rejected one."""
    floor, search = least_auc(rising(TOY)), searched()
    space = closure(TOY, lambda one: rising(one) >= floor)
    assert search.stopped == "optimum" and search.skipped > 0
    assert search.best.flops == min(flops(one) for one in space.values() if rising(one) >= floor)
    assert search.best.flops < flops(TOY) / 2 and search.best.number < 12
    assert len({key(one.architecture) for one in search.tried}) == len(search.tried) < 0.6 * len(space)
    rejected = []
    for one in search.tried:
        assert not any(below(one.architecture, other) for other in rejected)
        assert one.parent is None or search.tried[one.parent].accepted
        rejected += [] if one.accepted else [one.architecture]


def test_it_stops_at_the_target_or_the_budget_and_accepts_from_the_least_auc():
    target = searched(budget=100, target_flops=flops(TOY) // 2)
    *before, last = target.tried
    assert target.stopped == "target" and last.accepted and last.flops <= flops(TOY) // 2
    assert all(one.flops > flops(TOY) // 2 for one in before if one.accepted)
    short = searched(budget=3)
    assert len(short.tried) == 3 and short.stopped == "budget"
    assert least_auc(0.7) == pytest.approx(0.66)
    assert least_auc(0.7, rule="auc") == pytest.approx(0.56)
    assert searched(rule="auc").best.numbers["auc"] < searched().least_auc
    with pytest.raises(BadParameter, match="AUC is 0.500, expected above 0.5: train it longer"):
        searched(lambda one: 0.5)
    with pytest.raises(BadParameter, match="rule 'loss', share 0.8: expected margin or auc"):
        searched(rule="loss")


def test_only_what_is_new_is_trained_also_after_a_kill(tmp_path):
    made = Run(tmp_path, "02c_reduction", {})
    made.write_text("data.txt", "pictures")

    def search(epochs=2, budget=8, dies_at=-1) -> tuple[list[str], pd.DataFrame | None]:
        """What was trained, by a stub that writes a file and answers by formula, and the trace."""
        trained = []

        def train(architecture, path, state):
            if len(trained) == dies_at:
                raise KeyboardInterrupt
            trained.append(key(architecture))
            path.write_text(key(architecture))
            return {"auc": float(rising(architecture))}

        run = Run(tmp_path, "02c_reduction", {})
        run.read("data.txt")
        found = Search(TOY, Store(run, "reduction/toy", train, {"epochs": epochs}), budget)
        with suppress(KeyboardInterrupt):
            list(found.run())
        return trained, trace(found.tried)

    first, _ = search(dies_at=5)
    second, found = search()
    assert len(first) == 5 and len(second) == 3 and found["architecture"].tolist() == first + second
    assert len(search(epochs=3)[0]) == 8 and len(search(epochs=3, budget=10)[0]) == 2
    (tmp_path / f"reduction/toy/{key(TOY)}.keras").unlink()
    assert search(epochs=3, budget=10)[0] == [key(TOY)]
    made.write_text("data.txt", "other pictures")
    assert len(search(epochs=3)[0]) == 8


def test_judged_agrees_with_sklearn():
    rng = np.random.default_rng(0)
    y, scores = rng.integers(4, size=300), rng.dirichlet(np.ones(4), 300)
    found, answer = judged(y, scores), scores.argmax(axis=1)
    assert found["auc"] == pytest.approx(sklearn_metrics.roc_auc_score(y, scores, multi_class="ovr"))
    assert found["accuracy"] == pytest.approx((y == answer).mean())
    precision, recall, *_ = sklearn_metrics.precision_recall_fscore_support(y, answer, average="macro")
    assert (found["precision"], found["recall"]) == pytest.approx((precision, recall))


def test_a_real_training_gives_numbers_of_its_own_validation_pictures(tmp_path):
    """A bright half, left or right: learnt in three epochs; the saved network answers as the numbers say."""
    y = np.arange(192) % 2
    X = np.random.default_rng(0).normal(0, 0.3, (192, 12, 12, 1)).astype(np.float32)
    X[y == 0, :, :6] += 1
    X[y == 1, :, 6:] += 1
    data = EmotionSet(X, y, y.astype(str), np.arange(192).astype(str), ("left", "right"))
    train, val = data.part(np.arange(128)), data.part(np.arange(128, 192))
    tiny = Architecture(24, 1, (Block(4, 5, 2, 3),), (), 2, dropout=0.1)
    run, options = Run(tmp_path, "02c_reduction", {}), Training(epochs=3, batch_size=16, augment=False)
    store = Store(run, "models/x", trained(train, val, options), {})
    found = store(tiny)
    assert found["auc"] > 0.95 and found["epochs"] == 3 and found["seconds"] > 0
    [one] = trainings.answers(run, {"tiny": (store, tiny)}, {"val": val})
    again = judged(one.y, one.scores)
    assert again == pytest.approx({name: found[name] for name in again})


def answers(model, part, architecture, skill, seed=0, n=300, n_subjects=30) -> Answers:
    """On the same labels and subjects whatever the skill."""
    y, subject = np.arange(n) % 3, np.arange(n) // (n // n_subjects)
    scores = np.random.default_rng(seed).dirichlet(np.ones(3), n) + skill * np.eye(3)[y]
    return Answers(model, part, architecture, y, scores / scores.sum(axis=1, keepdims=True), subject)


def test_ours_stand_below_theirs_and_lose_margin_against_the_baseline_of_their_part():
    smaller = reductions(TOY)["input 64 → 48"]
    given = [("Baseline", "val", TOY, 0.6), ("Baseline", "test", TOY, 0.5), ("Found", "test", smaller, 0.2)]
    found = tables.beside_the_paper([answers(*each) for each in given])
    assert found["source"].tolist() == [tables.SHVED] * 5 + [tables.OURS] * 3
    mine = found[found["source"] == tables.OURS].reset_index()
    assert mine["auc"].between(mine["auc_low"], mine["auc_high"]).all()
    lost = 100 * (mine["auc"][2] - mine["auc"][1]) / (mine["auc"][1] - 0.5)
    assert mine["delta_auc_percent"].tolist() == pytest.approx([0, 0, lost]) and lost < 0
    assert mine["work_mflop"][0] == flops(TOY) / 1e6
    assert mine["runtime_s"][0] == pytest.approx(flops(TOY) / 0.46e6)


def test_the_cost_of_wrong_labels_agrees_with_sklearn():
    skills = {0.0: (0.6, 1), 0.09: (0.5, 2), 0.3: (0.1, 3)}
    judged = {share: answers("x", "test", TOY, *skill) for share, skill in skills.items()}
    found = tables.cost_of_noise(judged)
    assert found["wrong_labels_percent"].tolist() == [0, 9, 30] and found["n"].tolist() == [300] * 3
    told = [(one.y, one.scores.argmax(axis=1)) for one in judged.values()]
    recalls = [sklearn_metrics.balanced_accuracy_score(*one) for one in told]
    assert found["uar"].tolist() == pytest.approx(recalls)
    assert found["points"].tolist() == pytest.approx([100 * (r - recalls[0]) for r in recalls])
    assert found["points_high"][2] < 0 and np.isnan(found["points_low"][0])


def numbered(n):
    """n windows whose one value is their row."""
    rows = np.arange(n)
    X, names = rows.reshape(n, 1, 1, 1).astype(np.float32), rows.astype(str)
    return EmotionSet(X, rows % 4, names, names, ("a", "b", "c", "d"))


@given(st.integers(2, 8), st.integers(1, 60), st.floats(0, 1), st.integers(0, 5))
def test_exactly_the_share_of_labels_changes_never_to_itself(n_classes, n, share, seed):
    y = np.random.default_rng(seed).integers(n_classes, size=n)
    clean = replace(numbered(n), y=y.copy(), classes=tuple(map(str, range(n_classes))))
    noisy = mislabelled(clean, share, seed)
    assert (noisy.y != y).sum() == round(share * n) and 0 <= noisy.y.min() <= noisy.y.max() < n_classes
    np.testing.assert_array_equal(y, clean.y)
    np.testing.assert_array_equal(noisy.y, mislabelled(clean, share, seed).y)


def test_every_wrong_label_is_as_likely():
    clean = numbered(20_000)
    counts = np.zeros((4, 4))
    np.add.at(counts, (clean.y, mislabelled(clean, 0.09, seed=1).y), 1)
    assert counts.sum() - np.trace(counts) == 1800
    assert np.abs(counts - 5000 * 0.03)[~np.eye(4, dtype=bool)].max() < 5 * 150**0.5
