"""Modalities, fusion rules and other methods beside each other, and how sure their order is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emolib.report.plots.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    Picture,
    legend_below,
    name_rows,
    offsets,
    picture,
    shorten,
    tidy,
)

KINDS = {
    "single": (GREY, "s", "one modality"),
    "fused": (BLUE, "o", "fused"),
    "network": (ORANGE, "D", "one network of several modalities"),
    "alone": (BLACK, "D", "one branch alone"),
}
RANK_ROWS = 0.9  # distance of the first method's name from the rank axis
GROUP_ROWS = 0.32  # distance between bars


def fusion(table: pd.DataFrame) -> Picture:
    """UAR of modalities, fusion rules and networks; columns rule, uar, uar_low, uar_high in [0, 1], kind (of KINDS)."""
    order = table["kind"].map({kind: i for i, kind in enumerate(KINDS)})
    table = table.assign(order=order).sort_values(["order", "uar"], ascending=[True, False], kind="stable")
    best = table[table["kind"] == "single"].iloc[0]
    figure, axes = picture(1.5 + 0.32 * len(table))
    ax = axes[0, 0]
    line = ax.axvline(100 * best["uar"], color=VERMILLION, linestyle="--", linewidth=1.2)
    line.set_label(f"best single modality: {best['rule']}, {100 * best['uar']:.1f} %")
    for y, (_, row) in enumerate(table.iterrows()):
        colour, marker, _ = KINDS[row["kind"]]
        ax.plot([100 * row["uar_low"], 100 * row["uar_high"]], [y, y], color=colour, linewidth=2)
        ax.plot(100 * row["uar"], y, marker, color=colour, markersize=7)
        value = f"{100 * row['uar']:.1f}"
        ax.annotate(value, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    name_rows(ax, list(table["rule"]))
    ax.set(xlabel="UAR, 95 % interval over subjects (%)")
    tidy(ax, grid="x")
    shown = [KINDS[kind] for kind in dict.fromkeys(table["kind"])]
    handles = [Line2D([], [], color=colour, marker=marker, label=label) for colour, marker, label in shown]
    legend_below(figure, [*handles, line])
    return figure


def weights(table: pd.DataFrame) -> Picture:
    """Fusion weight of each modality, a dot per fold and their mean; columns fold, modality, weight, rule."""
    rules, modalities = list(dict.fromkeys(table["rule"])), list(dict.fromkeys(table["modality"]))
    figure, axes = picture(3.2, 1, len(rules), sharey=True)
    for ax, rule in zip(axes[0], rules, strict=True):
        for x, modality in enumerate(modalities):
            values = table.loc[(table["rule"] == rule) & (table["modality"] == modality), "weight"]
            ax.plot(x + offsets(len(values), 0.5), values, "o", color=BLUE, markersize=4, alpha=0.6)
            ax.hlines(values.mean(), x - 0.35, x + 0.35, color=ORANGE, linewidth=2.5)
        turned = sum(map(len, modalities)) * len(rules) > 70
        ax.set_xticks(range(len(modalities)), modalities, rotation=30 if turned else 0)
        ax.set(title=shorten(rule, 60 // len(rules)), xlim=(-0.6, len(modalities) - 0.4))
        tidy(ax, grid="y")
    axes[0, 0].set(ylabel="weight")
    axes[0, 0].set_ylim(bottom=min(0.0, 1.1 * table["weight"].min()))
    fold = Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label="one fold")
    legend_below(figure, [fold, Line2D([], [], color=ORANGE, linewidth=2.5, label="mean of the folds")])
    return figure


def repaired(draws: pd.DataFrame, reference: pd.DataFrame, label: str) -> Picture:
    """UAR and gain of every rule in many pairings of its trials, beside `reference`, which `label` names.

    Both have columns rule, kind, uar in [0, 1], gain_points; draws have many rows a rule, or none.
    """
    figure, axes = picture(1.5 + 0.34 * len(reference), 1, 2, sharey=True)
    measures = (("uar", 100, "UAR (%)"), ("gain_points", 1, "gain over the best single modality (points)"))
    for ax, (column, scale, title) in zip(axes[0], measures, strict=True):
        shown = reference if column == "uar" else reference[reference["kind"] == "fused"]
        for y, row in enumerate(reference.itertuples()):
            if row.rule in set(shown["rule"]):
                _strip(ax, scale * draws.loc[draws["rule"] == row.rule, column].to_numpy(), y)
                ax.plot(
                    scale * getattr(row, column), y, "D", color=ORANGE, markeredgecolor=BLACK, markersize=7
                )
        ax.set(xlabel=title)
        tidy(ax, grid="x")
    axes[0, 1].axvline(0, color=GREY, linewidth=1.2)
    name_rows(axes[0, 0], list(reference["rule"]))
    dot = Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label="one pairing")
    box = Line2D([], [], color=BLACK, linewidth=1.4, label="quartiles and median")
    own = Line2D([], [], color=ORANGE, markeredgecolor=BLACK, marker="D", linestyle="", label=label)
    legend_below(figure, [dot, box, own])
    return figure


def _strip(ax: Axes, values: np.ndarray, y: float):
    """Dots spread about the row y, and a box of their quartiles."""
    if not len(values):
        return
    places = y + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
    ax.plot(values, places, "o", color=BLUE, markersize=3.5, alpha=0.45, markeredgewidth=0)
    ax.boxplot(
        values, positions=[y], orientation="horizontal", widths=0.55, manage_ticks=False, showfliers=False,
        showcaps=False, whis=(25, 75), medianprops={"color": BLACK, "linewidth": 2.2}, zorder=3,
    )  # fmt: skip


def forest(table: pd.DataFrame) -> Picture:
    """Gain of each rule over the best single modality; columns rule, best_single, gain_points, …_low, …_high."""
    figure, axes = picture(1.3 + 0.34 * len(table))
    ax = axes[0, 0]
    ax.axvline(0, color=VERMILLION, linestyle="--", linewidth=1.2)
    for y, row in enumerate(table.itertuples()):
        ends = (row.gain_points_low, row.gain_points_high)
        ax.plot(ends, [y, y], color=BLUE, linewidth=2)
        ax.plot(row.gain_points, y, "s", color=BLUE, markersize=7)
        value = f"{row.gain_points:.1f} ({ends[0]:.1f} to {ends[1]:.1f})"
        ax.annotate(value, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    name_rows(ax, list(table["rule"]))
    best = " or ".join(dict.fromkeys(table["best_single"]))
    ax.set(xlabel=f"gain over {best}, the best single modality: UAR points, 95 % interval over subjects")
    tidy(ax, grid="x")
    return figure


def critical_difference(ranks: pd.Series, cd: float, groups: Sequence[Sequence[str]]) -> Picture:
    """Mean ranks (n_methods,) on an axis from best to worst; a bar joins methods that do not differ.

    cd: the critical difference, NaN where there was no test; groups as `Comparison.groups` gives them. After
    Demšar 2006, figure 1.
    """
    ranks = ranks.sort_values(kind="stable")
    n_left = (len(ranks) + 1) // 2
    first_row = RANK_ROWS + GROUP_ROWS * len(groups)
    figure, axes = picture(1.1 + 0.3 * (first_row + n_left))
    ax = axes[0, 0]
    ax.set(xlim=(1 - 0.32 * (len(ranks) - 1), len(ranks) + 0.32 * (len(ranks) - 1)))
    ax.set(ylim=(first_row + n_left - 0.4, -1.9))
    _rank_axis(ax, len(ranks), cd)
    for i, (name, rank) in enumerate(ranks.items()):
        is_left = i < n_left
        _leader(ax, name, rank, first_row + (i if is_left else len(ranks) - 1 - i), is_left, len(ranks))
    for i, group in enumerate(groups):
        ends = ranks[list(group)].agg(["min", "max"]) + np.array([-0.06, 0.06])
        ax.plot(
            ends, [0.45 + GROUP_ROWS * i] * 2, color=ORANGE, linewidth=4.5, solid_capstyle="butt", zorder=3
        )
    return figure


def _rank_axis(ax: Axes, n_methods: int, cd: float):
    ax.axis("off")
    ax.plot([1, n_methods], [0, 0], color=BLACK, linewidth=1.2)
    for rank in range(1, n_methods + 1):
        ax.plot([rank, rank], [-0.15, 0], color=BLACK, linewidth=1.2)
        ax.text(rank, -0.25, str(rank), ha="center", va="bottom", fontsize=9)
    ax.text(1, -0.9, "mean rank, 1 is best", ha="left", va="bottom", fontsize=9)
    if np.isfinite(cd):
        ax.errorbar(n_methods - cd / 2, -1.2, xerr=cd / 2, color=ORANGE, capsize=5, linewidth=2)
        ax.text(
            n_methods - cd / 2, -1.35, f"critical difference {cd:.2f}", ha="center", va="bottom", fontsize=9
        )


def _leader(ax: Axes, name: str, rank: float, y: float, is_left: bool, n_methods: int):
    """A line from a method's mean rank down to its name at one side."""
    end, side = (1 - 0.05 * n_methods, "right") if is_left else (n_methods * 1.05, "left")
    ax.plot([rank, rank, end], [0, y, y], color=BLUE, linewidth=1.1)
    text = f"{shorten(name, 24)}  {rank:.2f}" if is_left else f"{rank:.2f}  {shorten(name, 24)}"
    gap = -0.04 if is_left else 0.04
    ax.text(end + gap, y, text, ha=side, va="center", fontsize=9)
