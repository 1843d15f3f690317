"""Personal calibration: each person before and after."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from emolib.plots.style import BLUE, GREY, VERMILLION, Picture, legend_below, picture, shorten, tidy


def calibrated(table: pd.DataFrame) -> Picture:
    """UAR of each person without and with a baseline, and by all of the person's windows.

    Columns arm (none, baseline, subject; others are not drawn), subject, uar in [0, 1].
    """
    uar = 100 * table.pivot(index="subject", columns="arm", values="uar")
    uar["gain"] = (uar["baseline"] - uar["none"]).round(6)
    uar = uar.sort_values(["gain", "none"], kind="stable")
    figure, axes = picture(4.2)
    ax, x = axes[0, 0], np.arange(len(uar))
    colour = np.where(uar["gain"] < 0, VERMILLION, BLUE)
    ax.plot(x, uar["subject"], "_", color=GREY, markersize=14, markeredgewidth=2)
    ax.vlines(x, uar["none"], uar["baseline"], color=colour, linewidth=1.6)
    ax.scatter(x, uar["none"], s=42, facecolor="white", edgecolor=colour, zorder=3)
    ax.scatter(x, uar["baseline"], s=42, color=colour, zorder=4)
    names = [shorten(name, 16) for name in uar.index]
    ax.set_xticks(x, names, rotation=90 if sum(map(len, names)) > 90 else 0)
    ax.set(xlabel="person, sorted by what the baseline changes", ylabel="UAR of a person (%)", ylim=(-3, 103))
    ax.margins(x=0.02)
    tidy(ax, grid="y")
    legend_below(figure, _handles(), n_cols=3)
    return figure


def _handles() -> list[Line2D]:
    def dot(face: str, edge: str, label: str) -> Line2D:
        return Line2D(
            [], [], marker="o", linestyle="", markerfacecolor=face, markeredgecolor=edge, label=label
        )

    return [
        dot("white", BLUE, "no calibration"),
        dot(BLUE, BLUE, "baseline"),
        Line2D(
            [],
            [],
            marker="_",
            linestyle="",
            color=GREY,
            markersize=14,
            markeredgewidth=2,
            label="all of the person's windows",
        ),
        Line2D([], [], color=BLUE, label="no worse with the baseline"),
        Line2D([], [], color=VERMILLION, label="worse with it"),
    ]
