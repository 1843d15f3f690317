"""Early fusion: branches by name, what training drops, a budget kept; and late against early fusion: every way answers
the same trials, with branches there or gone."""

import hashlib
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import INT8, Experiment
from emolib.datasets import joint, splits, windowed
from emolib.datasets.base import EmotionSet
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.models.training import Training
from emolib.studies.early_fusion import networks
from emolib.studies.early_fusion.networks import Network
from emolib.studies.early_fusion.study import JointStudy, branches_of, label_paired, same_trials, two_recordings

HEART, EEG, SPEECH = (f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg", "speech"))
EMODB = "emodb-speech-emotion7-loso"
BOTH = Network(("heart", "eeg"))
HYBRID = replace(BOTH, heads=True)


def windows(prefix="p", n_people=4, n_trials=4, lacking=(), shape=(2, 1, 1), classes=("low", "high")):
    """Everybody has n_trials trials, of one class after the other, of two windows each."""
    rows = [
        (f"{prefix}{p}", f"{prefix}{p}-{i}", i % len(classes), s)
        for p in range(n_people)
        for i in range(n_trials)
        for s in (0.0, 1.0)
        if not {f"{prefix}{p}", f"{prefix}{p}-{i}"} & set(lacking)
    ]
    subject, trial, y, start_s = (np.array(column) for column in zip(*rows, strict=True))
    return EmotionSet(np.ones((len(y), *shape), np.float32), y, subject, trial, classes, start_s=start_s)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, "04b_early_fusion", {})


def test_a_branch_has_the_name_of_its_modality():
    emodb, heart, speech = (Experiment.parse(name) for name in (EMODB, HEART, SPEECH))
    found = branches_of([emodb, heart, speech], "label_paired")
    assert found == {"speech1": emodb, "heart": heart, "speech2": speech}
    assert branches_of([emodb], "recordings") == {"speech1": emodb, "speech2": emodb}


def strangers(*lacking):
    classes = ("low", "high", "other")
    sets = {"heart": windows("h", 4, 9, classes=classes), "eeg": windows("e", 6, 9, lacking, classes=classes)}
    folds = {"heart": splits.loso(sets["heart"], n_val=1), "eeg": splits.grouped(sets["eeg"], 2, n_val=1)}
    return label_paired(sets, folds, n_virtual=4, n_train=20)


GOLDEN = {
    "004fce660cf4eebc": strangers,
    "8396c081c375f435": lambda: strangers("e1-1", "e1-4", "e1-7", "e4-1", "e4-4", "e4-7"),  # a class less
    "e7fd26e66d401a13": lambda: two_recordings(windows(n_trials=8), ("a", "b"), 3),
}


@pytest.mark.parametrize("digest", GOLDEN)
def test_pairs_are_those_of_the_published_results(digest):
    pairs = GOLDEN[digest]()
    told = [(one.fold, one.split, one.subject, one.trial, one.y, sorted(one.keys.items())) for one in pairs]
    assert hashlib.sha256(repr(told).encode()).hexdigest()[:16] == digest


MODALITIES = {"heart": "heart", "eeg": "eeg", "heart2": "heart", "eeg2": "eeg"}


def kept(X, dropped):
    """Which branches are left of which windows, (n, n_branches); a branch is dropped whole."""
    found = networks.augmentation(MODALITIES, dropped)(X, tf.constant((1, 2)))
    values = np.stack([x.numpy().reshape(len(x), -1) for x in found.values()], axis=1)
    assert (np.any(values != 0, axis=2) == np.all(values != 0, axis=2)).all()
    return np.any(values != 0, axis=2)


@pytest.mark.parametrize(("n_branches", "rate"), [(1, 0.0), (2, 0.3 - 0.3**2 / 2), (4, 0.3 - 0.3**4 / 4)])
def test_branches_are_dropped_at_random_but_never_all(n_branches, rate):
    """Each with 0.3, but where all would go (0.3^n) one of the n comes back: 0.3 - 0.3^n / n of a branch are dropped."""
    n = 40000
    left = kept({name: tf.ones((n, 2, 1, 3)) for name in list(MODALITIES)[:n_branches]}, 0.3)
    assert left.any(axis=1).all()
    spread = np.sqrt(rate * (1 - rate) / n)
    np.testing.assert_allclose(1 - left.mean(axis=0), rate, atol=4 * spread)


def test_a_branch_that_is_missing_stays_zero_and_is_never_the_one_that_is_left():
    there = np.arange(2000)[:, None, None, None] % 4  # 0: heart alone, 1: eeg alone, 2, 3: both
    X = {"heart": np.float32(there != 1), "eeg": np.float32(there != 0)}
    left = kept({name: tf.constant(np.broadcast_to(x, (2000, 2, 1, 3))) for name, x in X.items()}, 0.5)
    assert not left[1::4, 0].any() and not left[::4, 1].any()
    assert left[::4, 0].all() and left[1::4, 1].all()


def test_the_widest_network_is_within_the_budget_and_the_next_wider_one_is_not():
    sets = {"heart": windows(shape=(8, 1, 4)), "eeg": windows(shape=(4, 1, 6))}
    data = joint.joined(sets, same_trials(sets))
    sources = {"heart": Experiment.parse(HEART), "eeg": Experiment.parse(EEG)}
    study = JointStudy(None, "x", sources, "arousal", [], data, splits.loso(data, n_val=1))

    def params(width):
        return networks.Design(study, width, Training()).model(BOTH).count_params()

    for budget in (params(0.5), params(0.5) + 1, params(2.0)):
        found = networks.widest(study, Training(), BOTH, budget)
        assert params(found.width) <= budget < params(found.width + 0.125)
    with pytest.raises(BadParameter, match=r"No width has at most 9 parameters"):
        networks.widest(study, Training(), BOTH, 9)


def write(run, name, data):
    """What the notebooks before leave of a source: windows, folds, scores. Gives the folds, and the score of the second class
    by fold, part and trial."""
    given = {"seed": 5, "fold_options": {"n_val": 1}, "normalise": "train", "level": "trial"}
    made, folds = Run(run.folder, "before", given), splits.folds(data, "loso", seed=5, n_val=1)
    made.write_arrays(f"data/{name}.npz", **windowed.to_arrays(data))
    made.write_arrays(f"data/{name}-folds.npz", **splits.to_arrays(folds))
    made.write_arrays(f"scores/{name}-keras.npz", x=np.zeros(1))
    columns = crossval.score_columns(data, folds)
    keys = list(zip(*(columns[each].tolist() for each in ("fold", "part", "trial")), strict=True))
    known = {key: (1 + i) / (2 + len(keys)) for i, key in enumerate(dict.fromkeys(keys))}
    high = np.array([known[key] for key in keys])
    made.write_arrays(f"scores/{name}.npz", **columns, **{INT8: np.stack([1 - high, high], axis=1)})
    return folds, known


SOURCES = {name: Experiment.parse(f"synthetic-{name}-arousal-loso") for name in ("heart", "eeg")}


def loaded(run, sets, pairs):
    """A study of these sets, and the scores of their own networks."""
    known = {name: write(run, SOURCES[name], data)[1] for name, data in sets.items()}
    return JointStudy.load(run, "x", list(map(str, SOURCES.values())), "arousal", pairs, 6, 20, 0), known


def same_people(run, **lacking):
    return loaded(run, {name: windows(lacking=lacking.get(name, ())) for name in SOURCES}, "same_trials")


def test_folds_that_number_other_people_are_refused(run):
    """Eeg has nothing of p1: its fold 1 tests p2, whom the study tests in fold 2."""
    study, _ = same_people(run, eeg=["p1"])
    with pytest.raises(BadSet, match="Trial p2-0 of p2 is tested in fold 2 of x, but not of synthetic-eeg"):
        networks.source_scores(study, INT8)


def test_windows_that_every_branch_has_are_trials_of_their_own(run):
    study, known = loaded(run, {"heart": windows(), "eeg": windows(lacking=["p1-2"])}, "same_windows")
    assert study.data.present.all() and len(study.data.y) == 2 * (4 * 4 - 1)
    for one in networks.source_scores(study, INT8):
        assert "p1-0 at 1 s" in one.trial and one.is_test.sum() == len(study.data.y)
        for fold, part, trial, score in zip(one.fold, one.part, one.trial, one.scores[0], strict=True):
            expected = known[one.modality][fold, part, trial.split(" at ")[0]]
            assert score[1] == pytest.approx(expected, abs=1e-5)


def test_virtual_people_have_the_scores_of_the_folds_that_they_were_dealt(run):
    sets = {"heart": windows("h", 3, 8), "eeg": windows("e", 6)}
    study, known = loaded(run, sets, "label_paired")
    heart, eeg = networks.source_scores(study, INT8)
    assert len(heart.y) == len(eeg.y) == sum(one.split != "train" for one in study.trials)
    for m, (one, n_folds) in enumerate(((heart, 3), (eeg, 6))):
        for v, part, trial, score in zip(one.fold, one.part, one.trial, one.scores[0], strict=True):
            key = v % n_folds, part, trial.split(" + ")[m]
            assert score[1] == pytest.approx(known[one.modality][key], abs=1e-5)
    np.testing.assert_array_equal(heart.y, eeg.y)


def answers(study, name, network, seed=0):
    """Random scores of every window that the network answers."""
    n = len(crossval.score_columns(*study.of(network.branches))["y"])
    shape = (n, 1 + len(network.branches), 2) if network.heads else (n, 2)
    return networks.Answers(study, name, network, softmax(np.random.default_rng(seed).normal(size=shape)))


def test_without_a_branch_the_files_answer_test_windows_with_zeros_in_it(run, monkeypatch):
    """Logits are the sums of each branch's windows, which are of two ones."""
    study, _ = same_people(run)
    for k in range(len(study.folds)):
        run.write_bytes(f"models/x/feature/fold{k:02d}-{INT8}.tflite", b"")
    summing = SimpleNamespace(predict=lambda X: np.stack([X[name].sum(axis=(1, 2, 3)) for name in SOURCES], 1))
    monkeypatch.setattr(networks, "Model", lambda path: nullcontext(summing))
    monkeypatch.setattr(crossval, "load_standardiser", lambda run, name: lambda X: X)
    whole = answers(study, "feature", BOTH)
    without = whole.without(("eeg",))
    is_test = whole.columns["part"] == "test"
    np.testing.assert_array_equal(without.scores[~is_test], whole.scores[~is_test])
    np.testing.assert_allclose(without.scores[is_test], softmax(np.tile([2.0, 0.0], (is_test.sum(), 1))))
    assert study.data.present.all()  # the study is as it was


class Prepared(networks.Answers):
    """Answers that are reversed where a branch is missing."""

    def without(self, missing):
        is_test = (self.columns["part"] == "test").reshape(-1, *[1] * (self.scores.ndim - 1))
        return replace(self, scores=np.where(is_test, self.scores[..., ::-1], self.scores))


def prepared(study, name, network, seed=0):
    return Prepared(**vars(answers(study, name, network, seed)))


def of_test(one):
    """Test scores of a network, in the order of its trials' names."""
    test = one.part_of(one.is_test)
    return test.scores[0, np.lexsort((test.trial, test.fold))]


def test_singles_rules_and_networks_answer_the_same_trials(run):
    study, known = same_people(run, eeg=["p1-2"])
    made = [prepared(study, "feature", BOTH), prepared(study, "hybrid", HYBRID, 1)]
    found = networks.methods(networks.source_scores(study, INT8), made, "weighted")
    assert found.singles == ("heart", "eeg") and found.y.tolist() == [0, 1] * 8
    assert found.subject.tolist() == [f"p{p}" for p in range(4) for _ in range(4)]
    for i in range(16):
        key = i // 4, "test", f"p{i // 4}-{i % 4}"
        heart, eeg = known["heart"][key], known["eeg"].get(key)
        assert found.scores["heart"][i, 1] == pytest.approx(heart, abs=1e-5)
        # p1-2 has no eeg: alone it guesses the shares of validation trials, two of each class; fused, heart is all
        assert found.scores["eeg"][i, 1] == pytest.approx(0.5 if eeg is None else eeg, abs=1e-5)
        mean = heart if eeg is None else (heart + eeg) / 2
        assert found.scores["mean"][i, 1] == pytest.approx(mean, abs=1e-5)
    np.testing.assert_allclose(found.scores["feature"], of_test(made[0].trial_scores()[0]), rtol=1e-5)


def test_a_missing_branch_is_no_single_and_out_of_every_rule(run):
    study, _ = same_people(run, heart=["p1-2"], eeg=["p0-3"])
    named = {"feature": BOTH, "hybrid": HYBRID, "only_eeg": Network(("eeg",))}
    of_sources = networks.source_scores(study, INT8)
    made = [prepared(study, name, network) for name, network in named.items()]
    whole, lost = (networks.methods(of_sources, made, "weighted", gone) for gone in ((), ("eeg",)))
    np.testing.assert_allclose(whole.scores["only_eeg"][3], [0.5, 0.5])  # p0-3: a guess
    assert lost.singles == ("heart",) and not {"eeg", "only_eeg"} & set(lost.scores)
    # p1-2 has nothing left: it is out for everyone
    assert len(whole.y) == 16 and {len(scores) for scores in lost.scores.values()} == {15} == {len(lost.y)}
    kept = np.arange(16) != 6
    np.testing.assert_allclose(lost.scores["feature"], whole.scores["feature"][kept, ::-1], rtol=1e-5)
    joint, heart, eeg = made[1].trial_scores(("eeg",))
    assert np.isnan(eeg.scores[:, eeg.is_test]).all() and not np.isnan(joint.scores).any()
    eeg = made[1].trial_scores()[2]
    assert set(eeg.trial[np.isnan(eeg.scores[0, :, 0])]) == {"p0-3"}  # which never had eeg


def test_the_heads_of_a_hybrid_are_fused_with_weights_of_validation_trials(run):
    """A head that is right on every validation trial has all the weight; the others are wrong there."""
    study, _ = same_people(run)
    made = prepared(study, "hybrid", HYBRID)
    right = np.where(np.eye(2)[made.columns["y"]] > 0, 0.9, 0.1)
    heads, val = np.stack([right[:, ::-1], right, right[:, ::-1]], axis=1), made.columns["part"] == "val"
    made = replace(made, scores=np.where(val[:, None, None], heads, made.scores))
    found = networks.methods(networks.source_scores(study, INT8), [made], "weighted")
    np.testing.assert_allclose(found.scores["hybrid"], of_test(made.trial_scores()[1]), rtol=1e-5)
    with pytest.raises(BadParameter, match="mean does not exist in the rules that learn weights"):
        networks.methods(networks.source_scores(study, INT8), [made], "mean")
