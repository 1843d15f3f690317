import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.core.errors import BadArtifact, BadParameter, BadSet
from emolib.device.interpreter import BACKENDS, Model, dequantize, present, quantize

SHAPES = {"heart": (120, 1, 4), "eeg": (30, 1, 40), "speech": (100, 40, 1), "face": (48, 48, 1)}
HERE = present()


def needs(backend):
    """A mark: tflite-runtime ends at Python 3.11, tflite-micro is for Linux alone."""
    return pytest.mark.skipif(backend not in HERE, reason=f"{backend} has no wheel for this Python or platform")


def each(*backends):
    return pytest.mark.parametrize("backend", [pytest.param(name, marks=needs(name)) for name in backends])


@cache
def trained(name):
    """A network that is shipped, trained on four noisy patterns; windows to feed it, and their patterns."""
    import keras

    from emolib import models

    keras.utils.set_random_seed(0)
    rng, y, shape = np.random.default_rng(0), np.arange(64) % 4, SHAPES[name]
    X = (rng.normal(size=(4, *shape))[y] + 0.7 * rng.normal(size=(64, *shape))).astype(np.float32)
    model = models.build(name, shape, 4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(X, y, batch_size=16, epochs=8, verbose=0)
    return model, X, y


@cache
def file(name, variant):
    from emolib.quantization.ptq import convert

    model, X, _ = trained(name)
    return convert(model, variant, X)


@given(
    x=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50),
    scale=st.floats(2**-10, 8, width=32),
    zero_point=st.integers(-128, 127),
)
def test_int8_is_half_a_step_off_at_most_keeps_order_and_clips(x, scale, zero_point):
    x = np.sort(np.float32(x))
    q = quantize(x, scale, zero_point)
    low, high = dequantize(np.array([-128, 127], np.int8), scale, zero_point)
    rounding = 4e-7 * (np.abs(x) + 128 * scale)  # of float32 itself
    assert (np.abs(dequantize(q, scale, zero_point) - np.clip(x, low, high)) <= scale / 2 + rounding).all()
    assert (np.diff(q.astype(int)) >= 0).all()
    assert (q[x < low] == -128).all() and (q[x > high] == 127).all()


def test_quantize_rounds_ties_to_even():
    assert quantize(np.float32([-0.5, 0.5, 1.5, 2.5]), 1.0, 0).tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(("modality", "lsb"), {"heart": 1, "eeg": 1, "speech": 1, "face": 4}.items())
def test_backends_agree_on_int8(modality, lsb, tmp_path):
    """Kernels round differently, a little more with each operator; the face network has most of them."""
    from emolib.studies.quantize import backends

    model, X, _ = trained(modality)
    path = tmp_path / "model.tflite"
    path.write_bytes(file(modality, "int8"))
    table = backends(path, X)
    assert table.backend.tolist() == HERE and (table.n == 64).all()
    assert len(HERE) == 4 or sys.version_info[:2] > (3, 11) or sys.platform != "linux"
    assert table.lsb.max() <= lsb and table.other_answers.max() <= 3
    assert table.lsb[0] == table.other_answers[0] == 0
    with Model(path) as opened:
        logits = opened.predict(X)
    assert logits.shape == (64, 4) and logits.dtype == np.float32
    assert (logits.argmax(axis=1) == np.asarray(model(X)).argmax(axis=1)).mean() > 0.95


@each("litert", "tensorflow")
def test_a_layer_that_was_silent_in_calibration_runs_without_xnnpack(backend):
    import keras
    from keras import layers

    from emolib.quantization.ptq import convert

    inputs = keras.Input((4,))
    silent, last = layers.Dense(3, activation="relu"), layers.Dense(2)
    model = keras.Model(inputs, last(silent(inputs)))
    silent.set_weights([silent.get_weights()[0], np.full(3, -50.0)])
    last.set_weights([last.get_weights()[0], np.array([0.5, -1.0])])
    X = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    with Model(convert(model, "int8", X), backend) as opened:
        np.testing.assert_allclose(opened.predict(X), np.tile([0.5, -1.0], (32, 1)), atol=0.02)


@each(*BACKENDS)
def test_corrupt_files_and_wrong_windows_are_one_line(tmp_path, backend):
    X, content, path = trained("heart")[1], file("heart", "int8"), tmp_path / "a.tflite"
    path.write_bytes(content)
    with Model(path, backend) as model:
        with pytest.raises(BadSet, match=r"a.tflite takes windows of shape \(120, 1, 4\), got \(4,\)"):
            model.predict(X[:, 0, 0])
        with pytest.raises(BadSet, match="NaN"):
            model.predict(np.full_like(X, np.nan))
    for size in (0, len(content) - 200):
        path.write_bytes(content[:size])
        with pytest.raises(BadArtifact, match=r"a\.tflite"):
            Model(path, backend)


def test_a_backend_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("emolib.device.interpreter.find_spec", lambda package: None)
    with pytest.raises(BadParameter, match=r"no package ai_edge_litert here; pip install 'emolib\[device\]'"):
        Model(b"", "litert")


@needs("tflite_runtime")
def test_a_killed_worker_is_one_line():
    X = trained("heart")[1]
    with Model(file("heart", "float32"), "tflite_runtime") as model:
        np.testing.assert_array_equal(model.invoke(X[3]), model.predict(X)[3])
        assert (model.times(X[3], 25) > 0).all()
        model.runner.process.kill()
        with pytest.raises(BadArtifact, match="The tflite_runtime worker ended with exit code -9"):
            model.predict(X)
    assert model.runner.process.poll() is not None
