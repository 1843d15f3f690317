"""The tree of a search over architectures, and what wrong training labels cost."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from emolib.report.plots.style import (
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
ABOVE_CHANCE = 0.2  # shown at least, so that differences near chance do not look large


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
        _number(ax, order, (row["flops"] / MEGA, row["auc"]), away=3 + size / 2)
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


def _number(ax: Axes, order: int, point: tuple[float, float], away: float):
    """The order of a training above its point, `away` in typographic points, readable where lines cross it."""
    text = ax.annotate(
        str(order),
        point,
        (0, away),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8,
        zorder=4,
    )
    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


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


def noise_cost(table: pd.DataFrame, n_classes: int) -> Picture:
    """Test AUC and UAR over the share of wrong training labels, with intervals and chance.

    Columns wrong_labels_percent, and auc, uar in [0, 1] with _low, _high (NaN: no interval).
    """
    figure, axes = picture(3.2, 1, 2)
    share = table["wrong_labels_percent"]
    panels = {"auc": (1, 0.5, "AUC, one class against the rest"), "uar": (100, 1 / n_classes, "UAR (%)")}
    for ax, (metric, (scale, chance, label)) in zip(axes[0], panels.items(), strict=True):
        values, low, high = (scale * table[f"{metric}{end}"] for end in ("", "_low", "_high"))
        ax.vlines(share, low, high, color=BLUE, linewidth=1.6)
        ax.plot(share, values, "o-", color=BLUE, markersize=6)
        ax.axhline(scale * chance, color=GREY, linestyle="--", linewidth=1.2)
        ax.set(xlabel="wrong training labels (%)", ylabel=label, xticks=share)
        ax.set_ylim(top=max(ax.get_ylim()[1], scale * (chance + ABOVE_CHANCE)))
        tidy(ax)
    sure = "one person: no interval" if table["auc_low"].isna().all() else "95 % interval over subjects"
    test = Line2D([], [], color=BLUE, marker="o", label=f"test, {sure}")
    legend_below(figure, [test, Line2D([], [], color=GREY, linestyle="--", label="chance")])
    return figure
