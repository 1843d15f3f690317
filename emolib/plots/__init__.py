"""One function per figure: data in, a matplotlib Figure out, 900 px wide, safe for colour-blind readers."""

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
from emolib.plots.signals import trial, window

__all__ = [
    "confusion",
    "cost",
    "folds",
    "fusion",
    "history",
    "latency",
    "modelled",
    "per_subject",
    "points",
    "ranges",
    "reliability",
    "scores",
    "size_and_uar",
    "sqnr",
    "trial",
    "weights",
    "window",
    "windows_per_subject",
]
