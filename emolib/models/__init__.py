"""One tiny network per modality, from convolutions and dense layers. The first build imports TensorFlow."""

import inspect
from importlib import import_module

from emolib.datasets.base import MODALITIES
from emolib.errors import BadParameter, check_names


def network(modality: str):
    """The module of a modality: its `build` and its `augment`. Raises BadParameter for an unknown one."""
    if modality not in MODALITIES:
        raise BadParameter(f"modality: got {modality!r}, expected one of {', '.join(MODALITIES)}.")
    return import_module(f"emolib.models.{modality}")


def build(modality: str, input_shape: tuple[int, int, int], n_classes: int, **options):
    """A Keras model from NHWC input of `input_shape` to logits (n_classes,).

    Raises BadParameter for an unknown modality, an unknown option, or a shape without three axes.
    """
    builder = network(modality).build
    known = list(inspect.signature(builder).parameters)[2:]
    check_names(options, known, f"the {modality} model")
    if len(input_shape) != 3:
        raise BadParameter(
            f"Input of the {modality} model: got shape {tuple(input_shape)}, expected three axes."
        )
    return builder(tuple(input_shape), n_classes, **options)
