"""Tiny networks from convolutions and dense layers: one per modality, and named others.

The first `build` imports TensorFlow.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from emolib.core.errors import BadParameter, check_names

LDA = {"lda": ("lda", "build", "noise")}  # of any windows
# By modality and name ("" is the modality's own): the module, its function, and the augmentation of its batches.
NAMED = {
    "heart": {"": ("networks", "heart", "noise"), **LDA},
    "eeg": {"": ("networks", "eeg", "noise"), **LDA},
    "speech": {"": ("networks", "speech", "spectrogram"), **LDA},
    "face": {
        "": ("face", "face", "image"),
        "table2": ("face", "table2", "image"),
        "resnet": ("face", "resnet", "image"),
        **LDA,
    },
}


class Network(NamedTuple):
    """How a network is built: `build(input_shape, n_classes, **options)`. `augment(X, seed)` changes a training batch.

    `solve(X, y, n_classes)` gives its weights where they have a closed form, else it is None.
    """

    build: Callable
    augment: Callable
    solve: Callable | None


def check_network(modality: str, name: str):
    """Raise BadParameter for a network that the modality does not have."""
    known = NAMED.get(modality, {})
    if name and name not in known:
        others = "".join(f" or {other}" for other in known if other)
        raise BadParameter(f'network: got {name!r} for {modality}, expected "" (its own){others}.')


def network(modality: str, name: str = "") -> Network:
    """The network of a name, "" being the modality's own. Raises BadParameter for an unknown one."""
    if modality not in NAMED:
        raise BadParameter(f"modality: got {modality!r}, expected one of {', '.join(NAMED)}.")
    check_network(modality, name)
    module, builder, augmentation = NAMED[modality][name]
    home, augment = (import_module(f"emolib.models.{one}") for one in (module, "augment"))
    return Network(getattr(home, builder), getattr(augment, augmentation), getattr(home, "solve", None))


def build(modality: str, input_shape: tuple[int, int, int], n_classes: int, name: str = "", **options):
    """A Keras model from NHWC input of `input_shape` to logits (n_classes,); `name` as `network` has it.

    Raises BadParameter for an unknown modality, name or option.
    """
    builder, what = network(modality, name).build, f"the {modality} model {name}".rstrip()
    check_names(options, list(inspect.signature(builder).parameters)[2:], what)
    return builder(tuple(input_shape), n_classes, **options)
