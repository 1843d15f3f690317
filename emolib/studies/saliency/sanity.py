"""Do saliency maps show what a network learned? Then they must change when its weights become random.

Source: Adebayo et al. 2018, "Sanity checks for saliency maps": cascading randomisation, from the logits down to the input.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emolib.evaluation.metrics import columns_of
from emolib.models.backend import keras, tf
from emolib.studies.saliency.maps import METHODS
from emolib.studies.saliency.regions import ratio_of_sums

WINDOW = 11  # pixels, of SSIM


def cascade(model: keras.Model, seed: int = 0) -> Iterator[tuple[str, keras.Model]]:
    """Step by step, from the logits down: the layer that got its weights from before training, and the model. A
    layer's batch norm goes with it. It is one model, changed between the steps."""
    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(model)
    initial = {layer.name: layer.get_weights() for layer in copy.layers}
    copy.set_weights(model.get_weights())
    for layer in reversed([layer for layer in copy.layers if layer.weights]):
        layer.set_weights(initial[layer.name])
        if not isinstance(layer, keras.layers.BatchNormalization):
            yield layer.name, copy


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation over the pixels of maps (n, h, w), (n,); NaN where a map is the same everywhere."""
    a, b = (rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (a, b))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(a), np.nan), where=norm > 0)


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity (n,) of maps (n, h, w), each with its largest value at 1 (Wang et al. 2004)."""
    scaled = [maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30) for maps in (a, b)]
    window = min(WINDOW, *a.shape[1:])
    return tf.image.ssim(*(np.float32(maps[..., None]) for maps in scaled), 1.0, filter_size=window).numpy()


def sanity(model: keras.Model, X: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """A row per method and step of `cascade`: method, step, layer, n, spearman with its 95 % interval, other, ssim.

    `spearman` correlates the map of the trained model with that of the randomised one, both for the class that the
    trained one predicts; the interval is a bootstrap over the two or more pictures. `other` is the correlation with the
    randomised model's map of another picture: what networks of one architecture share, not what they know of a picture.
    A map that is the same everywhere has no correlation, and its pair is not in n.
    """
    classes = np.asarray(model(X, training=False)).argmax(axis=1)
    trained = {name: method(model, X, classes) for name, method in METHODS.items()}
    rows = []
    for step, (layer, copy) in enumerate(cascade(model, seed), 1):
        for name, method in METHODS.items():
            maps = method(copy, X, classes)
            same, other = (spearman(trained[name], each) for each in (maps, np.roll(maps, 1, axis=0)))
            same, other = same[np.isfinite(same)], other[np.isfinite(other)]
            mean = ratio_of_sums(same, np.ones(len(same)), np.arange(len(same)), seed=seed)
            row = {"method": name, "step": step, "layer": layer, "n": len(same)}
            row |= columns_of("spearman", mean) | {"other": np.nan, "ssim": np.nan}
            if len(same):
                row |= {"other": other.mean(), "ssim": float(ssim(trained[name], maps).mean())}
            rows.append(row)
    return pd.DataFrame(rows)
