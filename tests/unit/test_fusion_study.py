"""A fusion study from scores on disk: classes summed into the common task, trials paired, gains by hand."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from emolib.core.artifacts import Run
from emolib.studies.fusion.redraw import redraw
from emolib.studies.fusion.study import Study, trials_of

HEART, EEG, SPEECH = (f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg", "speech"))


def written(folder, sources=(HEART, EEG), n_people=4, n_trials=8):
    """Scores of people × trials × 2 windows, right in six of ten; each fold tests one subject. All but the heart lack a trial."""
    run = Run(folder, "test", {})
    for seed, name in enumerate(sources):
        rng, rows = np.random.default_rng(seed), []
        for fold, subject, trial in np.ndindex(n_people, n_people, n_trials):
            part, y = "test" if subject == fold else "val", trial % 4
            guess = y if rng.random() < 0.6 else rng.integers(4)
            if name == HEART or subject or trial:
                scores = (np.full(4, 0.1) + 0.6 * np.eye(4)[guess]).round(1)
                of_trial = fold, part, f"s{subject}", f"s{subject}-t{trial}", y, scores
                rows += [(*of_trial, start_s) for start_s in (0.0, 30.0)]
        names = "fold", "part", "subject", "trial", "y", "float32", "start_s"
        columns = zip(names, zip(*rows, strict=True), strict=True)
        run.write_arrays(f"scores/{name}.npz", **{column: np.array(values) for column, values in columns})
    return run


@pytest.fixture
def run(tmp_path):
    return written(tmp_path)


def load(run, pairs="same_trials", sources=(HEART, EEG), variant="float32", n_virtual=2, steady=False):
    return Study.load(run, sources, "emotion", pairs, n_virtual, variant, 0, steady)


def test_classes_are_summed_into_the_common_task(run):
    found = trials_of(run, HEART, "arousal", "float32")
    assert found.classes == ("low", "high") and len(found.y) == 4 * 4 * 8
    high = run.arrays(f"scores/{HEART}.npz")["float32"][0][:2].sum()  # happy and angry
    row = np.flatnonzero((found.fold == 0) & (found.trial == "s0-t0"))[0]
    np.testing.assert_allclose(found.scores[0, row], [1 - high, high], atol=1e-6)
    assert found.y[row] == 1  # happy


def test_tables_agree_with_scikit_learn_and_sums_by_hand(run):
    study = load(run)
    table, gains = study.rated.set_index("method"), study.gains().set_index("method")
    scores = study.paired.scores[0][study.paired.is_test]
    assert table.uar["heart"] == pytest.approx(balanced_accuracy_score(study.test.y, scores.argmax(axis=1)))
    assert table.kind.tolist() == ["single"] * 2 + ["fused"] * 6
    best = table.uar[["heart", "eeg"]].max()
    assert gains.points["mean"] == pytest.approx(100 * (table.uar["mean"] - best))
    np.testing.assert_allclose(study.weights().groupby(["rule", "fold"]).weight.sum(), 1, atol=1e-6)
    counts = study.counts()
    assert (counts.trials.sum(), counts.heart.sum(), counts.eeg.sum()) == (32, 32, 31)
    missing = study.missing_one("mean").set_index("missing")
    assert missing.n.to_dict() == {"heart": 31, "eeg": 32}
    assert (missing.points.abs() < 1e-9).all()  # one modality left is that modality


def test_windows_are_paired_where_every_sensor_has_them(run):
    for name in (HEART, EEG):
        arrays = dict(run.arrays(f"scores/{name}.npz"))
        run.write_arrays(f"scores/{name}-drift-free.npz", **arrays | {"float32": 1 - arrays["float32"]})
    study = load(run, "same_windows")
    assert len(study.test.y) == 2 * 31 and (study.paired.rows >= 0).all()  # heart alone has the first trial of s0
    assert study.test.trial[:2].tolist() == ["s0-t1 at 0 s", "s0-t1 at 30 s"]
    heart = run.arrays(f"scores/{HEART}.npz")
    of_trial = (heart["part"] == "test") & (heart["trial"] == "s0-t1")
    np.testing.assert_allclose(study.test.scores[0, :2], heart["float32"][of_trial], atol=1e-6)
    steady = load(run, "same_windows", steady=True)
    assert (steady.test.scores[0, :2].argmin(axis=1) == heart["float32"][of_trial].argmax(axis=1)).all()


@pytest.fixture
def many(tmp_path):
    return written(tmp_path, (HEART, EEG, SPEECH), n_people=10, n_trials=20)


def test_label_pairs_are_drawn_again(many):
    study = load(many, "label_paired", (HEART, EEG, SPEECH), n_virtual=5)
    redrawn = redraw(study, 8)
    table, draws = redrawn.table().set_index("method"), redrawn.draws
    assert table.uar.to_dict() == study.rated.set_index("method").uar.to_dict()
    assert table.points["mean"] == pytest.approx(study.gains().set_index("method").points["mean"])
    of_mean = draws[draws.method == "mean"].uar.to_numpy()
    assert len(of_mean) == 8 and len(set(of_mean)) > 1
    assert table.uar_sd["mean"] == pytest.approx(np.std(of_mean, ddof=1))
    best = draws[draws.kind == "single"].groupby("draw").uar.max().to_numpy()
    assert table.gain_mean["mean"] == pytest.approx(100 * (of_mean - best).mean())


def test_same_people_are_paired_among_strangers_instead(many, tmp_path):
    redrawn = redraw(load(many, sources=(HEART, EEG, SPEECH)), 4)
    assert "199 of 200 test trials" in redrawn.note
    table = redrawn.table().set_index("method")
    assert table.change_points[["heart", "eeg", "speech"]].abs().max() < 1  # but for the trials left out
    of_vote = redrawn.draws[redrawn.draws.method == "vote"].uar
    own = redrawn.reference.set_index("method").uar["vote"]
    assert table.change_points["vote"] == pytest.approx(100 * (of_vote.mean() - own))
    few = redraw(load(written(tmp_path / "few", n_people=2)), 3)
    assert few.draws.empty and "3 of 3 pairings could not be made" in few.note
    assert few.table().uar_mean.isna().all()
