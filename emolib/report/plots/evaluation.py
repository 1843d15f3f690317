"""Who is where, how training went, and how well a model does on its test folds, person by person."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from emolib.report.plots import style

ROLES = ("train", "validation", "test", "unused")
ROLE_COLOURS = ("#d4e4f1", style.ORANGE, style.BLUE, "#ffffff")
MAX_NAMES = 60  # more subjects than this are counted, not named
N_BINS = 10  # of confidence
COLOURS = (style.BLUE, style.ORANGE)  # of variants


def _name_columns(ax: Axes, names: Sequence[str], places: Sequence[float]):
    """Names under the columns: upright where they do not fit, and none where they are too many."""
    if len(names) > MAX_NAMES:
        ax.set_xticks([])
        return
    wide = sum(len(style.shorten(name)) for name in names) > 90
    size = 7 if len(names) > 40 else 9
    ax.set_xticks(places, map(style.shorten, names), rotation=90 if wide else 0, fontsize=size)


def folds(matrix: np.ndarray, subject: np.ndarray) -> style.Picture:
    """Where each window is; matrix (n_folds, n_windows) int: 0 train, 1 validation, 2 test, 3 unused."""
    order = np.argsort(subject, kind="stable")
    names, starts, counts = np.unique(subject[order], return_index=True, return_counts=True)
    figure, ax = style.panel(1.6 + min(0.22 * len(matrix), 7.0))
    options = {"aspect": "auto", "vmin": 0, "vmax": 3, "interpolation": "nearest"}
    ax.imshow(matrix[:, order], cmap=ListedColormap(ROLE_COLOURS), **options)
    ax.set(ylabel="fold", xlabel=f"windows of {len(names)} subjects, sorted by subject")
    every = -(-len(matrix) // 25)
    ax.set_yticks(range(0, len(matrix), every), range(0, len(matrix), every))
    if len(names) <= MAX_NAMES:
        ax.vlines(starts[1:] - 0.5, -0.5, len(matrix) - 0.5, color="white", linewidth=0.8)
        _name_columns(ax, names, starts + counts / 2 - 0.5)
    patches = [Patch(facecolor=c, edgecolor=style.GREY, label=n) for c, n in zip(ROLE_COLOURS, ROLES, strict=True)]
    return style.with_legend(figure, [patch for role, patch in enumerate(patches) if role in matrix])


def history(histories: Sequence[dict[str, Sequence[float]]]) -> style.Picture:
    """Training and validation per epoch: a thin line per fold, thick the median of those still running."""
    metrics = dict.fromkeys(key.removeprefix("val_") for record in histories for key in record)
    figure, axes = style.picture(3.4, 1, len(metrics))
    for ax, metric in zip(axes[0], metrics, strict=True):
        _curves(ax, [record[metric] for record in histories if metric in record], style.BLUE, "training")
        tuned = [record[f"val_{metric}"] for record in histories if f"val_{metric}" in record]
        _curves(ax, tuned, style.ORANGE, "validation")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set(xlabel="epoch", ylabel="UAR" if metric == "uar" else metric.replace("_", " "))
        style.tidy(ax)
    handles = {one.get_label(): one for ax in axes[0] for one in ax.get_legend_handles_labels()[0]}
    if len(histories) > 1:
        figure.suptitle(f"{len(histories)} folds; thick: median of the folds still in training")
    return style.with_legend(figure, list(handles.values()))


def _curves(ax: Axes, curves: list[Sequence[float]], colour: str, label: str):
    """Lines that stop when their fold stopped; their median while at least half of them run."""
    if not curves:
        return
    padded = pd.DataFrame(curves).to_numpy(float)
    epochs = 1 + np.arange(padded.shape[1])
    marker = "_" if len(epochs) == 1 else None  # one epoch is no line
    ax.plot(epochs, padded.T, color=colour, linewidth=0.6, alpha=0.45, marker=marker)
    half = np.isfinite(padded).sum(axis=0) * 2 >= len(curves)
    middle = np.nanmedian(padded[:, half], axis=0)
    ax.plot(epochs[half], middle, color=colour, linewidth=2.4, label=label, marker=marker and "o")


def confusion(matrix: np.ndarray, classes: Sequence[str]) -> style.Picture:
    """Row-normalised confusion with counts; matrix (n_classes, n_classes): rows true, columns predicted."""
    matrix = np.asarray(matrix)
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    n_classes = len(classes)
    figure, ax = style.panel(1.8 + 0.62 * n_classes)
    image = ax.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(n_classes, n_classes):
        text = f"{100 * shares[row, column]:.0f} %\n{matrix[row, column]:d}"
        colour = "white" if shares[row, column] > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    names = [fill(style.shorten(name, 40), 14) for name in classes]
    turned = sum(max(map(len, name.split("\n"))) for name in names) > 80
    ax.set_xticks(range(n_classes), names, rotation=90 if turned else 0)
    ax.set_yticks(range(n_classes), [f"{n} ({t})" for n, t in zip(names, totals[:, 0], strict=True)])
    ax.set(xlabel="predicted class", ylabel="true class (answers)")
    figure.colorbar(image, ax=ax, label="share of the true class (%)")
    return figure


def per_subject(table: pd.DataFrame, chance: float) -> style.Picture:
    """UAR and accuracy of each subject, sorted, with mean ± sd and chance; columns subject, uar, accuracy in [0, 1], n."""
    table = table.sort_values("uar", kind="stable")
    uar, columns, chance = 100 * table["uar"].to_numpy(), np.arange(len(table)), 100 * chance
    mean, accuracy = uar.mean(), 100 * table["accuracy"]
    figure, ax = style.panel(3.8)
    handles = [
        ax.axhline(mean, color=style.BLUE, linewidth=1, label=f"mean UAR: {mean:.1f} %"),
        ax.axhline(chance, color=style.VERMILLION, linestyle="--", label=f"chance: {chance:.1f} %"),
        *ax.plot(columns, accuracy, "o", markerfacecolor="none", color=style.GREY, label="accuracy"),
        *ax.plot(columns, uar, "o", color=style.BLUE, label="UAR"),
    ]
    if len(uar) > 1:
        sd = uar.std(ddof=1)
        about = {"color": style.SKY, "alpha": 0.25, "label": f"± standard deviation: {sd:.1f} %"}
        handles.append(ax.axhspan(mean - sd, mean + sd, **about))
    _name_columns(ax, [f"{s} ({n})" for s, n in zip(table["subject"], table["n"], strict=True)], columns)
    few, many = "subject (answers)", f"{len(table)} subjects"
    ax.set_xlabel(few if len(table) <= MAX_NAMES else many)
    ax.set(ylabel="UAR of a subject (%)", ylim=(-3, 103))
    ax.margins(x=0.02)
    style.tidy(ax, grid="y")
    return style.with_legend(figure, handles)


def reliability(y: np.ndarray, scores: np.ndarray, ece: float) -> style.Picture:
    """Accuracy against confidence in equal bins (Guo et al. 2017); y (n,) int, scores (n, n_classes), ece in [0, 1]."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    answers = pd.DataFrame({"confidence": confidence, "right": right}, dtype=float)
    filled, counts = 100 * answers.groupby(bins).mean(), np.bincount(bins, minlength=N_BINS)
    figure, axes = style.picture(4.6, 2, 1, sharex=True, height_ratios=(3, 1))
    curve, bars = axes[:, 0]
    curve.plot([0, 100], [0, 100], "--", color=style.GREY, label="perfectly calibrated")
    curve.plot(filled.confidence, filled.right, "o-", color=style.BLUE, label=f"model, ECE {100 * ece:.1f} %")
    curve.set(ylabel="right (%)", xlim=(0, 100), ylim=(0, 103))
    curve.legend(loc="upper left", frameon=False)
    bars.bar(100 * (np.arange(N_BINS) + 0.5) / N_BINS, counts, width=90 / N_BINS, color=style.SKY)
    bars.set(xlabel="confidence, the highest score (%)", ylabel="answers")
    style.tidy(curve)
    style.tidy(bars)
    return figure


def scores(table: pd.DataFrame) -> style.Picture:
    """Scores of one trial, a panel per modality; columns modality, variant, then one per class, in [0, 1]."""
    modalities, classes = list(dict.fromkeys(table.modality)), list(table.columns[2:])
    figure, axes = style.picture(2.8, 1, max(1, len(modalities)))
    for ax, modality in zip(axes[0], modalities, strict=False):
        variants = table[table.modality == modality].set_index("variant")[classes]
        height = 0.8 / len(variants)
        for i, ((name, row), colour) in enumerate(zip(variants.iterrows(), COLOURS, strict=False)):
            ax.barh(np.arange(len(classes)) + i * height, 100 * row, height, color=colour, label=name)
        ax.set(title=modality, xlabel="score (%)", xlim=(0, 100), yticks=np.arange(len(classes)) + height / 2)
        ax.set_yticklabels(classes if ax is axes[0, 0] else [])
        ax.invert_yaxis()
        style.tidy(ax)
    return style.with_legend(figure, axes[0, 0])


def by_person(table: pd.DataFrame, by: str, label: str) -> style.Picture:
    """UAR of each person, a colour for each way `by` which people were trained or tested, a dot for each seed; sorted by the
    mean of the first way. Columns `by`, seed, subject, uar in [0, 1]."""
    ways = list(table[by].unique())
    order = table[table[by] == ways[0]].groupby("subject").uar.mean().sort_values(kind="stable").index
    (figure, ax), shift = style.panel(4.2), style.offsets(ways)
    for way, (colour, marker) in style.colours(ways).items():
        uar = 100 * table[table[by] == way].pivot(index="subject", columns="seed", values="uar").loc[order]
        x = np.arange(len(uar)) + shift[way]
        ax.vlines(x, uar.min(axis=1), uar.max(axis=1), color=colour, linewidth=1.2)
        for seed in uar.columns:
            name = way if seed == uar.columns[0] else None
            ax.plot(x, uar[seed], marker, color=colour, markersize=6, label=name)
    _name_columns(ax, [str(name) for name in order], np.arange(len(order)))
    ax.set(xlabel=label, ylabel="UAR of a person (%)", ylim=(-3, 103))
    ax.margins(x=0.02)
    style.tidy(ax, grid="y")
    return style.with_legend(figure, ax, n_cols=len(ways))


def heard(table: pd.DataFrame) -> style.Picture:
    """UAR against what was heard of a person, with intervals, and that of the same windows before anything was heard; columns
    heard, uar, uar_low, uar_high, before in [0, 1]. The last row, of everything, is transductive and stands apart."""
    (figure, ax), places = style.panel(3.8), np.arange(len(table))
    uar, low, high, before = 100 * table[["uar", "uar_low", "uar_high", "before"]].to_numpy().T
    error = np.stack([uar - low, high - uar])
    ax.plot(places[:-1], before[:-1], "--", color=style.GREY, label="the same windows, nothing heard")
    look, name = {"color": style.BLUE, "capsize": 3, "linewidth": 1.8}, "later windows"
    ax.errorbar(places[:-1], uar[:-1], error[:, :-1], fmt="o-", label=name, **look)
    look, name = {**look, "color": style.ORANGE}, "all windows, transductive"
    ax.errorbar(places[-1:], uar[-1:], error[:, -1:], fmt="s", label=name, **look)
    ax.set_xticks(places, table["heard"])
    ax.set(xlabel="windows heard of the person", ylabel="UAR (%)")
    style.tidy(ax, grid="y")
    return style.with_legend(figure, ax)
