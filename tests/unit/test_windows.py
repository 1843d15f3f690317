"""Windows in a file answer as arrays do; standardisation, of both, against scikit-learn."""

import json

import numpy as np
import pytest
from bundles import recording, write
from sklearn.preprocessing import StandardScaler

from emolib.core import artifacts
from emolib.core import windows as module
from emolib.core.artifacts import Run
from emolib.core.errors import BadSet
from emolib.datasets.base import EmotionSet
from emolib.device.bundle import Bundle
from emolib.models import training
from emolib.models.networks import heart as build
from emolib.models.training import Trainer, Training
from emolib.signals.standardise import Standardiser, by_subject

SHAPE = (12, 1, 3)
X = np.random.default_rng(0).normal(size=(48, *SHAPE)).astype(np.float32)


def spooled(X):
    spool = module.Spool()
    for start in range(0, len(X), 7):
        spool.add(X[start : start + 7])
    return spool.array()


INDICES = [3, slice(2, 9, 3), np.array([5, 5, 1]), np.arange(20) % 3 == 0, (np.array([4, 2]), 3), (slice(2), ..., 1)]


@pytest.mark.parametrize("index", INDICES)
def test_it_is_indexed_as_an_array_is(index):
    found = module.part(spooled(X), np.arange(20), lambda x: 2 * x)[index]
    assert isinstance(found, np.ndarray) and not isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, 2 * X[:20][index])


def test_parts_of_parts_read_nothing_until_they_are_asked():
    seen = []
    first = module.part(spooled(X), np.arange(2, 20), lambda x: seen.append(len(x)) or x + 1)
    part = module.part(first, np.array([3, 0]), lambda x: 2 * x)
    assert seen == [] and (part.shape, part.ndim, len(part), part.dtype) == ((2, *SHAPE), 4, 2, np.float32)
    np.testing.assert_array_equal(np.asarray(part), 2 * (X[[5, 2]] + 1))
    assert seen == [2]


@pytest.mark.parametrize("axis", [None, 3, 1])
def test_a_standardiser_of_chunks_is_that_of_numpy(axis, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", 7 * X[0].nbytes)
    fitted = Standardiser.fit(module.part(spooled(5 + 3 * X), np.arange(30)), axis)
    over, known = tuple(a for a in range(4) if a != axis), np.float64(5 + 3 * X[:30])
    np.testing.assert_allclose(fitted.mean, known.mean(axis=over), rtol=1e-6)
    np.testing.assert_allclose(fitted.std, known.std(axis=over), rtol=1e-6)


def test_training_from_a_file_gives_the_same_weights(monkeypatch):
    trainer, weights = Trainer(lambda: build(SHAPE, 2), Training(epochs=3, batch_size=8)), []
    subject = np.repeat(list("abcdef"), 8)
    for windows, limit in ((X, training.HELD_BYTES), (spooled(X), 0)):
        monkeypatch.setattr(training, "HELD_BYTES", limit)
        data = EmotionSet(windows, np.arange(48) % 2, subject, subject, ("calm", "happy"))
        standardiser = Standardiser.fit(data.seen(np.arange(32)), 3)
        train, val = (data.part(rows, standardiser) for rows in (np.arange(32), np.arange(32, 48)))
        assert isinstance(train.X, module.MappedWindows) == (limit == 0)
        trainer.fit(train, val)
        weights.append(trainer.model.get_weights() + [trainer.predict(val.X)])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_written_from_a_file_is_read_from_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "MAPPED_BYTES", X.nbytes // 3)
    run = Run(tmp_path, "01", {})
    given = {"X": X, "y": np.arange(48), "F": np.asfortranarray(X[:, :, 0]), "words": np.array("ü")}
    run.write_arrays("data/a.npz", **given | {"X": spooled(X)})
    run.write_arrays("data/b.npz", **given)
    for name, is_mapped in (("data/a.npz", True), ("data/b.npz", False)):
        found = run.arrays(name)
        assert isinstance(found["X"], np.memmap) == is_mapped and not isinstance(found["y"], np.memmap)
        assert found.keys() == given.keys()
        for key, array in given.items():
            np.testing.assert_array_equal(found[key], array, strict=True)


HEART = np.random.default_rng(0).normal(size=(50, 6, 1, 4)) * [1, 10, 0.1, 3] + [0, 70, -5, 1e3]
HEART = HEART.astype(np.float32)


def sklearns(X):
    return StandardScaler().fit_transform(X.reshape(-1, 4).astype(np.float64)).reshape(X.shape)


def test_axis_is_sklearns_standard_scaler_over_all_steps():
    standardiser = Standardiser.fit(HEART, axis=3)
    found = standardiser(HEART)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, sklearns(HEART), atol=1e-3)
    np.testing.assert_array_equal(Standardiser.fit(HEART, axis=-1)(HEART), found)
    again = Standardiser.from_dict(json.loads(json.dumps(standardiser.to_dict())))
    np.testing.assert_array_equal(again(HEART), found)
    # NaN, nothing and other features are refused
    with pytest.raises(BadSet, match="NaN"):
        Standardiser.fit(HEART * np.float32(np.nan), axis=3)
    with pytest.raises(BadSet, match="No windows"):
        Standardiser.fit(HEART[:0], axis=3)
    with pytest.raises(BadSet, match="3 features on axis 3, expected 4"):
        Standardiser.fit(HEART, axis=3)(HEART[..., :3])
    # by subject, each subject's own level is gone
    subject = np.repeat(["a", "b"], 25)
    found = by_subject(HEART + 100 * (subject == "b")[:, None, None, None], subject, axis=3)
    expected = np.concatenate([sklearns(HEART[:25]), sklearns(HEART[25:])])
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("value", [0.0, 70.1])
def test_a_constant_feature_becomes_zero_even_on_other_values(value):
    constant = HEART.copy()
    constant[..., 1] = value
    standardiser = Standardiser.fit(constant, axis=3)
    assert (standardiser(constant)[..., 1] == 0).all() and (standardiser(HEART)[..., 1] == 0).all()
    assert np.abs(standardiser(constant)[..., 0]).max() > 1


def test_a_bundle_standardises_a_person_as_training_does(tmp_path):
    record = json.loads((write(tmp_path, ["eeg"]) / "bundle.json").read_text())
    [(name, entry)] = record["models"].items()
    entry["normalise"] = "subject"
    (tmp_path / "bundle.json").write_text(json.dumps(record))
    pipeline = Bundle(tmp_path).pipeline(name)
    found, _ = pipeline.windows([recording("eeg")], 128.0)
    own = pipeline.front(recording("eeg"), 128.0, "raw").X
    np.testing.assert_array_equal(found, pipeline.standardiser(by_subject(own, np.zeros(len(own)), 3)))
