"""What augmentation does to a picture."""

from collections.abc import Mapping, Sequence

import numpy as np

from emolib.report.plots.style import WIDTH_IN, Picture, picture


def ways(pictures: Mapping[str, Sequence[np.ndarray]], low: float = 0.0, high: float = 1.0) -> Picture:
    """A column per name, its pictures (height, width, 1 or 3) below each other; values from low to high."""
    n_rows = max(map(len, pictures.values()))
    figure, axes = picture(0.4 + n_rows * WIDTH_IN / len(pictures), n_rows, len(pictures))
    for column, (name, images) in zip(axes.T, pictures.items(), strict=True):
        column[0].set_title(name)
        for ax in column:
            ax.set_axis_off()
        for ax, image in zip(column, images, strict=False):
            ax.imshow((np.squeeze(image) - low) / (high - low), cmap="gray", vmin=0, vmax=1)
    return figure
