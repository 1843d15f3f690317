"""Architecture reduction: augmented pictures, and the tree of the search."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.patheffects import withStroke

from emolib.report.plots import style

KINDS = {  # colour, marker, size, label
    "baseline": (style.BLACK, "s", 8, "baseline"),
    "accepted": (style.BLUE, "o", 6, "accepted"),
    "rejected": (style.VERMILLION, "X", 7, "rejected"),
    "pick": (style.ORANGE, "*", 15, "pick: fewest FLOPs"),
}


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
    ax, rows = axes[0, 0], trace.assign(mflop=trace["flops"] / 1e6).set_index("order")
    pick = rows.loc[rows["accepted"], "flops"].idxmin()
    path = [pick]
    while not pd.isna(parent := rows.loc[path[0], "parent"]):
        path.insert(0, int(parent))
    for order, row in rows.iterrows():
        kind = "accepted" if row["accepted"] else "rejected"
        if pd.isna(row["parent"]):
            kind = "baseline"
        else:
            edge = rows.loc[[row["parent"], order]]
            colour, width = (style.BLACK, 1.6) if order in path else (style.GREY, 0.8)
            ax.plot(edge["mflop"], edge["auc"], color=colour, linewidth=width, zorder=1)
        colour, marker, size, _ = KINDS["pick" if order == pick else kind]
        point, away = (row["mflop"], row["auc"]), (0, 3 + size / 2)
        ax.plot(*point, marker, color=colour, markersize=size, zorder=3)
        about = {"ha": "center", "va": "bottom", "fontsize": 8, "zorder": 4}
        text = ax.annotate(str(order), point, away, textcoords="offset points", **about)
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # readable where lines cross it
    ax.axhline(least_auc, color=style.GREY, linestyle="--", linewidth=1.2)
    ax.set(ylabel="AUC on validation pictures, one class against the rest")
    ax.margins(0.08)
    style.log_axis(ax, "MFLOP of one picture")
    style.tidy(ax)
    lines = [
        f"{order}: {rows.change[order]}, {rows.mflop[order]:{',.0f' if rows.mflop[order] >= 100 else '.3g'}}"
        for order in path
    ]
    text = "\n".join(["what led to the pick, MFLOP", *lines])
    axes[0, 1].set_axis_off()
    axes[0, 1].text(0, 1, text, transform=axes[0, 1].transAxes, va="top", fontsize=9, linespacing=1.6)
    handles = [style.sign(colour, marker, label) for colour, marker, _, label in KINDS.values()]
    floor = style.sign(style.GREY, None, f"least AUC accepted, β₀ = {least_auc:.3f}", "--")
    return style.with_legend(figure, [*handles, floor])
