import keras
import numpy as np
import pytest
import tensorflow as tf
from compressed import settled
from keras import layers

from emolib.core.errors import BadParameter, BadSet
from emolib.quantization import hessian
from emolib.quantization.folding import folded, weighted_layers


@pytest.fixture(scope="module")
def model():
    """Convolution with batch norm, separable convolution, dense layer: 27 + 9 + 2 + 4 weights once folded."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 5, 3))
    x = layers.Conv2D(1, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("tanh")(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(2, 3, padding="same")(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(layers.Activation("tanh")(x)))
    return settled(keras.Model(inputs, layers.Dense(2, name="logits")(x)), windows(30)[0])


def windows(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(1, 2, size=(n, 6, 5, 3)).astype(np.float32), rng.integers(2, size=n)


def exact_traces(model, X, y):
    """Of the whole Hessian, written out with one Jacobian per kernel."""
    found = {}
    for layer in weighted_layers(model):
        kernel = layer.kernel.value
        with tf.GradientTape(persistent=True) as outer:
            with tf.GradientTape() as inner:
                log_p = tf.nn.log_softmax(model(X, training=False))
                loss = -tf.reduce_mean(tf.gather(log_p, y, axis=1, batch_dims=1))
            slope = tf.reshape(inner.gradient(loss, kernel), [-1])
        rows = outer.jacobian(slope, kernel, experimental_use_pfor=False)
        found[layer.name] = float(np.trace(np.reshape(rows, (len(slope), len(slope)))))
    return found


def test_traces_are_those_of_the_exact_hessian(model):
    network, (X, y) = folded(model), windows(40, seed=1)
    expected = exact_traces(network, X, y)
    found = hessian.traces(network, X, y, n_samples=200, seed=0)
    assert list(found) == [layer.name for layer in weighted_layers(network)] and len(found) == 4
    for name, (trace, error) in found.items():
        assert abs(trace - expected[name]) < 4 * error, name
        assert error < 0.5 * max(abs(value) for value in expected.values()), name


def test_batches_weigh_by_their_windows(model, monkeypatch):
    network, (X, y) = folded(model), windows(41, seed=2)
    whole = hessian.traces(network, X, y, n_samples=3, seed=0)
    monkeypatch.setattr(hessian, "BATCH", 16)
    parts = hessian.traces(network, X, y, n_samples=3, seed=0)
    for name in whole:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-3, atol=1e-5)


def test_quadratic_has_the_trace_and_variance_of_its_matrix():
    """½ wᵀ A w has Hessian A; Var vᵀAv = 2 (‖A‖² − Σ aᵢᵢ²) (Avron and Toledo 2011)."""
    A = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)
    A += A.T
    w = tf.Variable(np.ones(12, np.float32))
    forms = hessian.curvatures(
        lambda batch: 0.5 * tf.reduce_sum(w * tf.linalg.matvec(batch[0], w)), [w], [(A[None],)], 800, seed=0
    )
    variance = 2 * ((A**2).sum() - (np.diag(A) ** 2).sum())
    assert abs(forms.mean() - np.trace(A)) < 4 * np.sqrt(variance / 800)
    assert forms.var() == pytest.approx(variance, rel=0.2)


def test_diagonal_hessians_need_one_vector_only():
    """Σ cᵢ wᵢ⁴ / 12 has the diagonal Hessian cᵢ wᵢ², so every vᵀHv is its trace; a variable apart has 0."""
    w, apart = tf.Variable([1.0, 2.0, -3.0]), tf.Variable([[5.0]])
    forms = hessian.curvatures(
        lambda c: tf.reduce_sum(c[0] * w**4) / 12 + tf.reduce_sum(apart),
        [w, apart],
        [(np.float32([[1, 10, 100]]),)],
        3,
        seed=0,
    )
    np.testing.assert_allclose(forms, [[1 + 40 + 900, 0]] * 3, rtol=1e-6)


def test_kernels_are_rounded_as_the_file_holds_them():
    kernel = np.array([[[[7.0, -0.14], [3.4, 0.05]]]])  # two output channels, scales 1 and 0.02
    np.testing.assert_allclose(
        hessian.quantized(kernel, "Conv2D", 4), [[[[7.0, -0.14], [3.0, 0.04]]]], atol=1e-9
    )
    np.testing.assert_allclose(hessian.quantized(kernel[0, 0], "Dense", 4), [[7.0, 0.0], [3.0, 0.0]])
    depthwise = hessian.quantized(kernel.reshape(1, 2, 2, 1), "DepthwiseConv2D", 8)
    np.testing.assert_allclose(depthwise[0, 1, :, 0], [round(3.4 * 127 / 7) * 7 / 127, 0.05], atol=6e-4)
    assert not hessian.quantized(np.zeros((3, 2)), "Dense", 4).any()


def test_sensitivities_of_a_network(model):
    X, y = windows(20)
    found = hessian.sensitivities(model, X, y, n_samples=4, seed=0)
    assert [(layer.operator, layer.weights, layer.macs) for layer in found] == [
        ("Conv2D", 27, 27 * 9),
        ("DepthwiseConv2D", 9, 9 * 9),
        ("Conv2D", 2, 2 * 9),
        ("Dense", 4, 4),
    ]
    traces = hessian.traces(folded(model), X, y, n_samples=4, seed=0)
    kernel = np.asarray(folded(model).get_layer("logits").kernel, np.float64)
    steps = np.abs(kernel).max() / np.array([7, 127])
    errors = [((np.rint(kernel / step) * step - kernel) ** 2).sum() for step in steps]
    assert [found[3].squared_error[bits] for bits in (4, 8)] == pytest.approx(errors)
    assert found[3].perturbation(4) == pytest.approx(max(traces["logits"]) / 4 * errors[0])


def test_too_little_to_estimate_from(model):
    X, y = windows(5)
    with pytest.raises(BadParameter, match="n_samples is 1, expected 2 or more"):
        hessian.traces(folded(model), X, y, n_samples=1, seed=0)
    with pytest.raises(BadSet, match="5 windows and 4 labels"):
        hessian.traces(folded(model), X, y[:4], n_samples=2, seed=0)
