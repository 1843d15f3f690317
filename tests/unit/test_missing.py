"""Bad recordings and missing modalities, on a run of two small synthetic sources with linear networks."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from emolib.studies.missing.bench import Bench
from emolib.studies.missing.sensed import GONE
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter, BadSet
from emolib.datasets import splits, windowed
from emolib.device.interpreter import Model
from emolib.evaluation.metrics import paired_gain
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.report import plots
from emolib.signals.frontend import FRONT_ENDS, front_end
from emolib.signals.standardise import Standardiser, by_subject
from emolib.studies.fusion.study import Study
from emolib.studies.missing import conditions, methods, noise, robustness

HEART, EEG = "synthetic-heart-emotion-loso", "synthetic-eeg-emotion-loso"
OPTIONS = {"n_subjects": 4, "n_trials": 12}
LOST = {"heart": ("s01-t03", "s02-t05"), "eeg": ()}  # trials that a modality does not have
CLEAN_DB = 300.0  # noise below the precision of the samples


def linear(X, y) -> bytes:
    """A .tflite file whose logits are a logistic regression on the windows."""
    import keras
    import tensorflow as tf

    fitted = LogisticRegression(C=3e-4, max_iter=200).fit(X.reshape(len(X), -1), y)
    inputs = keras.Input(X.shape[1:])
    dense = keras.layers.Dense(4)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    dense.set_weights([fitted.coef_.T.astype(np.float32), fitted.intercept_.astype(np.float32)])
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def write_source(folder, name, normalise):
    """What the notebooks before this one leave of a source, its network the same in all folds."""
    modality = name.split("-")[1]
    made = {"corpus": "synthetic", "modality": modality, "frontend": {}, "corpus_options": OPTIONS}
    front, axis = front_end(modality), FRONT_ENDS[modality].feature_axis
    trials = (
        t for t in datasets.load("synthetic", modality, None, **OPTIONS) if t.trial not in LOST[modality]
    )
    raw, _ = windowed.emotion_set(trials, "emotion", front)
    data = crossval.prepared(raw, normalise, axis)
    folds = splits.folds(raw, "loso", n_val=2)
    run = Run(folder, "01_windows", made)
    run.write_arrays(f"data/{name}.npz", **windowed.to_arrays(raw))
    run.write_arrays(f"data/{name}-folds.npz", **splits.to_arrays(folds))
    run = Run(folder, "02_train", {"normalise": normalise, "level": "trial"})
    file, logits = linear(Standardiser.fit(data.X, axis)(data.X), data.y), []
    for k, fold in enumerate(folds):
        standardiser = Standardiser.fit(data.X[fold.train], axis)
        run.write_json(f"models/{name}/fold{k:02d}.json", {"standardiser": standardiser.to_dict()})
        run.write_bytes(f"models/{name}/fold{k:02d}-float32.tflite", file)
        with Model(file) as model:
            logits.append(model.predict(standardiser(data.X[np.concatenate([fold.val, fold.test])])))
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
    return Study.load(run, [HEART, EEG], "emotion", "same_trials", 4, "float32", "weighted", 0)


@pytest.fixture(scope="module")
def bench(run, study):
    return Bench.open(run, study, "float32")


@pytest.fixture(scope="module")
def ways(study):
    return methods.score_level(study.paired)


def in_study_order(bench, scores):
    return scores[np.argsort(bench.rows)]


def trial(modality, **changes):
    return replace(next(datasets.load("synthetic", modality, None, n_trials=1)), **changes)


def test_with_nothing_gone_the_bench_repeats_the_study_from_its_windows(bench, study, ways):
    found = bench.scores(ways, conditions.WHOLE.change)
    for name in ("heart", "eeg", "mean", "product", "weighted", "fitted"):
        np.testing.assert_allclose(in_study_order(bench, found[name]), study.scores[name], atol=1e-5)


@pytest.mark.parametrize("modality", ["heart", "speech"])
@pytest.mark.parametrize("snr_db", [20, 0, -10])
def test_noise_has_the_power_that_was_asked_for(modality, snr_db):
    clean = trial(modality)
    added = noise.noisy(clean, snr_db).astype(float) - clean.data
    assert 10 * np.log10(clean.data.var() / np.mean(added**2)) == pytest.approx(snr_db, abs=0.6)


def test_noise_on_eeg_follows_each_channel_and_leaves_gaps():
    clean = trial("eeg")
    data = clean.data * np.logspace(0, 2, 8)[:, None].astype(np.float32)
    data[2, 5:9] = np.nan
    added = noise.noisy(replace(clean, data=data), 10).astype(float) - data
    assert np.isnan(added[2, 5:9]).all() and np.isfinite(np.delete(added, 2, axis=0)).all()
    found = 10 * np.log10(np.nanvar(data, axis=1) / np.nanmean(added**2, axis=1))
    assert found == pytest.approx(np.full(8, 10), abs=0.5)


def test_noise_on_faces_stays_a_picture():
    clean = trial("face")
    noisy = noise.noisy(clean, -10)
    assert noisy.dtype == np.uint8 and noisy.shape == clean.data.shape
    assert (noisy == 0).mean() > 0.2 and (noisy == 255).mean() > 0.2  # clipped, not wrapped
    added = noise.noisy(clean, 30).astype(float) - clean.data
    assert added.var() == pytest.approx(clean.data.var() / 1000 + 1 / 12, rel=0.1)  # and rounded


def test_noise_is_the_trials_own_and_only_its_level_depends_on_the_snr():
    clean = trial("heart")
    low, high = (noise.noisy(clean, snr).astype(float) - clean.data for snr in (20, 0))
    np.testing.assert_allclose(10 * low, high, atol=1e-4)
    assert np.array_equal(noise.noisy(clean, 0), noise.noisy(clean, 0))
    for other in (noise.noisy(replace(clean, trial="s00-t99"), 0), noise.noisy(clean, 0, seed=1)):
        assert abs(np.corrcoef(other - clean.data, high)[0, 1]) < 0.2


def test_no_noise_gives_the_clean_windows_again(run, bench):
    """For people standardised by their own recording, too."""
    for modality, name in bench.sources.items():
        found = noise.noisy_windows(run, name, bench.names(modality), [CLEAN_DB], 0)
        assert found.missing[CLEAN_DB] == 0
        condition = conditions.in_noise(bench, {modality: found})[0]
        for fold, clean in bench.clean.items():
            changed = condition.change(fold, clean)
            np.testing.assert_allclose(changed[modality].X, clean[modality].X, atol=1e-3)
            other = "eeg" if modality == "heart" else "heart"
            assert changed[other] is clean[other]
    raw = windowed.from_arrays(run.arrays(f"data/{EEG}.npz"))
    own = by_subject(raw.X, raw.subject, 3)
    kept = raw.subject == "s00"
    np.testing.assert_allclose(bench.clean[0]["eeg"].X, own[kept], atol=1e-5)


def test_what_noise_costs_is_counted(run, bench, ways):
    found = {"heart": noise.noisy_windows(run, HEART, bench.names("heart"), [-20.0], 0)}
    lost = robustness.lost(found).iloc[0]
    empty = sum(not len(windows.X) for windows in found["heart"].windows[-20].values())
    assert lost["missing"] == empty > 0
    assert lost["too few beats"] >= empty and lost["trials"] == len(bench.names("heart"))
    condition = conditions.in_noise(bench, found)[0]
    assert (condition.name, condition.bad, condition.snr_db) == ("heart_-20dB", "heart", -20)
    before = sum(of["heart"].present.sum() for of in bench.clean.values())
    after = sum(condition.change(k, of)["heart"].present.sum() for k, of in bench.clean.items())
    assert before - after == empty


def test_noise_lowers_the_trust_in_a_sensor_and_in_no_other(run, bench):
    found = {"eeg": noise.noisy_windows(run, EEG, bench.names("eeg"), [-10.0], 0)}
    change = conditions.in_noise(bench, found)[0].change
    clean = np.concatenate([of["eeg"].trust for of in bench.clean.values()])
    noisy = np.concatenate([change(k, of)["eeg"].trust for k, of in bench.clean.items()])
    assert np.median(noisy) < 0.05 < 0.9 < np.median(clean)


def test_label_pairs_meet_again_whatever_is_corrupted(run):
    study = Study.load(run, [HEART, EEG], "arousal", "label_paired", 2, "float32", "weighted", 5)
    bench = Bench.open(run, study, "float32")
    for found, m in zip(study.found, range(2), strict=True):
        for fold, rows in bench.order.items():
            expected = study.paired.scores[m][rows]
            np.testing.assert_allclose(found.scores[bench.numbers[fold][m]], expected, atol=1e-6)
            np.testing.assert_allclose(bench.clean[fold][found.modality].scores, expected, atol=1e-5)
    for people in (bench.people(fold) for fold in bench.order):
        assert sum(map(len, people)) > 0
    y = np.concatenate([study.paired.y[rows] for rows in bench.order.values()])
    assert (np.diff(y) != 0).sum() > 2 * len(
        bench.order
    )  # a stream of mixed classes, not one class after another


def test_what_is_left_decides_and_nothing_left_is_a_guess(bench, study, ways):
    found = bench.scores(ways, conditions.only(["heart"]))
    missing = ~np.concatenate([of["heart"].present for of in bench.clean.values()])
    assert missing.sum() == len(LOST["heart"])
    for name in ("mean", "weighted", "fitted"):
        np.testing.assert_allclose(found[name], found["heart"], atol=1e-6)
    assert (found["reliability"].argmax(axis=1) == found["heart"].argmax(axis=1)).all()
    for fold, rows in bench.order.items():
        at = np.isin(bench.rows, rows) & missing
        val = (study.paired.fold == fold) & ~study.paired.is_test
        shares = np.bincount(study.paired.y[val], minlength=4) / val.sum()
        np.testing.assert_allclose(found["mean"][at], np.tile(shares, (at.sum(), 1)), atol=1e-6)


def test_subsets_are_all_there_are():
    made = conditions.subsets(["a", "b", "c", "d"])
    assert len({condition.name for condition in made}) == len(made) == 15
    assert made[0] is conditions.WHOLE
    assert [c.bad for c in made if c.bad] == ["d", "c", "b", "a"] and made[1].name == "without_d"
    given = dict.fromkeys("abcd", "here")
    left = {c.name: [k for k, v in c.change(0, given).items() if v] for c in made}
    assert left["without_b"] == ["a", "c", "d"] and left["b+d"] == ["b", "d"] and left["c"] == ["c"]


def test_all_gone_is_refused(bench, ways):
    with pytest.raises(BadSet, match="All modalities are gone"):
        bench.scores(ways, conditions.only([]))


def test_stuck_late_and_dropped_out_by_hand(bench):
    given = bench.clean[0]
    eeg = given["eeg"]
    assert len(bench.people(0)) == 1 and eeg.present.all()
    made = {
        show.__name__: conditions.shown(bench, show)[1].change(0, given)["eeg"]
        for show in (conditions.stuck, conditions.late, conditions.dropped_out)
    }
    n = len(eeg.fold)
    np.testing.assert_allclose(made["stuck"].scores, np.tile(eeg.scores[0], (n, 1)), atol=1e-6)
    np.testing.assert_allclose(made["late"].scores, np.roll(eeg.scores, 1, axis=0), atol=1e-6)
    half = n // 2
    np.testing.assert_allclose(made["dropped_out"].scores[:half], eeg.scores[:half], atol=1e-6)
    assert (
        np.isnan(made["dropped_out"].scores[half:]).all() and (made["dropped_out"].fold[half:] == GONE).all()
    )
    assert made["stuck"].trust[0] > 0 and (made["stuck"].trust[1:] == 0).all()
    np.testing.assert_allclose(made["late"].trust, np.roll(eeg.trust, 1), atol=1e-6)
    assert (made["dropped_out"].trust[half:] == 0).all() and (eeg.trust > 0).all()


def test_reliability_by_hand(bench, study):
    weights = {fold: np.array([0.25, 0.75]) for fold in bench.order}
    given = bench.clean[1]
    found = methods.Reliability(weights)(1, given)
    i = int(np.flatnonzero(given["heart"].present)[0])
    powers = [w * given[m].trust[i] for w, m in zip((0.25, 0.75), ("heart", "eeg"), strict=True)]
    logs = sum(p * np.log(given[m].calibrated[i]) for p, m in zip(powers, ("heart", "eeg"), strict=True))
    expected = np.exp(logs / sum(powers))
    np.testing.assert_allclose(found[i], expected / expected.sum(), rtol=1e-4)
    temperature = bench.channels["eeg"].experts[1].temperature
    np.testing.assert_allclose(
        given["eeg"].calibrated, softmax(np.log(given["eeg"].scores), temperature), atol=1e-5
    )


def test_the_table_agrees_with_scikit_learn_and_a_gain_by_hand(bench, ways):
    found = robustness.scored(bench, ways, conditions.subsets(["heart", "eeg"]))
    table = robustness.table(bench, found).set_index(["condition", "method"])
    assert len(table) == 3 * len(ways)
    scores = found[conditions.WHOLE]
    for name in ("eeg", "mean", "reliability"):
        expected = balanced_accuracy_score(bench.y, scores[name].argmax(axis=1))
        assert table.uar["all", name] == pytest.approx(expected)
    best = max(("heart", "eeg"), key=lambda name: table.uar["all", name])
    gain = paired_gain(bench.y, scores[best], scores["mean"], bench.subject)
    row = table.loc[("all", "mean")]
    assert (row.best_single, row.points, row.p) == (best, pytest.approx(gain.value), pytest.approx(gain.p))
    assert np.isnan(table.points["all", "eeg"]) and table.kind["all", "eeg"] == "single"
    assert table.points["without_heart", "mean"] == pytest.approx(0, abs=1e-9)


def test_the_stream_is_cut_in_the_middle_of_each_person(bench, ways):
    after = bench.after()
    for name in np.unique(bench.subject):
        own = after[bench.subject == name]
        assert (
            own.sum() == -(-len(own) // 2)
            and own[-1]
            and not own[0]
            and (np.diff(own.astype(int)) >= 0).all()
        )
    table = robustness.stream(bench, ways)
    whole = bench.scores(ways, conditions.WHOLE.change)["mean"]
    rows = table[table.method == "mean"].set_index(["condition", "part"]).uar
    for part, kept in (("before", ~after), ("after", after)):
        assert rows["all", part] == pytest.approx(
            balanced_accuracy_score(bench.y[kept], whole[kept].argmax(axis=1))
        )
    alone = bench.scores(ways, conditions.only(["eeg"]))["mean"]
    expected = balanced_accuracy_score(bench.y[after], alone[after].argmax(axis=1))
    assert rows["heart_dropped_out", "after"] == pytest.approx(expected)


def test_gains_are_pooled_over_what_is_bad(bench, ways):
    found = robustness.scored(bench, ways, [conditions.WHOLE, *conditions.shown(bench, conditions.stuck)])
    table = robustness.gains(bench, found, "reliability", ["mean"]).set_index("condition")
    assert list(table.index) == ["heart_stuck", "eeg_stuck", "pooled"]
    assert table.n.tolist() == [len(bench.y), len(bench.y), 2 * len(bench.y)]
    right = {
        name: np.mean(
            [balanced_accuracy_score(bench.y, of[name].argmax(axis=1)) for c, of in found.items() if c.bad]
        )
        for name in ("mean", "reliability")
    }
    assert table.points["pooled"] == pytest.approx(100 * (right["reliability"] - right["mean"]))
    with pytest.raises(BadParameter, match="meen does not exist"):
        robustness.gains(bench, found, "reliability", ["meen"])


def test_the_summary_has_the_worst_case_over_single_drop_outs(bench, study, ways):
    subsets = robustness.table(bench, robustness.scored(bench, ways, conditions.subsets(["heart", "eeg"])))
    found = robustness.scored(bench, ways, conditions.shown(bench, conditions.stuck))
    whole = robustness.table(bench.thinned(2), robustness.scored(bench.thinned(2), ways, [conditions.WHOLE]))
    made = {
        "subsets": subsets,
        "noise": whole,
        "stuck": robustness.table(bench, found),
        "stream": robustness.stream(bench, ways),
    }
    gained = {"stuck": robustness.gains(bench, found, "reliability", ["mean"])}
    numbers = robustness.numbers(study, "x", made, gained)
    one = subsets[(subsets.method == "fitted") & (subsets.bad != "")]
    key = "synthetic/emotion/loso/fitted_missing_any/worst_points"
    assert numbers[key]["value"] == pytest.approx(one.points.min(), abs=1e-4)
    assert (
        numbers["synthetic/emotion/loso/mean_without_eeg/uar"]["artifact"] == "tables/x-missing-subsets.csv"
    )
    assert {"mean_eeg_stuck", "mean_all", "mean_all_before", "mean_eeg_dropped_out", "reliability_stuck"} <= {
        name.split("/")[3] for name in numbers
    }
    fused = {name: (of.kind == "fused").sum() for name, of in made.items()}
    assert len(numbers) == sum(fused.values()) + 5 + 1  # no two of them under one key
    mean = subsets[(subsets.condition == "all") & (subsets.method == "mean")].uar.item()
    assert numbers["synthetic/emotion/loso/mean_all/uar"]["value"] == pytest.approx(mean, abs=1e-5)
    assert numbers["synthetic/emotion/loso/mean_all_noise/uar"]["n"] == 8
    assert not any(name.split("/")[3].startswith("eeg_") for name in numbers)  # fused methods only


def test_a_network_can_be_a_method(bench, ways):
    class Loudest:
        """The class of the number of windows, which needs X, at and start_s of each modality."""

        name = "loudest"

        def __call__(self, fold, sensed):
            eeg = sensed["eeg"]
            if eeg is None:
                return np.full((len(bench.order[fold]), 4), np.nan)
            assert len(eeg.X) == len(eeg.at) == len(eeg.start_s)
            mean = np.bincount(eeg.at, eeg.X.mean(axis=(1, 2, 3)), len(eeg.fold))
            return softmax(np.outer(mean, [1.0, -1.0, 0.0, 0.0]))

    found = robustness.scored(bench, [*ways, Loudest()], conditions.subsets(["heart", "eeg"]))
    table = robustness.table(bench, found).set_index(["condition", "method"])
    assert table.kind["all", "loudest"] == "fused" and table.uar["without_eeg", "loudest"] == pytest.approx(
        0.25
    )


def test_two_sources_of_one_modality_are_refused(run):
    twice = Study.load(run, [EEG, EEG], "emotion", "same_trials", 4, "float32", "weighted", 0)
    with pytest.raises(BadParameter, match="one of each modality"):
        Bench.open(run, twice, "float32")


def test_thinned_keeps_trials_spread_over_every_person(bench):
    thin = bench.thinned(3)
    assert (pd.Series(thin.subject).value_counts() == 3).all()
    for fold, rows in thin.order.items():
        whole = bench.order[fold]
        assert rows[0] == whole[0] and rows[-1] == whole[-1] and rows[1] == whole[round((len(whole) - 1) / 2)]
        at = np.searchsorted(whole, rows)
        np.testing.assert_allclose(
            thin.clean[fold]["eeg"].scores, bench.clean[fold]["eeg"].scores[at], atol=1e-6
        )
    with pytest.raises(BadParameter, match="trials_per_person"):
        bench.thinned(0)


def test_what_cannot_be_made_noisy_is_named(run):
    powers = trial("eeg", kind="band_power")
    with pytest.raises(BadParameter, match="band powers, no recording"):
        noise.noisy(powers, 0)
    with pytest.raises(BadArtifact, match="no trial s99-t00 .*01_windows"):
        noise.noisy_windows(run, HEART, [("s99", "s99-t00")], [0], 0)
    assert noise.has_recordings(run, EEG)


def test_calibration_lowers_the_validation_loss_and_goes_to_json(bench):
    table = bench.calibration()
    assert list(table.modality) == ["heart", "eeg"] and (table.temperature_min <= table.temperature).all()
    assert json.dumps(bench.channels["eeg"].experts[0].to_dict())


def from_file(table, folder):
    """A table as the report reads it again."""
    table.to_csv(folder / "table.csv", index=False)
    return pd.read_csv(folder / "table.csv")


def test_figures_show_every_method_and_modality(bench, ways, tmp_path):
    subsets = robustness.table(bench, robustness.scored(bench, ways, conditions.subsets(["heart", "eeg"])))
    stream = robustness.stream(bench, ways)
    bad = subsets[subsets.bad != ""].assign(snr_db=10.0)
    noisy = pd.concat([subsets[subsets.condition == "all"], bad, bad.assign(snr_db=0.0)])
    for draw, table, n in (
        (plots.subsets, subsets, 1),
        (plots.mid_stream, stream, 2),
        (plots.snr_curves, noisy, 2),
    ):
        figure = draw(from_file(table, tmp_path))
        assert len([ax for ax in figure.axes if ax.get_visible()]) == n
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert {"mean", "product", "weighted", "fitted", "reliability"} <= set(legend)
    first = plots.snr_curves(noisy).axes[0]
    curves, bad = first.get_lines(), first.get_title().removeprefix("noise on ")
    means = 100 * noisy[(noisy.method == "mean") & noisy.bad.isin(["", bad])].uar
    assert any(
        len(line.get_ydata()) == 3 and np.allclose(sorted(line.get_ydata()), sorted(means)) for line in curves
    )


def test_the_worst_case_is_each_methods_own():
    rows = [
        ("a", "mean", 3.0),
        ("b", "mean", -1.0),
        ("a", "product", 0.5),
        ("b", "product", 2.0),
        ("a", "eeg", np.nan),
    ]
    table = pd.DataFrame(rows, columns=["bad", "method", "points"])
    table["kind"] = np.where(table.method == "eeg", "single", "fused")
    found = robustness.worst_points(table).set_index("method")
    assert found.points.to_dict() == {"mean": -1.0, "product": 0.5} and found.bad["mean"] == "b"
