"""Mixed precision: the program against every choice, int4 as it lies in the file, traces against the exact Hessian."""

import json
from functools import partial

import compressed
import keras
import numpy as np
import pytest
import tensorflow as tf
from compressed import settled
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, OverBudget
from emolib.core.experiment import model_name
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import build
from emolib.quantization import conversion, flatbuffer
from emolib.quantization import mixed_precision as mp
from emolib.quantization.clipping import Clipping, quantize
from emolib.quantization.folding import folded, weighted_layers
from emolib.quantization.ptq import convert
from emolib.signals.standardise import Standardiser
from emolib.studies import mixed

SHAPE = (8, 6, 2)
windows = partial(compressed.windows, shape=SHAPE, mean=1, sd=2)


def layer(name, operator="Conv2D", weights=100, macs=1000, lost=(1.0, 0.0)):
    """A layer whose perturbation is `lost` at 4 and at 8 bits."""
    return mp.Layer(name, operator, weights, macs, float(weights), 0.0, dict(zip((4, 8), lost, strict=True)))


THREE = [
    layer("first", weights=100, macs=5000, lost=(0.5, 0.01)),
    layer("depth", "DepthwiseConv2D", weights=51, macs=300, lost=(9.0, 0.1)),
    layer("logits", "Dense", weights=33, macs=33, lost=(0.2, 0.002)),
]


@st.composite
def networks(draw):
    kinds = st.sampled_from(["Conv2D", "Conv2D", "Dense", "DepthwiseConv2D"])
    lost = st.floats(1e-9, 1e3)
    rows = st.tuples(kinds, st.integers(1, 50_000), st.integers(1, 10**6), st.tuples(lost, lost.map(lambda x: x / 1e3)))
    return [layer(f"l{i}", *row) for i, row in enumerate(draw(st.lists(rows, min_size=1, max_size=7)))]


@settings(max_examples=40, deadline=None)
@given(networks(), st.integers(0, 2**31))
def test_the_program_finds_the_best_of_all_choices(layers, seed):
    """Under a budget that one random choice just meets, so that a constraint broken by one shows."""
    rng = np.random.default_rng(seed)
    meets = {each.name: int(rng.choice((4, 8))) if each.four_bit else 8 for each in layers}
    just = mp.total(layers, meets)
    budget = just.bytes
    picks = [pick(layers, budget) for pick in (mp.exhaustive, mp.choose, mp.greedy)]
    best, *others = (mp.total(layers, bits) for bits in (*picks, *mp.random_picks(layers, budget, 5, seed)))
    assert all(each.bytes <= budget for each in (best, *others))
    assert others[0].perturbation == pytest.approx(best.perturbation, rel=1e-6)
    assert min(each.perturbation for each in (just, *others)) >= best.perturbation * (1 - 1e-6)


def test_the_program_sees_a_small_layer_beside_a_large_one():
    """Four times fewer weights decide it; a solver with a loose tolerance loses this optimum."""
    weights = {"a": 2, "b": 2, "c": 2, "d": 8, "e": 14_286_454}
    layers = [layer(name, weights=n, lost=(1.0, 0.001)) for name, n in weights.items()]
    best = {"a": 8, "b": 8, "c": 8, "d": 4, "e": 4}
    assert mp.choose(layers, mp.total(layers, best).bytes) == best


def test_random_picks_are_different_and_seeded():
    layers = [layer(f"l{i}", weights=10 + i) for i in range(12)]
    budget = 0.7 * sum(each.weights for each in layers)
    picks = mp.random_picks(layers, budget, 50, seed=0)
    assert len({tuple(sorted(pick.items())) for pick in picks}) == 50
    assert picks == mp.random_picks(layers, budget, 50, seed=0) != mp.random_picks(layers, budget, 50, seed=1)
    few = mp.random_picks(THREE, 0.95 * 184, 50, seed=0)
    assert sorted(tuple(pick.values()) for pick in few) == [(4, 8, 8), (8, 8, 4)]


@pytest.mark.parametrize("pick", [mp.choose, mp.greedy, mp.exhaustive, lambda *a: mp.random_picks(*a, 3, 0)])
def test_an_infeasible_budget_says_the_smallest_one(pick):
    with pytest.raises(OverBudget, match=r"117 bytes of weights, smallest feasible: 118 \(size_share 0.6414\)"):
        pick(THREE, 117)
    assert pick(THREE, 0.6414 * 184)


def kernels(model):
    return {each.name: np.asarray(each.kernel) for each in weighted_layers(folded(model))}


def unpacked(data, shape):
    """int4 values (*shape) of the file's bytes, low half first."""
    halves = np.stack([data & 15, data >> 4], axis=1).ravel()[: np.prod(shape)].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).reshape(shape).astype(np.int8)


def test_the_files_weights_are_those_of_the_sensitivities():
    """So Ω is counted for the rounding that really happens."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input(SHAPE)
    x = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(7, 3, strides=2, padding="same", use_bias=False)(x)))
    x = kl.SeparableConv2D(9, 3, padding="same", use_bias=False)(x)
    x = kl.GlobalAveragePooling2D()(kl.ReLU()(kl.BatchNormalization()(x)))
    network = settled(keras.Model(inputs, kl.Dense(3, name="logits")(x)), windows(64))
    sensitive = mp.sensitivities(network, windows(20), np.arange(20) % 3, n_samples=2, seed=0)
    float32 = convert(network, "float32")
    ranges = Clipping("max").ranges(conversion.observed(float32, windows(50)))
    outputs = mp.outputs(float32, kernels(network))
    for bits in (4, 8):
        of = {outputs[layer]: n for layer, n in mp.uniform(sensitive, bits).items()}
        content = quantize(float32, ranges, of)
        layers = weighted_layers(folded(network))
        for operator, kept, kernel in zip(flatbuffer.weighted(content), sensitive, layers, strict=True):
            tensor = operator.inputs[1]
            data = tensor.data
            is_int4 = tensor.dtype == "INT4"
            values = unpacked(data, tensor.shape) if is_int4 else data.view(np.int8).reshape(tensor.shape)
            axis = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}[operator.name]
            shape = [-1 if i == axis else 1 for i in range(len(tensor.shape))]
            real = values * np.float64(tensor.scale).reshape(shape)
            own = np.asarray(kernel.kernel, np.float64)
            if operator.name != "DEPTHWISE_CONV_2D":
                own = np.moveaxis(own, -1, 0)
            error = ((real - own.reshape(real.shape)) ** 2).sum()
            assert error == pytest.approx(kept.squared_error[4 if is_int4 else 8], rel=1e-3)


def test_weights_that_fit_two_operators_are_refused():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, kl.Dense(3, name="b")(kl.ReLU()(kl.Dense(3, name="a")(inputs))))
    model.get_layer("b").set_weights(model.get_layer("a").get_weights())
    with pytest.raises(BadArtifact, match="Of 2 operators .* 2 hold those of layer a, expected 1"):
        mp.outputs(convert(model, "float32"), kernels(model))


@pytest.fixture(scope="module")
def model():
    """Convolution with batch norm, separable convolution, dense layer: 27 + 9 + 2 + 4 weights once folded."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 5, 3))
    x = kl.Conv2D(1, 3, strides=2, padding="same", use_bias=False)(x)
    x = kl.Activation("tanh")(kl.BatchNormalization()(x))
    x = kl.SeparableConv2D(2, 3, padding="same")(x)
    x = kl.Dropout(0.5)(kl.GlobalAveragePooling2D()(kl.Activation("tanh")(x)))
    return settled(keras.Model(inputs, kl.Dense(2, name="logits")(x)), labelled(30)[0])


def labelled(n, seed=0):
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
    network, (X, y) = folded(model), labelled(40, seed=1)
    expected = exact_traces(network, X, y)
    found = mp.traces(network, X, y, n_samples=200, seed=0)
    assert list(found) == [layer.name for layer in weighted_layers(network)] and len(found) == 4
    for name, (trace, error) in found.items():
        assert abs(trace - expected[name]) < 4 * error, name
        assert error < 0.5 * max(abs(value) for value in expected.values()), name


# The steps of 03b_mixed on a small network with shortcuts: choices of bits, their files, their tables

TABLE2 = "synthetic-face-emotion-loso-table2"  # its shortcuts stand elsewhere in the file than in the network


def test_choices_of_a_fold():
    """Either layer alone meets the budget; the first costs less, the logits cost less for each byte."""
    about = ("first", "Conv2D", 40, 900), ("depth", "DepthwiseConv2D", 9, 100), ("logits", "Dense", 60, 60)
    layers = [mp.Layer(*of, 2.0, 0.1, {4: float(of[2]), 8: 0.1}) for of in about]
    fold = mixed.Prepared(None, layers, {}, {}, {})
    chosen = mixed.choices(fold.layers, 90)
    assert list(chosen) == list(mixed.VARIANTS)
    assert [list(bits.values()) for bits in chosen.values()] == [[8, 8, 8], [4, 8, 4], [4, 8, 8], [8, 8, 4]]
    found = mixed.needs([fold, fold], [chosen["uniform_int8"], chosen["int4"]])
    perturbation = pytest.approx(2.02639, rel=1e-5)
    assert found == {"weight_bytes": 84, "bops": 8480 * 6 + 100 * 16, "perturbation": perturbation}


def test_answers_are_judged_as_sklearn_does(monkeypatch):
    n, rng = 60, np.random.default_rng(0)
    y, part = rng.integers(3, size=n), np.repeat(["val", "test"], n // 2)
    columns = {"y": y, "part": part, "subject": np.repeat([f"s{i}" for i in range(6)], n // 6)}
    good, poor = np.eye(3)[y] * 0.85 + 0.05, rng.dirichlet(np.ones(3), size=n)
    scores = {mixed.ILP: good, "random 1": good, "random 2": poor}
    made = {name: ("random" if "random" in name else "variant", []) for name in scores}
    need = {"weight_bytes": 1.0, "bops": 1.0, "perturbation": 0.0}
    monkeypatch.setattr(mixed, "needs", lambda folds, bits: need)
    picked = mixed.picks_table([], made, scores, columns, "window")
    val = part == "val"
    weights = (1 / np.bincount(y[val]))[y[val]]
    assert picked.val_loss[2] == pytest.approx(log_loss(y[val], poor[val], sample_weight=weights))
    assert picked.uar[2] == pytest.approx(balanced_accuracy_score(y[~val], poor[~val].argmax(axis=1)))


@pytest.fixture(scope="module")
def table2(tmp_path_factory):
    """CalibrationData of one fold of table2, small and untrained, with its artifacts."""
    keras.utils.set_random_seed(3)
    run, name = Run(tmp_path_factory.mktemp("run"), "02_train", {}), model_name(TABLE2, 0)
    X, y = compressed.windows(36, shape=(32, 32, 1)), np.arange(36) % 3
    subject = np.repeat(["a", "b", "c"], 12)
    data = EmotionSet(X, y, subject, np.arange(36).astype(str), ("calm", "glad", "sad"))
    fold = Fold("c", np.arange(12), np.arange(12, 24), np.arange(24, 36))
    with run.write(f"{name}.keras") as path:
        settled(build("face", (32, 32, 1), 3, "table2"), X, 1).save(path)
    run.write_text(f"{name}.json", json.dumps({"standardiser": Standardiser.fit(X[:12]).to_dict()}))
    [calibration] = conversion.calibration_data(run, TABLE2, data, [fold], 12, 0)
    conversion.convert_fold(calibration, {"float32": lambda fold: convert(fold.model, "float32")})
    return calibration


@pytest.fixture(scope="module")
def prepared(table2):
    [found], _ = mixed.prepared([table2], 2, 0.666)
    return found


def test_the_bits_of_a_shortcut_go_to_its_tensor(prepared):
    """The 3×3 one of the last block is the only kernel of this shape; it stands before its block in the file."""
    [shortcut] = [each.name for each in prepared.layers if each.weights == 3 * 3 * 32 * 64]
    content = prepared.file(mp.uniform(prepared.layers, 8) | {shortcut: 4})
    kernels = [operator.inputs[1] for operator in flatbuffer.weighted(content)]
    assert [each.shape for each in kernels if each.dtype == "INT4"] == [(64, 3, 3, 32)]
    order = [each.weights for each in prepared.layers]
    assert [int(np.prod(each.shape)) for each in kernels] != order and len(kernels) == len(order) == 18


def test_files_answer_as_the_choice_does_which_is_the_best(table2, prepared):
    scores = conversion.convert_folds(table2.run, [table2], mixed.converters([prepared]))
    picked = mixed.pick_scores([prepared], [prepared.bits[mixed.ILP]])
    np.testing.assert_array_equal(picked, scores[mixed.ILP])
    assert mixed.is_optimal([prepared], 0.666 * sum(one.weights for one in prepared.layers)).all()
