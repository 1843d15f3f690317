"""Saliency maps against finite differences and by hand; regions and correlations against independent references."""

import numpy as np
import pytest
from keras import layers
from scipy import signal, stats

from emolib.core.artifacts import Run
from emolib.core.errors import BadSet
from emolib.core.experiment import Experiment
from emolib.datasets import load, windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import build
from emolib.models.backend import keras
from emolib.signals.frontend import front_end
from emolib.signals.generated import face
from emolib.signals.generated.affect import affects
from emolib.signals.standardise import Standardiser
from emolib.studies.saliency import maps as saliency
from emolib.studies.saliency import regions
from emolib.studies.saliency.sanity import cascade, spearman

RNG = np.random.default_rng(0)
SYNTHETIC = Experiment("synthetic", "face", "emotion", "loso")


def pictures(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, *shape)).astype(np.float32)


@pytest.fixture(scope="module")
def smooth():
    """A small network without kinks."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5, 6, 2))
    x = layers.Conv2D(3, 3, activation="tanh", name="first")(inputs)
    x = layers.Flatten()(layers.Conv2D(2, 2, activation="softplus")(x))
    return keras.Model(inputs, layers.Dense(3)(x))


def differences(model, x, of, step=1e-2):
    """∂z/∂x by central differences, a pass for every value."""
    steps = step * np.eye(x.size, dtype=np.float32).reshape(-1, *x.shape)
    ahead, back = (model(x + sign * steps).numpy()[:, of] for sign in (1, -1))
    return ((ahead - back) / (2 * step)).reshape(x.shape)


@pytest.mark.parametrize("target", [None, np.array([0, 1, 2])])
def test_gradient_is_that_of_finite_differences(smooth, target, monkeypatch):
    monkeypatch.setattr(saliency, "BATCH", 2)
    X = pictures(3, 5, 6, 2)
    predicted = smooth(X).numpy().argmax(axis=1)
    classes = np.broadcast_to(predicted if target is None else target, 3)
    expected = [np.abs(differences(smooth, x, of)).max(axis=-1) for x, of in zip(X, classes, strict=True)]
    found = saliency.gradient(smooth, X, target)
    np.testing.assert_allclose(found, expected, atol=2e-4, rtol=1e-3)


def test_grad_cam_is_cam_where_a_mean_and_a_dense_layer_follow():
    """CAM: Zhou et al. 2016."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((8, 9, 1))
    x = layers.Conv2D(4, 3, padding="same", name="maps")(inputs)
    cam = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    X, classes = pictures(3, 8, 9, 1), np.array([2, 0, 1])
    kernel, bias, weights, _ = cam.get_weights()
    for x, of, found in zip(X, classes, saliency.grad_cam(cam, X, classes), strict=True):
        A = [signal.correlate2d(x[..., 0], kernel[:, :, 0, k], mode="same") + bias[k] for k in range(4)]
        expected = np.maximum(np.tensordot(weights[:, of], A, axes=1), 0) / (8 * 9)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("network", "size", "shape"), [("", 48, (6, 6, 64)), ("table2", 64, (8, 8, 16))])
def test_grad_cam_looks_at_a_layer_that_nothing_goes_around(network, size, shape):
    model = build("face", (size, size, 1), 4, network)
    of = saliency.image_layer(model)
    assert of.output.shape[1:] == shape and type(of).__name__ in ("ReLU", "Add")
    after = keras.Model(of.output, model.outputs[0])  # refused if something goes around
    X = pictures(1, size, size, 1)
    images = keras.Model(model.inputs[0], of.output)(X)
    np.testing.assert_allclose(after(images), model(X), atol=1e-4)


def test_occlusion_finds_the_one_pixel_that_matters_and_shares_a_square_among_its_pixels():
    """Logits are (x, −x) of the pixel in row 4, column 5. Of the 3 · 3 squares that cover a pixel k columns off,
    (3 − k) · 3 cover the one that matters."""
    inputs = keras.Input((9, 10, 1))
    x = layers.Flatten()(layers.Cropping2D(((4, 4), (5, 4)))(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    model.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    X = np.abs(pictures(2, 9, 10, 1)) + 1
    expected = np.zeros(X.shape[:3])
    expected[:, 4, 5] = X[:, 4, 5, 0]
    np.testing.assert_allclose(saliency.occlusion(model, X, patch=1, stride=1), expected, atol=1e-6)
    found = saliency.occlusion(model, np.ones_like(X[:1]), patch=3, stride=1)[0]
    np.testing.assert_allclose(found[4, 2:9], [0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 0], atol=1e-6)
    assert (saliency.occlusion(model, X, patch=4, stride=3) >= 0).all()  # every pixel is covered


def test_masks_are_the_shares_of_pixels_in_boxes():
    boxes = {"left_eye": [1.0, 1.0, 3.0, 2.0], "right_eye": [4.5, 1.0, 6.0, 2.0]}
    boxes |= {"left_cheek": [1.0, 3.0, 2.0, 4.25], "right_cheek": [-2.0, 3.0, 0.5, 4.0]}
    boxes |= {"mouth": [2.0, 1.5, 5.0, 6.0]}
    found = regions.masks({name: np.array([box]) for name, box in boxes.items()}, 6, 6)
    np.testing.assert_allclose(found["eyes"][0, 1], [0, 1, 1, 0, 0.5, 1])
    cheeks = [*[[0, 0, 0]] * 3, [0.5, 1, 0], [0, 0.25, 0], [0, 0, 0]]
    np.testing.assert_allclose(found["cheeks"][0, :, :3], cheeks)
    np.testing.assert_allclose(found["elsewhere"][0, 1], [1, 0, 0, 0.5, 0.5, 0])
    assert found["mouth"].sum() == pytest.approx(3 * 4.5) and found["eyes"].sum() == pytest.approx(3.5)


def test_attention_by_hand():
    where = {"left": np.zeros((4, 2, 4)), "right": np.ones((4, 2, 4))}
    where["left"][:, :, 0], where["right"][:, :, 0] = 1, 0
    maps = np.zeros((4, 2, 4))
    maps[0, 0, 0], maps[1, :, :2], maps[3] = 7.0, 0.1, 1.0  # shares on the left: 1, 1/2, none, 1/4
    named = {"one": maps, "even": np.ones((4, 2, 4)), "none": 0 * maps}
    table = regions.attention_table(named, where, np.array(["a", "a", "b", "b"]))
    assert table.method.tolist() == ["one"] * 2 + ["even"] * 2 + ["none"] * 2
    left, _, even, _, none, _ = table.itertuples()
    assert (left.region, left.n, left.empty) == ("left", 3, 1) and left.area == pytest.approx(1 / 4)
    assert left.share == pytest.approx((1 + 1 / 2 + 1 / 4) / 3) and left.ratio == pytest.approx(7 / 3)
    # resamples of subjects a (1, 1/2) and b (1/4) are aa, ab, bb
    assert (left.share_low, left.share_high) == pytest.approx((1 / 4, 3 / 4))
    assert (even.share, even.ratio) == (0.25, 1) and (none.n, none.empty, none.area) == (0, 4, 1 / 4)
    assert np.isnan([none.share, none.share_low, none.ratio, none.ratio_low]).all()
    # mean maps count every picture alike
    maps = np.array([[[1.0, 1]], [[30, 10]], [[0, 0]], [[0, 2]]])
    found = regions.mean_maps(maps, np.array([0, 0, 0, 1]), ("a", "b", "c"))
    assert list(found) == ["a", "b"]
    np.testing.assert_allclose(found["a"], [[0.625, 0.375]])
    assert np.isnan(regions.shares(maps)[2]).all()


def test_interval_and_correlation_are_those_of_scipy():
    values = RNG.gamma(2.0, size=80)
    found = regions.ratio_of_sums(values, np.ones(80), np.arange(80), n_boot=4000)
    drawn = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=1)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(drawn.confidence_interval), abs=0.03)
    assert np.isnan(regions.ratio_of_sums(values, values, np.zeros(80, int)).low)
    a, b = RNG.normal(size=(2, 5, 6, 7))
    b[0] = np.round(a[0])  # ties
    b[1] = 3.0
    found = spearman(a, b)
    expected = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a[2:], b[2:], strict=True)]
    np.testing.assert_allclose(found[2:], expected)
    assert found[0] == pytest.approx(stats.spearmanr(a[0].ravel(), b[0].ravel()).statistic)
    assert np.isnan(found[1])


OPTIONS = {"n_subjects": 2, "n_trials": 4, "trial_s": 5.0, "seed": 3}


@pytest.mark.parametrize("frontend", [{"hop_s": 1.0}, {"size": 96}])
def test_regions_of_a_synthetic_set_are_the_generators(tmp_path, frontend):
    """Of the last trial's windows, whose pictures are the generator's, and of the very first window."""
    trials, shown = load("synthetic", "face", **OPTIONS), list(affects(**OPTIONS))
    data, _ = windowed.emotion_set(trials, "emotion", front_end("face", **frontend))
    made = Run(tmp_path, "01_windows", {"frontend": frontend, "corpus_options": OPTIONS})
    made.write_arrays(f"data/{SYNTHETIC}.npz", X=np.zeros(1))
    side, hop = data.X.shape[1], int(frontend.get("hop_s", 2.0))
    n = len(data.y) // 8
    run = Run(tmp_path, "02b_saliency", {"frontend": {"hop_s": 9.0}})  # not this one
    found = regions.regions(run, SYNTHETIC, data, np.array([*range(7 * n, 8 * n), 0]))
    last, first = (face.face_regions(face.portrait(shown[k]), side) for k in (-1, 0))
    boxes = {name: np.concatenate([box[::hop], first[name][:1]]) for name, box in last.items()}
    expected = regions.masks(boxes, side, side)
    for part in ("eyes", "cheeks", "mouth", "elsewhere"):
        np.testing.assert_allclose(found[part], expected[part])
    if side == face.SIZE:
        frames = (data.X[-n:, ..., 0] + 1) * 127.5
        np.testing.assert_allclose(frames, face.recording(shown[-1])[::hop], atol=1e-3)
    with pytest.raises(BadSet, match="windows of 8 trials are not those of the corpus's options"):
        regions.regions(run, SYNTHETIC, data.part(np.arange(1, 8 * n)), np.array([0]))


def test_cascade_takes_weights_away_from_the_logits_down(smooth):
    trained = [weights.copy() for weights in smooth.get_weights()]
    steps = [(name, copy.get_weights()) for name, copy in cascade(smooth)]
    assert [name for name, _ in steps] == [smooth.layers[k].name for k in (4, 2, 1)]
    kernels = [[np.array_equal(w, t) for w, t in zip(of, trained, strict=True)][::2] for _, of in steps]
    assert kernels == [[True, True, False], [True, False, False], [False, False, False]]
    for mine, before in zip(smooth.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(mine, before)


def test_each_fold_explains_its_own_test_windows_as_it_standardises_them(tmp_path, monkeypatch):
    """By maps that show what they get."""
    run = Run(tmp_path, "test", {})
    standardisers = [Standardiser(*map(np.array, of), None) for of in ((1.0, 2.0), (3.0, 4.0))]
    monkeypatch.setattr(saliency, "load_model", lambda run, name: int(name[-1]))
    monkeypatch.setattr(saliency, "load_standardiser", lambda run, name: standardisers[int(name[-1])])
    X, ids = np.arange(12 * 6, dtype=np.float32).reshape(12, 2, 3, 1), np.arange(12).astype(str)
    data = EmotionSet(X, np.zeros(12, int), ids, ids, ("a", "b"))
    folds = [Fold("a", [0, 1], [2], [4, 5, 6, 7, 8]), Fold("b", [4, 5], [6], [0, 1])]
    seen = {"windows": lambda model, X: X[..., 0], "network": lambda model, X: np.full(X.shape[:3], model)}
    monkeypatch.setattr(saliency, "METHODS", seen)
    rows, maps = saliency.fold_maps(run, str(SYNTHETIC), data, folds, 3, seed=5)
    assert len(rows) == 5 and set(rows[:3]) < {4, 5, 6, 7, 8} and rows[3:].tolist() == [0, 1]
    np.testing.assert_allclose(maps["windows"][:3], (X[rows[:3], ..., 0] - 1) / 2)
    np.testing.assert_allclose(maps["windows"][3:], (X[[0, 1], ..., 0] - 3) / 4)
    assert maps["network"][:, 0, 0].tolist() == [0, 0, 0, 1, 1]


def test_smooth_grad_averages_signed_gradients_over_noise_of_the_range():
    """Of z = Σ x²/2 the gradient is x, and its mean over noise x + σ · N(0, 1) / √n."""
    inputs = keras.Input((20, 20, 1))
    z = layers.Reshape((1,))(layers.AveragePooling2D(20)(layers.Multiply()([inputs, inputs])))
    model, X = keras.Model(inputs, layers.Rescaling(200.0)(z)), 10 * pictures(1, 20, 20, 1)
    found = saliency.smooth_grad(model, X, np.array([0]), n_samples=16, noise=0.1)
    far = np.abs(X[..., 0]) > np.ptp(X) / 10  # where no noise turns the sign
    expected = 0.1 * np.ptp(X) / np.sqrt(16)
    assert (found - np.abs(X[..., 0]))[far].std() == pytest.approx(expected, rel=0.1)
