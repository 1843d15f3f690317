"""Do saliency maps show what a network learned? Then they must change when its weights become random.

Source: Adebayo et al. 2018, "Sanity checks for saliency maps": cascading randomisation, from the logits down to the input.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emolib.models.backend import keras, tf
from emolib.studies.saliency.maps import METHODS
from emolib.studies.saliency.regions import ratio_of_sums

WINDOW = 11  # pixels, of SSIM


def cascade(model: keras.Model, seed: int = 0) -> Iterator[tuple[str, keras.Model]]:
    """Step by step, from the logits down: the layer that got its weights from before training, and the model.

    A layer's batch norm goes with it. It is one model, changed between the steps.
    """
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
            row = {"method": name, "step": step, "layer": layer}
            rows.append(row | _alike(trained[name], method(copy, X, classes), seed))
    return pd.DataFrame(rows)


def _alike(a: np.ndarray, b: np.ndarray, seed: int) -> dict[str, float]:
    same, other = (spearman(a, maps) for maps in (b, np.roll(b, 1, axis=0)))
    same, other = same[np.isfinite(same)], other[np.isfinite(other)]
    if len(same) == 0:
        names = ("spearman", "spearman_low", "spearman_high", "other", "ssim")
        return {"n": 0, **dict.fromkeys(names, np.nan)}
    mean = ratio_of_sums(same, np.ones(len(same)), np.arange(len(same)), seed=seed)
    ends = {"spearman": mean.value, "spearman_low": mean.low, "spearman_high": mean.high}
    return {"n": len(same), **ends, "other": other.mean(), "ssim": float(ssim(a, b).mean())}
