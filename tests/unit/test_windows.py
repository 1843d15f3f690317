"""Windows in a file answer as arrays do, and what is made of them is what is made of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.core import artifacts
from emolib.core import windows as module
from emolib.core.artifacts import Run
from emolib.datasets.base import EmotionSet
from emolib.models import training
from emolib.models.networks import heart as build
from emolib.models.training import Trainer, Training
from emolib.signals.standardise import Standardiser

SHAPE = (12, 1, 3)
RNG = np.random.default_rng(0)


def spooled(X):
    spool = module.Spool()
    for start in range(0, len(X), 7):
        spool.add(X[start : start + 7])
    return spool.array()


def windows(n, seed=0):
    y = np.arange(n) % 2
    X = np.random.default_rng(seed).standard_normal((n, *SHAPE)) + y[:, None, None, None]
    subject = np.array([f"s{k}" for k in np.arange(n) // 8])
    return np.float32(X), y, subject


def sets(n=48):
    """The same set in memory and in a file."""
    X, y, subject = windows(n)
    return [EmotionSet(x, y, subject, subject, ("calm", "happy")) for x in (X, spooled(X))]


@pytest.mark.parametrize(
    "index",
    [
        3,
        slice(2, 9, 3),
        np.array([5, 5, 1]),
        np.arange(20) % 3 == 0,
        (np.array([4, 2]), 3),
        (slice(2), ..., 1),
    ],
)
def test_it_is_indexed_as_an_array_is(index):
    X = windows(20)[0]
    found = module.part(spooled(X), np.arange(20), lambda x: 2 * x)[index]
    assert isinstance(found, np.ndarray) and not isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, 2 * X[index])


def test_parts_of_parts_read_nothing_until_they_are_asked():
    X, seen = windows(20)[0], []
    first = module.part(spooled(X), np.arange(2, 20), lambda x: seen.append(len(x)) or x + 1)
    part = module.part(first, np.array([3, 0]), lambda x: 2 * x)
    assert seen == [] and (part.shape, part.ndim, len(part), part.dtype) == ((2, *SHAPE), 4, 2, np.float32)
    np.testing.assert_array_equal(np.asarray(part), 2 * (X[[5, 2]] + 1))
    assert seen == [2]


@given(st.integers(1, 60), st.integers(1, 5))
def test_chunks_are_the_whole(n, windows_a_chunk):
    X = np.arange(n * 6, dtype=np.float32).reshape(n, 6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_BYTES", windows_a_chunk * X[0].nbytes)
        parts = [X[rows] for rows in module.chunks(X)]
    assert max(map(len, parts)) <= windows_a_chunk
    np.testing.assert_array_equal(np.concatenate(parts), X)


@pytest.mark.parametrize("axis", [None, 3, 1])
def test_a_standardiser_of_chunks_is_that_of_numpy(axis, monkeypatch):
    X = 5 + 3 * windows(40)[0]
    monkeypatch.setattr(module, "CHUNK_BYTES", 7 * X[0].nbytes)
    fitted = Standardiser.fit(module.part(spooled(X), np.arange(30)), axis)
    over = tuple(a for a in range(4) if a != axis)
    np.testing.assert_allclose(fitted.mean, X[:30].mean(axis=over, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(fitted.std, X[:30].std(axis=over, dtype=np.float64), rtol=1e-6)


def test_training_from_a_file_gives_the_same_weights(monkeypatch):
    trainer = Trainer(lambda: build(SHAPE, 2), Training(epochs=3, batch_size=8))
    weights = []
    for data, limit in zip(sets(), (training.HELD_BYTES, 0), strict=True):
        monkeypatch.setattr(training, "HELD_BYTES", limit)
        standardiser = Standardiser.fit(data.seen(np.arange(32)), 3)
        train, val = (data.part(rows, standardiser) for rows in (np.arange(32), np.arange(32, 48)))
        assert isinstance(train.X, module.MappedWindows) == (limit == 0)
        trainer.fit(train, val)
        weights.append(trainer.model.get_weights() + [trainer.predict(val.X)])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_written_from_a_file_is_read_from_a_file(tmp_path, monkeypatch):
    X, y, _ = windows(20)
    monkeypatch.setattr(artifacts, "MAPPED_BYTES", X.nbytes // 3)
    run = Run(tmp_path, "01", {})
    run.write_arrays("data/a.npz", X=spooled(X), y=y, F=np.asfortranarray(X[:, :, 0]), words=np.array("ü"))
    found = run.arrays("data/a.npz")
    assert isinstance(found["X"], np.memmap) and not found["X"].flags.writeable
    np.testing.assert_array_equal(found["X"], X)
    np.testing.assert_array_equal(found["F"], X[:, :, 0])
    np.testing.assert_array_equal(found["y"], y)
    assert found["words"] == "ü" and found["y"].dtype == y.dtype and not isinstance(found["y"], np.memmap)
    run.write_arrays("data/b.npz", X=X)
    assert not isinstance(run.arrays("data/b.npz")["X"], np.memmap)
