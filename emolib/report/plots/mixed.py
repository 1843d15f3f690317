"""Mixed precision: what each layer's bits cost, and what choices of bits give."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emolib.report.plots.style import (
    BLACK,
    BLUE,
    ORANGE,
    Picture,
    colours,
    legend_below,
    log_axis,
    name_rows,
    picture,
    tidy,
)

SIZES = (9, 13, 11, 7)  # of markers, so that equal choices stay visible over each other
BITS = {4: (ORANGE, -0.2), 8: (BLUE, 0.2)}


def sensitivity(table: pd.DataFrame) -> Picture:
    """Perturbation of each layer at 4 and 8 bits; columns layer, operator, omega_4, omega_8 (nats), bits; row per fold.

    A bar is the median over the folds, its line goes from least to largest. Beside it, how often 4 bits were chosen.
    """
    layers = list(dict.fromkeys(table["layer"]))
    figure, axes = picture(1.6 + 0.42 * len(layers))
    ax = axes[0, 0]
    for bits, (colour, shift) in BITS.items():
        groups = [table.loc[table["layer"] == layer, f"omega_{bits}"] for layer in layers]
        rows, low, middle, high = (np.array(x) for x in zip(*_bars(groups), strict=True))
        ax.barh(rows + shift, middle, height=0.36, color=colour)
        ax.hlines(rows + shift, low, high, color="black", linewidth=1)
    for row, layer in enumerate(layers):
        ax.annotate(
            _chosen(table[table["layer"] == layer]),
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
        )
    log_axis(ax, "perturbation of the loss Ω (nats, modelled)")
    name_rows(ax, layers)
    tidy(ax, grid="x")
    handles = [Patch(color=colour, label=f"{bits} bits") for bits, (colour, _) in BITS.items()]
    legend_below(figure, [*handles, Line2D([], [], color="black", label="least to largest fold")])
    return figure


def _bars(groups: list[pd.Series]):
    """Row, least, median and largest of each layer that has a perturbation."""
    for row, values in enumerate(groups):
        if (values > 0).all():
            yield row, values.min(), values.median(), values.max()


def _chosen(rows: pd.DataFrame) -> str:
    if rows["operator"].iloc[0] == "DepthwiseConv2D":
        return "8 bits only"
    return f"4 bits in {(rows['bits'] == 4).sum()} of {len(rows)}"


def pareto(table: pd.DataFrame) -> Picture:
    """Measured UAR against packed weights and BOPs; columns pick, kind (variant | random), weight_bytes, bops, uar."""
    figure, axes = picture(4.2, 1, 2, sharey=True)
    random, named = (table[table["kind"] == kind] for kind in ("random", "variant"))
    styles = colours(named["pick"])
    panels = (
        ("weight_bytes", 1e3, "packed weights in the file (kB)"),
        ("bops", 1e6, "BOPs of one window (millions, 8-bit activations)"),
    )
    for ax, (column, unit, label) in zip(axes[0], panels, strict=True):
        for size, row in zip(SIZES, named.itertuples(), strict=True):
            colour, marker = styles[row.pick]
            ax.plot(getattr(row, column) / unit, 100 * row.uar, marker, color=colour, markersize=size)
        ax.plot(random[column] / unit, 100 * random["uar"], ".", color=BLACK, markersize=5)
        ax.set(xlabel=label)
        ax.margins(0.08)
        tidy(ax)
    axes[0, 0].set(ylabel="UAR on test answers (%)")
    handles = [Line2D([], [], color=c, marker=m, linestyle="", label=n) for n, (c, m) in styles.items()]
    random_label = f"random, same budget ({len(random)})"
    handles.append(Line2D([], [], color=BLACK, marker=".", linestyle="", label=random_label))
    legend_below(figure, handles)
    return figure
