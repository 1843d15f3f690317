"""Training options, ranges, bits and kernels: what each way of compression changes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from emolib.report.plots import style

BESIDE = 0.22  # of the distance between two levels: cells are drawn left of their mean
SIZES = (9, 13, 11, 7)  # of markers, so that equal choices of bits stay visible over each other
BITS = {4: (style.ORANGE, -0.2), 8: (style.BLUE, 0.2)}


def main_effects(effects: pd.DataFrame, table: pd.DataFrame) -> style.Picture:
    """Validation UAR by level, a panel per factor: mean ± sd over cells, every cell behind it, the best cell; columns
    factor, level, uar, uar_sd. `table`: a row per cell, best first, with the factors and uar."""
    factors = effects.groupby("factor", sort=False)
    figure, axes = style.picture(3.6, 1, len(factors), sharey=True, width_ratios=list(factors.size() + 1))
    for ax, (name, rows) in zip(axes[0], factors, strict=True):
        rows = rows.reset_index()
        for x, level in enumerate(rows["level"]):
            cells = 100 * table.loc[table[name].map(str) == level, "uar"]
            ax.plot([x - BESIDE] * len(cells), cells, "o", color=style.GREY, markersize=4, alpha=0.5)
        ax.errorbar(rows.index, 100 * rows["uar"], 100 * rows["uar_sd"], fmt="s", color=style.BLUE, capsize=4)
        best = rows.index[rows["level"] == str(table[name][0])]
        ax.plot(best - BESIDE, [100 * table["uar"][0]] * len(best), "*", color=style.ORANGE, markersize=11)
        ax.set_xticks(rows.index, rows["level"].str.replace("_", "\n"))
        ax.set(xlabel=name.replace("_", " "), xlim=(-0.6, len(rows) - 0.4))
        style.tidy(ax, grid="y")
    axes[0, 0].set_ylabel("UAR of validation people (%)")
    cell = style.sign(style.GREY, "o", "one cell")
    mean = style.sign(style.BLUE, "s", "mean ± sd of the cells")
    return style.with_legend(figure, [cell, mean, style.sign(style.ORANGE, "*", "best cell")])


def _layer(name: str) -> str:
    """A tensor's name for an axis; TensorFlow's names of a network's two ends become "output" and "input"."""
    ends = {"PartitionedCall": "output", "serving_default": "input"}
    return next((short for long, short in ends.items() if name.startswith(long)), name)


def ranges(values: np.ndarray, limits: Mapping[str, tuple[float, float]], tensor: str) -> style.Picture:
    """Histogram of one tensor's values on the calibration windows, and where each method cuts it."""
    figure, ax = style.panel(3.4)
    ax.hist(np.ravel(values), bins=100, log=True, color=style.GREY)
    styles = style.colours(limits)
    for method, (colour, _) in styles.items():
        for end in {*limits[method]} - {0.0}:
            ax.axvline(end, color=colour, linewidth=1.8)
    ax.set(xlabel=f"activation of {_layer(tensor)}", ylabel="values (log scale)")
    style.tidy(ax)
    return style.with_legend(figure, [style.sign(colour, None, name, "-") for name, (colour, _) in styles.items()])


def sqnr(table: pd.DataFrame) -> style.Picture:
    """Signal to quantization noise and clipped share; columns tensor, method, sqnr_db, clipped in [0, 1]."""
    tensors, styles = list(dict.fromkeys(table["tensor"])), style.colours(table["method"])
    figure, axes = style.picture(1.4 + 0.3 * len(tensors), 1, 2, sharey=True)
    y = table["tensor"].map(tensors.index) + table["method"].map(style.offsets(styles))
    panels = ("sqnr_db", 1, "signal to quantization noise (dB)"), ("clipped", 100, "clipped values (%)")
    for ax, (column, scale, label) in zip(axes[0], panels, strict=True):
        for method, (colour, marker) in styles.items():
            rows = table["method"] == method
            ax.plot(scale * table[column][rows], y[rows], marker, color=colour, markersize=5)
        ax.set(xlabel=label)
        style.tidy(ax)
    style.name_rows(axes[0, 0], map(_layer, tensors))
    return style.with_legend(figure, style.signs(styles))


def points(table: pd.DataFrame, baseline: str, goal: float) -> style.Picture:
    """Points of UAR over the baseline with their paired interval, and a line at the goal; columns variant, points,
    points_low, points_high."""
    table = table[table["variant"] != baseline]
    figure, ax = style.panel(1.2 + 0.28 * len(table))
    ax.axvline(0, color=style.GREY, linewidth=1)
    for y, row in enumerate(table.itertuples()):
        style.with_interval(ax, y, (row.points, row.points_low, row.points_high), style.BLUE)
    ax.axvline(goal, color=style.ORANGE, linestyle="--", label=f"goal: {goal:g} points")
    ax.legend(frameon=False, loc="best")
    style.name_rows(ax, table["variant"])
    ax.set(xlabel=f"points of UAR over {baseline}, 95 % interval over subjects")
    style.tidy(ax)
    return figure


def sensitivity(table: pd.DataFrame) -> style.Picture:
    """Perturbation of each layer at 4 and 8 bits, median and range over folds, and how often 4 bits were chosen; columns
    layer, operator, omega_4, omega_8 (nats), bits."""
    layers = table.groupby("layer", sort=False)
    figure, ax = style.panel(1.6 + 0.42 * len(layers))
    for bits, (colour, shift) in BITS.items():
        folds = layers[f"omega_{bits}"].agg(["min", "median", "max"])
        folds = folds.assign(row=np.arange(len(layers)) + shift)[folds["min"] > 0]
        ax.barh(folds["row"], folds["median"], height=0.36, color=colour)
        ax.hlines(folds["row"], folds["min"], folds["max"], color="black", linewidth=1)
    for row, (_, own) in enumerate(layers):
        is_depthwise = own["operator"].iloc[0] == "DepthwiseConv2D"
        chosen = f"4 bits in {(own['bits'] == 4).sum()} of {len(own)}"
        style.beside(ax, row, "8 bits only" if is_depthwise else chosen)
    style.log_axis(ax, "perturbation of the loss Ω (nats, modelled)")
    style.name_rows(ax, layers.groups)
    style.tidy(ax, grid="x")
    handles = [Patch(color=colour, label=f"{bits} bits") for bits, (colour, _) in BITS.items()]
    return style.with_legend(figure, [*handles, style.sign("black", None, "least to largest fold", "-")])


def pareto(table: pd.DataFrame) -> style.Picture:
    """Measured UAR against packed weights and BOPs; columns pick, kind (variant | random), weight_bytes, bops, uar."""
    figure, axes = style.picture(4.2, 1, 2, sharey=True)
    random, named = (table[table["kind"] == kind] for kind in ("random", "variant"))
    styles = style.colours(named["pick"])
    panels = {"weight_bytes": (1e3, "packed weights in the file (kB)")}
    panels["bops"] = (1e6, "BOPs of one window (millions, 8-bit activations)")
    for ax, (column, (unit, label)) in zip(axes[0], panels.items(), strict=True):
        for size, value, uar, name in zip(SIZES, named[column], named["uar"], named["pick"], strict=True):
            colour, marker = styles[name]
            ax.plot(value / unit, 100 * uar, marker, color=colour, markersize=size)
        ax.plot(random[column] / unit, 100 * random["uar"], ".", color=style.BLACK, markersize=5)
        ax.set(xlabel=label)
        ax.margins(0.08)
        style.tidy(ax)
    axes[0, 0].set(ylabel="UAR on test answers (%)")
    dot = style.sign(style.BLACK, ".", f"random, same budget ({len(random)})")
    return style.with_legend(figure, [*style.signs(styles), dot])


def rounding(table: pd.DataFrame) -> style.Picture:
    """Difference of two sets of kernels by operator; columns index, operator, alone_lsb, grown_lsb."""
    figure, ax = style.panel(3.4)
    shown = {"color": style.BLUE, "marker": "o", "label": "each set reads what it computed itself"}
    ax.plot(table["index"], table["grown_lsb"], markersize=5, **shown)
    shown = {"color": style.ORANGE, "marker": "s", "label": "both sets read the same input"}
    ax.plot(table["index"], table["alone_lsb"], markersize=5, **shown)
    names = table.operator.str.replace("_", " ").str.lower()
    ax.set_xticks(table["index"], names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    ax.set(ylabel="largest difference (LSB)")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    style.tidy(ax, grid="y")
    return style.with_legend(figure, ax)
