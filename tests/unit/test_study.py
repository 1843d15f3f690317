"""A fusion study from scores on disk: classes summed into the common task, trials paired, gains by hand."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.evaluation.metrics import uar
from emolib.studies.fusion import pairing, sensitivity
from emolib.studies.fusion.study import OPTIMISTIC, Study, trials_of

HEART, EEG = "synthetic-heart-emotion-loso", "synthetic-eeg-emotion-loso"
CLASSES = ("happy", "angry", "sad", "relaxed")


def write(run, name, quality, seed, missing=(), n_people=4, n_trials=8):
    """Scores of people × trials × 2 windows, right with probability `quality`; each fold tests one subject."""
    rng, rows = np.random.default_rng(seed), []
    for fold in range(n_people):
        for subject in range(n_people):
            part = "test" if subject == fold else "val"
            for trial in range(n_trials):
                if (subject, trial) in missing:
                    continue
                y = trial % 4
                guess = y if rng.random() < quality else rng.integers(4)
                scores = np.full(4, 0.1) + 0.6 * np.eye(4)[guess]
                rows += [(fold, part, f"s{subject}", f"s{subject}-t{trial}", y, scores / scores.sum())] * 2
    columns = zip(*rows, strict=True)
    names = ("fold", "part", "subject", "trial", "y", "float32")
    run.write_arrays(f"scores/{name}.npz", **dict(zip(names, map(np.array, columns), strict=True)))


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path, "test", {})
    write(run, HEART, 0.5, 0)
    write(run, EEG, 0.6, 1, missing={(0, 0)})
    return run


def test_classes_are_summed_into_the_common_task(run):
    found = trials_of(run, HEART, "arousal", "float32")
    assert found.classes == ("low", "high") and len(found.y) == 4 * 4 * 8
    arrays = run.arrays(f"scores/{HEART}.npz")
    high = arrays["float32"][0][[CLASSES.index("happy"), CLASSES.index("angry")]].sum()
    row = np.flatnonzero((found.fold == 0) & (found.trial == "s0-t0"))[0]
    np.testing.assert_allclose(found.scores[row], [1 - high, high], atol=1e-6)
    assert found.y[row] == 1  # happy


def test_table_agrees_with_a_count_by_hand(run):
    study = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "mean", 0)
    table = study.table().set_index("rule")
    test = study.paired.scores[0][study.paired.is_test]
    counts = np.zeros((4, 4))
    np.add.at(counts, (study.y, test.argmax(axis=1)), 1)
    assert table.uar["heart"] == pytest.approx(uar(counts))
    assert table.kind.tolist()[:2] == ["single", "single"] and len(table) == 2 + 6
    gains = study.gains().set_index("rule")
    best = table.uar[["heart", "eeg"]].max()
    assert gains.gain_points["mean"] == pytest.approx(100 * (table.uar["mean"] - best))


def test_a_missing_modality_is_counted_and_survived(run):
    study = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "mean", 0)
    counts = study.counts()
    assert counts.trials.sum() == 32 and counts.heart.sum() == 32 and counts.eeg.sum() == 31
    missing = study.missing_one().set_index("missing")
    assert missing.n.to_dict() == {"heart": 31, "eeg": 32}
    assert (missing.gain_points.abs() < 1e-9).all()  # one modality left is that modality


def test_weights_of_a_fold_sum_to_one(run):
    study = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "mean", 0)
    sums = study.weights(("weighted", "fitted")).groupby(["rule", "fold"]).weight.sum()
    np.testing.assert_allclose(sums, 1, atol=1e-6)


def of_two(source):
    """The trials of two of the people."""
    rows = np.isin(source.subject, ["s0", "s1"])
    names = ("y", "subject", "trial", "fold", "part", "scores")
    return replace(source, **{name: getattr(source, name)[rows] for name in names})


def numbers(study):
    return study.numbers("x", study.table(), study.gains(), study.missing_one())


def test_label_paired_says_why_it_is_optimistic(run):
    study = Study.load(run, [HEART, EEG], "emotion", "label_paired", 2, "float32", "mean", 0)
    assert study.caution() == OPTIMISTIC
    found = numbers(study)
    assert all(key.startswith("paired/emotion/loso/") for key in found)
    assert "paired/emotion/loso/heart/uar" in found
    same = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "mean", 0)
    assert same.caution() == ""


def test_every_number_of_the_tables_is_in_the_summary(run):
    study = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "product", 0)
    found, table = numbers(study), study.table().set_index("rule")
    of = "synthetic/emotion/loso"
    assert f"{of}/heart/uar" not in found  # the source's own summary has it
    for rule in pairing.FUSED:
        for metric in ("uar", "accuracy", "macro_f1"):
            assert found[f"{of}/{rule}/{metric}"]["value"] == pytest.approx(table[metric][rule], rel=1e-5)
    gain = study.gains().set_index("rule").gain_points["product"]
    assert found[f"{of}/fusion_gain/points"]["value"] == pytest.approx(gain, rel=1e-5, abs=1e-9)
    missing = study.missing_one().set_index("missing")
    assert found[f"{of}/without_eeg/uar"]["value"] == pytest.approx(missing.uar["eeg"], rel=1e-5)
    assert found[f"{of}/missing_one/worst_points"]["value"] == pytest.approx(
        missing.gain_points.min(), abs=1e-9
    )


@pytest.fixture
def many(tmp_path):
    """Three modalities of ten people."""
    run = Run(tmp_path, "test", {})
    names = [f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg", "speech")]
    for seed, name in enumerate(names):
        write(run, name, 0.6, seed, missing={(0, 0)} if seed else (), n_people=10, n_trials=20)
    return run, names


def test_label_pairs_are_drawn_again_and_their_spread_is_in_the_summary(many):
    run, names = many
    study = Study.load(run, names, "emotion", "label_paired", 5, "float32", "mean", 0)
    redrawn = sensitivity.redraw(study, 8)
    assert redrawn.note.startswith("Paired by label again, 8 times") and redrawn.own == "as reported, seed 0"
    table, draws = redrawn.table().set_index("rule"), redrawn.draws
    assert table.uar.to_dict() == study.table().set_index("rule").uar.to_dict()
    gains = study.gains().set_index("rule").gain_points
    assert table.gain_points["mean"] == pytest.approx(gains["mean"])
    of_mean = draws[draws.rule == "mean"].uar.to_numpy()
    assert len(of_mean) == 8 and len(set(of_mean)) > 1
    assert table.uar_sd["mean"] == pytest.approx(np.sqrt(((of_mean - of_mean.mean()) ** 2).sum() / 7))
    assert (table.uar_least["mean"], table.uar_greatest["mean"]) == (of_mean.min(), of_mean.max())
    best = draws[draws.kind == "single"].groupby("draw").uar.max().to_numpy()
    assert table.gain_mean["mean"] == pytest.approx(100 * (of_mean - best).mean())
    found = sensitivity.numbers(study, "x", redrawn)
    assert found["paired/emotion/loso/mean/uar_repaired_sd"]["value"] == pytest.approx(
        table.uar_sd["mean"], rel=1e-5
    )
    assert found["paired/emotion/loso/mean/gain_points_repaired_mean"]["n"] == 8
    assert not any("optimism" in key for key in found)


def test_same_people_are_paired_among_strangers_instead(many):
    run, names = many
    study = Study.load(run, names, "emotion", "same_trials", 5, "float32", "vote", 0)
    redrawn = sensitivity.redraw(study, 4)
    assert "not paired again" in redrawn.note and "199 of 200 test trials" in redrawn.note
    table = redrawn.table().set_index("rule")
    assert table.change_points[["heart", "eeg", "speech"]].abs().max() < 1  # but for the trials left out
    found = sensitivity.numbers(study, "x", redrawn)
    optimism = found["synthetic/emotion/loso/label_pairing_optimism/points"]["value"]
    own = redrawn.reference.set_index("rule").uar["vote"]
    of_vote = redrawn.draws[redrawn.draws.rule == "vote"].uar
    assert optimism == pytest.approx(100 * (of_vote.mean() - own), rel=1e-4)
    assert found["synthetic/emotion/loso/label_pairing_optimism/points_sd"]["value"] == pytest.approx(
        100 * of_vote.std(), rel=1e-4
    )


def test_too_few_people_for_strangers_are_said_not_raised(run):
    study = Study.load(run, [HEART, EEG], "emotion", "same_trials", 2, "float32", "mean", 0)
    redrawn = sensitivity.redraw(replace(study, found=tuple(map(of_two, study.found))), 3)
    assert redrawn.draws.empty and "3 of 3 pairings could not be made" in redrawn.note
    assert redrawn.table().uar_mean.isna().all() and sensitivity.numbers(study, "x", redrawn) == {}
    with pytest.raises(BadParameter, match="n_repaired is 1"):
        sensitivity.redraw(study, 1)


def test_a_study_knows_whether_its_subjects_are_people(run):
    same, paired = (
        Study.load(run, [HEART, EEG], "emotion", pairs, 2, "float32", "mean", 0).per_subject()
        for pairs in ("same_trials", "label_paired")
    )
    assert same.index.name == "subject" and same.index.tolist() == ["s0", "s1", "s2", "s3"]
    assert paired.index.name == "virtual subject" and paired.index.tolist() == ["v00", "v01"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pairs": "by_day"}, "pairs: got 'by_day'"),
        ({"rule": "weigthed"}, "rule: got 'weigthed', expected one of mean, product"),
        ({"variant": "int8"}, "variant: got 'int8', .* has scores of float32"),
        ({"sources": []}, "expected two or more"),
    ],
)
def test_wrong_names_are_one_line(run, wrong, message):
    right = {"sources": [HEART, EEG], "task": "emotion", "pairs": "same_trials", "n_virtual": 2}
    with pytest.raises(BadParameter, match=message):
        Study.load(run, **{**right, "variant": "float32", "rule": "mean", "seed": 0, **wrong})


def test_sources_have_names_and_keys():
    assert str(Experiment.parse(HEART)) == HEART
    assert Experiment.parse(HEART).key("float32", "uar") == "synthetic/emotion/loso/heart_float32/uar"
    assert (
        Experiment("emodb", "speech", "emotion7", "loso").key("float32", "uar")
        == "emodb/emotion7/loso/float32/uar"
    )
    for wrong in ("emodb-speech", "emodb-speech-emotion7-loso-", "a-b-c-d-e-f"):
        with pytest.raises(BadParameter, match=f"source: got '{wrong}'"):
            Experiment.parse(wrong)


def test_a_source_may_name_its_network():
    named = Experiment("fer2013", "face", "emotion4", "official", "table2")
    assert str(named) == "fer2013-face-emotion4-official-table2"
    assert Experiment.parse(str(named)) == named
    assert named.key("float32", "uar") == "fer2013/emotion4/official/table2_float32/uar"
    several = Experiment("synthetic", "face", "emotion", "loso", "table2")
    assert several.key("int8_drop", "points") == "synthetic/emotion/loso/face_table2_int8_drop/points"
    assert named.sentence().endswith("protocol official, network table2.")
    assert Experiment.parse(HEART).sentence() == "heart of synthetic, task emotion, protocol loso."
    for name, known in (
        (HEART, "its own. or lda"),
        ("fer2013-face-emotion4-official", "or table2 or resnet"),
    ):
        with pytest.raises(BadParameter, match=f"network: got 'ablation' for .*{known}"):
            Experiment.parse(f"{name}-ablation")
