"""Saliency maps, by four methods: where a network sees its answer in standardised pictures X (n, h, w, c).

A map (n, h, w) is never below 0. z is the logit of the class that the model predicts for a picture, or of `target` (n,). The
model is Keras with logits out.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.experiment import model_name
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, evenly
from emolib.models.backend import keras, tf
from emolib.models.crossval import load_model, load_standardiser
from emolib.quantization.folding import readers

BATCH = 64  # pictures of one call
CELLS = 6  # a side of the image that Grad-CAM looks at, at least


def gradient(model: keras.Model, X: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """max over channels of |∂z/∂x|. Source: Simonyan et al. 2014, "Deep inside convolutional networks", section 3."""
    classes = _classes(model, X, target)
    found = [_gradients(model, X[rows], classes[rows]) for rows in _batches(len(X))]
    return np.abs(np.concatenate(found)).max(axis=-1)


def smooth_grad(
    model: keras.Model,
    X: np.ndarray,
    target: np.ndarray | None = None,
    n_samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> np.ndarray:
    """max over channels of |mean over n_samples of ∂z/∂x at x + e|, e ~ N(0, σ²), σ = noise · (max x − min x). A
    picture's noise depends on the seed and its place in X. Source: Smilkov et al. 2017, "SmoothGrad"."""
    maps = []
    for number, (x, of) in enumerate(zip(X, _classes(model, X, target), strict=True)):
        normal = np.random.default_rng([seed, number]).normal(size=(n_samples, *x.shape))
        noisy = np.float32(x + noise * np.ptp(x) * normal)
        maps.append(np.abs(_gradients(model, noisy, np.full(n_samples, of)).mean(axis=0)).max(axis=-1))
    return np.stack(maps)


def grad_cam(model: keras.Model, X: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """max(0, Σ_k α_k A_k), α_k the mean over positions of ∂z/∂A_k, enlarged to the picture bilinearly. A (n, h', w',
    n_filters) is what `image_layer` gives. Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2."""
    classes = _classes(model, X, target)
    both = keras.Model(model.inputs[0], [image_layer(model).output, model.outputs[0]])
    maps = []
    for rows in _batches(len(X)):
        with tf.GradientTape() as tape:
            x = tf.convert_to_tensor(X[rows])
            tape.watch(x)
            A, logits = both(x, training=False)
            z = tf.gather(logits, classes[rows], batch_dims=1)
        alpha = tf.reduce_mean(tape.gradient(z, A), axis=(1, 2), keepdims=True)
        cam = tf.nn.relu(tf.reduce_sum(alpha * A, axis=-1, keepdims=True))
        maps.append(tf.image.resize(cam, X.shape[1:3])[..., 0].numpy())
    return np.concatenate(maps)


def occlusion(
    model: keras.Model, X: np.ndarray, target: np.ndarray | None = None, patch: int = 8, stride: int = 4
) -> np.ndarray:
    """max(0, mean over the squares that cover a pixel of z(x) − z(x with the square at 0, the mean of training)).

    The square has `patch` pixels a side, moves by `stride`, and reaches every edge. The source watches the score. We take
    the logit, because scores of sure answers hardly move.
    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", 4.2.
    """
    n, height, width, _ = X.shape
    classes = _classes(model, X, target)[:, None]
    whole = np.take_along_axis(_logits(model, X), classes, 1)
    drops, cover = np.zeros((n, height, width)), np.zeros((height, width))
    for top in _corners(height, patch, stride):
        for left in _corners(width, patch, stride):
            square = np.s_[..., top : top + patch, left : left + patch]
            hidden = X.copy()
            hidden[(*square, np.s_[:])] = 0
            drop = whole - np.take_along_axis(_logits(model, hidden), classes, 1)
            drops[square] += drop[..., None]
            cover[square] += 1
    return np.maximum(drops / cover, 0)


METHODS: dict[str, Callable[..., np.ndarray]] = {
    "gradient": gradient,
    "SmoothGrad": smooth_grad,
    "Grad-CAM": grad_cam,
    "occlusion": occlusion,
}


def fold_maps(
    run: Run, source: str, data: EmotionSet, folds: Sequence[Fold], n_windows: int, seed: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows (n,) of `data`, and by method the maps (n, h, w) of these windows. Each fold's network explains its own
    answers on at most n_windows of its test windows, each class alike where there are enough."""
    rows, maps = [evenly(data.y, fold.test, n_windows, seed) for fold in folds], []
    for k, of_fold in enumerate(rows):
        model, standardiser = (load(run, model_name(source, k)) for load in (load_model, load_standardiser))
        X = standardiser(data.X[of_fold])
        maps.append({name: method(model, X) for name, method in METHODS.items()})
    return np.concatenate(rows), {name: np.concatenate([of[name] for of in maps]) for name in METHODS}


def image_layer(model: keras.Model) -> keras.layers.Layer:
    """The layer that Grad-CAM looks at: the last one that every path passes and whose image has CELLS a side or more.

    The last image of a tiny network has 2 × 2 or 3 × 3 cells, too few to tell an eye from a cheek. It is taken where
    no layer has more.
    """
    place = {layer.name: k for k, layer in enumerate(model.layers)}
    reads, last, images = readers(model), 0, []
    for k, layer in enumerate(model.layers):
        passed = k > 0 and last <= k  # nothing behind it reads what lies before it
        if passed and len(layer.output.shape) == 4:
            images.append(layer)
        last = max([last, *(place[reader.name] for reader in reads[layer.name])])
    fine = [layer for layer in images if min(layer.output.shape[1:3]) >= CELLS]
    return (fine or images)[-1]


def _batches(n: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, n, BATCH)]


@lru_cache(maxsize=4)
def _graphs(model: keras.Model) -> tuple[Callable, Callable]:
    """Logits of x, and ∂z/∂x of x and classes; they read the weights that the model has when they are called."""
    x, classes = tf.TensorSpec(model.input_shape), tf.TensorSpec((None,), tf.int64)

    @tf.function(input_signature=[x, classes])
    def gradients(x, classes):
        return tf.gradients(tf.gather(model(x, training=False), classes, batch_dims=1), x)[0]

    return tf.function(lambda x: model(x, training=False), input_signature=[x]), gradients


def _logits(model, X) -> np.ndarray:
    return np.concatenate([_graphs(model)[0](X[rows]).numpy() for rows in _batches(len(X))])


def _gradients(model, X, classes) -> np.ndarray:
    return _graphs(model)[1](X, classes).numpy()


def _classes(model, X, target) -> np.ndarray:
    """The class of each picture's map, (n,)."""
    return _logits(model, X).argmax(axis=1) if target is None else target


def _corners(size: int, patch: int, stride: int) -> list[int]:
    """Where squares begin along a side; the last one ends at its end."""
    return [*range(0, size - patch, stride), size - patch]
