"""Early fusion: networks by name, what training drops, a budget kept, folds that fit the task."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets import joint, splits, windowed
from emolib.datasets.base import EmotionSet
from emolib.models.training import Training
from emolib.studies.early_fusion.study import JointStudy, branches_of, same_trials

tf = pytest.importorskip("tensorflow")
networks = pytest.importorskip("emolib.studies.early_fusion.networks")
Network = networks.Network

HEART, EEG, SPEECH = (f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg", "speech"))
EMODB = "emodb-speech-emotion7-loso"
SEVEN = ("angry", "boredom", "disgust", "fear", "happy", "sad", "neutral")
FOUR = ("happy", "angry", "sad", "relaxed")


@pytest.mark.parametrize(
    ("sources", "pairs", "names"),
    [
        ([EMODB, HEART, SPEECH], "label_paired", ["speech1", "heart", "speech2"]),
        ([EMODB], "recordings", ["speech1", "speech2"]),
    ],
)
def test_a_branch_has_the_name_of_its_modality(sources, pairs, names):
    found = branches_of([Experiment.parse(name) for name in sources], pairs)
    assert list(found) == names
    assert [str(source) for source in found.values()] == sources * (2 if pairs == "recordings" else 1)


@pytest.mark.parametrize(("n", "pairs"), [(2, "same_people"), (1, "label_paired"), (2, "recordings")])
def test_sources_that_make_no_pairs_are_refused(n, pairs):
    with pytest.raises(BadParameter, match="pairs: got 'same_people'|sources: got . for"):
        branches_of([Experiment.parse(name) for name in (HEART, EEG)[:n]], pairs)


def test_networks_by_name():
    both = ("heart", "eeg")
    assert networks.networks(both, ["alone", "hybrid", "robust", "feature"]) == {
        "feature": Network(both),
        "robust": Network(both, dropped=networks.DROPPED),
        "hybrid": Network(both, heads=True, dropped=networks.DROPPED),
        "only_heart": Network(("heart",)),
        "only_eeg": Network(("eeg",)),
    }
    assert list(networks.networks(both, ["robust"])) == ["robust"]
    with pytest.raises(BadParameter, match="hybird does not exist in networks: did you mean hybrid"):
        networks.networks(both, ["feature", "hybird"])


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


@pytest.mark.parametrize("dropped", [0.0, 0.5])
def test_a_branch_that_is_missing_stays_zero_and_is_never_the_one_that_is_left(dropped):
    there = np.arange(2000)[:, None, None, None] % 4  # 0: heart alone, 1: eeg alone, 2, 3: both
    X = {"heart": np.float32(there != 1), "eeg": np.float32(there != 0)}
    X = {name: tf.constant(np.broadcast_to(x, (2000, 2, 1, 3))) for name, x in X.items()}
    left = kept(X, dropped)
    assert not left[1::4, 0].any() and not left[::4, 1].any()
    assert left[::4, 0].all() and left[1::4, 1].all()


@pytest.fixture(scope="module")
def study():
    """Heart (8, 1, 4) and eeg (4, 1, 6) of the same four people; p3 has no eeg in trial 0."""
    keys = [(f"p{p}", f"p{p}-{i}", i % 2) for p in range(4) for i in range(4)]
    subject, trial, y = (np.array(column) for column in zip(*keys, strict=True))
    sets = {
        name: EmotionSet(
            np.ones((16, *shape), np.float32), y, subject, trial, ("low", "high"), start_s=np.zeros(16)
        )
        for name, shape in {"heart": (8, 1, 4), "eeg": (4, 1, 6)}.items()
    }
    sets["eeg"] = sets["eeg"].part(np.flatnonzero(trial != "p3-0"))
    data = joint.joined(sets, same_trials(sets))
    sources = {"heart": Experiment.parse(HEART), "eeg": Experiment.parse(EEG)}
    return JointStudy(None, "x", sources, "arousal", [], data, splits.loso(data, n_val=1))


BOTH = Network(("heart", "eeg"))
SMALL = {"heart": {"filters": [4], "dense": [8]}, "eeg": {"filters": [4], "pool": [1, 1], "dense": []}}


def test_a_design_has_the_layers_that_are_given(study):
    design = networks.design(study, SMALL, [6], 1.0, Training(), BOTH)
    model = design.model(Network(("heart", "eeg"), heads=True))
    assert model.output_shape == (None, 3, 2)
    # heart: 5 × 4 × 4 weights, batch norm 16, 16 values → 8; eeg: 5 × 6 × 4, 16, 16 values; joint: 24 → 6 → 2
    conv = (80 + 16) + (120 + 16)
    dense = (16 * 8 + 4 * 8) + (24 * 6 + 4 * 6) + (6 * 2 + 2)
    heads = (8 * 2 + 2) + (16 * 2 + 2)
    assert model.count_params() == conv + dense + heads
    alone = design.model(Network(("eeg",)))
    assert list(alone.input) == ["eeg"] and alone.output_shape == (None, 2)
    with pytest.raises(BadParameter, match="hart does not exist in branches: did you mean heart"):
        networks.design(study, {"hart": {}}, [6], 1.0, Training(), BOTH)


def test_the_widest_network_is_within_the_budget_and_the_next_wider_one_is_not(study):
    design = networks.design(study, SMALL, [6], 1.0, Training(), BOTH)

    def params(width):
        return replace(design, width=width).model(BOTH).count_params()

    for budget in (params(0.5), params(0.5) + 1, params(2.0)):
        found = networks.widest(design, BOTH, budget)
        assert params(found.width) <= budget < params(found.width + 0.125)
    with pytest.raises(BadParameter, match=r"No width from 0\.125 on has at most 9 parameters"):
        networks.widest(design, BOTH, 9)


def test_a_network_of_one_branch_sees_only_windows_that_have_it(study):
    data, folds = study.of(("eeg",))
    assert list(data.sets) == ["eeg"] and len(data.y) == 16
    lacks = np.flatnonzero(data.trial == "p3-0")
    every = [np.concatenate([fold.train, fold.val, fold.test]) for fold in folds]
    assert all(np.setdiff1d(np.arange(16), rows).tolist() == lacks.tolist() for rows in every)
    whole = study.of(("heart", "eeg"))[1]
    assert all(len(np.concatenate([f.train, f.val, f.test])) == 16 for f in whole)


def write(run, name, trials, classes, seed):
    """What 01_windows and 02_train leave of a source that JointStudy.load reads: windows, folds, parameters."""
    rows = [(*trial, s) for trial in trials for s in (0.0, 2.0)]
    subject, trial, y, start_s = (np.array(column) for column in zip(*rows, strict=True))
    X = np.random.default_rng(seed).normal(size=(len(y), 8, 1, 4))
    data = EmotionSet(np.float32(X), y, subject, trial, classes, start_s=start_s)
    options = {"n_val": 1}
    windows = Run(run.folder, "01_windows", {"seed": 5, "fold_options": options})
    windows.write_arrays(f"data/{name}.npz", **windowed.to_arrays(data))
    made = splits.folds(data, "loso", seed=5, **options)
    windows.write_arrays(f"data/{name}-folds.npz", **splits.to_arrays(made))
    trained = Run(run.folder, "02_train", {"normalise": "train", "level": "trial"})
    trained.write_arrays(f"scores/{name}-keras.npz", x=np.zeros(1))
    return data, made


def people(n_people, n_classes, prefix="p", n_each=2):
    return [
        (f"{prefix}{p}", f"{prefix}{p}-{y}-{i}", y)
        for p in range(n_people)
        for y in range(n_classes)
        for i in range(n_each)
    ]


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, "04b_early_fusion", {})


def test_a_study_of_the_same_people_is_split_as_its_sources_are(run):
    _, folds = write(run, HEART, people(4, 4), FOUR, 0)
    write(run, EEG, people(4, 4), FOUR, 1)
    study = JointStudy.load(run, "x", [HEART, EEG], "arousal", "same_trials", 2, 50, 0)
    assert study.data.classes == ("low", "high") and study.data.present.all()
    assert study.data.y.tolist() == [1] * 8 + [0] * 8 + ([1] * 8 + [0] * 8) * 3  # happy and angry are aroused
    for mine, theirs in zip(study.folds, folds, strict=True):
        assert (mine.val.tolist(), mine.test.tolist()) == (theirs.val.tolist(), theirs.test.tolist())


def test_a_study_of_strangers_leaves_out_what_has_no_side_in_the_task(run):
    speech, folds = write(run, EMODB, people(4, 7, "e"), SEVEN, 0)
    write(run, HEART, people(4, 4), FOUR, 1)
    study = JointStudy.load(run, "x", [EMODB, HEART], "arousal", "label_paired", 4, 50, 0)
    assert [fold.name for fold in study.folds] == ["v00", "v01", "v02", "v03"]
    disgust = set(speech.trial[speech.y == SEVEN.index("disgust")])
    for one in study.trials:
        person, trial = one.keys["speech"]
        rows = np.flatnonzero(speech.trial == trial)
        assert trial not in disgust
        assert np.isin(rows, getattr(folds[one.fold], one.split)).all()
        assert one.y == int(SEVEN[speech.y[rows[0]]] in ("angry", "fear", "happy"))


def test_a_study_of_recordings_takes_its_source_twice(run):
    write(run, EMODB, people(4, 7, "e"), SEVEN, 0)
    study = JointStudy.load(run, "x", [EMODB], "arousal", "recordings", 2, 50, 0)
    assert list(study.sources) == ["speech1", "speech2"] and study.data.present.all()
    assert (study.data.sets["speech1"].y[study.data.rows[:, 0]] == study.data.y).all()
    assert len(study.folds) == 4 and study.artifact("feature") == "x/feature"
