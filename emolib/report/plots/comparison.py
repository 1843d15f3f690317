"""Sources, variants, fusion rules and devices beside each other."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emolib.report.plots.style import (
    BLUE,
    Picture,
    colours,
    legend_below,
    log_axis,
    name_rows,
    offsets,
    picture,
    shorten,
    tidy,
)

Draw = Callable[[pd.Series, float, str, str], None]  # row of the table, y, colour, marker


def rows(axes: Axes, table: pd.DataFrame, by: str, draw: Draw) -> list[Line2D]:
    """One line of dots per source, one colour per `by`; the handles of a legend."""
    sources = list(dict.fromkeys(table["source"]))
    styles = colours(table[by])
    shift = dict(zip(styles, offsets(len(styles)), strict=True))
    for _, row in table.iterrows():
        draw(row, sources.index(row["source"]) + shift[row[by]], *styles[row[by]])
    for row in range(0, len(sources), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", zorder=-1)
    name_rows(axes, sources)
    tidy(axes)
    return [Line2D([], [], color=c, marker=m, linestyle="", label=shorten(n)) for n, (c, m) in styles.items()]


def height(table: pd.DataFrame, by: str) -> float:
    return 1.5 + table["source"].nunique() * max(0.12 * table[by].nunique() + 0.15, 0.3)


def size_and_uar(table: pd.DataFrame) -> Picture:
    """File size and UAR; columns source, variant, bytes, uar, uar_low, uar_high, the last three in [0, 1]."""
    figure, axes = picture(height(table, "variant"), 1, 2, sharey=True)
    size, uar = axes[0]

    def draw_size(row: pd.Series, y: float, colour: str, marker: str):
        size.plot(row["bytes"] / 1000, y, marker, color=colour, markersize=6)

    def draw_uar(row: pd.Series, y: float, colour: str, marker: str):
        uar.plot([100 * row["uar_low"], 100 * row["uar_high"]], [y, y], color=colour, linewidth=1.6)
        uar.plot(100 * row["uar"], y, marker, color=colour, markersize=6)

    handles = rows(size, table, "variant", draw_size)
    rows(uar, table, "variant", draw_uar)
    size.set(xlabel="file size (kB)")
    size.set_xlim(left=0)
    uar.set(xlabel="UAR, 95 % interval over subjects (%)")
    legend_below(figure, handles)
    return figure


def modelled(table: pd.DataFrame) -> Picture:
    """Runtime from a device model, not measured; columns source, device, runtime_ms."""
    figure, axes = picture(height(table, "device"))
    ax = axes[0, 0]

    def draw(row: pd.Series, y: float, colour: str, marker: str):
        ax.plot(row["runtime_ms"], y, marker, color=colour, markersize=6)

    handles = rows(ax, table, "device", draw)
    log_axis(ax, "modelled runtime of one window (ms)")
    figure.suptitle("Modelled from the device table, not measured")
    legend_below(figure, handles, n_cols=3)
    return figure


def cost(table: pd.DataFrame) -> Picture:
    """What one model needs; columns source, params, macs, bytes."""
    units = {"params": ("parameters (thousands)", 1e3), "macs": ("MACs per window (millions)", 1e6)}
    units["bytes"] = ("file size (kB)", 1e3)
    figure, axes = picture(1.2 + 0.36 * len(table), 1, 3, sharey=True)
    for ax, (column, (label, unit)) in zip(axes[0], units.items(), strict=True):
        values = table[column] / unit
        bars = ax.barh(range(len(table)), values, color=BLUE, height=0.6)
        ax.bar_label(bars, [f"{value:.3g}" for value in values], padding=3, fontsize=9)
        ax.set(xlabel=label)
        ax.margins(x=0.25)
        name_rows(ax, list(table["source"]))
        tidy(ax, grid="x")
    return figure
