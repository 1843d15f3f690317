"""What all figures share: colours, a figure that notebooks can show, legends, dots with intervals."""

import base64
import io
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito (2008), "Color universal design"
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#999999"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK, YELLOW)
MARKERS = "osD^vPX*"
WIDTH_IN = 9.0
DPI = 100


class Picture(Figure):
    """A Figure outside pyplot that a notebook shows once, as PNG, with no backend to set."""

    def _repr_png_(self) -> str:
        buffer = io.BytesIO()
        FigureCanvasAgg(self)
        self.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
        return base64.b64encode(buffer.getvalue()).decode()  # as bytes an Output widget breaks it


def picture(height_in: float, n_rows: int = 1, n_cols: int = 1, **options) -> tuple[Picture, np.ndarray]:
    """A figure 9 inches wide and its axes, always (n_rows, n_cols)."""
    figure = Picture(figsize=(WIDTH_IN, height_in), layout="constrained")
    return figure, figure.subplots(n_rows, n_cols, squeeze=False, **options)


def panel(height_in: float) -> tuple[Picture, Axes]:
    """A figure 9 inches wide with one pair of axes."""
    figure, axes = picture(height_in)
    return figure, axes[0, 0]


def colours(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each name; beyond eight names the pairs differ still."""
    n, names = len(PALETTE), dict.fromkeys(names)
    return {name: (PALETTE[i % n], MARKERS[(i + i // n) % n]) for i, name in enumerate(names)}


def sign(colour: str, marker: str | None, label: str, line: str = "", **options) -> Line2D:
    """A dot of a legend; with `line`, on a line."""
    return Line2D([], [], color=colour, marker=marker, linestyle=line, label=label, **options)


def signs(styles: dict[str, tuple[str, str]], line: str = "") -> list[Line2D]:
    """What `colours` gave, for a legend."""
    return [sign(colour, marker, shorten(name), line) for name, (colour, marker) in styles.items()]


def stripes(axes: Axes, n: int):
    """Every other of n rows on grey."""
    for y in range(0, n, 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", zorder=-1)


def tidy(axes: Axes, grid: str = "both"):
    """Only the left and bottom spine, and a grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color="#dddddd", linewidth=0.6)


def with_legend(figure: Picture, handles: list | Axes, n_cols: int = 5) -> Picture:
    """The figure with one legend under it: these handles, or those of axes."""
    handles = handles.get_legend_handles_labels()[0] if isinstance(handles, Axes) else handles
    n_cols = min(n_cols, len(handles))
    figure.legend(handles=handles, loc="outside lower center", ncols=n_cols, frameon=False)
    return figure


def log_axis(axes: Axes, label: str):
    """A logarithmic x axis with plain numbers, between the decades too where there are few of them."""
    axes.set(xscale="log", xlabel=label)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 500 * low else (1,)))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def name_rows(axes: Axes, names: Iterable[str]):
    """Names at the rows 0, 1, … from top to bottom of a chart with horizontal rows."""
    names = [shorten(name) for name in names]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)


def with_interval(axes: Axes, y: float, numbers: Iterable[float], colour: str, marker="o", size=6.0, width=1.6):
    """A value in the row y on the line of its interval; numbers (value, low, high)."""
    value, low, high = numbers
    axes.plot([low, high], [y, y], color=colour, linewidth=width)
    axes.plot(value, y, marker, color=colour, markersize=size)


def beside(axes: Axes, y: float, text: str):
    """Text at the right of a row."""
    axes.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=9)


def shorten(name: str, n_chars: int = 36) -> str:
    """A long name with its middle left out, so that the data keeps its room."""
    name = str(name)
    half = (n_chars - 1) // 2
    return name if len(name) <= n_chars else f"{name[:half]}…{name[-half:]}"


def offsets(names: Iterable[str], spread: float = 0.6) -> dict[str, float]:
    """By name a shift that puts the dots of one row below each other."""
    names = list(names)
    return {name: (i - (len(names) - 1) / 2) * spread / max(len(names), 2) for i, name in enumerate(names)}
