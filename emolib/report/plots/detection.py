"""Faces found in pictures, and how a detector learnt to find them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from emolib.device.faces import Face
from emolib.report.plots.style import BLUE, GREEN, ORANGE, Picture, legend_below, picture, tidy
from emolib.signals.boxes import Found, iou

N_COLS = 4


def detections(
    images: Sequence[np.ndarray], truth: Sequence[np.ndarray], found: Sequence[Found], names: Sequence[str]
) -> Picture:
    """Pictures with their true boxes and those found, each with its score and its IoU with the nearest true one."""
    n_rows = -(-len(images) // N_COLS)
    figure, axes = picture(2.4 * n_rows + 0.5, n_rows, N_COLS)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, faces, boxes, name in zip(axes.flat, images, truth, found, names, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, fontsize=8)
        for face in faces:
            _draw(ax, face, GREEN, "-")
        for box, score in zip(boxes.boxes, boxes.scores, strict=True):
            _draw(ax, box, ORANGE, "--")
            best = iou(box[None], faces).max(initial=0)
            _label(ax, box, f"{score:.2f}, IoU {best:.2f}", image.shape[1])
    lines = [
        Line2D([], [], color=GREEN, label="annotated"),
        Line2D([], [], color=ORANGE, ls="--", label="found"),
    ]
    legend_below(figure, lines)
    return figure


def _draw(ax: Axes, box: np.ndarray, colour: str, style: str):
    corner, (width, height) = box[:2], box[2:] - box[:2]
    ax.add_patch(
        Rectangle(corner, width, height, fill=False, edgecolor=colour, linestyle=style, linewidth=1.5)
    )


def _label(ax: Axes, box: np.ndarray, text: str, width: int):
    """Text that reaches towards the middle of the picture: on top of a box, or inside where that is the title's place."""
    x, side = (box[0], "left") if box[0] + box[2] < width else (box[2], "right")
    place = "top" if box[1] < 0.08 * width else "bottom"
    paper = {"facecolor": ORANGE, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
    ax.text(x, box[1], text, fontsize=6, ha=side, va=place, bbox=paper)


def detector_history(history: Sequence[dict[str, float]]) -> Picture:
    """Loss of training and validation, then IoU on single faces and AP of validation pictures, per epoch."""
    epochs = range(1, len(history) + 1)
    figure, axes = picture(3.4, 1, 2)
    lines = (
        (0, "loss", BLUE, "loss, training"),
        (0, "val_loss", ORANGE, "loss, validation"),
        (1, "val_iou", ORANGE, "mean IoU on single faces, validation"),
        (1, "val_ap50", GREEN, "AP at IoU 0.5, validation"),
    )
    handles = [
        axes[0, column].plot(epochs, [record[key] for record in history], color=colour, label=label)[0]
        for column, key, colour, label in lines
    ]
    axes[0, 0].set(ylabel="loss", yscale="log")
    axes[0, 0].yaxis.set_major_formatter("{x:g}")
    axes[0, 0].yaxis.set_minor_formatter("{x:g}")
    axes[0, 1].set(ylabel="share", ylim=(0, 1))
    for ax in axes[0]:
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(ax)
    legend_below(figure, handles, n_cols=2)
    return figure


def faces(
    images: Mapping[str, np.ndarray], found: Mapping[str, Sequence[Face]], classes: Sequence[str]
) -> Picture:
    """Pictures by name, of any size, and on each the faces found with their likeliest emotion and its score."""
    n_rows = -(-len(images) // N_COLS)
    figure, axes = picture(2.4 * n_rows, n_rows, N_COLS)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (name, image) in zip(axes.flat, images.items(), strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(f"{name}, {image.shape[1]} × {image.shape[0]}", fontsize=8)
        for face in found[name]:
            _draw(ax, face.box, ORANGE, "-")
            best = int(face.scores.argmax())
            _label(ax, face.box, f"{classes[best]} {face.scores[best]:.2f}", image.shape[1])
    return figure
