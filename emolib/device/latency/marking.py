"""Inferences beside a meter that logs: each model for some seconds, and when it ran. numpy and an interpreter."""

import time
from pathlib import Path

import numpy as np

from emolib.device.bundle import Bundle
from emolib.device.interpreter import Model
from emolib.device.latency.models import CHUNK, window
from emolib.device.markers import Recorder, pattern

MODEL_S = 10.0  # of each model: ten readings of a meter that looks once a second
REST_S = 5.0  # after each, for the idle level


def mark(bundle: Bundle, path: Path, model_s: float = MODEL_S, rest_s: float = REST_S):
    """Run a known pattern, then each model for about `model_s`, and write to `path` what ran when."""
    with Recorder(path) as recorder:
        for name in bundle.models:
            with bundle.model(name) as model:
                if not recorder.markers:
                    lead_in(recorder, model)
                run(recorder, name, model, model_s)
            time.sleep(rest_s)


def lead_in(recorder: Recorder, model: Model):
    """The pattern that fits a meter's log at one offset alone."""
    x = window(model)
    pattern(recorder, lambda: model.times(x, CHUNK))


def run(recorder: Recorder, name: str, model: Model, seconds: float):
    """As many inferences as fill the seconds, marked."""
    x = window(model)
    n = max(1, round(1e9 * seconds / np.median(model.times(x, CHUNK))))
    with recorder.mark(name, n):
        model.times(x, n)
