"""Where networks see emotions in faces."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from emolib.report.plots.style import BLACK, WIDTH_IN, Picture, colours, legend_below, picture, tidy

HEAT, BRIGHTEST = "inferno", 99  # percentile
BAR = 0.8  # of the distance between two regions: all bars of one


def saliency_maps(faces: Mapping[str, np.ndarray], maps: Mapping[str, Mapping[str, np.ndarray]]) -> Picture:
    """Mean face of each class (h, w), and on it the mean map of each method, by class; a row per class.

    Colours are by method, in times of what every pixel would have if all had the same; the brightest percent
    of its pixels share the last one.
    """
    n_rows, n_cols = len(faces), 1 + len(maps)
    figure, axes = picture(WIDTH_IN / n_cols * n_rows + 0.6, n_rows, n_cols)
    for row, (name, image) in zip(axes, faces.items(), strict=True):
        for ax in row:
            ax.imshow(image, cmap="gray")
            ax.set_xticks([])
            ax.set_yticks([])
        row[0].set_ylabel(name)
    axes[0, 0].set_title("mean face", fontsize=10)
    for column, (method, by_class) in zip(axes.T[1:], maps.items(), strict=True):
        column[0].set_title(method, fontsize=10)
        density = {name: one * one.size / one.sum() for name, one in by_class.items()}
        most = np.percentile(np.stack(list(density.values())), BRIGHTEST)
        for ax, name in zip(column, faces, strict=True):
            if name in density:
                one = density[name]
                ax.imshow(one, cmap=HEAT, vmin=0, vmax=most, alpha=0.85 * np.sqrt(np.minimum(one / most, 1)))
        scale = ScalarMappable(Normalize(0, most), HEAT)
        figure.colorbar(scale, ax=column[-1], location="bottom", label="× even", shrink=0.9, extend="max")
    return figure


def attention(table: pd.DataFrame) -> Picture:
    """Share of a map on each region with its interval, and how many times the region's share of the picture it is.

    Columns method and those of `emolib.studies.saliency.attention`; what lies elsewhere is not drawn.
    """
    table = table[table["region"] != "elsewhere"]
    regions, styles = list(dict.fromkeys(table["region"])), colours(table["method"])
    figure, axes = picture(3.8)
    ax, width = axes[0, 0], BAR / len(styles)
    for k, (method, (colour, _)) in enumerate(styles.items()):
        rows = table[table["method"] == method].set_index("region").loc[regions]
        x = np.arange(len(regions)) + (k - (len(styles) - 1) / 2) * width
        ends = np.stack([rows["share"] - rows["share_low"], rows["share_high"] - rows["share"]])
        error = {"elinewidth": 1, "capsize": 2}
        ax.bar(
            x, 100 * rows["share"], 0.9 * width, color=colour, yerr=100 * ends, error_kw=error, label=method
        )
        ax.hlines(100 * rows["area"], x - width / 2, x + width / 2, color=BLACK, linewidth=2, linestyle=":")
        for at, top, times in zip(
            x, 100 * rows[["share", "share_high"]].max(axis=1), rows["ratio"], strict=True
        ):
            ax.annotate(
                f"{times:.1f}×", (at, top), (0, 2), textcoords="offset points", ha="center", fontsize=8
            )
    ax.set_xticks(range(len(regions)), regions)
    ax.set(ylabel="share of the map (%)")
    tidy(ax, grid="y")
    area = Line2D([], [], color=BLACK, linewidth=2, linestyle=":", label="share of the picture")
    legend_below(figure, [*ax.get_legend_handles_labels()[0], area])
    return figure


def sanity(table: pd.DataFrame) -> Picture:
    """How alike maps stay to the trained network's while its layers lose their weights, from the logits down.

    Columns method, step, layer, spearman, spearman_low, spearman_high, other, as `emolib.studies.saliency.sanity` has them.
    """
    figure, axes = picture(4.4)
    ax, handles = axes[0, 0], []
    for method, (colour, marker) in colours(table["method"]).items():
        rows = table[table["method"] == method]
        ax.fill_between(rows["step"], rows["spearman_low"], rows["spearman_high"], color=colour, alpha=0.2)
        handles += ax.plot(
            [0, *rows["step"]], [1, *rows["spearman"]], f"{marker}-", color=colour, label=method
        )
        ax.plot(rows["step"], rows["other"], ":", color=colour, linewidth=1.2)
    handles.append(
        Line2D([], [], color=BLACK, linestyle=":", linewidth=1.2, label="with another picture's map")
    )
    steps = table.drop_duplicates("step")
    ax.axhline(0, color=BLACK, linewidth=0.8)
    ax.set_xticks([0, *steps["step"]], ["trained", *steps["layer"]], rotation=30, ha="right")
    ax.set(
        ylabel="rank correlation with the trained map",
        xlabel="weights before training, from the logits to this layer",
    )
    tidy(ax, grid="y")
    legend_below(figure, handles)
    return figure
