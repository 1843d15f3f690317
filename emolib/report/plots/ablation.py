"""What each factor of the training changes."""

import pandas as pd
from matplotlib.lines import Line2D

from emolib.report.plots.style import BLUE, GREY, ORANGE, Picture, legend_below, picture, tidy

BESIDE = 0.22  # of the distance between two levels: cells are left of their mean


def main_effects(effects: pd.DataFrame, table: pd.DataFrame) -> Picture:
    """Validation UAR by level, a panel per factor: mean ± sd over cells, every cell behind it, the best cell.

    `effects`: factor, level, uar, uar_sd; `table`: a row per cell, best first, with the factors and uar; in [0, 1].
    """
    factors = list(dict.fromkeys(effects["factor"]))
    sizes = [(effects["factor"] == name).sum() for name in factors]
    figure, axes = picture(3.6, 1, len(factors), sharey=True, width_ratios=[size + 1 for size in sizes])
    for ax, name in zip(axes[0], factors, strict=True):
        rows = effects[effects["factor"] == name].reset_index()
        for x, level in enumerate(rows["level"]):
            cells = 100 * table.loc[table[name].map(str) == level, "uar"]
            ax.plot([x - BESIDE] * len(cells), cells, "o", color=GREY, markersize=4, alpha=0.5)
        ax.errorbar(rows.index, 100 * rows["uar"], 100 * rows["uar_sd"], fmt="s", color=BLUE, capsize=4)
        best = rows.index[rows["level"] == str(table[name][0])]
        ax.plot(best - BESIDE, [100 * table["uar"][0]] * len(best), "*", color=ORANGE, markersize=11)
        ax.set_xticks(rows.index, rows["level"].str.replace("_", "\n"))
        ax.set(xlabel=name.replace("_", " "), xlim=(-0.6, len(rows) - 0.4))
        tidy(ax, grid="y")
    axes[0, 0].set_ylabel("UAR of validation people (%)")
    dots = [(GREY, "o", "one cell"), (BLUE, "s", "mean ± sd of the cells"), (ORANGE, "*", "best cell")]
    legend_below(figure, [Line2D([], [], color=c, marker=m, linestyle="", label=t) for c, m, t in dots])
    return figure
