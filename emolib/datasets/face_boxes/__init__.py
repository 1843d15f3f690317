"""The registry of pictures with face boxes: what there is, and its pictures."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module

from emolib.core.errors import BadParameter, check_names
from emolib.datasets import root_of
from emolib.datasets.base import Dropped
from emolib.datasets.face_boxes.base import BoxCorpus, Picture

NAMES = ("facemask", "wider_face", "yolo", "scenes")


def get(name: str) -> BoxCorpus:
    """A corpus of the registry. Raises BadParameter for a name it does not hold."""
    if name not in NAMES:
        raise BadParameter(f"corpus of face boxes: got {name!r}, expected {' or '.join(NAMES)}.")
    return import_module(f"{__name__}.{name}").CORPUS


def load(name: str, dropped: list[Dropped] | None = None, **options) -> Iterator[Picture]:
    """Pictures of a corpus in $EMOLIB_DATA/<name>; what it leaves out is appended to `dropped`.

    `options` go to its loader. Raises BadParameter for a corpus or option that there is not, CorpusMissing
    where its files are not, BadRecording while iterating.
    """
    corpus = get(name)
    known = list(inspect.signature(corpus.pictures).parameters)[2:]
    check_names(options, known, f"the loader of {name}")
    return corpus.pictures(root_of(name), [] if dropped is None else dropped, **options)


def pictures(corpora: Mapping[str, dict], dropped: list[Dropped]) -> Iterator[Picture]:
    """The pictures of every corpus, by its name and the options of its loader. Raises what they raise."""
    for name, options in corpora.items():
        yield from load(name, dropped, **options)
