"""Every figure can be drawn, fits a page, and its labels can be read; those that compute something say it right."""

import base64
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from emolib.core.errors import BadParameter
from emolib.datasets.base import Trial
from emolib.report import plots
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
    """About 900 px wide at most, and no two tick labels of one axis on top of each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert figure.get_tightbbox(renderer).width * figure.dpi < 1000
    for ax in figure.axes:
        for axis, side in ((ax.xaxis, "x"), (ax.yaxis, "y")):
            low, high = sorted(axis.get_view_interval())
            shown = [
                label.get_window_extent(renderer)
                for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
                if label.get_text() and low <= place <= high
            ]
            edges = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in shown)
            overlaps = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a[1] > b[0] + 1]
            assert not overlaps, f"{axis.get_label_text()}: {len(overlaps)} tick labels overlap"


def trial(modality, data, sfreq, kind="", **options):
    return Trial("corpus", modality, "S01", "T1", data, sfreq, label="stress", kind=kind, **options)


TRIALS = {
    "ppg": trial("heart", RNG.normal(size=6400), 64.0, "ppg"),
    "bpm": trial("heart", 70 + RNG.normal(size=200), 1.0, "bpm"),
    "eeg": trial("eeg", RNG.normal(size=(62, 2560)), 256.0, "raw", channels=CHANNELS),
    "band_power": trial(
        "eeg", np.exp(RNG.normal(size=(60, 14, 5))), 1.0, "band_power", channels=CHANNELS[:14]
    ),
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
    "heart": ((32, 1, 3), "heart", {}),
    "eeg": ((4, 1, 30), "eeg", {}),
    "log-mel": ((98, 40, 1), "speech", {}),
    "mfcc": ((98, 13, 1), "speech", {"features": feature_names(front_end("speech", n_mfcc=13))}),
    "functionals": ((1, 309, 1), "speech", {}),
    "face": ((48, 48, 1), "face", {}),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_readable(name):
    shape, modality, options = WINDOWS[name]
    assert_readable(
        plots.window(RNG.normal(size=shape), modality, None if modality == "face" else 4.0, **options)
    )


def test_an_unknown_modality_is_one_line():
    for draw in (
        lambda: plots.window(np.zeros((4, 1, 3)), "ecg", 4.0),
        lambda: plots.trial(trial("smell", np.zeros(9), 1.0)),
    ):
        with pytest.raises(BadParameter, match="expected one of heart, eeg, speech, face"):
            draw()


@pytest.mark.parametrize(
    ("n_people", "n_classes", "prefix"), [(4, 2, "s"), (44, 8, "participant_000"), (500, 7, "p")]
)
def test_figures_of_few_and_of_many_people_are_readable(n_people, n_classes, prefix):
    index = pd.Index([f"{prefix}{i}" for i in range(n_people)], name="subject")
    counts = pd.DataFrame(
        RNG.integers(1, 40, (n_people, n_classes)), index=index, columns=EMOTIONS[:n_classes]
    )
    subject = np.repeat(index.to_numpy(), 4)
    assert_readable(plots.folds(np.where(subject == index.to_numpy()[:20, None], 2, 0), subject))
    uar = RNG.random(n_people)
    people = pd.DataFrame({"subject": index, "uar": uar, "accuracy": uar, "n": 30})
    assert_readable(plots.per_subject(people, 1 / n_classes))
    if n_people < 100:
        assert_readable(
            plots.subject_calibration(
                pd.concat(people.assign(arm=a) for a in ("none", "baseline", "subject"))
            )
        )
        ways = (people.assign(normalise=way, seed=seed) for way in ("train", "subject") for seed in "01")
        assert_readable(plots.seed_variability(pd.concat(ways)))


def timings(column: str, names: list[str]) -> pd.DataFrame:
    rows = [(source, name, 30.0 * 4**i) for source in SOURCES for i, name in enumerate(names)]
    return pd.DataFrame(rows, columns=["source", column, "p50_us"])


def figures():
    intervals = {"uar": 0.7, "uar_low": 0.6, "uar_high": 0.8}
    variants = timings("variant", ["float32", "dynamic", "int8"]).assign(
        bytes=40_000, backend="litert", threads=1
    )
    devices = timings("device", ["Apollo3 (0.46 MFLOP/s)", "Raspberry Pi 3", "Cortex-M4", "NPU profile"])
    rules = pd.DataFrame(
        {"rule": ["eeg", "product", "weights by score"], "kind": ["single", "fused", "fused"]}
    )
    weights = pd.DataFrame({"fold": [0, 1], "modality": "eeg", "weight": [0.2, 0.6], "rule": "validation"})
    history = [
        {"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [4.0, 3.0]},
        {"loss": [1.0, 1.0]},
        {"loss": [2.0, 4.0]},
    ]
    scored = pd.DataFrame(
        [("eeg", "int8", 0.2, 0.8), ("fused", "int8", 0.4, 0.6)],
        columns=["modality", "variant", "low", "high"],
    )
    yield (
        "confusion",
        plots.confusion(
            RNG.integers(0, 2000, (8, 8)), [f"low arousal and {one} valence" for one in EMOTIONS]
        ),
    )
    yield "history", plots.history(history)
    yield "scores", plots.scores(scored)
    yield "size_and_uar", plots.size_and_uar(variants.assign(**intervals))
    yield "fusion", plots.fusion(rules.assign(**intervals))
    yield "weights", plots.weights(weights)
    yield "latency", plots.latency(variants.assign(p95_us=variants.p50_us, p99_us=3 * variants.p50_us))
    yield "modelled", plots.modelled(devices.rename(columns={"p50_us": "runtime_ms"}))
    yield (
        "cost",
        plots.cost(pd.DataFrame({"source": SOURCES, "params": 30_000, "macs": 2_000_000, "bytes": 50_000})),
    )


@pytest.mark.parametrize(("name", "figure"), figures(), ids=lambda one: one if isinstance(one, str) else "")
def test_figures_are_readable(name, figure):
    assert_readable(figure)


def test_the_median_of_a_history_stops_where_most_folds_have_stopped():
    figure = dict(figures())["history"]
    median = next(line for line in figure.axes[0].lines if line.get_label() == "training")
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


def test_measured_and_modelled_say_so():
    found = dict(figures())
    assert (
        "Measured" in found["latency"].get_suptitle() and "not measured" in found["modelled"].get_suptitle()
    )


def test_figures_show_themselves_without_pyplot(tmp_path):
    (tmp_path / "figure.png").write_bytes(base64.b64decode(dict(figures())["history"]._repr_png_()))
    assert 700 < Image.open(tmp_path / "figure.png").width < 1000
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
