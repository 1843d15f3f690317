"""A fusion study from scores on disk: classes summed into the common task, trials paired, gains by hand."""

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.evaluation.metrics import uar
from emolib.studies.fusion.redraw import redraw
from emolib.studies.fusion.study import Study, trials_of

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


def load(run, pairs="same_trials", **given):
    right = {"sources": [HEART, EEG], "task": "emotion", "n_virtual": 2, "variant": "float32"}
    return Study.load(run, pairs=pairs, **{**right, "seed": 0, **given})


def test_classes_are_summed_into_the_common_task(run):
    found = trials_of(run, HEART, "arousal", "float32")
    assert found.classes == ("low", "high") and len(found.y) == 4 * 4 * 8
    arrays = run.arrays(f"scores/{HEART}.npz")
    high = arrays["float32"][0][[CLASSES.index("happy"), CLASSES.index("angry")]].sum()
    row = np.flatnonzero((found.fold == 0) & (found.trial == "s0-t0"))[0]
    np.testing.assert_allclose(found.scores[row], [1 - high, high], atol=1e-6)
    assert found.y[row] == 1  # happy


def test_table_and_gains_agree_with_a_count_by_hand(run):
    study = load(run)
    table = study.table().set_index("rule")
    test = study.paired.scores[0][study.paired.is_test]
    counts = np.zeros((4, 4))
    np.add.at(counts, (study.test.y, test.argmax(axis=1)), 1)
    assert table.uar["heart"] == pytest.approx(uar(counts))
    assert table.kind.tolist()[:2] == ["single", "single"] and len(table) == 2 + 6
    gains = study.gains().set_index("rule")
    best = table.uar[["heart", "eeg"]].max()
    assert gains.gain_points["mean"] == pytest.approx(100 * (table.uar["mean"] - best))
    sums = study.weights().groupby(["rule", "fold"]).weight.sum()
    np.testing.assert_allclose(sums, 1, atol=1e-6)


def test_a_missing_modality_is_counted_and_survived(run):
    study = load(run)
    counts = study.counts()
    assert counts.trials.sum() == 32 and counts.heart.sum() == 32 and counts.eeg.sum() == 31
    missing = study.missing_one("mean").set_index("missing")
    assert missing.n.to_dict() == {"heart": 31, "eeg": 32}
    assert (missing.gain_points.abs() < 1e-9).all()  # one modality left is that modality


@pytest.fixture
def many(tmp_path):
    """Three modalities of ten people."""
    run = Run(tmp_path, "test", {})
    names = [f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg", "speech")]
    for seed, name in enumerate(names):
        write(run, name, 0.6, seed, missing={(0, 0)} if seed else (), n_people=10, n_trials=20)
    return run, names


def test_label_pairs_are_drawn_again(many):
    study = load(many[0], "label_paired", sources=many[1], n_virtual=5)
    redrawn = redraw(study, 8)
    table, draws = redrawn.table().set_index("rule"), redrawn.draws
    assert table.uar.to_dict() == study.table().set_index("rule").uar.to_dict()
    assert table.gain_points["mean"] == pytest.approx(study.gains().set_index("rule").gain_points["mean"])
    of_mean = draws[draws.rule == "mean"].uar.to_numpy()
    assert len(of_mean) == 8 and len(set(of_mean)) > 1
    assert table.uar_sd["mean"] == pytest.approx(np.sqrt(((of_mean - of_mean.mean()) ** 2).sum() / 7))
    assert (table.uar_least["mean"], table.uar_greatest["mean"]) == (of_mean.min(), of_mean.max())
    best = draws[draws.kind == "single"].groupby("draw").uar.max().to_numpy()
    assert table.gain_mean["mean"] == pytest.approx(100 * (of_mean - best).mean())


def test_same_people_are_paired_among_strangers_instead(many):
    redrawn = redraw(load(many[0], sources=many[1]), 4)
    assert "199 of 200 test trials" in redrawn.note
    table = redrawn.table().set_index("rule")
    assert table.change_points[["heart", "eeg", "speech"]].abs().max() < 1  # but for the trials left out
    of_vote = redrawn.draws[redrawn.draws.rule == "vote"].uar
    own = redrawn.reference.set_index("rule").uar["vote"]
    assert table.change_points["vote"] == pytest.approx(100 * (of_vote.mean() - own))


def test_too_few_people_for_strangers_are_said_not_raised(tmp_path):
    run = Run(tmp_path, "test", {})
    for seed, name in enumerate((HEART, EEG)):
        write(run, name, 0.6, seed, n_people=2)
    redrawn = redraw(load(run), 3)
    assert redrawn.draws.empty and "3 of 3 pairings could not be made" in redrawn.note
    assert redrawn.table().uar_mean.isna().all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pairs": "by_day"}, "pairs: got 'by_day'"),
        ({"variant": "int8"}, "variant: got 'int8', .* has scores of float32"),
        ({"sources": []}, "expected two or more"),
    ],
)
def test_wrong_names_are_one_line(run, wrong, message):
    with pytest.raises(BadParameter, match=message):
        load(run, **wrong)
