"""One function per figure: data in, a matplotlib Figure out, 900 px wide, safe for colour-blind readers."""

from emolib.report.plots.ablation import main_effects
from emolib.report.plots.comparison import cost, modelled, size_and_uar
from emolib.report.plots.compression import points, ranges, sqnr
from emolib.report.plots.energy import power
from emolib.report.plots.evaluation import (
    confusion,
    folds,
    history,
    per_subject,
    reliability,
    scores,
    seed_variability,
    subject_calibration,
    windows_per_subject,
)
from emolib.report.plots.faces import attention, detections, detector_history, faces, saliency_maps, sanity
from emolib.report.plots.fusion import critical_difference, forest, fusion, repaired, weights
from emolib.report.plots.latency import jitter, latency
from emolib.report.plots.mixed import pareto, sensitivity
from emolib.report.plots.npu import rounding, vela
from emolib.report.plots.reduction import noise_cost, search_tree, ways
from emolib.report.plots.robustness import mid_stream, snr_curves, subsets
from emolib.report.plots.signals import trial, window

__all__ = [
    "attention",
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
    "rounding",
    "saliency_maps",
    "sanity",
    "scores",
    "search_tree",
    "seed_variability",
    "sensitivity",
    "size_and_uar",
    "snr_curves",
    "sqnr",
    "subject_calibration",
    "subsets",
    "trial",
    "vela",
    "ways",
    "weights",
    "window",
    "windows_per_subject",
]
