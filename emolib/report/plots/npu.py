"""A model on an NPU by its compiler's model, and how two sets of int8 kernels part."""

import pandas as pd
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from emolib.report.plots.style import BLUE, ORANGE, Picture, legend_below, name_rows, picture, tidy

PANELS = {
    "latency_ms": "latency of one window (ms)",
    "sram_kb": "SRAM (kB)",
    "flash_kb": "flash (kB)",
    "npu_percent": "operators on the NPU (%)",
}


def vela(table: pd.DataFrame) -> Picture:
    """One bar per accelerator; columns accelerator, modelled_by, latency_ms, sram_kb, flash_kb, npu_percent."""
    figure, axes = picture(1.6 + 0.36 * len(table), 1, 4, sharey=True)
    whole = table.npu_percent == 100
    for ax, (column, label) in zip(axes[0], PANELS.items(), strict=True):
        colour = [BLUE if each else ORANGE for each in whole]
        bars = ax.barh(range(len(table)), table[column], color=colour, height=0.6)
        ax.bar_label(bars, [f"{value:.3g}" for value in table[column]], padding=3, fontsize=9)
        ax.set(xlabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.margins(x=0.35)
        tidy(ax, grid="x")
    name_rows(axes[0, 0], list(table.accelerator))
    handles = {True: Patch(color=BLUE, label="all operators on the NPU")}
    handles[False] = Patch(color=ORANGE, label="some stay on the CPU: a lower bound of the latency")
    legend_below(figure, [handles[each] for each in (True, False) if (whole == each).any()])
    figure.suptitle(f"Modelled by {table.modelled_by.iloc[0]}, not measured")
    return figure


def rounding(table: pd.DataFrame) -> Picture:
    """Difference of two sets of kernels by operator; columns index, operator, alone_lsb, grown_lsb."""
    figure, axes = picture(3.4)
    ax = axes[0, 0]
    for column, colour, marker, label in (
        ("grown_lsb", BLUE, "o", "each set reads what it computed itself"),
        ("alone_lsb", ORANGE, "s", "both sets read the same input"),
    ):
        ax.plot(table["index"], table[column], color=colour, marker=marker, markersize=5, label=label)
    ax.set_xticks(table["index"], [name.replace("_", " ").lower() for name in table.operator], rotation=60)
    for text in ax.get_xticklabels():
        text.set(ha="right", rotation_mode="anchor", fontsize=8)
    ax.set(ylabel="largest difference (LSB)")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(ax, grid="y")
    legend_below(figure, ax.get_legend_handles_labels()[0])
    return figure
