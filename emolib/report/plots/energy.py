"""A power log beside what the device did: before its clock was aligned, and after."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emolib.report.plots.style import BLUE, GREY, VERMILLION, Picture, legend_below, picture, tidy

if TYPE_CHECKING:
    from emolib.device.markers import Marker
    from emolib.evaluation.energy.trace import Trace
    from emolib.studies.power.logs import Log

N_DRAWN = 4000  # samples; of a longer log, means are drawn
MARKED = "#fbe3c0"


def power(log: "Log") -> Picture:
    """Power of a log: above from its own start, with the marks from theirs; below on the marks' clock.

    Below also the idle level that each block is measured against, and its mean of work.
    """
    figure, axes = picture(5.6, 2, 1, sharey=True)
    before, after = axes[:, 0]
    start_s = log.markers[0].start_s
    _marks(before, log.markers, start_s)
    _line(before, log.trace, log.trace.time_s[0])
    before.set_title("before: log and marks, each from its own start", fontsize=11)
    _marks(after, log.markers, start_s)
    _line(after, log.aligned, start_s)
    for block in log.measured.blocks:
        span = np.array([block.start_s, block.end_s]) - start_s
        after.plot(span, [block.idle_w] * 2, color=GREY, linewidth=2)
        after.plot(span, [block.idle_w + block.net_j / block.duration_s] * 2, color=VERMILLION, linewidth=2)
    after.set_title(f"after: correlation {log.alignment.correlation:.3f}", fontsize=11)
    after.set_xlabel("time (s)")
    for ax in (before, after):
        ax.set_ylabel("power (W)")
        tidy(ax, grid="y")
    figure.suptitle(log.device)
    legend_below(figure, _handles())
    return figure


def _line(ax: Axes, trace: "Trace", start_s: float):
    """The log from its own start on, broken at gaps."""
    drawn = trace.binned((trace.time_s[-1] - trace.time_s[0]) / N_DRAWN)
    gaps = np.flatnonzero(drawn.cells[0][1:] - drawn.cells[1][:-1] > 1e-3 * drawn.step_s) + 1
    time_s = np.insert(drawn.time_s - start_s, gaps, np.nan)
    ax.plot(time_s, np.insert(drawn.power_w, gaps, np.nan), color=BLUE, linewidth=0.8)


def _marks(ax: Axes, markers: Sequence["Marker"], start_s: float):
    for marker in markers:
        colour = MARKED if marker.n else "#e8e8e8"
        ax.axvspan(marker.start_s - start_s, marker.end_s - start_s, color=colour, linewidth=0)


def _handles() -> list:
    return [
        Line2D([], [], color=BLUE, label="power"),
        Patch(color=MARKED, label="marked work"),
        Patch(color="#e8e8e8", label="marked, not counted"),
        Line2D([], [], color=VERMILLION, linewidth=2, label="mean of work"),
        Line2D([], [], color=GREY, linewidth=2, label="idle beside it"),
    ]
