"""Each person: before and after calibration, and with one seed and another."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from emolib.report.plots.style import (
    BLUE,
    GREY,
    VERMILLION,
    Picture,
    colours,
    legend_below,
    picture,
    shorten,
    tidy,
)


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
    _people(ax, uar.index, "person, sorted by what the baseline changes")
    legend_below(figure, _handles(), n_cols=3)
    return figure


def repeats(table: pd.DataFrame) -> Picture:
    """UAR of each person with every seed, a colour for each way to normalise, beside one another.

    Columns normalise, seed, subject, uar in [0, 1].
    """
    ways = list(table.normalise.unique())
    order = table[table.normalise == ways[0]].groupby("subject").uar.mean().sort_values(kind="stable").index
    figure, axes = picture(4.2)
    ax = axes[0, 0]
    for k, (way, (colour, marker)) in enumerate(colours(ways).items()):
        uar = (
            100
            * table[table.normalise == way].pivot(index="subject", columns="seed", values="uar").loc[order]
        )
        x = np.arange(len(uar)) + 0.3 * (k - (len(ways) - 1) / 2)
        ax.vlines(x, uar.min(axis=1), uar.max(axis=1), color=colour, linewidth=1.2)
        for seed in uar.columns:
            ax.plot(
                x,
                uar[seed],
                marker,
                color=colour,
                markersize=6,
                label=way if seed == uar.columns[0] else None,
            )
    _people(ax, order, "person, sorted by the mean over seeds")
    legend_below(figure, ax.get_legend_handles_labels()[0], n_cols=len(ways))
    return figure


def _people(ax, names, label: str):
    """A column for each person, and UAR upwards."""
    names = [shorten(str(name), 16) for name in names]
    ax.set_xticks(range(len(names)), names, rotation=90 if sum(map(len, names)) > 90 else 0)
    ax.set(xlabel=label, ylabel="UAR of a person (%)", ylim=(-3, 103))
    ax.margins(x=0.02)
    tidy(ax, grid="y")


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
