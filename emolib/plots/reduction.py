"""The tree of a search over architectures."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emolib.plots.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    Picture,
    legend_below,
    log_axis,
    picture,
    tidy,
)

KINDS = {  # colour, marker, size, label
    "baseline": (BLACK, "s", 8, "baseline"),
    "accepted": (BLUE, "o", 6, "accepted"),
    "rejected": (VERMILLION, "X", 7, "rejected"),
    "pick": (ORANGE, "*", 15, "pick: fewest FLOPs"),
}
MEGA = 1e6


def search_tree(trace: pd.DataFrame, least_auc: float) -> Picture:
    """Validation AUC over FLOPs, an edge from every parent, numbers in the order of trainings, β₀ as a line.

    `trace`: a row per training, the baseline first, with order, parent, change, flops, auc, accepted. What
    led to the pick is drawn dark and named on the right, with its MFLOP.
    """
    figure, axes = picture(5.2, 1, 2, width_ratios=[3, 1])
    ax, rows = axes[0, 0], trace.set_index("order")
    pick = rows.loc[rows["accepted"], "flops"].idxmin()
    path = _path(rows, pick)
    for order, row in rows.iterrows():
        if not pd.isna(row["parent"]):
            _edge(ax, rows.loc[row["parent"]], row, order in path)
    for order, row in rows.iterrows():
        kind = "accepted" if row["accepted"] else "rejected"
        kind = "pick" if order == pick else "baseline" if pd.isna(row["parent"]) else kind
        colour, marker, size, _ = KINDS[kind]
        ax.plot(row["flops"] / MEGA, row["auc"], marker, color=colour, markersize=size, zorder=3)
        ax.annotate(
            str(order), (row["flops"] / MEGA, row["auc"]), (5, 5), textcoords="offset points", fontsize=8
        )
    ax.axhline(least_auc, color=GREY, linestyle="--", linewidth=1.2)
    ax.set(ylabel="AUC on validation pictures, one class against the rest")
    ax.margins(0.08)
    log_axis(ax, "MFLOP of one picture")
    tidy(ax)
    _name_path(axes[0, 1], rows, path)
    handles = [
        Line2D([], [], color=c, marker=m, linestyle="", label=label) for c, m, _, label in KINDS.values()
    ]
    floor = Line2D([], [], color=GREY, linestyle="--", label=f"least AUC accepted, β₀ = {least_auc:.3f}")
    legend_below(figure, [*handles, floor])
    return figure


def _path(rows: pd.DataFrame, pick: int) -> list[int]:
    """Orders of the trainings from the baseline to the pick."""
    path = [pick]
    while not pd.isna(parent := rows.loc[path[0], "parent"]):
        path.insert(0, int(parent))
    return path


def _edge(ax: Axes, parent: pd.Series, child: pd.Series, is_chosen: bool):
    flops = [parent["flops"] / MEGA, child["flops"] / MEGA]
    colour, width = (BLACK, 1.6) if is_chosen else (GREY, 0.8)
    ax.plot(flops, [parent["auc"], child["auc"]], color=colour, linewidth=width, zorder=1)


def _name_path(ax: Axes, rows: pd.DataFrame, path: list[int]):
    """The changes that led to the pick, one below the other."""
    ax.set_axis_off()
    flops = rows["flops"] / MEGA
    lines = [f"{order}: {rows.loc[order, 'change']}, {_short(flops[order])}" for order in path]
    text = "\n".join(["what led to the pick, MFLOP", *lines])
    ax.text(0, 1, text, transform=ax.transAxes, va="top", fontsize=9, linespacing=1.6)


def _short(value: float) -> str:
    """Three digits of a number, all of them where it has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
