"""Every figure can be drawn, fits a page, and its labels can be read; those that compute something say it right."""

import base64
import io
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from emolib.datasets.base import Trial
from emolib.device.faces import Face
from emolib.report import plots
from emolib.signals.boxes import Found
from emolib.signals.frontend import feature_names, front_end

RNG = np.random.default_rng(7)
EMOTIONS = ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
SOURCES = [
    "synthetic-heart-emotion-loso",
    "stress_predict-heart-stress-grouped",
    "fer2013-face-emotion7-official",
]
CHANNELS = tuple(f"AF{i}" for i in range(62))


def assert_readable(figure):
    """About 900 px wide at most, something drawn, and no two tick labels of one axis on top of each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert figure.get_tightbbox(renderer).width * figure.dpi < 1000 and any(ax.has_data() for ax in figure.axes)
    for ax in figure.axes:
        for axis, side in ((ax.xaxis, "x"), (ax.yaxis, "y")):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            shown = [label for place, label in ticks if label.get_text() and low <= place <= high]
            boxes = [label.get_window_extent(renderer) for label in shown if label.get_rotation() in (0, 90)]
            edges = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes)
            overlaps = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a[1] > b[0] + 1]
            assert not overlaps, f"{axis.get_label_text()}: {len(overlaps)} tick labels overlap"


def trial(modality, data, sfreq, kind="", **options):
    return Trial("corpus", modality, "S01", "T1", data, sfreq, label="stress", kind=kind, **options)


POWER = np.exp(RNG.normal(size=(60, 14, 5)))
TRIALS = {
    "ppg": trial("heart", RNG.normal(size=6400), 64.0, "ppg"),
    "bpm": trial("heart", 70 + RNG.normal(size=200), 1.0, "bpm"),
    "eeg": trial("eeg", RNG.normal(size=(62, 2560)), 256.0, "raw", channels=CHANNELS),
    "band_power": trial("eeg", POWER, 1.0, "band_power", channels=CHANNELS[:14]),
    "speech": trial("speech", np.zeros(8000, np.float32), 16000.0),
    "still": trial("face", RNG.integers(0, 256, (48, 48), np.uint8), 0.0),
    "video": trial("face", RNG.integers(0, 256, (30, 60, 48, 3), np.uint8), 10.0),
}


@pytest.mark.parametrize("name", TRIALS)
@pytest.mark.filterwarnings("error")
def test_a_trial_is_readable_and_says_whose_it_is(name):
    figure = plots.trial(TRIALS[name])
    assert "subject S01" in figure.get_suptitle() and "stress" in figure.get_suptitle()
    assert ("first 30 of 100 s" in figure.get_suptitle()) is (name == "ppg")
    assert_readable(figure)


def test_missing_samples_leave_a_gap():
    eeg = RNG.normal(size=(4, 512))
    eeg[1, 100:200] = np.nan
    lines = plots.trial(trial("eeg", eeg, 256.0, "raw")).axes[0].lines
    assert np.isnan(lines[1].get_ydata()).sum() == 100 and np.isfinite(lines[0].get_ydata()).all()


WINDOWS = {
    "heart": ((32, 1, 3), "heart", 4.0),
    "eeg": ((4, 1, 30), "eeg", 4.0),
    "log-mel": ((98, 40, 1), "speech", 4.0),
    "mfcc": ((98, 13, 1), "speech", 4.0, feature_names(front_end("speech", n_mfcc=13))),
    "functionals": ((1, 309, 1), "speech", 4.0),
    "face": ((48, 48, 1), "face", None),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_readable(name):
    shape, *about = WINDOWS[name]
    assert_readable(plots.window(RNG.normal(size=shape), *about))


@pytest.mark.parametrize(("n_people", "prefix"), [(4, "s"), (44, "participant_000"), (500, "p")])
def test_figures_of_few_and_of_many_people_are_readable(n_people, prefix):
    names = np.array([f"{prefix}{i}" for i in range(n_people)])
    subject = np.repeat(names, 4)
    assert_readable(plots.folds(np.where(subject == names[:20, None], 2, 0), subject))
    uar = RNG.random(n_people)
    people = pd.DataFrame({"subject": names, "uar": uar, "accuracy": uar, "n": 30})
    assert_readable(plots.per_subject(people, 0.25))
    if n_people < 100:
        arms = [people.assign(arm=arm) for arm in ("none", "baseline", "subject")]
        assert_readable(plots.by_person(pd.concat(arms).assign(seed=0), "arm", "person"))
        ways = (people.assign(normalise=way, seed=seed) for way in ("train", "subject") for seed in "01")
        assert_readable(plots.by_person(pd.concat(ways), "normalise", "person"))


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
FIGURES = {  # with names of classes and sources on an axis, or of faces, which test_pipeline has not
    "confusion": lambda: plots.confusion(RNG.integers(0, 2000, (8, 8)), [f"low arousal and {e} valence" for e in EMOTIONS]),
    "latency": lambda: plots.latency(VARIANTS),
    "detections": lambda: plots.detections(IMAGES, [BOXES] * 4 + [BOXES[:0]], FOUND, list("abcde")),
    "faces": lambda: plots.faces({"one": IMAGES[0], "grey": IMAGES[1, ..., 0]}, {"one": [FACE], "grey": []}, "ab"),
    "saliency_maps": lambda: plots.saliency_maps(MEANS, {"gradient": MEANS, "occlusion": {"sad": np.ones((8, 8))}}),
    "sanity": lambda: plots.sanity(METHODS.assign(**ALIKE)),
    "ways": lambda: plots.ways({"as it is": IMAGES[:2, ..., :1], "all": IMAGES[2:4, ..., :1]}, 0, 255),
    "search_tree": lambda: plots.search_tree(TREE, 0.66),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_readable(name):
    assert_readable(FIGURES[name]())


def test_the_median_of_a_history_stops_where_most_folds_have_stopped():
    median = next(line for line in plots.history(HISTORY).axes[0].lines if line.get_label() == "training")
    np.testing.assert_array_equal(median.get_xydata(), [[1, 2], [2, 2]])


def test_confusion_shows_shares_of_the_true_class_and_counts():
    figure = plots.confusion(np.array([[3, 1], [0, 0]]), ["low", "high"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["75 %\n3", "25 %\n1", "0 %\n0", "0 %\n0"]


def test_reliability_agrees_with_sklearn():
    from sklearn.calibration import calibration_curve

    y, scores = RNG.integers(0, 2, 400), RNG.dirichlet([1.0, 1.0], 400)
    right, confidence = scores.argmax(axis=1) == y, scores.max(axis=1)
    accuracy, means = calibration_curve(right, confidence, n_bins=10)
    line = plots.reliability(y, scores, 0.1).axes[0].lines[1]
    np.testing.assert_allclose(line.get_xydata(), 100 * np.column_stack([means, accuracy]))


def test_a_found_box_has_its_score_and_iou_and_the_tree_what_led_to_the_pick():
    texts = [[text.get_text() for text in ax.texts] for ax in FIGURES["detections"]().axes]
    assert texts[0] == ["0.80, IoU 0.75"] * 2 and texts[4] == ["1.00, IoU 0.00"] * 2
    lines = FIGURES["search_tree"]().axes[1].texts[0].get_text().split("\n")
    assert lines[1:] == ["0: baseline, 300", "1: conv1 8 → 4, 2", "2: dense1 dropped, 1"]


def test_figures_show_themselves_without_pyplot():
    image = Image.open(io.BytesIO(base64.b64decode(plots.history(HISTORY)._repr_png_())))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert 700 < image.width < 1000 and (pyplot is None or not pyplot.get_fignums())
