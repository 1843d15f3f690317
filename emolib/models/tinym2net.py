"""Early fusion after TinyM²Net (Rashid et al. 2022, section 3): a branch a modality, joined by dense layers.

A branch is convolutions, the first traditional and the later ones depthwise separable, each followed by max-pooling; then
flatten and dense layers. The branches are concatenated; dense layers and logits follow, with ReLU throughout. Batch norm
stands behind every layer with weights but the logits: it is folded into the weights and costs a device nothing. Without it
most units of the dense layers die in the first epochs, and a slow branch with them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import keras
from keras import layers

from emolib.core.errors import BadParameter
from emolib.models.blocks import conv, fully_connected, separable


class Branch(NamedTuple):
    """The layers of a branch. An entry of `filters` is a convolution, one of `dense` a dense layer."""

    filters: tuple[int, ...] = (16, 32, 32, 32)
    kernel: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    dense: tuple[int, ...] = (32,)
    separable: bool = True  # all convolutions but the first


BRANCHES = {  # by modality; of features over time the second axis has length 1
    "heart": Branch(filters=(16, 32), kernel=(5, 1), pool=(2, 1)),
    "eeg": Branch(filters=(16,), kernel=(5, 1), pool=(2, 1)),
    "speech": Branch(),
    "face": Branch(),
    "skin": Branch(filters=(16, 32), kernel=(5, 1), pool=(2, 1)),
}


def build(
    shapes: Mapping[str, tuple[int, int, int]],
    n_classes: int,
    branches: Mapping[str, Branch],
    dense: tuple[int, ...] = (32,),
    heads: bool = False,
    width: float = 1.0,
    dropout: float = 0.2,
) -> keras.Model:
    """A dict of windows by branch, each of its shape in `shapes` → logits (n_classes,).

    With `heads` every branch has logits of its own: (1 + n_branches, n_classes), the joint ones first. `width` scales
    all filters and dense layers. Raises BadParameter, naming the layer and its shape, for what cannot be built.
    """

    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    features = [_features(name, inputs[name], branches[name], width) for name in inputs]
    x = layers.Concatenate(name="joint")(features) if len(features) > 1 else features[0]
    for n, units in enumerate(dense):
        x = fully_connected(x, max(1, round(units * width)), f"joint_dense{n}")
    found = [layers.Dense(n_classes, name="logits")(layers.Dropout(dropout)(x))]
    if not heads:
        return keras.Model(inputs, found[0])
    for name, feature in zip(inputs, features, strict=True):
        found.append(layers.Dense(n_classes, name=f"{name}_logits")(layers.Dropout(dropout)(feature)))
    every = layers.Concatenate(name="every")(found)
    return keras.Model(inputs, layers.Reshape((len(found), n_classes), name="heads")(every))


def _features(name: str, x, layout: Branch, width: float):
    """The features (n_features,) of one branch's window x."""
    for n, filters in enumerate(layout.filters):
        block = separable if layout.separable and n else conv
        x = block(x, max(1, round(filters * width)), layout.kernel)
        height, across = layout.pool
        if x.shape[1] < height or x.shape[2] < across:
            raise BadParameter(
                f"Branch {name}, layer {n + 1} of {len(layout.filters)}: max-pooling by {height} × {across} of "
                f"{tuple(x.shape[1:])} leaves nothing: give larger windows."
            )
        x = layers.MaxPooling2D((height, across))(x)
    x = layers.Flatten()(x)
    for n, units in enumerate(layout.dense):
        x = fully_connected(x, max(1, round(units * width)), f"{name}_dense{n}")
    return x
