"""Every figure that the demo run has not can be drawn and read; those that compute something say it right."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from emolib.datasets.base import Trial
from emolib.device.faces import Face
from emolib.report import plots
from emolib.signals.boxes import Found
from emolib.signals.frontend import feature_names, front_end

RNG = np.random.default_rng(7)
EMOTIONS = ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
SOURCES = ["synthetic-heart-emotion-loso", "stress_predict-heart-stress-grouped", "fer2013-face-emotion7-official"]
CHANNELS = tuple(f"AF{i}" for i in range(62))


def trial(modality, data, sfreq, kind="", **options):
    return Trial("corpus", modality, "S01", "T1", data, sfreq, label="stress", kind=kind, **options)


TRIALS = {
    "bpm": trial("heart", 70 + RNG.normal(size=200), 1.0, "bpm"),
    "eeg": trial("eeg", RNG.normal(size=(62, 2560)), 256.0, "raw", channels=CHANNELS),
    "band_power": trial("eeg", np.exp(RNG.normal(size=(60, 14, 5))), 1.0, "band_power", channels=CHANNELS[:14]),
    "skin": trial("skin", RNG.normal(2, 0.1, (2, 1200)), 4.0, "eda", channels=("eda", "temp")),
    "still": trial("face", RNG.integers(0, 256, (48, 48), np.uint8), 0.0),
    "video": trial("face", RNG.integers(0, 256, (30, 60, 48, 3), np.uint8), 10.0),
}
WINDOWS = {
    "skin": ((60, 1, 8), "skin", 60.0, feature_names(front_end("skin"), "eda")),
    "eeg": ((4, 1, 30), "eeg", 4.0),
    "mfcc": ((98, 13, 1), "speech", 4.0, feature_names(front_end("speech", n_mfcc=13))),
    "functionals": ((1, 309, 1), "speech", 4.0),
}
INTERVAL = {"uar": 0.7, "uar_low": 0.6, "uar_high": 0.8}
VARIANTS = pd.DataFrame({"source": SOURCES * 2, "variant": ["float32", "int8"] * 3, "p50_us": [30, 120] * 3})
VARIANTS = VARIANTS.assign(p95_us=200, p99_us=900, bytes=40_000, backend="litert", threads=1, **INTERVAL)
HISTORY = [{"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [4.0, 3.0]}, {"loss": [1.0, 1.0]}, {"loss": [2.0, 4.0]}]
BOXES = np.array([[10.0, 10, 40, 50], [60, 10, 90, 50]])
IMAGES = RNG.integers(0, 255, (5, 100, 100, 3), np.uint8)
FOUND = [Found(BOXES + [0, 0, 10, 0], np.full(2, 0.8))] * 4 + [Found(BOXES, np.ones(2))]
FACE = Face(BOXES[0], 0.9, np.array([0.2, 0.8]), np.zeros((4, 4, 1)))
MEANS = {"happy": RNG.random((8, 8)), "sad": np.ones((8, 8))}
METHODS = pd.DataFrame({"method": ["gradient", "occlusion"] * 2, "step": [1, 1, 2, 2], "layer": list("aabb")})
ALIKE = {"spearman": 0.5, "spearman_low": 0.2, "spearman_high": 0.9, "other": 0.1}
TREE = pd.DataFrame({"order": range(4), "parent": pd.array([None, 0, 1, 1], "Int64"), "flops": [3e8, 2e6, 1e6, 5e5]})
TREE["change"] = ["baseline", "conv1 8 → 4", "dense1 dropped", "input 64 → 48"]
TREE = TREE.assign(auc=[0.8, 0.75, 0.7, 0.55], accepted=[True, True, True, False])
NAMES = np.array([f"participant_000{i}" for i in range(44)])
PEOPLE = pd.DataFrame({"subject": NAMES, "uar": RNG.random(44), "accuracy": 0.5, "n": 30})
ARMS = pd.concat([PEOPLE.assign(arm=arm) for arm in ("none", "baseline", "subject")])
CURVE = pd.DataFrame({"heard": ["0", "1", "40", "all"], "uar": [0.5, 0.6, 0.8, 0.82], "before": [0.5, 0.5, 0.52, 0.5]})
CURVE = CURVE.assign(uar_low=CURVE.uar - 0.1, uar_high=CURVE.uar + 0.05)

FIGURES = {  # with names of classes and sources on an axis, or of faces, which test_pipeline has not
    "confusion": lambda: plots.confusion(RNG.integers(0, 2000, (8, 8)), [f"low arousal and {e} valence" for e in EMOTIONS]),
    "latency": lambda: plots.latency(VARIANTS),
    "detections": lambda: plots.detections(IMAGES, [BOXES] * 4 + [BOXES[:0]], FOUND, list("abcde")),
    "faces": lambda: plots.faces({"one": IMAGES[0], "grey": IMAGES[1, ..., 0]}, {"one": [FACE], "grey": []}, "ab"),
    "saliency_maps": lambda: plots.saliency_maps(MEANS, {"gradient": MEANS, "occlusion": {"sad": np.ones((8, 8))}}),
    "sanity": lambda: plots.sanity(METHODS.assign(**ALIKE)),
    "ways": lambda: plots.ways({"as it is": IMAGES[:2, ..., :1], "all": IMAGES[2:4, ..., :1]}, 0, 255),
    "search_tree": lambda: plots.search_tree(TREE, 0.66),
    "folds": lambda: plots.folds(np.where(np.repeat(NAMES, 4) == NAMES[:20, None], 2, 0), np.repeat(NAMES, 4)),
    "per_subject": lambda: plots.per_subject(PEOPLE, 0.25),
    "subject_calibration": lambda: plots.by_person(ARMS.assign(seed=0), "arm", "person"),
    "heard": lambda: plots.heard(CURVE),
    "seeds": lambda: plots.by_person(ARMS.assign(normalise=ARMS["arm"].replace("none", "train"), seed=0), "normalise", "person"),
    **{f"trial {name}": partial(plots.trial, of) for name, of in TRIALS.items()},
    **{f"window {name}": partial(plots.window, RNG.normal(size=of[0]), *of[1:]) for name, of in WINDOWS.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_a_figure_is_drawn_fits_a_page_and_its_tick_labels_do_not_overlap(name):
    figure = FIGURES[name]()
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert figure.get_tightbbox(renderer).width * figure.dpi < 1000 and any(ax.has_data() for ax in figure.axes)
    for axis, side in [(getattr(ax, f"{side}axis"), side) for ax in figure.axes for side in "xy"]:
        low, high = sorted(axis.get_view_interval())
        ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
        shown = [label for place, label in ticks if label.get_text() and low <= place <= high]
        boxes = [label.get_window_extent(renderer) for label in shown if label.get_rotation() in (0, 90)]
        edges = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes)
        overlaps = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a[1] > b[0] + 1]
        assert not overlaps, f"{axis.get_label_text()}: {len(overlaps)} tick labels overlap"


def test_the_median_of_a_history_stops_where_most_folds_have_stopped():
    median = next(line for line in plots.history(HISTORY).axes[0].lines if line.get_label() == "training")
    np.testing.assert_array_equal(median.get_xydata(), [[1, 2], [2, 2]])


def test_reliability_agrees_with_sklearn():
    from sklearn.calibration import calibration_curve

    y, scores = RNG.integers(0, 2, 400), RNG.dirichlet([1.0, 1.0], 400)
    right, confidence = scores.argmax(axis=1) == y, scores.max(axis=1)
    accuracy, means = calibration_curve(right, confidence, n_bins=10)
    line = plots.reliability(y, scores, 0.1).axes[0].lines[1]
    np.testing.assert_allclose(line.get_xydata(), 100 * np.column_stack([means, accuracy]))
