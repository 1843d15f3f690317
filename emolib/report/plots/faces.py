"""Faces found in pictures, and where networks see emotions in faces."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from emolib.device.faces import Face
from emolib.report.plots import style
from emolib.signals.boxes import Found, iou

N_COLS = 4
HEAT, BRIGHTEST = "inferno", 99  # percentile


def _grid(
    images: Sequence[np.ndarray], names: Sequence[str], room_in: float = 0
) -> tuple[style.Picture, Sequence[Axes]]:
    """Pictures under their names, with room for a legend."""
    n_rows = -(-len(images) // N_COLS)
    figure, axes = style.picture(2.4 * n_rows + room_in, n_rows, N_COLS)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, name in zip(axes.flat, images, names, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, fontsize=8)
    return figure, axes.flat[: len(images)]


def _draw(ax: Axes, box: np.ndarray, colour: str, line: str, text: str = ""):
    """A box with a text towards the middle of the picture: on top of it, or inside where that is the title's place."""
    edge = {"edgecolor": colour, "linestyle": line, "linewidth": 1.5}
    ax.add_patch(Rectangle(box[:2], *(box[2:] - box[:2]), fill=False, **edge))
    if text:
        width = ax.images[0].get_size()[1]
        x, side = (box[0], "left") if box[0] + box[2] < width else (box[2], "right")
        place = "top" if box[1] < 0.08 * width else "bottom"
        paper = {"facecolor": style.ORANGE, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        ax.text(x, box[1], text, fontsize=6, ha=side, va=place, bbox=paper)


def detections(
    images: Sequence[np.ndarray], truth: Sequence[np.ndarray], found: Sequence[Found], names: Sequence[str]
) -> style.Picture:
    """Pictures with their true boxes and those found, each with its score and its IoU with the nearest true one."""
    figure, axes = _grid(images, names, room_in=0.5)
    for ax, faces, boxes in zip(axes, truth, found, strict=True):
        for face in faces:
            _draw(ax, face, style.GREEN, "-")
        for box, score in zip(boxes.boxes, boxes.scores, strict=True):
            best = iou(box[None], faces).max(initial=0)
            _draw(ax, box, style.ORANGE, "--", f"{score:.2f}, IoU {best:.2f}")
    annotated = style.sign(style.GREEN, None, "annotated", "-")
    return style.with_legend(figure, [annotated, style.sign(style.ORANGE, None, "found", "--")])


def faces(
    images: Mapping[str, np.ndarray], found: Mapping[str, Sequence[Face]], classes: Sequence[str]
) -> style.Picture:
    """Pictures by name, of any size, and on each the faces found with their likeliest emotion and its score."""
    names = [f"{name}, {image.shape[1]} × {image.shape[0]}" for name, image in images.items()]
    figure, axes = _grid(list(images.values()), names)
    for ax, name in zip(axes, images, strict=True):
        for face in found[name]:
            best = int(face.scores.argmax())
            _draw(ax, face.box, style.ORANGE, "-", f"{classes[best]} {face.scores[best]:.2f}")
    return figure


def saliency_maps(faces: Mapping[str, np.ndarray], maps: Mapping[str, Mapping[str, np.ndarray]]) -> style.Picture:
    """Mean face of each class (h, w), and on it the mean map of each method, by class: how many times the mean of a map a
    pixel has. The brightest percent of pixels share the last colour."""
    n_rows, n_cols = len(faces), 1 + len(maps)
    figure, axes = style.picture(style.WIDTH_IN / n_cols * n_rows + 0.6, n_rows, n_cols)
    for row, (name, image) in zip(axes, faces.items(), strict=True):
        for ax in row:
            ax.imshow(image, cmap="gray")
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    axes[0, 0].set_title("mean face", fontsize=10)
    for column, (method, by_class) in zip(axes.T[1:], maps.items(), strict=True):
        column[0].set_title(method, fontsize=10)
        density = {name: one * one.size / one.sum() for name, one in by_class.items()}
        most = np.percentile(list(density.values()), BRIGHTEST)
        for ax, name in zip(column, faces, strict=True):
            if name in density:
                one = density[name]
                ax.imshow(one, cmap=HEAT, vmin=0, vmax=most, alpha=0.85 * np.sqrt(np.minimum(one / most, 1)))
        scale = ScalarMappable(Normalize(0, most), HEAT)
        figure.colorbar(scale, ax=column[-1], location="bottom", label="× even", shrink=0.9, extend="max")
    return figure


def sanity(table: pd.DataFrame) -> style.Picture:
    """How alike maps stay to the trained network's while its layers lose their weights, from the logits down, of
    `emolib.studies.saliency.sanity.sanity`."""
    figure, ax = style.panel(4.4)
    handles = []
    for method, (colour, marker) in style.colours(table["method"]).items():
        rows = table[table["method"] == method]
        ax.fill_between(rows["step"], rows["spearman_low"], rows["spearman_high"], color=colour, alpha=0.2)
        steps, alike = [0, *rows["step"]], [1, *rows["spearman"]]
        handles += ax.plot(steps, alike, f"{marker}-", color=colour, label=method)
        ax.plot(rows["step"], rows["other"], ":", color=colour, linewidth=1.2)
    handles.append(style.sign(style.BLACK, None, "with another picture's map", ":", linewidth=1.2))
    steps = table.drop_duplicates("step")
    ax.axhline(0, color=style.BLACK, linewidth=0.8)
    ax.set_xticks([0, *steps["step"]], ["trained", *steps["layer"]], rotation=30, ha="right")
    ax.set_ylabel("rank correlation with the trained map")
    ax.set_xlabel("weights before training, from the logits to this layer")
    style.tidy(ax, grid="y")
    return style.with_legend(figure, handles)
