import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from emolib.errors import BadArtifact, BadParameter, BadSet
from emolib.runtime.interpreter import BACKENDS, Model
from emolib.runtime.quantization import dequantize, quantize

SHAPES = {"heart": (32, 1, 4), "eeg": (4, 1, 40), "speech": (125, 40, 1), "face": (48, 48, 1)}


def trained(shape):
    """A small network trained on four noisy patterns of a shape, and windows to feed it."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    rng, y = np.random.default_rng(0), np.arange(64) % 4
    X = (rng.normal(size=(4, *shape))[y] + 0.7 * rng.normal(size=(64, *shape))).astype(np.float32)
    flat = shape[1] == 1
    x = inputs = keras.Input(shape)
    x = layers.Conv2D(8, (3, 1) if flat else 3, 1 if flat else 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D((2, 1) if flat else 2)(x))
    model = keras.Model(inputs, layers.Dense(4)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(X, y, batch_size=16, epochs=10, verbose=0)
    return model, X


@pytest.fixture(scope="module")
def converted():
    """By kind of input: the Keras logits of 16 windows, the windows, and the file of each variant."""
    from emolib.compression.ptq import VARIANTS, convert

    found = {}
    for name, shape in SHAPES.items():
        model, X = trained(shape)
        files = {variant: convert(model, variant, X) for variant in VARIANTS}
        found[name] = model.predict(X[:16], verbose=0), X[:16], files
    return found


def test_quantize_rounds_to_nearest_even_and_clips_at_both_ends():
    x = np.array([-1e9, -12.9, -12.75, -0.25, 0.0, 0.25, 0.3, 12.6, 12.75, 1e9], np.float32)
    assert quantize(x, 0.1, 1).tolist() == [-128, -128, -126, -2, 1, 4, 4, 127, 127, 127]
    assert quantize(np.float32([-0.5, 0.5, 1.5, 2.5]), 1.0, 0).tolist() == [0, 0, 2, 2]
    assert quantize(x, 0.1, 1).dtype == np.int8


def test_dequantize_inverts_quantize_at_every_int8():
    q = np.arange(-128, 128).astype(np.int8)
    real = dequantize(q, 0.037, -13)
    assert (
        real.dtype == np.float32
        and real[0] == pytest.approx(-115 * 0.037)
        and real[-1] == pytest.approx(140 * 0.037)
    )
    np.testing.assert_array_equal(quantize(real, 0.037, -13), q)


@pytest.mark.parametrize("name", SHAPES)
def test_four_backends_agree_on_int8(converted, name):
    keras_logits, X, files = converted[name]
    logits, scale = {}, 0.0
    for backend in BACKENDS:
        with Model(files["static_wi8_ai8"], backend) as model:
            logits[backend] = model.predict(X)
            scale = model.runner.output.scale
            assert model.input_shape == SHAPES[name]
    assert logits["litert"].shape == (16, 4) and logits["litert"].dtype == np.float32
    for backend in BACKENDS:
        assert np.abs(logits[backend] - logits["litert"]).max() <= 1.001 * scale, backend
        assert (logits[backend].argmax(1) == keras_logits.argmax(1)).all(), backend
    assert np.abs(logits["litert"] - keras_logits).max() < 4 * scale


@pytest.mark.parametrize("name", SHAPES)
def test_float_files_agree_with_keras(converted, name):
    keras_logits, X, files = converted[name]
    for backend in BACKENDS:
        with Model(files["float32"], backend) as model:
            np.testing.assert_allclose(model.predict(X), keras_logits, atol=1e-3)


@pytest.mark.parametrize("backend", ["litert", "tflite_runtime", "tensorflow"])
def test_dynamic_files_are_near_keras(converted, backend):
    for name, (keras_logits, X, files) in converted.items():
        with Model(files["dynamic"], backend) as model:
            error = np.abs(model.predict(X) - keras_logits).max()
        assert error < 0.02 * np.ptp(keras_logits), (name, error)


def test_micro_refuses_hybrid_kernels_in_one_line(converted):
    dynamic = converted["speech"][2]["dynamic"]
    assert len(dynamic) < 0.5 * len(converted["speech"][2]["float32"])
    with pytest.raises(BadArtifact, match="does not open on tflite_micro") as error:
        Model(dynamic, "tflite_micro")
    assert "\n" not in str(error.value)


def test_invoke_is_predict_of_one_and_times_are_positive(converted):
    _, X, files = converted["heart"]
    for backend in ("litert", "tflite_runtime"):
        with Model(files["static_wi8_ai8"], backend) as model:
            np.testing.assert_array_equal(model.invoke(X[3]), model.predict(X)[3])
            taken = model.times(X[3], 25)
            assert taken.shape == (25,) and taken.dtype == np.int64 and taken.min() > 0
            assert model.predict(X[:0]).shape == (0, 4)


def test_reads_a_file_and_names_it(converted, tmp_path):
    _, X, files = converted["eeg"]
    path = tmp_path / "eeg.tflite"
    path.write_bytes(files["static_wi8_ai8"])
    with Model(path) as model, Model(files["static_wi8_ai8"]) as same:
        np.testing.assert_array_equal(model.predict(X), same.predict(X))
        with pytest.raises(BadSet, match=r"eeg.tflite takes windows of shape \(4, 1, 40\), got \(40,\)"):
            model.predict(X[:, 0, 0])
        with pytest.raises(BadSet, match="NaN"):
            model.predict(np.full_like(X, np.nan))


@pytest.mark.parametrize("backend", BACKENDS)
def test_corrupt_files_raise_bad_artifact(converted, tmp_path, backend):
    content = converted["heart"][2]["static_wi8_ai8"]
    for size in (0, 100, len(content) // 2, len(content) - 200):
        path = tmp_path / f"cut-{size}.tflite"
        path.write_bytes(content[:size])
        with pytest.raises(BadArtifact, match=f"cut-{size}.tflite") as error:
            Model(path, backend)
        assert "\n" not in str(error.value)


def test_missing_file_and_wrong_parameters(tmp_path, monkeypatch):
    with pytest.raises(BadArtifact, match="no.tflite is missing"):
        Model(tmp_path / "no.tflite")
    with pytest.raises(BadParameter, match="backend: got 'onnx', expected one of litert"):
        Model(b"", "onnx")
    with pytest.raises(BadParameter, match="threads: got 2, expected 1 on tflite_micro"):
        Model(b"", "tflite_micro", threads=2)
    monkeypatch.setattr("emolib.runtime.interpreter.find_spec", lambda package: None)
    with pytest.raises(BadParameter, match=r"no package ai_edge_litert here; pip install 'emolib\[device\]'"):
        Model(b"", "litert")


def test_worker_ends_with_the_model(converted):
    model = Model(converted["heart"][2]["float32"], "tflite_runtime")
    process = model.runner.process
    assert process.poll() is None
    model.close()
    assert process.poll() is not None


def test_a_killed_worker_is_one_line(converted):
    _, X, files = converted["heart"]
    with Model(files["float32"], "tflite_runtime") as model:
        model.runner.process.kill()
        with pytest.raises(BadArtifact, match="tflite_runtime worker ended with exit code -9"):
            model.predict(X)


def test_import_needs_numpy_only():
    code = "import sys, emolib.runtime.interpreter; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    packages = set(done.stdout.split()) - set(sys.stdlib_module_names)
    foreign = {name for name in packages if importlib.util.find_spec(name) and not name.startswith("_")}
    assert {"numpy", "emolib"} <= foreign
    assert not foreign & {
        "tensorflow",
        "keras",
        "ai_edge_litert",
        "tflite_runtime",
        "pandas",
        "scipy",
        "sklearn",
    }
