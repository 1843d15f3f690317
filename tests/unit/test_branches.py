"""Windows by branch all the way: sets, training, conversion, interpreters."""

import keras
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib.core import windows as core
from emolib.core.errors import BadSet
from emolib.datasets.base import EmotionSet
from emolib.device.interpreter import Model, present
from emolib.models.tinym2net import Branch, build
from emolib.models.training import Trainer, Training, over_heads
from emolib.quantization import ptq

# Neither order of the branches is that of their names; where shapes are equal, only values tell them apart
SHAPES = {
    "different": {"speech": (12, 10, 1), "face": (8, 8, 1)},
    "equal": {"speech2": (8, 8, 1), "speech1": (8, 8, 1)},
}
LAYOUTS = {
    "speech": Branch(filters=[4, 6], dense=[8]),
    "face": Branch(filters=[4, 8], dense=[7]),
    "speech2": Branch(filters=[4, 8], dense=[8]),
    "speech1": Branch(filters=[4, 8], dense=[8]),
}
HERE = [backend for backend in ("litert", "tensorflow", "tflite_runtime") if backend in present()]


def windows(shapes, n, seed=0):
    """The first branch has mean 0 and deviation 1, the second mean 30 and deviation 10."""
    rng = np.random.default_rng(seed)
    scales = ((0, 1), (30, 10))
    return {
        name: rng.normal(mean, sd, size=(n, *shape)).astype(np.float32)
        for (name, shape), (mean, sd) in zip(shapes.items(), scales, strict=False)
    }


def settled(model, X):
    """The model, its batch norms' statistics those of windows X (in the first layer exactly)."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(X, training=True)
    return model


def network(shapes, layouts=LAYOUTS, **options):
    keras.utils.set_random_seed(0)
    return settled(build(shapes, 4, layouts, dense=(6,), **options), windows(shapes, 64))


@pytest.fixture(scope="module")
def models():
    return {name: network(shapes) for name, shapes in SHAPES.items()}


@pytest.fixture(scope="module")
def files(models):
    return {
        (name, variant): ptq.convert(models[name], variant, windows(SHAPES[name], 64))
        for name in SHAPES
        for variant in ptq.VARIANTS
    }


def logits_of(model, X):
    return np.asarray(model(X, training=False))


def swapped(X):
    """Each branch's windows under the other's name."""
    return dict(zip(X, reversed(list(X.values())), strict=True))


def set_of(X, y, **columns):
    subject = np.arange(len(y)) % 4
    return EmotionSet(X, y, subject.astype(str), np.arange(len(y)).astype(str), ("low", "high"), **columns)


def test_a_set_refuses_branches_that_do_not_fit():
    X, y = windows(SHAPES["different"], 6), np.arange(6) % 2
    with pytest.raises(BadSet, match="Branch face has 5 windows, expected 6 as the first"):
        set_of({**X, "face": X["face"][:5]}, y)
    X["face"][4, 0, 0, 0] = np.nan
    with pytest.raises(BadSet, match="NaN or infinity"):
        set_of(X, y)


# --- training

TWO = {"speech": (6, 6, 1), "face": (4, 4, 1)}
QUICK = Training(epochs=6, patience=6, batch_size=16, learning_rate=0.01, augment=False)


def toy(n, seed):
    """Face alone tells the class, speech is noise."""
    X, y = windows(TWO, n, seed), np.random.default_rng(seed).integers(2, size=n)
    X["face"] = (X["face"] - 30) / 10 + 1.5 * (y[:, None, None, None] - 0.5).astype(np.float32)
    return set_of(X, y)


def trainer(options=QUICK, heads=True):
    layouts = {name: Branch(filters=[4], dense=[6]) for name in TWO}
    return Trainer(lambda: build(TWO, 2, layouts, (6,), heads, dropout=0.0), options)


@pytest.fixture(scope="module")
def used():
    return trainer()


def test_the_loss_of_a_step_is_kerass_mean_over_windows_and_heads(used):
    X, y = toy(16, 0).X, np.repeat([0, 1], [12, 4])
    used.reset()
    logits = np.asarray(used.model(X, training=True))
    used.reset()
    entropy = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    weight = np.array([16 / 2 / 12, 16 / 2 / 4])[y]
    each = [float(entropy(np.eye(2)[y], logits[:, head], sample_weight=weight)) for head in range(3)]
    before = used.model.get_weights()
    loss = float(used.steps(core.each(lambda x: x[None], X), used.targets(y)[None], 0))
    assert logits.shape == (16, 3, 2) and len(set(each)) == 3
    assert loss == pytest.approx(np.mean(each), rel=1e-5)
    moved = [np.abs(a - b).max() for a, b in zip(before, used.model.get_weights(), strict=True)]
    assert min(moved) > 0


def test_fit_learns_from_a_dict_and_validates_the_mean_of_the_heads(used):
    train, val, test = toy(200, 2), toy(80, 3), toy(300, 4)
    history = used.fit(train, val)
    assert used.predict(test.X).shape == (300, 3, 2)
    assert balanced_accuracy_score(test.y, over_heads(used.predict(test.X)).argmax(1)) > 0.9
    best, heads = int(np.argmin(history["val_loss"])), np.float64(used.predict(val.X))
    scores = np.exp(heads) / np.exp(heads).sum(axis=2, keepdims=True)
    expected = log_loss(val.y, scores.mean(axis=1), sample_weight=(1 / np.bincount(val.y))[val.y])
    assert history["val_loss"][best] == pytest.approx(expected, rel=1e-4)


# --- files and interpreters


@pytest.mark.parametrize("backend", HERE)
def test_float_files_are_keras(models, files, backend):
    X = windows(SHAPES["different"], 20, 1)
    expected = logits_of(models["different"], X)
    for variant in ("float32", "dynamic"):
        with Model(files["different", variant], backend) as model:
            found = model.predict(X)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=variant)
            np.testing.assert_array_equal(model.predict(dict(reversed(X.items()))), found)
            assert model.input_shape == SHAPES["different"]


@pytest.mark.parametrize("backend", HERE)
def test_branches_of_one_shape_are_told_apart_by_name(models, files, backend):
    """Swapped windows are as wrong in the file as in Keras."""
    X = windows(SHAPES["equal"], 20)
    right, wrong = (logits_of(models["equal"], given) for given in (X, swapped(X)))
    assert np.abs(right - wrong).max() > 1
    with Model(files["equal", "float32"], backend) as model:
        np.testing.assert_allclose(model.predict(swapped(X)), wrong, rtol=1e-5, atol=1e-5)
    with Model(files["equal", "int8"], backend) as model:
        found = model.predict(X)
    assert np.abs(found - right).mean() < 0.02 * np.abs(found - wrong).mean()


# --- sensitivities, bits
