"""Pairing: rows stay with their label and part, people on one side, weights come from val alone."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadSet
from emolib.fusion.scores import fuse, softmax
from emolib.studies.fusion.pairing import TrialScores, label_paired, same_trials
from emolib.studies.fusion.redraw import paired_again, paired_strangers, whole_trials
from emolib.studies.fusion.study import learned_weights, rule_scores

CLASSES = ("low", "high")


def source(modality, n_folds=4, n_each=8, skill=1.5, seed=0, n_val=1):
    """LOSO over n_folds people: fold k tests person k and validates on the n_val after."""
    rows = []
    for k in range(n_folds):
        for step in range(n_val + 1):
            person, part = (k + step) % n_folds, "val" if step else "test"
            rows += [(k, part, f"p{person}", f"p{person}-t{i}", i % 2) for i in range(n_each)]
    fold, part, subject, trial, y = (np.array(column) for column in zip(*rows, strict=True))
    noise = np.random.default_rng(seed).standard_normal((len(y), 2))
    return TrialScores(
        modality, CLASSES, y, subject, trial, fold, part, softmax(skill * np.eye(2)[y] + noise)
    )


def one_picture_each(modality, n, seed=0):
    """An official split: one fold, every picture a subject."""
    y = np.arange(2 * n) % 2
    names = np.array([f"{modality}{i}" for i in range(2 * n)])
    part = np.repeat(["val", "test"], n)
    scores = softmax(np.random.default_rng(seed).standard_normal((2 * n, 2)))
    return TrialScores(modality, CLASSES, y, names, names, np.zeros(2 * n, dtype=int), part, scores)


def test_same_trials_aligns_rows_in_any_order():
    heart, eeg = source("heart", seed=1), source("eeg", seed=2)
    shuffled = eeg.part_of(np.random.default_rng(0).permutation(len(eeg.y)))
    paired = same_trials([heart, shuffled])
    assert paired.modalities == ("heart", "eeg") and paired.scores.shape == (2, len(heart.y), 2)
    for m, original in enumerate((heart, eeg)):
        for i in range(0, len(heart.y), 7):
            [at] = np.flatnonzero(
                (paired.fold == original.fold[i])
                & (paired.part == original.part[i])
                & (paired.trial == original.trial[i])
            )
            assert (paired.scores[m, at] == original.scores[i]).all()
            assert paired.y[at] == original.y[i] and paired.subject[at] == original.subject[i]


def test_a_missing_trial_is_a_row_of_nan():
    heart, eeg = source("heart"), source("eeg", seed=2)
    there = ~((eeg.trial == "p1-t3") | (eeg.trial == "p2-t0"))
    paired = same_trials([heart, eeg.part_of(there)])
    gone = np.isnan(paired.scores[1]).all(axis=1)
    assert set(paired.trial[gone]) == {"p1-t3", "p2-t0"} and gone.sum() == 4
    assert not np.isnan(paired.scores[0]).any()
    found = rule_scores(paired)
    assert all(np.isfinite(scores).all() for scores in found.values())
    lone = gone[paired.is_test]
    assert found["mean"][lone] == pytest.approx(found["heart"][lone])
    assert found["eeg"][lone] == pytest.approx(0.5)


def test_disagreements_are_named():
    heart, eeg = source("heart"), source("eeg")
    with pytest.raises(BadSet, match="eeg has classes .*heart"):
        same_trials([heart, replace(eeg, classes=("high", "low"))])
    flipped = replace(eeg, y=np.where(eeg.trial == "p1-t3", 1 - eeg.y, eeg.y))
    with pytest.raises(BadSet, match="Trial p1-t3 is low in eeg, but high in another modality \\(2 such\\)"):
        same_trials([heart, flipped])
    with pytest.raises(BadSet, match="split all modalities alike"):
        same_trials([heart, replace(eeg, fold=(eeg.fold + 1) % 4)])
    with pytest.raises(BadSet, match="trial p0-t0 occurs twice in the test part of fold 0"):
        same_trials([heart.part_of(np.r_[0, 0 : len(heart.y)])])


def test_scores_check_themselves():
    good = source("heart")
    with pytest.raises(BadSet, match="heart: lengths"):
        replace(good, y=good.y[:-1])
    with pytest.raises(BadSet, match="expected 3 classes"):
        replace(good, classes=("a", "b", "c"))
    with pytest.raises(BadSet, match="expected val and test"):
        good.part_of(good.part == "test")


def assert_sound(paired, sources):
    """Every row's scores are its own source rows', with that label and part; nothing is drawn twice."""
    for m, original in enumerate(sources):
        names = np.array([trial.split(" + ")[m] for trial in paired.trial])
        for i, name in enumerate(names):
            same = (original.trial == name) & (original.part == paired.part[i]) & (original.y == paired.y[i])
            assert (original.scores[same] == paired.scores[m, i]).all(axis=1).any()
        drawn = list(zip(names, paired.part, map(bytes, paired.scores[m]), strict=True))
        assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(
    "pair", [lambda of: label_paired(of, 4, seed=3), lambda of: paired_again(of, ["a", "b", "c"], 4, seed=1)]
)
def test_label_pairs_share_label_and_part_and_people_are_never_on_both_sides(pair):
    sources = [
        source("heart", 8, n_val=5),
        source("speech", 4, seed=1, n_val=2),
        one_picture_each("face", 64),
    ]
    paired = pair(sources)
    assert_sound(paired, sources)
    assert np.unique(paired.subject).tolist() == ["v00", "v01", "v02", "v03"]
    for m, original in enumerate(sources):
        person = dict(zip(original.trial, original.subject, strict=True))
        people = np.array([person[trial.split(" + ")[m]] for trial in paired.trial])
        tested = [set(people[paired.is_test & (paired.fold == v)]) for v in range(4)]
        assert sum(map(len, tested)) == len(set().union(*tested))
        for v in range(4):
            assert not tested[v] & set(people[~paired.is_test & (paired.fold == v)])


def test_label_pairs_are_as_many_as_the_scarcest_modality_has():
    paired = label_paired([source("heart", 4, n_each=8), source("eeg", 4, n_each=6, seed=1)], n_virtual=4)
    for v in range(4):
        tested = paired.is_test & (paired.fold == v)
        assert np.bincount(paired.y[tested]).tolist() == [3, 3]
        assert all(trial.startswith(f"p{v}-") for trial in paired.trial[tested])


def test_label_pairs_follow_the_seed():
    sources = [source("heart"), source("speech", seed=1)]
    first, again, other = (label_paired(sources, 4, seed) for seed in (1, 1, 2))
    assert (first.trial == again.trial).all() and (first.scores == again.scores).all()
    assert (first.trial != other.trial).any()


def test_what_cannot_be_paired_is_refused():
    sources = [source("heart"), one_picture_each("face", 8)]
    with pytest.raises(BadParameter, match="n_virtual is 1"):
        label_paired(sources, 1)
    with pytest.raises(BadSet, match="Virtual subject .* choose a smaller n_virtual"):
        label_paired(sources, 40)


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
    assert all(w[0] > w[1] for w in learned_weights(paired, "fitted").values())


def test_the_test_part_never_picks_a_weight():
    paired = same_trials([source("heart", skill=2.0), source("eeg", skill=1.0, seed=1)])
    spoilt = replace(paired, y=np.where(paired.is_test, 1 - paired.y, paired.y))
    for rule in ("weighted", "fitted"):
        before, after = learned_weights(paired, rule), learned_weights(spoilt, rule)
        assert all((before[k] == after[k]).all() for k in before)


def test_a_fold_without_validation_trials_is_named():
    paired = same_trials([source("heart")])
    with pytest.raises(BadSet, match="Fold 2 has test trials but no val trial"):
        rule_scores(paired.part_of(paired.is_test | (paired.fold != 2)))


def people_of(paired, m) -> np.ndarray:
    """Who gave each row its modality m."""
    return np.array([trial.split(" + ")[m].split("-")[0] for trial in paired.trial])


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
    sources = [source(name, 10, n_val=2, seed=i) for i, name in enumerate(("heart", "eeg", "speech", "face"))]
    paired = paired_strangers(sources, seed)
    assert_sound(paired, sources)
    assert_sides_apart(paired, 4)
    people = np.array([people_of(paired, m)[paired.is_test] for m in range(4)])
    assert all(len(set(of_row)) == 4 for of_row in people.T)
    tested = np.unique(sources[0].subject)
    assert all(np.unique(of_modality).tolist() == tested.tolist() for of_modality in people)
    for m in range(4):  # every test trial once: single modalities have the UAR that they had
        names = [trial.split(" + ")[m] for trial in paired.trial[paired.is_test]]
        assert sorted(names) == sorted(sources[m].trial[sources[m].part == "test"])


def test_strangers_of_few_people_are_refused_not_paired_with_themselves():
    with pytest.raises(BadSet, match="3 people tested are too few for 3 strangers"):
        paired_strangers([source(name, 3) for name in ("heart", "eeg", "speech")], 0)
    leaky = source("heart", 4)
    leaky = replace(leaky, subject=np.where(leaky.part == "test", "p0", leaky.subject))
    with pytest.raises(BadSet, match="Subject p0 is tested in several folds"):
        paired_strangers([leaky, replace(leaky, modality="eeg")], 0)


def test_whole_trials_are_those_of_every_modality():
    heart, eeg = source("heart"), source("eeg", seed=2)
    kept = whole_trials([heart.part_of(heart.trial != "p1-t3"), eeg.part_of(eeg.trial != "p2-t0")])
    assert not {"p1-t3", "p2-t0"} & {*kept[0].trial, *kept[1].trial}
    assert [len(s.y) for s in kept] == [len(heart.y) - 4] * 2
    with pytest.raises(BadSet, match="no test trial that has all of heart, eeg"):
        whole_trials(
            [heart.part_of(heart.trial != "p1-t3"), eeg.part_of((eeg.part == "val") | (eeg.trial == "p1-t3"))]
        )


def test_three_twins_gain_among_strangers_what_the_binomial_says():
    """Right with probability q and always together: fusion adds nothing; apart, a majority is right with 3q²-2q³."""
    one = source("a", 10, n_each=200)
    right = np.random.default_rng(5).random(len(one.y)) < 0.7
    scores = np.where(np.eye(2)[np.where(right, one.y, 1 - one.y)], 0.8, 0.2).astype(np.float32)
    twins = [replace(one, modality=name, scores=scores) for name in "abc"]

    def accuracy(paired, rule):
        return (rule_scores(paired)[rule].argmax(1) == paired.y[paired.is_test]).mean()

    q = accuracy(same_trials(twins), "a")
    assert accuracy(same_trials(twins), "vote") == q
    apart = np.mean([accuracy(paired_strangers(twins, seed), "vote") for seed in range(4)])
    assert apart == pytest.approx(3 * q**2 - 2 * q**3, abs=0.01)
