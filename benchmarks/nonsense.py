"""Nonsense that a bundle answers: silence, noise, hum, clicks, black and blurred pictures, sensors without contact.

    python benchmarks/nonsense.py BUNDLE [--pieces 1000]

Prints, of each model, pieces that got an answer, those that were not called unfamiliar either, and what the front end
with its gate and the distance cost. Nothing here was used to choose a measure or a limit.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from emolib.device.bundle import Bundle
from emolib.device.owner import Owner
from emolib.device.pipeline import Pipeline


def piece(modality: str, shape: tuple[int, ...], sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """One piece of nonsense, of the shape of a recording."""
    if modality == "face":
        low = rng.integers(0, 200)
        coarse = rng.integers(low, low + rng.integers(1, 55), (rng.integers(1, 4), rng.integers(1, 4)))
        return np.kron(coarse, np.ones((48, 48))).astype(np.uint8)
    t = np.arange(shape[-1]) / sfreq
    noise = rng.standard_normal(shape)
    walk = np.cumsum(noise, axis=-1)
    kinds = {
        "silence": 1e-4 * noise,
        "noise": noise,
        "brown noise": walk / walk.std(),
        "hum": np.sin(2 * np.pi * rng.uniform(45, 65) * t) ** rng.integers(1, 4) + 1e-3 * noise,
        "clicks": (rng.random(shape) < 3 / sfreq) + 1e-3 * noise,
        "sawtooth": t * rng.uniform(0.1, 3) % 1 + 1e-3 * noise,
    }
    x = rng.choice(list(kinds.values())) * 10 ** rng.uniform(-2, 0)
    if modality == "skin":
        return np.stack([0.1 * np.abs(x[0]) * 10 ** rng.uniform(-2, 0), np.full(shape[-1], rng.uniform(15, 30))])
    return (200 * x if modality == "eeg" else 0.5 * x).astype(np.float32)


def tried(pipeline: Pipeline, n: int, rng: np.random.Generator) -> dict[str, float]:
    """Pieces answered, those of them that are familiar, and milliseconds of the front end with its gate and of the distance."""
    about, modality = pipeline.trained, pipeline.modality
    rows = len(about.channels) or 2 if modality == "skin" else len(about.channels)
    n_times = 1 if modality == "face" else pipeline.front.n_window(about.sfreq)
    answered, familiar, seconds = 0, 0, np.zeros(2)
    for _ in range(n):
        data = piece(modality, (rows, n_times) if rows else (n_times,), about.sfreq or 1.0, rng)
        start = time.perf_counter()
        windows = pipeline.seen(data, 0.0 if modality == "face" else about.sfreq)
        seconds[0] += time.perf_counter() - start
        if not len(windows.X):
            continue
        X = pipeline.standardised(windows.X[-1:], Owner())
        scores, start = pipeline.scores(X), time.perf_counter()
        is_unfamiliar = pipeline.trust.unfamiliar(X, scores)
        seconds[1] += time.perf_counter() - start
        answered, familiar = answered + 1, familiar + (not is_unfamiliar)
    front_ms, distance_ms = 1e3 * seconds / [n, max(answered, 1)]
    return {"answered": answered, "familiar": familiar, "front_ms": front_ms, "distance_ms": distance_ms}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--pieces", type=int, default=1000)
    options = parser.parse_args()
    bundle = Bundle(options.bundle)
    for source in bundle.models:
        found = tried(bundle.pipeline(source), options.pieces, np.random.default_rng(0))
        told = f"{found['answered']} of {options.pieces} answered, {found['familiar']} of them familiar"
        print(
            f"{source}: {told}; {found['front_ms']:.2f} ms front end with gate, {found['distance_ms']:.2f} ms distance"
        )
