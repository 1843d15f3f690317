"""Figures about faces are drawn, at the width of a page, from what the studies give."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from emolib.device.faces import Face
from emolib.report import plots
from emolib.signals.boxes import Found

RNG = np.random.default_rng(0)
METHODS = ("gradient", "occlusion")
BOXES = np.array([[10.0, 10, 40, 50], [60, 10, 90, 50]])
IMAGES = RNG.integers(0, 255, (5, 100, 100, 3), np.uint8)


def detections():
    found = [Found(BOXES + [0, 0, 10, 0], np.full(2, 0.8))] * 4 + [Found(BOXES, np.ones(2))]
    return plots.detections(IMAGES, [BOXES] * 4 + [BOXES[:0]], found, list("abcde"))


def detector_history():
    keys = ("loss", "val_loss", "val_iou", "val_ap50")
    return plots.detector_history([dict.fromkeys(keys, 1 / (i + 1)) for i in range(8)])


def faces():
    face = Face(BOXES[0], 0.9, np.array([0.2, 0.8]), np.zeros((4, 4, 1)))
    return plots.faces({"one": IMAGES[0], "grey": IMAGES[1, ..., 0]}, {"one": [face], "grey": []}, ("a", "b"))


def saliency_maps():
    of_class = {"happy": RNG.random((8, 8)), "sad": np.ones((8, 8))}
    return plots.saliency_maps(of_class, {"gradient": of_class, "occlusion": {"sad": np.ones((8, 8))}})


def attention():
    about = {"share": 0.3, "share_low": 0.2, "share_high": 0.4, "area": 0.1, "ratio": 3.0}
    rows = [{"method": m, "region": r} | about for m in METHODS for r in ("eyes", "mouth", "elsewhere")]
    return plots.attention(pd.DataFrame(rows))


def sanity():
    numbers = {"spearman": 0.5, "spearman_low": 0.2, "spearman_high": 0.9, "other": 0.1}
    rows = [{"method": m, "step": k, "layer": f"layer {k}"} | numbers for k in (1, 2, 3) for m in METHODS]
    return plots.sanity(pd.DataFrame(rows))


def ways():
    return plots.ways({"as it is": IMAGES[:2, ..., :1], "all": IMAGES[2:4, ..., :1]}, 0, 255)


def search_tree():
    trace = {
        "order": [0, 1, 2, 3],
        "parent": pd.array([None, 0, 1, 1], "Int64"),
        "change": ["baseline", "conv1 8 → 4", "dense1 dropped", "input 64 → 48"],
        "flops": [3e8, 2e6, 1e6, 5e5],
        "auc": [0.8, 0.75, 0.7, 0.55],
        "accepted": [True, True, True, False],
    }
    return plots.search_tree(pd.DataFrame(trace), 0.66)


def noise_cost():
    rows = {"wrong_labels_percent": [0, 9], "auc": [0.7, 0.6], "uar": [0.5, 0.4]}
    ends = {f"{name}_{end}": [np.nan] * 2 for name in ("auc", "uar") for end in ("low", "high")}
    return plots.noise_cost(pd.DataFrame(rows | ends), 4)


FIGURES = (
    detections,
    detector_history,
    faces,
    saliency_maps,
    attention,
    sanity,
    ways,
    search_tree,
    noise_cost,
)


@pytest.mark.parametrize("figure_of", FIGURES, ids=lambda figure_of: figure_of.__name__)
def test_figures_are_drawn_at_the_width_of_a_page(figure_of):
    figure = figure_of()
    FigureCanvasAgg(figure).draw()
    assert figure.get_tightbbox().width * figure.dpi < 1000 and any(ax.has_data() for ax in figure.axes)


def test_a_found_box_is_labelled_with_its_score_and_iou():
    texts = [[text.get_text() for text in ax.texts] for ax in detections().axes]
    assert texts[0] == ["0.80, IoU 0.75"] * 2 and texts[4] == ["1.00, IoU 0.00"] * 2


def test_the_tree_names_what_led_to_the_pick():
    text = search_tree().axes[1].texts[0].get_text()
    assert text.split("\n")[1:] == ["0: baseline, 300", "1: conv1 8 → 4, 2", "2: dense1 dropped, 1"]
