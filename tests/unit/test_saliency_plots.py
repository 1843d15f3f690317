"""Figures of saliency say what their tables say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from emolib.report import plots

RNG = np.random.default_rng(0)
METHODS = ("gradient", "occlusion")


def drawn(figure):
    FigureCanvasAgg(figure).draw()
    assert figure.get_tightbbox().width * figure.dpi < 1000
    return figure


def test_maps_stand_on_the_mean_face_by_class_and_method():
    faces = {name: RNG.random((8, 8)) for name in ("happy", "sad")}
    spot = np.zeros((8, 8))
    spot[2, 3] = 5.0
    maps = {"gradient": {"happy": spot, "sad": np.ones((8, 8))}, "occlusion": {"sad": np.ones((8, 8))}}
    figure = drawn(plots.saliency_maps(faces, maps))
    grid = figure.axes[:6]
    assert [ax.get_title() for ax in grid[:3]] == ["mean face", *METHODS]
    assert [grid[0].get_ylabel(), grid[3].get_ylabel()] == ["happy", "sad"]
    assert [len(ax.images) for ax in grid] == [1, 2, 1, 1, 2, 2]  # no map of occlusion on happy faces
    on_happy, on_sad = grid[1].images[1], grid[4].images[1]
    assert on_happy.get_clim() == (0, pytest.approx(np.percentile([64, *[0] * 63, *[1] * 64], 99)))
    assert on_happy.get_array()[2, 3] == 64 and on_happy.get_clim() == on_sad.get_clim()
    np.testing.assert_allclose(on_sad.get_array(), 1)
    np.testing.assert_array_equal(grid[0].images[0].get_array(), faces["happy"])


def test_bars_of_attention_stand_beside_the_area():
    rows = [
        {
            "method": m,
            "region": r,
            "share": s,
            "share_low": s - 0.05,
            "share_high": s + 0.1,
            "area": a,
            "ratio": s / a,
        }
        for m, of in zip(METHODS, ((0.3, 0.6), (0.2, 0.7)), strict=True)
        for r, s, a in zip(("eyes", "mouth"), of, (0.1, 0.15), strict=True)
    ] + [{"method": "gradient", "region": "elsewhere", "share": 0.1}]
    ax = drawn(plots.attention(pd.DataFrame(rows))).axes[0]
    assert [round(bar.get_height()) for bar in ax.patches] == [30, 60, 20, 70]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["eyes", "mouth"]
    assert [text.get_text() for text in ax.texts] == ["3.0×", "4.0×", "2.0×", "4.7×"]
    dotted = [lines for lines in ax.collections if len(lines.get_linestyle()[0][1] or ()) > 0]
    heights = [segment[0, 1] for lines in dotted for segment in lines.get_segments()]
    assert heights == pytest.approx([10, 15] * 2)


def test_sanity_begins_at_the_trained_network():
    numbers = ("spearman", "spearman_low", "spearman_high", "other")
    rows = [
        {"method": m, "step": k, "layer": f"layer {k}"}
        | dict(zip(numbers, (1 - 0.3 * k, 0.0, 0.9, 0.4 - 0.1 * k), strict=True))
        for k in (1, 2, 3)
        for m in METHODS
    ]
    ax = drawn(plots.sanity(pd.DataFrame(rows))).axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["trained", "layer 1", "layer 2", "layer 3"]
    for line in ax.lines[0:4:2]:
        np.testing.assert_allclose(line.get_ydata(), [1, 0.7, 0.4, 0.1])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.3, 0.2, 0.1])
