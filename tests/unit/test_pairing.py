"""Pairing: rows stay with their label and part, people on one side, weights come from val alone."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from emolib.core.errors import BadSet
from emolib.fusion.scores import fuse, softmax
from emolib.studies.fusion.pairing import Trials, label_paired, same_trials
from emolib.studies.fusion.redraw import paired_again, paired_strangers
from emolib.studies.fusion.study import learned_weights, rule_scores

CLASSES = ("low", "high")


def source(modality, n_folds=4, n_each=8, skill=1.5, seed=0, n_val=1):
    """LOSO over n_folds people: fold k tests person k and validates on the n_val after."""
    rows = []
    for k in range(n_folds):
        for step in range(n_val + 1):
            person, part = (k + step) % n_folds, "val" if step else "test"
            rows += [(k, part, f"p{person}", f"p{person}-t{i}", i % 2) for i in range(n_each)]
    names = ("fold", "part", "subject", "trial", "y")
    columns = dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))
    rng = np.random.default_rng(seed)
    logits = skill * np.eye(2)[columns["y"]] + rng.standard_normal((len(rows), 2))
    return Trials.of_windows(modality, CLASSES, columns, softmax(logits))


def one_picture_each(modality, n):
    """An official split: one fold, every picture a subject."""
    names = np.array([f"{modality}{i}" for i in range(2 * n)])
    columns = {"fold": np.zeros(2 * n, int), "part": np.repeat(["val", "test"], n), "subject": names}
    scores = softmax(np.random.default_rng(0).standard_normal((2 * n, 2)))
    return Trials.of_windows(modality, CLASSES, columns | {"trial": names, "y": np.arange(2 * n) % 2}, scores)


def three():
    return [source("heart", 8, n_val=5), source("speech", 4, seed=1, n_val=2), one_picture_each("face", 64)]


def ten(*modalities):
    return [source(name, 10, n_val=2, seed=i) for i, name in enumerate(modalities)]


def lacking(one, *trials):
    return one.part_of(~np.isin(one.trial, trials))


def without_a_class(one, subject):
    return one.part_of((one.subject != subject) | (one.y == 0))


GOLDEN = {
    "893a98ae19b84537": lambda: same_trials([lacking(three()[0], "p0-t1"), source("eeg", 8, n_val=5)]),
    "d3b78428b3c65b08": lambda: label_paired(three(), 4, 3),
    "4ebc8bc188942865": lambda: label_paired(three(), 6, 1),
    "5ae1e29453538e16": lambda: label_paired([three()[0], without_a_class(three()[1], "p2"), three()[2]], 4, 2),
    "dd385a15caa8caf5": lambda: paired_again(three(), list("aab"), 4, 1),
    "05abe7c1ca1e223a": lambda: paired_strangers(ten("heart", "eeg", "speech"), 2),
}


@pytest.mark.parametrize("digest", GOLDEN)
def test_pairs_are_those_of_the_published_results(digest):
    paired = GOLDEN[digest]()
    columns = (getattr(paired, name).tolist() for name in ("fold", "part", "subject", "trial", "y"))
    found = list(zip(*columns, strict=True))
    assert hashlib.sha256(repr(found).encode()).hexdigest()[:16] == digest


def test_same_trials_aligns_rows_in_any_order_and_a_missing_trial_is_nan():
    heart, eeg = source("heart", seed=1), lacking(source("eeg", seed=2), "p1-t3", "p2-t0")
    shuffled = eeg.part_of(np.random.default_rng(0).permutation(len(eeg.y)))
    paired = same_trials([heart, shuffled])
    gone = paired.rows[1] < 0
    assert (gone == np.isnan(paired.scores[1]).all(axis=1)).all() and not np.isnan(paired.scores[0]).any()
    assert set(paired.trial[gone]) == {"p1-t3", "p2-t0"} and gone.sum() == 4
    for m, (original, kept) in enumerate(((heart, gone | True), (shuffled, ~gone))):
        rows = paired.rows[m, kept]
        assert sorted(rows) == list(range(len(original.y)))
        for name in ("y", "fold", "part", "subject", "trial"):
            assert (getattr(paired, name)[kept] == getattr(original, name)[rows]).all()
        assert (paired.scores[m, kept] == original.scores[0, rows]).all()
    found = rule_scores(paired)
    assert all(np.isfinite(scores).all() for scores in found.values())
    lone = gone[paired.is_test]
    assert found["mean"][lone] == pytest.approx(found["heart"][lone])
    assert found["eeg"][lone] == pytest.approx(0.5)


def test_what_cannot_be_paired_is_named():
    heart, eeg = source("heart"), source("eeg")
    flipped = replace(eeg, y=np.where(eeg.trial == "p1-t3", 1 - eeg.y, eeg.y))
    with pytest.raises(BadSet, match=r"Trial p1-t3 of p1 has another label in eeg .*\(2 such\)"):
        same_trials([heart, flipped])
    with pytest.raises(BadSet, match="split all modalities alike"):
        same_trials([heart, replace(eeg, fold=(eeg.fold + 1) % 4)])
    with pytest.raises(BadSet, match="Virtual subject .* choose a smaller n_virtual"):
        label_paired([heart, one_picture_each("face", 8)], 40)
    with pytest.raises(BadSet, match="3 people are too few for 3 strangers"):
        paired_strangers([source(name, 3) for name in ("heart", "eeg", "speech")], 0)


def people_of(paired, m) -> np.ndarray:
    """Who gave each row its modality m."""
    return np.array([trial.split(" + ")[m].split("-")[0] for trial in paired.trial])


def assert_sound(paired, sources):
    """Every row's scores are its own source rows', with that label and part; nothing is drawn twice."""
    for m, original in enumerate(sources):
        rows = paired.rows[m]
        assert [trial.split(" + ")[m] for trial in paired.trial] == original.trial[rows].tolist()
        assert (original.part[rows] == paired.part).all() and (original.y[rows] == paired.y).all()
        assert (original.scores[0, rows] == paired.scores[m]).all() and len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    "pair", [lambda of: label_paired(of, 4, seed=3), lambda of: paired_again(of, ["a", "b", "c"], 4, seed=1)]
)
def test_label_pairs_share_label_and_part_and_people_are_never_on_both_sides(pair):
    sources = three()
    paired = pair(sources)
    assert_sound(paired, sources)
    assert np.unique(paired.subject).tolist() == ["v00", "v01", "v02", "v03"]
    for m in range(3):
        people = people_of(paired, m)
        tested = [set(people[paired.is_test & (paired.fold == v)]) for v in range(4)]
        assert sum(map(len, tested)) == len(set().union(*tested))
        for v in range(4):
            assert not tested[v] & set(people[~paired.is_test & (paired.fold == v)])


def test_rules_are_evaluated_on_test_with_weights_of_their_own_fold():
    paired = same_trials([source("heart", skill=3.0), source("eeg", skill=0.0, seed=1)])
    found = rule_scores(paired)
    assert list(found) == ["heart", "eeg", "mean", "product", "max", "vote", "weighted", "fitted"]
    for rule in ("weighted", "fitted"):
        weights = learned_weights(paired, rule)
        assert sorted(weights) == [0, 1, 2, 3]
        of_2 = paired.is_test & (paired.fold == 2)
        expected = fuse(paired.scores[:, of_2], "weighted", weights[2])
        assert (found[rule][paired.fold[paired.is_test] == 2] == expected).all()
        spoilt = replace(paired, y=np.where(paired.is_test, 1 - paired.y, paired.y))  # test never picks a weight
        assert all((weights[k] == after).all() for k, after in learned_weights(spoilt, rule).items())


def assert_sides_apart(paired, n_modalities):
    """Nobody tested in any modality of a virtual subject helps to learn its weights in any."""
    for v in np.unique(paired.fold):
        test, val = (paired.fold == v) & paired.is_test, (paired.fold == v) & ~paired.is_test
        sides = [{p for m in range(n_modalities) for p in people_of(paired, m)[rows]} for rows in (test, val)]
        assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_paired_again_sources_of_one_corpus_stay_together():
    sources = [source("heart", 8, n_val=3), source("eeg", 8, n_val=3, seed=1)]
    for seed in range(5):
        assert_sides_apart(paired_again(sources, ["a", "a"], n_virtual=4, seed=seed), 2)


@pytest.mark.parametrize("seed", range(2))
def test_strangers_share_label_and_part_but_nobody(seed):
    sources = ten("heart", "eeg", "speech", "face")
    paired = paired_strangers(sources, seed)
    assert_sound(paired, sources)
    assert_sides_apart(paired, 4)
    people = np.array([people_of(paired, m)[paired.is_test] for m in range(4)])
    assert all(len(set(of_row)) == 4 for of_row in people.T)
    for m, one in enumerate(sources):  # every test trial once: single modalities have the UAR that they had
        assert sorted(paired.rows[m, paired.is_test]) == np.flatnonzero(one.part == "test").tolist()
