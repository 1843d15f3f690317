"""Architecture reduction: augmented pictures, the tree of the search, and what wrong training labels cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from emolib.report.plots import style

KINDS = {  # colour, marker, size, label
    "baseline": (style.BLACK, "s", 8, "baseline"),
    "accepted": (style.BLUE, "o", 6, "accepted"),
    "rejected": (style.VERMILLION, "X", 7, "rejected"),
    "pick": (style.ORANGE, "*", 15, "pick: fewest FLOPs"),
}
MEGA = 1e6
ABOVE_CHANCE = 0.2  # shown at least, so that differences near chance do not look large


def ways(pictures: Mapping[str, Sequence[np.ndarray]], low: float = 0.0, high: float = 1.0) -> style.Picture:
    """A column per name, its pictures (height, width, 1 or 3) below each other; values from low to high."""
    n_rows = max(map(len, pictures.values()))
    figure, axes = style.picture(0.4 + n_rows * style.WIDTH_IN / len(pictures), n_rows, len(pictures))
    for column, (name, images) in zip(axes.T, pictures.items(), strict=True):
        column[0].set_title(name)
        for ax in column:
            ax.set_axis_off()
        for ax, image in zip(column, images, strict=False):
            ax.imshow((np.squeeze(image) - low) / (high - low), cmap="gray", vmin=0, vmax=1)
    return figure


def search_tree(trace: pd.DataFrame, least_auc: float) -> style.Picture:
    """Validation AUC over FLOPs, an edge from every parent, numbers in the order of trainings, β₀ as a line, of
    `emolib.studies.reduction.search.trace`. What led to the pick is drawn dark and named on the right."""
    figure, axes = style.picture(5.2, 1, 2, width_ratios=[3, 1])
    ax, rows = axes[0, 0], trace.set_index("order")
    pick = rows.loc[rows["accepted"], "flops"].idxmin()
    path = _path(rows, pick)
    for order, row in rows.iterrows():
        if not pd.isna(row["parent"]):
            parent, (colour, width) = (
                rows.loc[row["parent"]],
                (style.BLACK, 1.6) if order in path else (style.GREY, 0.8),
            )
            edge = [parent["flops"] / MEGA, row["flops"] / MEGA], [parent["auc"], row["auc"]]
            ax.plot(*edge, color=colour, linewidth=width, zorder=1)
    for order, row in rows.iterrows():
        kind = "accepted" if row["accepted"] else "rejected"
        kind = "pick" if order == pick else "baseline" if pd.isna(row["parent"]) else kind
        colour, marker, size, _ = KINDS[kind]
        ax.plot(row["flops"] / MEGA, row["auc"], marker, color=colour, markersize=size, zorder=3)
        point, away = (row["flops"] / MEGA, row["auc"]), (0, 3 + size / 2)  # readable where lines cross it
        about = {"ha": "center", "va": "bottom", "fontsize": 8, "zorder": 4}
        text = ax.annotate(str(order), point, away, textcoords="offset points", **about)
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    ax.axhline(least_auc, color=style.GREY, linestyle="--", linewidth=1.2)
    ax.set(ylabel="AUC on validation pictures, one class against the rest")
    ax.margins(0.08)
    style.log_axis(ax, "MFLOP of one picture")
    style.tidy(ax)
    _name_path(axes[0, 1], rows, path)
    handles = [style.sign(colour, marker, label) for colour, marker, _, label in KINDS.values()]
    floor = style.sign(style.GREY, None, f"least AUC accepted, β₀ = {least_auc:.3f}", "--")
    return style.with_legend(figure, [*handles, floor])


def _path(rows: pd.DataFrame, pick: int) -> list[int]:
    """Orders of the trainings from the baseline to the pick."""
    path = [pick]
    while not pd.isna(parent := rows.loc[path[0], "parent"]):
        path.insert(0, int(parent))
    return path


def _name_path(ax: Axes, rows: pd.DataFrame, path: list[int]):
    """The changes that led to the pick, one below the other."""
    ax.set_axis_off()
    flops = {order: rows.loc[order, "flops"] / MEGA for order in path}
    short = {order: f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for order, value in flops.items()}
    lines = [f"{order}: {rows.loc[order, 'change']}, {short[order]}" for order in path]
    text = "\n".join(["what led to the pick, MFLOP", *lines])
    ax.text(0, 1, text, transform=ax.transAxes, va="top", fontsize=9, linespacing=1.6)


def noise_cost(table: pd.DataFrame, n_classes: int) -> style.Picture:
    """Test AUC and UAR over the share of wrong training labels, with intervals and chance, of
    `emolib.studies.reduction.tables.cost_of_noise`."""
    figure, axes = style.picture(3.2, 1, 2)
    share = table["wrong_labels_percent"]
    panels = {"auc": (1, 0.5, "AUC, one class against the rest"), "uar": (100, 1 / n_classes, "UAR (%)")}
    for ax, (metric, (scale, chance, label)) in zip(axes[0], panels.items(), strict=True):
        values, low, high = (scale * table[f"{metric}{end}"] for end in ("", "_low", "_high"))
        ax.vlines(share, low, high, color=style.BLUE, linewidth=1.6)
        ax.plot(share, values, "o-", color=style.BLUE, markersize=6)
        ax.axhline(scale * chance, color=style.GREY, linestyle="--", linewidth=1.2)
        ax.set(xlabel="wrong training labels (%)", ylabel=label, xticks=share)
        ax.set_ylim(top=max(ax.get_ylim()[1], scale * (chance + ABOVE_CHANCE)))
        style.tidy(ax)
    sure = "one person: no interval" if table["auc_low"].isna().all() else "95 % interval over subjects"
    test = style.sign(style.BLUE, "o", f"test, {sure}", "-")
    return style.with_legend(figure, [test, style.sign(style.GREY, None, "chance", "--")])
