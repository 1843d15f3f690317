"""Tiny networks from convolutions and dense layers: one per modality, and named others.

The first `build` imports TensorFlow.
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

from emolib import datasets
from emolib.core.errors import BadParameter, check_names, check_options
from emolib.core.experiment import Experiment
from emolib.datasets import splits
from emolib.signals.frontend import front_end

# beside "" (its own) and "lda"
OTHERS = {"heart": (), "eeg": (), "speech": (), "face": ("table2", "resnet"), "skin": ()}


class Network(NamedTuple):
    """How a network is built: `build(input_shape, n_classes, **options)`. `augment(X, seed)` changes a training batch.
    `solve(X, y, n_classes)` gives its weights where they have a closed form, else it is None."""

    build: Callable
    augment: Callable
    solve: Callable | None


def check_network(modality: str, name: str):
    """Raise BadParameter for a modality, or a network of it, that does not exist."""
    check_names([modality], list(OTHERS), "the modalities")
    if name not in ("", *OTHERS[modality], "lda"):
        others = " or ".join([*OTHERS[modality], "lda"])
        raise BadParameter(f'network: got {name!r} for {modality}, expected "" (its own) or {others}.')


def check_source(name: str, steps: dict | None = None):
    """Raise BadParameter for a source whose corpus, modality, task, protocol or network does not exist, and for options of
    its windows, as in a config's `steps`, that the corpus, front end or protocol does not take."""
    source = Experiment.parse(name)
    corpus = datasets.get(source.corpus)
    check_names([source.modality], corpus.modalities, f"the modalities of {corpus.name}")
    check_names([source.task], list(corpus.tasks), f"the tasks of {corpus.name}")
    check_names([source.protocol], list(splits.PROTOCOLS), "the protocols")
    check_network(source.modality, source.network)
    options = (steps or {}).get("windows") or {}
    front_end(source.modality, **options.get("frontend", {}))
    check_options(options.get("corpus_options", {}), corpus.trials, f"the loader of {corpus.name}")
    split = splits.PROTOCOLS[source.protocol]
    check_options(options.get("fold_options", {}), split, f"protocol {source.protocol}")


def network(modality: str, name: str = "") -> Network:
    """The network of a name, "" being the modality's own. Raises BadParameter for an unknown one."""
    from emolib.models import augment, lda, networks

    check_network(modality, name)
    if name == "lda":
        return Network(lda.build, augment.noise, lda.solve)
    augmentation = {"speech": augment.spectrogram, "face": augment.image}.get(modality, augment.noise)
    return Network(getattr(networks, name or modality), augmentation, None)


def build(modality: str, input_shape: tuple[int, int, int], n_classes: int, name: str = "", **options):
    """A Keras model from NHWC input of `input_shape` to logits (n_classes,); `name` as `network` has it. Raises
    BadParameter for an unknown modality, name or option."""
    builder, what = network(modality, name).build, f"the {modality} model {name}".rstrip()
    check_names(options, list(inspect.signature(builder).parameters)[2:], what)
    return builder(tuple(input_shape), n_classes, **options)
