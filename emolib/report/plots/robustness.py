"""What is left when modalities go missing or bad: UAR by noise, by subset and in mid-stream."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emolib.report.plots.style import (
    GREY,
    VERMILLION,
    Picture,
    colours,
    legend_below,
    name_rows,
    offsets,
    picture,
    tidy,
)

ALL = "all"  # the condition in which nothing is gone or bad


def _bad(table: pd.DataFrame) -> list[str]:
    """The modalities that are bad in some rows; "" or, from a file, NaN is none."""
    return [name for name in dict.fromkeys(table["bad"].dropna()) if name]


def _fused(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and marker of each fused method."""
    return colours(table.loc[table["kind"] == "fused", "method"])


def snr_curves(table: pd.DataFrame) -> Picture:
    """UAR against SNR, a panel per noisy modality; columns condition, bad, snr_db, method, kind, best_single, uar.

    The condition "all" is drawn as "none" at the left; the noisy modality alone is a dashed line, the best
    single modality a dotted one.
    """
    bad = _bad(table)
    snrs = sorted(table["snr_db"].dropna().unique(), reverse=True)
    n_cols = 2 if len(bad) > 1 else 1
    n_rows = max(1, -(-len(bad) // n_cols))
    figure, axes = picture(1.2 + 2.7 * n_rows, n_rows, n_cols, sharex=True, sharey=True)
    styles = _fused(table)
    for ax, name in zip(axes.flat, bad, strict=False):
        rows = table[(table["bad"] == name) | (table["condition"] == ALL)]
        _curves(ax, rows, name, styles)
        ax.set_title(f"noise on {name}", fontsize=11)
        ax.set_xticks(range(len(snrs) + 1), ["none", *(f"{snr:g}" for snr in snrs)])
        tidy(ax, grid="y")
    for ax in axes.flat[len(bad) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("signal-to-noise ratio (dB)")
    for ax in axes[:, 0]:
        ax.set_ylabel("UAR (%)")
    lines = [
        Line2D([], [], color=GREY, linestyle="--", label="the noisy modality alone"),
        Line2D([], [], color=VERMILLION, linestyle=":", label="the best single modality"),
    ]
    legend_below(figure, _handles(styles, "-") + lines, n_cols=4)
    return figure


def _curves(ax: Axes, rows: pd.DataFrame, bad: str, styles: dict[str, tuple[str, str]]):
    """UAR of each method from no noise to most; rows of one noisy modality and of "all"."""

    def values(of: pd.DataFrame) -> np.ndarray:
        return 100 * of.sort_values("snr_db", ascending=False, na_position="first")["uar"].to_numpy()

    alone, best = values(rows[rows["method"] == bad]), values(rows[rows["method"] == rows["best_single"]])
    ax.plot(alone, color=GREY, linestyle="--", linewidth=1.4)
    ax.plot(best, color=VERMILLION, linestyle=":", linewidth=1.4)
    for method, (colour, marker) in styles.items():
        ax.plot(
            values(rows[rows["method"] == method]), color=colour, marker=marker, markersize=5, linewidth=1.5
        )


def subsets(table: pd.DataFrame) -> Picture:
    """UAR of each method by what is left, a row per condition; columns condition, method, kind, best_single, uar.

    Rows are sorted by the mean of the fused methods; of the single modalities only the best one left is drawn.
    """
    fused = table[table["kind"] == "fused"]
    order = list(fused.groupby("condition")["uar"].mean().sort_values(ascending=False, kind="stable").index)
    styles = _fused(table)
    shift = dict(zip(styles, offsets(len(styles), 0.5), strict=True))
    figure, axes = picture(1.4 + 0.34 * len(order))
    ax = axes[0, 0]
    for y in range(0, len(order), 2):
        ax.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", zorder=-1)
    best = table[table["method"] == table["best_single"]]
    places = [order.index(name) for name in best["condition"]]
    ax.plot(100 * best["uar"], places, "|", color=VERMILLION, markersize=18, markeredgewidth=2)
    for method, (colour, marker) in styles.items():
        rows = fused[fused["method"] == method]
        places = [order.index(name) + shift[method] for name in rows["condition"]]
        ax.plot(100 * rows["uar"], places, marker, color=colour, markersize=5)
    name_rows(ax, [name.replace("_", " ").replace("+", " + ") for name in order])
    ax.set(xlabel="UAR (%)")
    tidy(ax, grid="x")
    mark = Line2D([], [], color=VERMILLION, marker="|", linestyle="", markersize=12, markeredgewidth=2)
    mark.set_label("best single modality left")
    legend_below(figure, [*_handles(styles, ""), mark], n_cols=6)
    return figure


def mid_stream(table: pd.DataFrame) -> Picture:
    """UAR before and after one modality is lost in mid-stream, a panel per modality.

    Columns condition, bad, part (before | after), method, kind, uar, uar_low, uar_high; the same trials with
    nothing lost, condition "all", are drawn pale behind.
    """
    bad = _bad(table)
    figure, axes = picture(3.8, 1, len(bad), sharey=True)
    fused, styles = table[table["kind"] == "fused"], _fused(table)
    shift = dict(zip(styles, offsets(len(styles), 0.34), strict=True))
    whole = fused[fused["condition"] == ALL].set_index(["method", "part"])["uar"]
    for ax, name in zip(axes[0], bad, strict=True):
        lost = fused[fused["bad"] == name].set_index("method")
        for method, (colour, marker) in styles.items():
            x = np.array([0, 1]) + shift[method]
            before, after = 100 * whole[method, "before"], 100 * lost.loc[method, "uar"]
            limits = 100 * lost.loc[method, ["uar_low", "uar_high"]].to_numpy(float)
            ax.plot([x[1], x[1]], limits, color=colour, linewidth=1, alpha=0.5)
            ax.plot(x, [before, after], color=colour, marker=marker, markersize=5, linewidth=1.4)
            ax.plot(x, [before, 100 * whole[method, "after"]], color=colour, linewidth=0.8, alpha=0.4)
            ax.plot(
                x[1], 100 * whole[method, "after"], marker, markersize=6, markeredgecolor=colour, color="none"
            )
        ax.set_xticks([0, 1], ["before", "after"])
        ax.set_title(f"{name} lost", fontsize=11)
        ax.set_xlim(-0.35, 1.35)
        tidy(ax, grid="y")
    axes[0, 0].set_ylabel("UAR (%)")
    hollow = Line2D([], [], color="none", marker="o", markeredgecolor=GREY, label="after, with nothing lost")
    legend_below(figure, [*_handles(styles, "-"), hollow], n_cols=6)
    return figure


def _handles(styles: dict[str, tuple[str, str]], line: str) -> list[Line2D]:
    return [Line2D([], [], color=c, marker=m, linestyle=line, label=name) for name, (c, m) in styles.items()]
