"""emolib: on-device multimodal emotion recognition, from recordings to fused int8 models.

The public API, in the order of the work. Importing emolib costs nothing: a name is imported when it is used.
"""

from importlib import import_module

__version__ = "0.1.0"

API = {
    "Experiment": "emolib.core.experiment",  # a corpus, modality, task and protocol
    "Run": "emolib.core.artifacts",  # a folder of results: checked reads, atomic writes
    "load": "emolib.datasets",  # the trials of a corpus
    "folds": "emolib.datasets.splits",  # its folds, by subject
    "front_end": "emolib.signals.frontend",  # recordings to windows
    "Standardiser": "emolib.signals.standardise",
    "build": "emolib.models",  # a Keras network with logits out
    "Trainer": "emolib.models.training",
    "Training": "emolib.core.parameters",  # how it trains
    "convert": "emolib.quantization.ptq",  # a network as .tflite, by post-training quantization
    "Model": "emolib.device.interpreter",  # a .tflite file that runs
    "evaluate": "emolib.evaluation.metrics",  # scores to numbers with intervals over subjects
    "fuse": "emolib.fusion.scores",  # scores of several modalities as one
    "Bundle": "emolib.device.bundle",  # models as a device opens them
    "load_pretrained": "emolib.device.bundle",
    "Engine": "emolib.device.engine",  # an answer every hop
    "replay": "emolib.device.live",  # recordings through an engine
}
__all__ = list(API)


def __getattr__(name: str):
    if name not in API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(API[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *API})
