"""Tiny networks from convolutions and dense layers: one per modality, and named others.

The first build imports TensorFlow.
"""

import inspect
from importlib import import_module

from emolib.core.errors import BadParameter, check_names
from emolib.datasets.base import MODALITIES

LDA = {"lda": "lda"}  # of any windows
NAMED = {
    **dict.fromkeys(MODALITIES, LDA),
    "face": {"table2": "xception", "resnet": "resnet", **LDA},
}  # module by modality and name; "" is the modality's own


def check_network(modality: str, name: str):
    """Raise BadParameter for a network that the modality does not have."""
    known = NAMED.get(modality, {})
    if name and name not in known:
        others = "".join(f" or {other}" for other in known)
        raise BadParameter(f'network: got {name!r} for {modality}, expected "" (its own){others}.')


def network(modality: str, name: str = ""):
    """The module of a network: its `build` and its `augment`. Raises BadParameter for an unknown one."""
    if modality not in MODALITIES:
        raise BadParameter(f"modality: got {modality!r}, expected one of {', '.join(MODALITIES)}.")
    check_network(modality, name)
    return import_module(f"emolib.models.{NAMED[modality][name] if name else modality}")


def build(modality: str, input_shape: tuple[int, int, int], n_classes: int, name: str = "", **options):
    """A Keras model from NHWC input of `input_shape` to logits (n_classes,); `name` as `network` has it.

    Raises BadParameter for an unknown modality, name or option, or a shape without three axes.
    """
    builder, what = network(modality, name).build, f"the {modality} model {name}".rstrip()
    check_names(options, list(inspect.signature(builder).parameters)[2:], what)
    if len(input_shape) != 3:
        raise BadParameter(f"Input of {what}: got shape {tuple(input_shape)}, expected three axes.")
    return builder(tuple(input_shape), n_classes, **options)
