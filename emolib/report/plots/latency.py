"""Measured latency: variants on each backend, and the hops of a live engine against the clock."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from emolib.report.plots.comparison import height, rows
from emolib.report.plots.style import Picture, colours, legend_below, log_axis, picture, tidy

N_BINS = 25


def latency(table: pd.DataFrame) -> Picture:
    """Median to 99th percentile, a panel per backend, on the fewest threads; columns source, variant, backend, threads,
    p50_us, p95_us, p99_us."""
    table = table[table.threads == table.threads.min()]
    backends = list(dict.fromkeys(table.backend))
    figure, axes = picture(height(table, "variant"), 1, len(backends), sharex=True, sharey=True)
    styles = colours(table.variant)
    for ax, backend in zip(axes[0], backends, strict=True):
        _backend(ax, table, table.backend == backend, styles)
        ax.set_title(backend, fontsize=10)
    for ax in axes[0]:
        log_axis(ax, "µs")
    figure.suptitle(
        "Measured on this computer: dot, median; tick, 95th percentile; end of bar, 99th", fontsize=11
    )
    legend_below(figure, [_handle(name, *style) for name, style in styles.items()])
    return figure


def _backend(ax: Axes, table: pd.DataFrame, shown: pd.Series, styles: dict[str, tuple[str, str]]):
    def draw(row: pd.Series, y: float, colour: str, marker: str):
        if shown[row.name]:
            ax.plot([row.p50_us, row.p99_us], [y, y], color=colour, linewidth=1.4)
            ax.plot(row.p95_us, y, "|", color=colour, markersize=7)
            ax.plot(row.p50_us, y, marker, color=colour, markersize=5)

    rows(ax, table, "variant", draw)


def _handle(name: str, colour: str, marker: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, linestyle="", label=name)


def jitter(hops: pd.DataFrame) -> Picture:
    """How late each hop began and how long it took, over time and as a histogram; columns device, time_s, late_ms,
    step_ms. Empty axes where nothing streamed."""
    styles = colours(hops.device)
    figure, axes = picture(5.0, 2, 2, sharex="col", sharey="row", width_ratios=(3, 1))
    for (over_time, counts), (column, label) in zip(
        axes, (("late_ms", "began late (ms)"), ("step_ms", "step took (ms)")), strict=True
    ):
        edges = np.linspace(0, hops[column].max() if len(hops) else 1, N_BINS)
        for device, (colour, marker) in styles.items():
            found = hops[hops.device == device]
            over_time.plot(found.time_s, found[column], marker, color=colour, markersize=4)
            counts.hist(found[column], edges, orientation="horizontal", color=colour, alpha=0.7)
        over_time.set(ylabel=label)
        over_time.set_ylim(bottom=0)
        for ax in (over_time, counts):
            tidy(ax)
    axes[1, 0].set(xlabel="hop, seconds of the stream")
    axes[1, 1].set(xlabel="hops")
    axes[1, 1].xaxis.set_major_locator(MaxNLocator(3, integer=True))
    figure.suptitle("Measured: hops of a live engine against the clock", fontsize=11)
    if styles:
        legend_below(figure, [_handle(name, *style) for name, style in styles.items()])
    return figure
