"""Fusion: modalities, rules and networks beside each other, how sure their order is, and what is left when a modality is not."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from emolib.report.plots import style

KINDS = {
    "single": (style.GREY, "s", "one modality"),
    "fused": (style.BLUE, "o", "fused"),
    "network": (style.ORANGE, "D", "one network of several modalities"),
    "alone": (style.BLACK, "D", "one branch alone"),
}
RANK_ROWS = 0.9  # distance of the first method's name from the rank axis
GROUP_ROWS = 0.32  # distance between bars
WHOLE = "nothing missing"  # the condition in which nothing is gone or bad


def fusion(table: pd.DataFrame) -> style.Picture:
    """UAR of modalities, fusion rules and networks; columns method, uar, uar_low, uar_high in [0, 1], kind (of KINDS)."""
    order = table["kind"].map(list(KINDS).index)
    table = table.assign(order=order).sort_values(["order", "uar"], ascending=[True, False], kind="stable")
    best = table[table["kind"] == "single"].iloc[0]
    figure, ax = style.panel(1.5 + 0.32 * len(table))
    line = ax.axvline(100 * best["uar"], color=style.VERMILLION, linestyle="--", linewidth=1.2)
    line.set_label(f"best single modality: {best['method']}, {100 * best['uar']:.1f} %")
    for y, (_, row) in enumerate(table.iterrows()):
        colour, marker, _ = KINDS[row["kind"]]
        style.with_interval(ax, y, 100 * row[["uar", "uar_low", "uar_high"]], colour, marker, 7, 2)
        style.beside(ax, y, f"{100 * row['uar']:.1f}")
    style.name_rows(ax, table["method"])
    ax.set(xlabel="UAR, 95 % interval over subjects (%)")
    style.tidy(ax, grid="x")
    handles = [style.sign(*KINDS[kind], "-") for kind in dict.fromkeys(table["kind"])]
    return style.with_legend(figure, [*handles, line])


def weights(table: pd.DataFrame) -> style.Picture:
    """Fusion weight of each modality, a dot per fold and their mean; columns fold, modality, weight, rule."""
    rules, modalities = table.groupby("rule", sort=False), list(dict.fromkeys(table["modality"]))
    figure, axes = style.picture(3.2, 1, len(rules), sharey=True)
    for ax, (rule, of_rule) in zip(axes[0], rules, strict=True):
        for x, (_, values) in enumerate(of_rule.groupby("modality", sort=False)["weight"]):
            places = [x + shift for shift in style.offsets(values.index, 0.5).values()]
            ax.plot(places, values, "o", color=style.BLUE, markersize=4, alpha=0.6)
            ax.hlines(values.mean(), x - 0.35, x + 0.35, color=style.ORANGE, linewidth=2.5)
        turned = sum(map(len, modalities)) * len(rules) > 70
        ax.set_xticks(range(len(modalities)), modalities, rotation=30 if turned else 0)
        ax.set(title=style.shorten(rule, 60 // len(rules)), xlim=(-0.6, len(modalities) - 0.4))
        style.tidy(ax, grid="y")
    axes[0, 0].set(ylabel="weight")
    axes[0, 0].set_ylim(bottom=min(0.0, 1.1 * table["weight"].min()))
    fold = style.sign(style.BLUE, "o", "one fold", markersize=4)
    mean = style.sign(style.ORANGE, None, "mean of the folds", "-", linewidth=2.5)
    return style.with_legend(figure, [fold, mean])


def redrawn(draws: pd.DataFrame, reference: pd.DataFrame, label: str) -> style.Picture:
    """UAR and gain of every rule in many pairings of its trials, beside `reference`, which `label` names; both have
    columns method, kind, uar in [0, 1], points."""
    figure, axes = style.picture(1.5 + 0.34 * len(reference), 1, 2, sharey=True)
    measures = (("uar", 100, "UAR (%)"), ("points", 1, "gain over the best single modality (points)"))
    for ax, (column, scale, title) in zip(axes[0], measures, strict=True):
        for y, row in enumerate(reference.to_dict("records")):
            if column == "uar" or row["kind"] == "fused":
                _strip(ax, scale * draws.loc[draws["method"] == row["method"], column].to_numpy(), y)
                own = {"color": style.ORANGE, "markeredgecolor": style.BLACK}
                ax.plot(scale * row[column], y, "D", markersize=7, **own)
        ax.set(xlabel=title)
        style.tidy(ax, grid="x")
    axes[0, 1].axvline(0, color=style.GREY, linewidth=1.2)
    style.name_rows(axes[0, 0], reference["method"])
    dot = style.sign(style.BLUE, "o", "one pairing", markersize=4)
    box = style.sign(style.BLACK, None, "quartiles and median", "-", linewidth=1.4)
    own = style.sign(style.ORANGE, "D", label, markeredgecolor=style.BLACK)
    return style.with_legend(figure, [dot, box, own])


def _strip(ax: Axes, values: np.ndarray, y: float):
    """Dots spread about the row y, and a box of their quartiles."""
    places = y + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
    ax.plot(values, places, "o", color=style.BLUE, markersize=3.5, alpha=0.45, markeredgewidth=0)
    ax.boxplot(
        values, positions=[y], orientation="horizontal", widths=0.55, manage_ticks=False, showfliers=False,
        showcaps=False, whis=(25, 75), medianprops={"color": style.BLACK, "linewidth": 2.2}, zorder=3,
    )  # fmt: skip


def forest(table: pd.DataFrame) -> style.Picture:
    """Gain of each rule over the best single modality; columns method, best_single, points, …_low, …_high."""
    figure, ax = style.panel(1.3 + 0.34 * len(table))
    ax.axvline(0, color=style.VERMILLION, linestyle="--", linewidth=1.2)
    for y, row in enumerate(table.itertuples()):
        numbers = row.points, row.points_low, row.points_high
        style.with_interval(ax, y, numbers, style.BLUE, "s", 7, 2)
        style.beside(ax, y, "{:.1f} ({:.1f} to {:.1f})".format(*numbers))
    style.name_rows(ax, table["method"])
    best = " or ".join(dict.fromkeys(table["best_single"]))
    ax.set(xlabel=f"gain over {best}, the best single modality: UAR points, 95 % interval over subjects")
    style.tidy(ax, grid="x")
    return figure


def critical_difference(ranks: pd.Series, cd: float, groups: Sequence[Sequence[str]]) -> style.Picture:
    """Mean ranks (n_methods,) on an axis from best to worst; a bar joins methods that do not differ (Demšar 2006,
    figure 1). `cd` and `groups` as a Comparison has them."""
    ranks, n = ranks.sort_values(kind="stable"), len(ranks)
    n_left = (n + 1) // 2
    first_row = RANK_ROWS + GROUP_ROWS * len(groups)
    figure, ax = style.panel(1.1 + 0.3 * (first_row + n_left))
    ax.set(xlim=(1 - 0.32 * (n - 1), n + 0.32 * (n - 1)), ylim=(first_row + n_left - 0.4, -1.9))
    _rank_axis(ax, n, cd)
    for i, (name, rank) in enumerate(ranks.items()):  # a line from the mean rank down to the name at one side
        name, is_left = style.shorten(name, 24), i < n_left
        y, end, gap = (i, 1 - 0.05 * n, -0.04) if is_left else (n - 1 - i, n * 1.05, 0.04)
        text, side = (f"{name}  {rank:.2f}", "right") if is_left else (f"{rank:.2f}  {name}", "left")
        ax.plot([rank, rank, end], [0, first_row + y, first_row + y], color=style.BLUE, linewidth=1.1)
        ax.text(end + gap, first_row + y, text, ha=side, va="center", fontsize=9)
    for i, group in enumerate(groups):
        ends = ranks[list(group)].agg(["min", "max"]) + np.array([-0.06, 0.06])
        bar = {"linewidth": 4.5, "solid_capstyle": "butt", "zorder": 3}
        ax.plot(ends, [0.45 + GROUP_ROWS * i] * 2, color=style.ORANGE, **bar)
    return figure


def _rank_axis(ax: Axes, n_methods: int, cd: float):
    ax.axis("off")
    ax.plot([1, n_methods], [0, 0], color=style.BLACK, linewidth=1.2)
    for rank in range(1, n_methods + 1):
        ax.plot([rank, rank], [-0.15, 0], color=style.BLACK, linewidth=1.2)
        ax.text(rank, -0.25, str(rank), ha="center", va="bottom", fontsize=9)
    ax.text(1, -0.9, "mean rank, 1 is best", ha="left", va="bottom", fontsize=9)
    if np.isfinite(cd):
        middle, text = n_methods - cd / 2, f"critical difference {cd:.2f}"
        ax.errorbar(middle, -1.2, xerr=cd / 2, color=style.ORANGE, capsize=5, linewidth=2)
        ax.text(middle, -1.35, text, ha="center", va="bottom", fontsize=9)


def _bad(table: pd.DataFrame) -> list[str]:
    """The modalities that are bad in some rows; "" or, from a file, NaN is none."""
    return [name for name in table["bad"].dropna().unique() if name]


def _fused(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and marker of each fused method."""
    return style.colours(table.loc[table["kind"] == "fused", "method"])


def snr_curves(table: pd.DataFrame) -> style.Picture:
    """UAR against SNR, a panel per noisy modality; columns condition, bad, snr_db, method, kind, best_single, uar. "none"
    at the left is the condition "nothing missing"."""
    bad, styles = _bad(table), _fused(table)
    table = table.sort_values("snr_db", ascending=False, na_position="first")
    snrs = table["snr_db"].dropna().unique()
    n_cols = 2 if len(bad) > 1 else 1
    n_rows = max(1, -(-len(bad) // n_cols))
    figure, axes = style.picture(1.2 + 2.7 * n_rows, n_rows, n_cols, sharex=True, sharey=True)
    for ax, name in zip(axes.flat, bad, strict=False):
        rows = table[(table["bad"] == name) | (table["condition"] == WHOLE)]
        uar = 100 * rows.set_index("method")["uar"]
        ax.plot(uar[name].to_numpy(), color=style.GREY, linestyle="--", linewidth=1.4)
        best = uar[(rows["method"] == rows["best_single"]).to_numpy()]
        ax.plot(best.to_numpy(), color=style.VERMILLION, linestyle=":", linewidth=1.4)
        for method, (colour, marker) in styles.items():
            ax.plot(uar[method].to_numpy(), color=colour, marker=marker, markersize=5, linewidth=1.5)
        ax.set_title(f"noise on {name}", fontsize=11)
        ax.set_xticks(range(len(snrs) + 1), ["none", *(f"{snr:g}" for snr in snrs)])
        style.tidy(ax, grid="y")
    for ax in axes.flat[len(bad) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("signal-to-noise ratio (dB)")
    for ax in axes[:, 0]:
        ax.set_ylabel("UAR (%)")
    alone = style.sign(style.GREY, None, "the noisy modality alone", "--")
    best = style.sign(style.VERMILLION, None, "the best single modality", ":")
    return style.with_legend(figure, [*style.signs(styles, "-"), alone, best], n_cols=4)


def subsets(table: pd.DataFrame) -> style.Picture:
    """UAR of each fused method and the best single one by what is left, best condition first; columns condition, method,
    kind, best_single, uar."""
    fused, styles = table[table["kind"] == "fused"], _fused(table)
    order = fused.groupby("condition")["uar"].mean().sort_values(ascending=False, kind="stable").index
    figure, ax = style.panel(1.4 + 0.34 * len(order))
    style.stripes(ax, len(order))
    best = table[table["method"] == table["best_single"]]
    places = order.get_indexer(best["condition"])
    ax.plot(100 * best["uar"], places, "|", color=style.VERMILLION, markersize=18, markeredgewidth=2)
    for method, shift in style.offsets(styles, 0.5).items():
        rows, (colour, marker) = fused[fused["method"] == method], styles[method]
        places = order.get_indexer(rows["condition"]) + shift
        ax.plot(100 * rows["uar"], places, marker, color=colour, markersize=5)
    style.name_rows(ax, order)
    ax.set(xlabel="UAR (%)")
    style.tidy(ax, grid="x")
    mark = style.sign(style.VERMILLION, "|", "best single modality left", markersize=12, markeredgewidth=2)
    return style.with_legend(figure, [*style.signs(styles), mark], n_cols=6)


def mid_stream(table: pd.DataFrame) -> style.Picture:
    """UAR before and after one modality is lost in mid-stream, a panel per modality, pale with nothing lost; columns
    condition, bad, part (before | after), method, kind, uar, uar_low, uar_high."""
    bad, styles = _bad(table), _fused(table)
    figure, axes = style.picture(3.8, 1, len(bad), sharey=True)
    fused, shift = table[table["kind"] == "fused"], style.offsets(styles, 0.34)
    whole = 100 * fused[fused["condition"] == WHOLE].set_index(["method", "part"])["uar"]
    for ax, name in zip(axes[0], bad, strict=True):
        lost = 100 * fused[fused["bad"] == name].set_index("method")[["uar", "uar_low", "uar_high"]]
        for method, (colour, marker) in styles.items():
            x = np.array([0, 1]) + shift[method]
            before, kept, after = whole[method, "before"], whole[method, "after"], lost["uar"][method]
            ax.plot([x[1], x[1]], lost.loc[method, ["uar_low", "uar_high"]], color=colour, linewidth=1, alpha=0.5)
            ax.plot(x, [before, after], color=colour, marker=marker, markersize=5, linewidth=1.4)
            ax.plot(x, [before, kept], color=colour, linewidth=0.8, alpha=0.4)
            ax.plot(x[1], kept, marker, markersize=6, markeredgecolor=colour, color="none")
        ax.set_xticks([0, 1], ["before", "after"])
        ax.set_title(f"{name} lost", fontsize=11)
        ax.set_xlim(-0.35, 1.35)
        style.tidy(ax, grid="y")
    axes[0, 0].set_ylabel("UAR (%)")
    hollow = style.sign("none", "o", "after, with nothing lost", "-", markeredgecolor=style.GREY)
    return style.with_legend(figure, [*style.signs(styles, "-"), hollow], n_cols=6)
