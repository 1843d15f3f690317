"""Feature-level fusion after TinyM²Net (Rashid et al. 2022, section 3): a branch a modality, joined by dense layers.

A branch is convolutions, the first traditional and the later ones depthwise separable, each followed by max-pooling;
then flatten and dense layers. The branches are concatenated, dense layers and logits follow; ReLU throughout.
Batch norm stands behind each convolution and each dense layer but the logits: it is folded into the weights and costs a
device nothing. Without it most units of the dense layers die in the first epochs, and a slow branch with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import keras
from keras import layers

from emolib.core.errors import BadParameter, check_names
from emolib.models.blocks import conv, fully_connected, separable

HEADS = "heads"


@dataclass(frozen=True)
class Branch:
    """One modality's layers: `filters`, one entry a convolution; `kernel` and `pool`, of height and width; `dense`.

    `separable` False makes every convolution a traditional one. Raises BadParameter for what is no layer.
    """

    filters: tuple[int, ...] = (16, 32, 32, 32)
    kernel: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    dense: tuple[int, ...] = (32,)
    separable: bool = True

    def __post_init__(self):
        for name in ("kernel", "pool"):
            value = getattr(self, name)
            pair = (value, value) if type(value) is int else value
            if not are_counts(pair) or len(pair) != 2:
                raise BadParameter(f"{name}: got {value!r}, expected a whole number or two, of 1 or more.")
            object.__setattr__(self, name, tuple(pair))
        for name in ("filters", "dense"):
            object.__setattr__(self, name, checked(name, getattr(self, name)))
        if not isinstance(self.separable, bool):
            raise BadParameter(f"separable: got {self.separable!r}, expected true or false.")


def are_counts(values) -> bool:
    """Whether it is a list of whole numbers of 1 or more, as YAML has them; true and false are none."""
    return isinstance(values, list | tuple) and all(type(n) is int and n >= 1 for n in values)


def checked(name: str, values) -> tuple[int, ...]:
    if not are_counts(values):
        raise BadParameter(f"{name}: got {values!r}, expected a list of whole numbers of 1 or more.")
    return tuple(values)


STEPS = {"kernel": (5, 1), "pool": (2, 1)}  # of features over time: their second axis has length 1
DEFAULTS = {"heart": STEPS | {"filters": (16, 32)}, "eeg": STEPS | {"filters": (16,)}}


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
    check_whole(shapes, branches, width, dropout)
    dense = checked("dense, of the joint layers", dense)
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    features = [features_of(name, inputs[name], branches[name], width) for name in inputs]
    x = layers.Concatenate(name="joint")(features) if len(features) > 1 else features[0]
    for n, units in enumerate(dense):
        x = fully_connected(x, wide(units, width), f"joint_dense{n}")
    found = [layers.Dense(n_classes, name="logits")(layers.Dropout(dropout)(x))]
    if not heads:
        return keras.Model(inputs, found[0])
    for name, feature in zip(inputs, features, strict=True):
        found.append(layers.Dense(n_classes, name=f"{name}_logits")(layers.Dropout(dropout)(feature)))
    every = layers.Concatenate(name="every")(found)
    return keras.Model(inputs, layers.Reshape((len(found), n_classes), name=HEADS)(every))


def check_whole(shapes: Mapping, branches: Mapping, width: float, dropout: float):
    """Raise BadParameter for a branch without layers or three axes, or numbers out of range."""
    for name, shape in shapes.items():
        if name not in branches:
            raise BadParameter(
                f"Branch {name}: got no layers, expected a Branch as {', '.join(branches)} have."
            )
        if len(shape) != 3:
            raise BadParameter(f"Branch {name}: got windows of shape {tuple(shape)}, expected three axes.")
    if not width > 0:
        raise BadParameter(f"width: got {width}, expected more than 0.")
    if not 0 <= dropout < 1:
        raise BadParameter(f"dropout: got {dropout}, expected 0 to below 1.")


def features_of(name: str, x, layout: Branch, width: float):
    """The features (n_features,) of one branch's window x."""
    for n, filters in enumerate(layout.filters):
        block = separable if layout.separable and n else conv
        x = block(x, wide(filters, width), layout.kernel)
        x = pooled(f"{name}, layer {n + 1} of {len(layout.filters)}", x, layout.pool)
    x = layers.Flatten()(x)
    for n, units in enumerate(layout.dense):
        x = fully_connected(x, wide(units, width), f"{name}_dense{n}")
    return x


def wide(n: int, width: float) -> int:
    return max(1, round(n * width))


def pooled(where: str, x, pool: tuple[int, int]):
    """Max-pooling of x (height, width, n_channels). Raises BadParameter where x is smaller than the pool."""
    height, width = x.shape[1:3]
    if height < pool[0] or width < pool[1]:
        raise BadParameter(
            f"Branch {where}: max-pooling by {pool[0]} × {pool[1]} of {tuple(x.shape[1:])} leaves nothing, expected "
            "an input at least as large: give fewer filters, a smaller pool, or larger windows."
        )
    return layers.MaxPooling2D(pool)(x)
