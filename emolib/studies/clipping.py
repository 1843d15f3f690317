"""Which way of clipping is worth it: a sweep over ways, what 8 bits do to each tensor, and a pick by validation people."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from emolib.models.crossval import answers
from emolib.quantization.clipping import Clipping


def sweep(percentiles: Iterable, sizes: Iterable, weight_percentiles: Iterable) -> dict[str, Clipping]:
    """Converters by name: every method at every percentile, then MAX on fewer windows and MAX with clipped weights."""
    found = [Clipping("max"), Clipping("kl")]
    found += [Clipping(method, p) for method in ("percentile", "max_percentile") for p in percentiles]
    found += [Clipping(n_calibration=n) for n in sizes]
    found += [Clipping(weight_percentile=p) for p in weight_percentiles]
    return {clipping.name: clipping for clipping in found}


def quality(values: Mapping[str, np.ndarray], ways: Iterable[Clipping]) -> pd.DataFrame:
    """What 8 bits do to each tensor, a row per tensor and way: tensor, method, low, high, sqnr_db, clipped (share of values).

    SQNR = 10 log10(Σ x² / Σ (x - Q(x))²), Q the rounding to 256 steps of [low, high]; NaN where x is 0 throughout.
    """
    rows = []
    for way in ways:
        for tensor, (low, high) in way.ranges(values).items():
            x = values[tensor].astype(np.float64)
            noise, signal = np.square(x - rounded(x, low, high)).sum(), np.square(x).sum()
            sqnr = 10 * np.log10(signal / noise) if signal and noise else np.nan
            outside = ((x < low) | (x > high)).mean()
            rows.append((tensor, way.name, low, high, sqnr, outside))
    return pd.DataFrame(rows, columns=["tensor", "method", "low", "high", "sqnr_db", "clipped"])


def rounded(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """x as int8 would hold it, in x's unit: scale (high - low) / 255, zero point rint(-128 - low / scale)."""
    scale = max(high - low, 1e-9) / 255
    zero_point = np.rint(-128 - low / scale)
    return (np.clip(np.rint(x / scale) + zero_point, -128, 127) - zero_point) * scale


def with_efficiency(table: pd.DataFrame, columns: dict, scores: dict, level: str) -> pd.DataFrame:
    """The table with the columns val_accuracy, accuracy_ratio, compression_ratio and efficiency behind its own.

    efficiency = (accuracy / accuracy of float32) × (bytes of float32 / bytes), the metric of an NPU project on emotion
    recognition ("accuracy-increase ratio x compression ratio"). `table` has the columns variant and bytes, and a row
    float32. Accuracies are of inner validation people, so that a pick by efficiency has not seen the test part.
    """
    accuracies = []
    for variant in table.variant:
        val = answers(columns, scores[variant], level, "val")
        accuracies.append((val["scores"].argmax(axis=1) == val["y"]).mean())
    table = table.assign(val_accuracy=accuracies)
    float32 = table[table.variant == "float32"].iloc[0]
    right, smaller = table.val_accuracy / float32.val_accuracy, float32.bytes / table.bytes
    return table.assign(accuracy_ratio=right, compression_ratio=smaller, efficiency=right * smaller)


def pick(table: pd.DataFrame) -> str:
    """The variant of the highest efficiency, float32 left out; of equals, the first."""
    candidates = table[table.variant != "float32"]
    return str(candidates.loc[candidates.efficiency.idxmax(), "variant"])
