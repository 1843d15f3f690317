"""The models that come with emolib, trained: one bundle in `models/`. numpy and an interpreter alone."""

from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.paths import models_folder
from emolib.device.bundle import Bundle
from emolib.device.pipeline import Pipeline

CHOICES = "`emolib models` lists them."


def pretrained() -> Bundle:
    """The bundle of all pretrained models and face detectors. Raises BadArtifact where it was not installed."""
    folder = models_folder()
    if not (folder / "bundle.json").is_file():
        raise BadArtifact(
            f"{folder} holds no models, expected those that come with emolib: install from a checkout, or export a run."
        )
    return Bundle(folder)


def matching(known: list[str], name: str) -> str:
    """The one of `known` that has every word of `name`; dashes separate words. Raises BadParameter for none or
    several."""
    words = set(name.split("-"))
    found = [each for each in known if words <= set(each.split("-"))]
    if len(found) != 1:
        raise BadParameter(
            f"{name} fits {', '.join(found) or 'none'} of the pretrained models, expected one: {CHOICES}"
        )
    return found[0]


def load_pretrained(name: str, threads: int = 1) -> Pipeline:
    """Front end, standardiser and int8 network of a model: "speech-emodb", or more words of its name.

    `windows(pieces, sfreq)` makes windows of recordings, `scores(X)` their scores (n_windows, n_classes) in the
    order of `classes`. Raises BadParameter where no model or several fit, BadArtifact where a file is damaged.
    """
    bundle = pretrained()
    return bundle.pipeline(matching(list(bundle.models), name), threads)
