"""Ranges, signal-to-noise ratios, and points lost to compression."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from emolib.report.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    colours,
    legend_below,
    name_rows,
    offsets,
    picture,
    tidy,
)

HIDDEN = ("PartitionedCall", "serving_default")  # TensorFlow's names of a network's two ends


def layer(name: str) -> str:
    """A tensor's name for an axis: "output" and "input" for the ends of a network."""
    ends = {HIDDEN[0]: "output", HIDDEN[1]: "input"}
    return next((short for long, short in ends.items() if name.startswith(long)), name)


def ranges(values: np.ndarray, limits: Mapping[str, tuple[float, float]], tensor: str) -> Picture:
    """Histogram of one tensor's values on the calibration windows, and where each method cuts it."""
    figure, axes = picture(3.4)
    ax = axes[0, 0]
    ax.hist(np.ravel(values), bins=100, log=True, color=GREY)
    handles = []
    for (method, (low, high)), (colour, _) in zip(limits.items(), colours(limits).values(), strict=True):
        for end in {low, high} - {0.0}:
            ax.axvline(end, color=colour, linewidth=1.8)
        handles.append(Line2D([], [], color=colour, label=method))
    ax.set(xlabel=f"activation of {layer(tensor)}", ylabel="values (log scale)")
    tidy(ax)
    legend_below(figure, handles)
    return figure


def sqnr(table: pd.DataFrame) -> Picture:
    """Signal to quantization noise and clipped share; columns tensor, method, sqnr_db, clipped in [0, 1]."""
    tensors, styles = list(dict.fromkeys(table["tensor"])), colours(table["method"])
    figure, axes = picture(1.4 + 0.3 * len(tensors), 1, 2, sharey=True)
    shift = dict(zip(styles, offsets(len(styles)), strict=True))
    y = table["tensor"].map(tensors.index) + table["method"].map(shift)
    for method, (colour, marker) in styles.items():
        rows = table["method"] == method
        axes[0, 0].plot(table["sqnr_db"][rows], y[rows], marker, color=colour, markersize=5)
        axes[0, 1].plot(100 * table["clipped"][rows], y[rows], marker, color=colour, markersize=5)
    name_rows(axes[0, 0], [layer(tensor) for tensor in tensors])
    axes[0, 0].set(xlabel="signal to quantization noise (dB)")
    axes[0, 1].set(xlabel="clipped values (%)")
    for ax in axes[0]:
        tidy(ax)
    legend_below(
        figure, [Line2D([], [], color=c, marker=m, linestyle="", label=n) for n, (c, m) in styles.items()]
    )
    return figure


def points(table: pd.DataFrame, baseline: str, goal: float | None = None) -> Picture:
    """Points of UAR over the baseline with their paired interval; columns variant, points, points_low, points_high.

    `goal`: a dashed line at so many points, for example -0.5.
    """
    table = table[table["variant"] != baseline].reset_index(drop=True)
    figure, axes = picture(1.2 + 0.28 * len(table))
    ax = axes[0, 0]
    ax.axvline(0, color=GREY, linewidth=1)
    for y, row in table.iterrows():
        ax.plot([row["points_low"], row["points_high"]], [y, y], color=BLUE, linewidth=1.6)
        ax.plot(row["points"], y, "o", color=BLUE, markersize=6)
    if goal is not None:
        ax.axvline(goal, color=ORANGE, linestyle="--", label=f"goal: {goal:g} points")
        ax.legend(frameon=False, loc="best")
    name_rows(ax, list(table["variant"]))
    ax.set(xlabel=f"points of UAR over {baseline}, 95 % interval over subjects")
    tidy(ax)
    return figure
