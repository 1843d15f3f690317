"""One function per figure: data in, a matplotlib Figure out, 900 px wide, safe for colour-blind readers."""

from emolib.report.plots.compression import main_effects, pareto, points, ranges, rounding, sensitivity, sqnr
from emolib.report.plots.cost import jitter, latency, power
from emolib.report.plots.evaluation import by_person, confusion, folds, heard, history, per_subject, reliability, scores
from emolib.report.plots.faces import detections, faces, saliency_maps, sanity
from emolib.report.plots.fusion import (
    critical_difference,
    forest,
    fusion,
    mid_stream,
    redrawn,
    snr_curves,
    subsets,
    weights,
)
from emolib.report.plots.reduction import search_tree, ways
from emolib.report.plots.signals import trial, window
