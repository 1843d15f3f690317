"""One function per figure: data in, a matplotlib Figure out, 900 px wide, safe for colour-blind readers."""

from emolib.plots.ablation import main_effects
from emolib.plots.comparison import cost, fusion, latency, modelled, size_and_uar, weights
from emolib.plots.compression import points, ranges, sqnr
from emolib.plots.evaluation import (
    confusion,
    folds,
    history,
    per_subject,
    reliability,
    scores,
    windows_per_subject,
)
from emolib.plots.mixed import pareto, sensitivity
from emolib.plots.npu import rounding, vela
from emolib.plots.signals import trial, window

__all__ = [
    "confusion",
    "cost",
    "folds",
    "fusion",
    "history",
    "latency",
    "main_effects",
    "modelled",
    "pareto",
    "per_subject",
    "points",
    "ranges",
    "reliability",
    "rounding",
    "scores",
    "sensitivity",
    "size_and_uar",
    "sqnr",
    "trial",
    "vela",
    "weights",
    "window",
    "windows_per_subject",
]
