"""Early fusion after TinyM²Net (Rashid et al. 2022, section 3): a branch a modality, joined by dense layers.

A branch is convolutions, the first traditional and the later ones depthwise separable, each followed by max-pooling; then
flatten and dense layers. The branches are concatenated; dense layers and logits follow, with ReLU throughout. Batch norm
stands behind every layer with weights but the logits: it is folded into the weights and costs a device nothing. Without it
most units of the dense layers die in the first epochs, and a slow branch with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import keras
from keras import layers

from emolib.core.errors import BadParameter, check_names
from emolib.models.blocks import conv, fully_connected, separable

STEPS = {"kernel": (5, 1), "pool": (2, 1)}  # of features over time: their second axis has length 1
DEFAULTS = {"heart": STEPS | {"filters": (16, 32)}, "eeg": STEPS | {"filters": (16,)}}


@dataclass(frozen=True)
class Branch:
    """One modality's layers: `filters`, one entry a convolution; `kernel` and `pool`, of height and width; `dense`.

    One number is a square kernel or pool. `separable` False makes every convolution a traditional one. Raises BadParameter.
    """

    filters: tuple[int, ...] = (16, 32, 32, 32)
    kernel: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    dense: tuple[int, ...] = (32,)
    separable: bool = True

    def __post_init__(self):
        for name in ("filters", "dense", "kernel", "pool"):
            value, is_pair = getattr(self, name), name in ("kernel", "pool")
            found = _counts(name, [value] * 2 if is_pair and type(value) is int else value)
            if is_pair and len(found) != 2:
                raise BadParameter(f"{name}: got {value!r}, expected one number or two.")
            object.__setattr__(self, name, found)


def _counts(name: str, values) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not all(type(n) is int and n >= 1 for n in values):
        raise BadParameter(f"{name}: got {values!r}, expected a list of whole numbers of 1 or more.")
    return tuple(values)


def branch(name: str, modality: str, given: Mapping) -> Branch:
    """The layers of a branch: those of its modality, and what is given. Raises BadParameter, naming the branch."""
    check_names(given, [field.name for field in fields(Branch)], f"branch {name}")
    try:
        return Branch(**{**DEFAULTS.get(modality, {}), **given})
    except BadParameter as error:
        raise BadParameter(f"Branch {name}: {error}") from error


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
    for n, units in enumerate(_counts("dense, of the joint layers", dense)):
        x = fully_connected(x, _wide(units, width), f"joint_dense{n}")
    found = [layers.Dense(n_classes, name="logits")(layers.Dropout(dropout)(x))]
    if not heads:
        return keras.Model(inputs, found[0])
    for name, feature in zip(inputs, features, strict=True):
        found.append(layers.Dense(n_classes, name=f"{name}_logits")(layers.Dropout(dropout)(feature)))
    every = layers.Concatenate(name="every")(found)
    return keras.Model(inputs, layers.Reshape((len(found), n_classes), name="heads")(every))


def _wide(n: int, width: float) -> int:
    return max(1, round(n * width))


def _features(name: str, x, layout: Branch, width: float):
    """The features (n_features,) of one branch's window x."""
    for n, filters in enumerate(layout.filters):
        block = separable if layout.separable and n else conv
        x = block(x, _wide(filters, width), layout.kernel)
        height, across = layout.pool
        if x.shape[1] < height or x.shape[2] < across:
            raise BadParameter(
                f"Branch {name}, layer {n + 1} of {len(layout.filters)}: max-pooling by {height} × {across} of "
                f"{tuple(x.shape[1:])} leaves nothing: give fewer filters, a smaller pool, or larger windows."
            )
        x = layers.MaxPooling2D(layout.pool)(x)
    x = layers.Flatten()(x)
    for n, units in enumerate(layout.dense):
        x = fully_connected(x, _wide(units, width), f"{name}_dense{n}")
    return x
