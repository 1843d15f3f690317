"""One function per figure: data in, a matplotlib Figure out, 900 px wide, safe for colour-blind readers."""

from emolib.plots.ablation import main_effects
from emolib.plots.augmentation import ways
from emolib.plots.comparison import cost, modelled, size_and_uar
from emolib.plots.compression import points, ranges, sqnr
from emolib.plots.detection import detections, detector_history, faces
from emolib.plots.energy import power
from emolib.plots.evaluation import (
    confusion,
    folds,
    history,
    per_subject,
    reliability,
    scores,
    windows_per_subject,
)
from emolib.plots.fusion import critical_difference, forest, fusion, repaired, weights
from emolib.plots.latency import jitter, latency
from emolib.plots.mixed import pareto, sensitivity
from emolib.plots.npu import rounding, vela
from emolib.plots.personal import calibrated, repeats
from emolib.plots.reduction import noise_cost, search_tree
from emolib.plots.robustness import mid_stream, snr_curves, subsets
from emolib.plots.saliency import attention, saliency_maps, sanity
from emolib.plots.signals import trial, window

__all__ = [
    "attention",
    "calibrated",
    "confusion",
    "cost",
    "critical_difference",
    "detections",
    "detector_history",
    "faces",
    "folds",
    "forest",
    "fusion",
    "history",
    "jitter",
    "latency",
    "main_effects",
    "mid_stream",
    "modelled",
    "noise_cost",
    "pareto",
    "per_subject",
    "points",
    "power",
    "ranges",
    "reliability",
    "repaired",
    "repeats",
    "rounding",
    "saliency_maps",
    "sanity",
    "scores",
    "search_tree",
    "sensitivity",
    "size_and_uar",
    "snr_curves",
    "sqnr",
    "subsets",
    "trial",
    "vela",
    "ways",
    "weights",
    "window",
    "windows_per_subject",
]
