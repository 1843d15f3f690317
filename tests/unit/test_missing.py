"""Bad recordings and missing modalities, on a run of two small synthetic sources with linear networks."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.datasets import splits, windowed
from emolib.device.interpreter import Model
from emolib.evaluation.metrics import paired_gain
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.frontend import FRONT_ENDS, front_end
from emolib.signals.standardise import Standardiser, by_subject
from emolib.studies.fusion.study import Study
from emolib.studies.missing import conditions, methods
from emolib.studies.missing.streams import Streams

HEART, EEG = "synthetic-heart-emotion-loso", "synthetic-eeg-emotion-loso"
OPTIONS = {"n_subjects": 4, "n_trials": 12}
LOST = {"heart": ("s01-t03", "s02-t05"), "eeg": ()}  # trials that a modality does not have
CLEAN_DB = 300.0  # noise below the precision of the samples


def linear(X, y) -> bytes:
    """A .tflite file whose logits are a logistic regression on the windows."""
    import keras
    import tensorflow as tf

    fitted = LogisticRegression(C=3e-4, max_iter=200).fit(X.reshape(len(X), -1), y)
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(4)])
    model.layers[-1].set_weights([fitted.coef_.T.astype(np.float32), fitted.intercept_.astype(np.float32)])
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def write_source(folder, name, normalise):
    """What the notebooks before this one leave of a source, its network the same in all folds."""
    modality = name.split("-")[1]
    made = {"corpus": "synthetic", "modality": modality, "frontend": {}, "corpus_options": OPTIONS}
    run = Run(folder, "before", made | {"normalise": normalise, "level": "trial"})
    axis = FRONT_ENDS[modality].feature_axis
    trials = datasets.load("synthetic", modality, None, **OPTIONS)
    kept = (trial for trial in trials if trial.trial not in LOST[modality])
    raw, _ = windowed.emotion_set(kept, "emotion", front_end(modality))
    data, folds, logits = crossval.prepared(raw, normalise, axis), splits.folds(raw, "loso", n_val=2), []
    file = linear(Standardiser.fit(data.X, axis)(data.X), data.y)
    for k, fold in enumerate(folds):
        standardiser = Standardiser.fit(data.X[fold.train], axis)
        run.write_json(f"models/{name}/fold{k:02d}.json", {"standardiser": standardiser.to_dict()})
        run.write_bytes(f"models/{name}/fold{k:02d}-float32.tflite", file)
        with Model(file) as model:
            logits.append(model.predict(standardiser(data.X[np.concatenate([fold.val, fold.test])])))
    run.write_arrays(f"data/{name}.npz", **windowed.to_arrays(raw))
    run.write_arrays(f"data/{name}-folds.npz", **splits.to_arrays(folds))
    run.write_arrays(f"scores/{name}-keras.npz", none=np.zeros(1))
    columns = crossval.score_columns(data, folds)
    run.write_arrays(f"scores/{name}.npz", **columns, float32=softmax(np.concatenate(logits)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_source(folder, HEART, "train")
    write_source(folder, EEG, "subject")
    return Run(folder, "test", {})


@pytest.fixture(scope="module")
def study(run):
    return Study.load(run, [HEART, EEG], "emotion", "same_trials", 4, "float32", 0)


@pytest.fixture(scope="module")
def streams(run, study):
    return Streams.open(run, study, "float32")


@pytest.fixture(scope="module")
def ways(study):
    return methods.score_level(study.paired)


def rows_of(streams):
    """Rows of the study in the order of every method's scores."""
    return np.concatenate(list(streams.order.values()))


def trial(modality, **changes):
    return replace(next(datasets.load("synthetic", modality, None, n_trials=1)), **changes)


def test_with_nothing_gone_the_streams_repeat_the_study_from_their_windows(streams, study, ways):
    found = streams.scores(ways, conditions.WHOLE.change)
    for name in ("heart", "eeg", "mean", "product", "weighted", "fitted"):
        in_study_order = found[name][np.argsort(rows_of(streams))]
        np.testing.assert_allclose(in_study_order, study.scores[name], atol=1e-5)


def test_noise_has_the_power_that_was_asked_for_and_is_the_trials_own():
    for modality, snr_db in (("heart", 20), ("speech", -10)):
        clean = trial(modality)
        added = conditions.with_noise(clean, snr_db).astype(float) - clean.data
        assert 10 * np.log10(clean.data.var() / np.mean(added**2)) == pytest.approx(snr_db, abs=0.6)
    clean = trial("heart")
    low, high = (conditions.with_noise(clean, snr).astype(float) - clean.data for snr in (20, 0))
    np.testing.assert_allclose(10 * low, high, atol=1e-4)
    other = conditions.with_noise(replace(clean, trial="s00-t99"), 0)
    assert abs(np.corrcoef(other - clean.data, high)[0, 1]) < 0.2
    noisy = conditions.with_noise(trial("face"), -10)
    assert noisy.dtype == np.uint8 and (noisy == 0).mean() > 0.2 and (noisy == 255).mean() > 0.2  # clipped
    # of EEG it follows each channel and leaves gaps
    clean = trial("eeg")
    data = clean.data * np.logspace(0, 2, 8)[:, None].astype(np.float32)
    data[2, 5:9] = np.nan
    added = conditions.with_noise(replace(clean, data=data), 10).astype(float) - data
    assert np.isnan(added[2, 5:9]).all() and np.isfinite(np.delete(added, 2, axis=0)).all()
    found = 10 * np.log10(np.nanvar(data, axis=1) / np.nanmean(added**2, axis=1))
    assert found == pytest.approx(np.full(8, 10), abs=0.5)


def test_no_noise_gives_the_clean_windows_again(run, streams):
    """For people standardised by their own recording, too."""
    found = conditions.noisy_windows(run, streams, [CLEAN_DB], 0)
    assert conditions.noise_losses(found)[["modality", "missing"]].values.tolist() == [["heart", 0], ["eeg", 0]]
    for condition, other in zip(conditions.in_noise(streams, found), ("eeg", "heart"), strict=True):
        for fold, clean in streams.clean.items():
            changed = condition.change(fold, clean)
            np.testing.assert_allclose(changed[condition.bad].X, clean[condition.bad].X, atol=1e-3)
            assert changed[other] is clean[other]
    raw = windowed.from_arrays(run.arrays(f"data/{EEG}.npz"))
    own = by_subject(raw.X, raw.subject, 3)[raw.subject == "s00"]
    np.testing.assert_allclose(streams.clean[0]["eeg"].X, own, atol=1e-5)


def test_noise_costs_trust_and_trials_and_both_are_counted(run, streams):
    noisy = conditions.noisy_windows(run, streams, [-20.0], 0)
    heart, eeg = conditions.in_noise(streams, noisy)
    assert (heart.name, heart.bad, heart.snr_db) == ("-20 dB noise on heart", "heart", -20)
    clean = np.concatenate([of["eeg"].trust for of in streams.clean.values()])
    bad = np.concatenate([eeg.change(k, of)["eeg"].trust for k, of in streams.clean.items()])
    assert np.median(bad) < 0.05 < 0.9 < np.median(clean)
    lost = conditions.noise_losses(noisy).iloc[0]
    empty = sum(not len(windows.X) for windows in noisy["heart"][-20].values())
    assert lost["missing"] == empty > 0 and lost["too few beats"] >= empty
    gone = [of["heart"].present & ~heart.change(k, of)["heart"].present for k, of in streams.clean.items()]
    assert np.concatenate(gone).sum() == empty


def test_what_is_left_decides_and_nothing_left_is_a_guess(streams, study, ways):
    found = streams.scores(ways, conditions.only(["heart"]))
    missing = ~np.concatenate([of["heart"].present for of in streams.clean.values()])
    assert missing.sum() == len(LOST["heart"])
    for name in ("mean", "weighted", "fitted"):
        np.testing.assert_allclose(found[name], found["heart"], atol=1e-6)
    assert (found["reliability"].argmax(axis=1) == found["heart"].argmax(axis=1)).all()
    for fold, rows in streams.order.items():
        at = np.isin(rows_of(streams), rows) & missing
        val = (study.paired.fold == fold) & ~study.paired.is_test
        shares = np.bincount(study.paired.y[val], minlength=4) / val.sum()
        np.testing.assert_allclose(found["mean"][at], np.tile(shares, (at.sum(), 1)), atol=1e-6)


def test_stuck_late_and_lost_by_hand(streams):
    given = streams.clean[0]
    eeg, n = given["eeg"], len(given["eeg"].fold)
    half = n // 2
    stuck, late, lost = (
        conditions.shown(streams, show)[1].change(0, given)["eeg"]
        for show in (conditions.stuck, conditions.late, conditions.lost)
    )
    np.testing.assert_allclose(stuck.scores, np.tile(eeg.scores[0], (n, 1)), atol=1e-6)
    assert stuck.trust[0] > 0 and (stuck.trust[1:] == 0).all() and (eeg.trust > 0).all()
    np.testing.assert_allclose(late.scores, np.roll(eeg.scores, 1, axis=0), atol=1e-6)
    np.testing.assert_allclose(late.trust, np.roll(eeg.trust, 1), atol=1e-6)
    np.testing.assert_allclose(lost.scores[:half], eeg.scores[:half], atol=1e-6)
    assert np.isnan(lost.scores[half:]).all() and (lost.trust[half:] == 0).all()


def test_reliability_by_hand(streams):
    given = streams.clean[1]
    found = methods.reliability(1, given, {1: np.array([0.25, 0.75])})
    i = int(np.flatnonzero(given["heart"].present)[0])
    powers, logs = {"heart": 0.25 * given["heart"].trust[i], "eeg": 0.75 * given["eeg"].trust[i]}, 0
    for name, power in powers.items():
        temperature = streams.channels[name].experts[1].temperature
        logs += power * np.log(softmax(np.log(given[name].scores[i]), temperature))
    expected = np.exp(logs / sum(powers.values()))
    np.testing.assert_allclose(found[i], expected / expected.sum(), rtol=1e-4)


def uar(streams, scores, kept=slice(None)):
    return pytest.approx(balanced_accuracy_score(streams.trials.y[kept], scores[kept].argmax(axis=1)))


def test_the_table_agrees_with_scikit_learn_and_a_gain_by_hand(streams, ways):
    found = conditions.scored(streams, ways, conditions.subsets(["heart", "eeg"]))
    table = conditions.table(streams, found)
    rows, scores = table.set_index(["condition", "method"]), found[conditions.WHOLE]
    assert len(table) == 3 * len(ways)
    for name in ("eeg", "mean", "reliability"):
        assert rows.uar["nothing missing", name] == uar(streams, scores[name])
    best = max(("heart", "eeg"), key=lambda name: rows.uar["nothing missing", name])
    gain = paired_gain(streams.trials.y, scores[best], scores["mean"], streams.trials.subject)
    row = rows.loc[("nothing missing", "mean")]
    assert (row.best_single, row.points, row.p) == (best, pytest.approx(gain.value), pytest.approx(gain.p))
    assert np.isnan(rows.points["nothing missing", "eeg"]) and rows.kind["nothing missing", "eeg"] == "single"
    assert rows.points["no heart", "mean"] == pytest.approx(0, abs=1e-9)
    # gains are pooled over what is bad
    found = conditions.scored(streams, ways, conditions.shown(streams, conditions.stuck))
    table = conditions.gains(streams, found, "any one stuck", "reliability", ["mean"]).set_index("condition")
    n = len(streams.trials.y)
    assert table.n.to_dict() == {"heart stuck": n, "eeg stuck": n, "any one stuck": 2 * n}
    y, each = np.tile(streams.trials.y, 2), {}
    for name in ("mean", "reliability"):
        answers = np.concatenate([of[name].argmax(axis=1) for of in found.values()])
        each[name] = balanced_accuracy_score(y, answers)
    assert table.points["any one stuck"] == pytest.approx(100 * (each["reliability"] - each["mean"]))


def test_the_stream_is_cut_in_the_middle_of_each_person(streams, ways):
    people, n_each = np.unique(streams.trials.subject, return_counts=True)
    assert streams.trials.subject.tolist() == np.repeat(people, n_each).tolist()
    after = np.concatenate([np.arange(n) >= n // 2 for n in n_each])
    table = conditions.stream_table(streams, ways)
    rows = table[table.method == "mean"].set_index(["condition", "part"]).uar
    whole = streams.scores(ways, conditions.WHOLE.change)["mean"]
    alone = streams.scores(ways, conditions.only(["eeg"]))["mean"]
    assert rows["nothing missing", "before"] == uar(streams, whole, ~after)
    assert rows["nothing missing", "after"] == uar(streams, whole, after)
    assert rows["heart lost", "after"] == uar(streams, alone, after)


def test_label_pairs_meet_again_whatever_is_corrupted(run):
    study = Study.load(run, [HEART, EEG], "arousal", "label_paired", 2, "float32", 5)
    streams = Streams.open(run, study, "float32")
    for m, name in enumerate(streams.channels):
        for fold, rows in streams.order.items():
            expected = study.paired.scores[m][rows]
            np.testing.assert_allclose(streams.clean[fold][name].scores, expected, atol=1e-5)
