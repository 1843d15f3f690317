"""What models take: measured latency, a live engine's hops, power logs."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from emolib.report.plots import style

if TYPE_CHECKING:
    from emolib.evaluation.energy.trace import Trace
    from emolib.studies.power import Log

N_BINS = 25
N_DRAWN = 4000  # samples; of a longer log, means are drawn
MARKED, UNCOUNTED = "#fbe3c0", "#e8e8e8"


def latency(table: pd.DataFrame) -> style.Picture:
    """Median to 99th percentile, a panel per backend, on the fewest threads; columns source, variant, backend, threads,
    p50_us, p95_us, p99_us."""
    table = table[table.threads == table.threads.min()]
    backends = list(dict.fromkeys(table.backend))
    sources, styles = list(dict.fromkeys(table.source)), style.colours(table.variant)
    height, shift = 1.5 + len(sources) * max(0.12 * len(styles) + 0.15, 0.3), style.offsets(styles)
    figure, axes = style.picture(height, 1, len(backends), sharex=True, sharey=True)
    panels = dict(zip(backends, axes[0], strict=True))
    for _, row in table.iterrows():
        ax, (colour, marker) = panels[row.backend], styles[row.variant]
        y = sources.index(row.source) + shift[row.variant]
        ax.plot([row.p50_us, row.p99_us], [y, y], color=colour, linewidth=1.4)
        ax.plot(row.p95_us, y, "|", color=colour, markersize=7)
        ax.plot(row.p50_us, y, marker, color=colour, markersize=5)
    for backend, ax in panels.items():
        style.stripes(ax, len(sources))
        style.name_rows(ax, sources)
        style.tidy(ax)
        ax.set_title(backend, fontsize=10)
        style.log_axis(ax, "µs")
    title = "Measured on this computer: dot, median; tick, 95th percentile; end of bar, 99th"
    figure.suptitle(title, fontsize=11)
    return style.with_legend(figure, style.signs(styles))


def jitter(hops: pd.DataFrame) -> style.Picture:
    """How late each hop began and how long it took, over time and as a histogram; columns device, time_s, late_ms,
    step_ms. Empty axes where nothing streamed."""
    styles = style.colours(hops.device)
    figure, axes = style.picture(5.0, 2, 2, sharex="col", sharey="row", width_ratios=(3, 1))
    columns = (("late_ms", "began late (ms)"), ("step_ms", "step took (ms)"))
    for (over_time, counts), (column, label) in zip(axes, columns, strict=True):
        edges = np.linspace(0, hops[column].max() if len(hops) else 1, N_BINS)
        for device, (colour, marker) in styles.items():
            found = hops[hops.device == device]
            over_time.plot(found.time_s, found[column], marker, color=colour, markersize=4)
            counts.hist(found[column], edges, orientation="horizontal", color=colour, alpha=0.7)
        over_time.set(ylabel=label)
        over_time.set_ylim(bottom=0)
        style.tidy(over_time)
        style.tidy(counts)
    axes[1, 0].set(xlabel="hop, seconds of the stream")
    axes[1, 1].set(xlabel="hops")
    axes[1, 1].xaxis.set_major_locator(MaxNLocator(3, integer=True))
    figure.suptitle("Measured: hops of a live engine against the clock", fontsize=11)
    return style.with_legend(figure, style.signs(styles)) if styles else figure


def power(log: "Log") -> style.Picture:
    """Power of a log: above from its own start, with the marks from theirs; below on the marks' clock, with the idle level
    that each block is measured against, and its mean of work."""
    figure, axes = style.picture(5.6, 2, 1, sharey=True)
    before, after = axes[:, 0]
    start_s = log.markers[0].start_s
    for ax, trace, begin_s in ((before, log.trace, log.trace.time_s[0]), (after, log.aligned, start_s)):
        for marker in log.markers:
            colour = MARKED if marker.n else UNCOUNTED
            ax.axvspan(marker.start_s - start_s, marker.end_s - start_s, color=colour, linewidth=0)
        _power_line(ax, trace, begin_s)
        ax.set_ylabel("power (W)")
        style.tidy(ax, grid="y")
    before.set_title("before: log and marks, each from its own start", fontsize=11)
    for block in log.measured.blocks:
        span = block.start_s - start_s, block.end_s - start_s
        at_work_w = block.idle_w + block.net_j / block.duration_s
        for watts, colour in ((block.idle_w, style.GREY), (at_work_w, style.VERMILLION)):
            after.plot(span, [watts] * 2, color=colour, linewidth=2)
    after.set_title(f"after: correlation {log.alignment.correlation:.3f}", fontsize=11)
    after.set_xlabel("time (s)")
    figure.suptitle(log.device)
    handles = [
        style.sign(style.BLUE, None, "power", "-"),
        Patch(color=MARKED, label="marked work"),
        Patch(color=UNCOUNTED, label="marked, not counted"),
        style.sign(style.VERMILLION, None, "mean of work", "-", linewidth=2),
        style.sign(style.GREY, None, "idle beside it", "-", linewidth=2),
    ]
    return style.with_legend(figure, handles)


def _power_line(ax: Axes, trace: "Trace", start_s: float):
    """The log from `start_s` on, broken at gaps."""
    drawn = trace.binned((trace.time_s[-1] - trace.time_s[0]) / N_DRAWN)
    gaps = np.flatnonzero(drawn.cells[0][1:] - drawn.cells[1][:-1] > 1e-3 * drawn.step_s) + 1
    time_s = np.insert(drawn.time_s - start_s, gaps, np.nan)
    ax.plot(time_s, np.insert(drawn.power_w, gaps, np.nan), color=style.BLUE, linewidth=0.8)
