"""Figures say what the data says, and their labels can be read."""

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


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def assert_readable(figure):
    """About 900 px wide at most, and no two tick labels of one axis on top of each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert figure.get_tightbbox(renderer).width * figure.dpi < 1000
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [
                label.get_window_extent(renderer)
                for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
                if label.get_text() and low <= place <= high
            ]
            side = "x" if axis is ax.xaxis else "y"
            edges = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in shown)
            overlaps = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a[1] > b[0] + 1]
            assert not overlaps, f"{axis.get_label_text()}: {len(overlaps)} tick labels overlap"


def trial(modality, data, sfreq, kind="", **options):
    return Trial("corpus", modality, "S01", "T1", data, sfreq, label="stress", kind=kind, **options)


CHANNELS = tuple(f"AF{i}" for i in range(62))
TRIALS = [
    trial("heart", RNG.normal(size=6400), 64.0, "ppg"),
    trial("heart", 70 + RNG.normal(size=200), 1.0, "bpm"),
    trial("eeg", RNG.normal(size=(62, 2560)), 256.0, "raw", channels=CHANNELS),
    trial("eeg", RNG.normal(size=(4, 2560)), 256.0, "raw"),
    trial("eeg", np.exp(RNG.normal(size=(60, 14, 5))), 1.0, "band_power", channels=CHANNELS[:14]),
    trial("speech", np.zeros(8000, np.float32), 16000.0),
    trial("face", RNG.integers(0, 256, (48, 48), np.uint8), 0.0),
    trial("face", RNG.integers(0, 256, (30, 60, 48, 3), np.uint8), 10.0),
]


@pytest.mark.parametrize("example", TRIALS, ids=lambda t: f"{t.modality}-{t.kind}-{t.data.shape}")
@pytest.mark.filterwarnings("error")
def test_trial_is_readable_and_says_who(example):
    figure = plots.trial(example)
    assert "subject S01" in figure.get_suptitle() and "stress" in figure.get_suptitle()
    assert_readable(figure)


def test_long_ppg_shows_its_first_seconds_and_says_so():
    line = plots.trial(TRIALS[0]).axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), TRIALS[0].data[: 30 * 64])
    assert "first 30 of 100 s" in plots.trial(TRIALS[0]).get_suptitle()


def test_video_shows_eight_frames_at_their_times():
    shown = plots.trial(TRIALS[-1]).axes
    assert len(shown) == 8
    np.testing.assert_array_equal(shown[-1].images[0].get_array(), TRIALS[-1].data[-1])
    assert shown[-1].get_title() == "2.90 s"


def test_missing_samples_leave_a_gap():
    eeg = RNG.normal(size=(4, 512))
    eeg[1, 100:200] = np.nan
    lines = plots.trial(trial("eeg", eeg, 256.0, "raw")).axes[0].lines
    assert np.isnan(lines[1].get_ydata()).sum() == 100 and np.isfinite(lines[0].get_ydata()).all()


@pytest.mark.parametrize(
    "shape, modality", [((32, 1, 3), "heart"), ((4, 1, 30), "eeg"), ((98, 40, 1), "speech")]
)
def test_window_runs_over_its_duration(shape, modality):
    figure = plots.window(RNG.normal(size=shape), modality, window_s=4.0)
    assert figure.axes[0].get_xlim()[1] == pytest.approx(4.0, rel=0.05)
    assert_readable(figure)


@pytest.mark.parametrize("n_mfcc", [1, 13])
def test_mfcc_are_named_and_their_level_leaves_colours_to_the_others(n_mfcc):
    x = RNG.normal(size=(98, n_mfcc, 1))
    x[:, 0] -= 500
    front = front_end("speech", n_mfcc=n_mfcc)
    figure = plots.window(x, "speech", 2.0, feature_names(front))
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == [f"c{i}" for i in range(n_mfcc)]
    low, high = figure.axes[0].images[0].get_clim()
    assert high - low < 20
    assert_readable(figure)


def test_functionals_of_a_window_are_dots_of_many_sizes():
    x = (RNG.normal(size=309) * 10.0 ** RNG.integers(-2, 4, 309)).astype(np.float32)
    figure = plots.window(x[None, :, None], "speech", 3.0)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), x)
    assert_readable(figure)


def test_face_window_is_drawn_as_it_is():
    x = RNG.normal(size=(48, 48, 1))
    np.testing.assert_array_equal(plots.window(x, "face", None).axes[0].images[0].get_array(), x[:, :, 0])


@pytest.mark.parametrize("draw", [lambda: plots.window(np.zeros((4, 1, 3)), "ecg", 4.0), lambda: plots.trial(
    trial("smell", np.zeros(9), 1.0))])  # fmt: skip
def test_unknown_modality_is_one_line(draw):
    with pytest.raises(BadParameter, match="expected one of heart, eeg, speech, face"):
        draw()


def counts(n_subjects: int, n_classes: int, prefix: str) -> pd.DataFrame:
    index = pd.Index([f"{prefix}{i}" for i in range(n_subjects)], name="subject")
    return pd.DataFrame(
        RNG.integers(1, 40, (n_subjects, n_classes)), index=index, columns=EMOTIONS[:n_classes]
    )


@pytest.mark.parametrize(
    "n_subjects, n_classes, prefix", [(4, 2, "s"), (15, 7, "subject "), (44, 8, "participant_000")]
)
def test_subjects_are_readable(n_subjects, n_classes, prefix):
    table = counts(n_subjects, n_classes, prefix)
    assert_readable(plots.windows_per_subject(table))
    subject = np.repeat(table.index.to_numpy(), 30)
    roles = np.where(subject == table.index.to_numpy()[:, None], 2, 0)
    assert_readable(plots.folds(roles, subject))
    uar = RNG.random(n_subjects)
    scores = pd.DataFrame({"subject": table.index, "uar": uar, "accuracy": uar, "n": 30})
    assert_readable(plots.per_subject(scores, 1 / n_classes))


def test_bars_stack_to_the_subject_totals_without_the_total():
    table = counts(5, 3, "s")
    with_totals = table.assign(total=table.sum(axis=1))
    with_totals.loc["total"] = with_totals.sum()
    bars = plots.windows_per_subject(with_totals).axes[0].patches
    tops = [max(b.get_y() + b.get_height() for b in bars if round(b.get_x() + 0.4) == i) for i in range(5)]
    np.testing.assert_allclose(tops, table.sum(axis=1))


def test_folds_are_sorted_by_subject():
    subject = np.array(["b", "a", "b", "a"])
    image = plots.folds(np.array([[0, 2, 0, 2]]), subject).axes[0].images[0].get_array()
    np.testing.assert_array_equal(image, [[2, 2, 0, 0]])


def test_many_subjects_are_counted_not_named():
    subject = np.array([f"{i:05d}" for i in range(500)])
    ax = plots.folds(np.zeros((1, 500), int), subject).axes[0]
    assert "500 subjects" in ax.get_xlabel() and len(ax.get_xticklabels()) < 20


def test_history_median_stops_where_most_folds_have_stopped():
    runs = [
        {"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [4.0, 3.0]},
        {"loss": [1.0, 1.0]},
        {"loss": [2.0, 4.0]},
    ]
    figure = plots.history(runs)
    median = next(line for line in figure.axes[0].lines if line.get_label() == "training")
    np.testing.assert_array_equal(median.get_xydata(), [[1, 2], [2, 2]])
    assert_readable(figure)


def test_confusion_shows_shares_of_the_true_class_and_counts():
    figure = plots.confusion(np.array([[3, 1], [0, 0]]), ["low", "high"])
    assert texts(figure.axes[0]) == ["75 %\n3", "25 %\n1", "0 %\n0", "0 %\n0"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["low (4)", "high (0)"]


@pytest.mark.parametrize("name", ["{}", "low arousal and {} valence of the stimulus"])
def test_confusion_of_eight_classes_is_readable(name):
    matrix = RNG.integers(0, 2000, (8, 8))
    assert_readable(plots.confusion(matrix, [name.format(emotion) for emotion in EMOTIONS]))


def test_per_subject_is_sorted_with_mean_sd_and_chance():
    table = pd.DataFrame(
        {"subject": list("abc"), "uar": [0.9, 0.5, 0.7], "accuracy": [0.9, 0.6, 0.7], "n": [9, 8, 7]}
    )
    figure = plots.per_subject(table, 0.25)
    labels = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(labels["UAR"].get_ydata(), [50, 70, 90])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["b (8)", "c (7)", "a (9)"]
    assert labels["chance: 25.0 %"].get_ydata()[0] == 25
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"mean UAR: 70.0 %", "± standard deviation: 20.0 %"} <= set(legend)  # sample sd of 50, 70, 90


def test_reliability_agrees_with_sklearn():
    from sklearn.calibration import calibration_curve

    y, scores = RNG.integers(0, 2, 400), RNG.dirichlet([1.0, 1.0], 400)
    right, confidence = scores.argmax(axis=1) == y, scores.max(axis=1)
    accuracy, means = calibration_curve(right, confidence, n_bins=10)
    line = plots.reliability(y, scores, 0.1).axes[0].lines[1]
    np.testing.assert_allclose(line.get_xydata(), 100 * np.column_stack([means, accuracy]))


def variants() -> pd.DataFrame:
    rows = [(s, v, 40_000, 0.7, 0.6, 0.8) for s in SOURCES for v in ("float32", "dynamic", "int8")]
    return pd.DataFrame(rows, columns=["source", "variant", "bytes", "uar", "uar_low", "uar_high"])


def test_size_and_uar_draws_every_variant_in_kilobytes_and_percent():
    size, uar = plots.size_and_uar(variants()).axes
    assert [line.get_xdata()[0] for line in size.lines] == [40.0] * 9
    np.testing.assert_allclose([line.get_xdata() for line in uar.lines[::2]], [[60, 80]] * 9)


def fused() -> pd.DataFrame:
    rows = [
        ("eeg", 0.6, "single"),
        ("product", 0.9, "fused"),
        ("face", 0.8, "single"),
        ("weights by score", 0.7, "fused"),
    ]
    table = pd.DataFrame(rows, columns=["rule", "uar", "kind"])
    return table.assign(uar_low=table["uar"] - 0.05, uar_high=table["uar"] + 0.05)


def test_fusion_refers_to_the_best_single_modality():
    ax = plots.fusion(fused()).axes[0]
    assert ax.lines[0].get_xdata()[0] == 80 and "face" in ax.lines[0].get_label()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "face",
        "eeg",
        "product",
        "weights by score",
    ]
    assert texts(ax) == ["80.0", "60.0", "90.0", "70.0"]


def test_weights_mark_their_mean():
    table = pd.DataFrame({"fold": [0, 1], "modality": "eeg", "weight": [0.2, 0.6], "rule": "validation"})
    ax = plots.weights(table).axes[0]
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 1], 0.4)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.2, 0.6])


def timings(column: str, names: list[str]) -> pd.DataFrame:
    rows = [(s, n, 30.0 * 4**i) for s in SOURCES for i, n in enumerate(names)]
    return pd.DataFrame(rows, columns=["source", column, "p50_us"])


def comparisons():
    times = timings("variant", ["float32", "dynamic", "int8"]).assign(backend="litert", threads=1)
    devices = timings("device", ["Apollo3 (0.46 MFLOP/s)", "Raspberry Pi 3", "Cortex-M4", "NPU profile"])
    yield plots.size_and_uar(variants())
    yield plots.fusion(fused())
    yield plots.latency(times.assign(p95_us=2 * times["p50_us"], p99_us=3 * times["p50_us"]))
    yield plots.modelled(devices.rename(columns={"p50_us": "runtime_ms"}))
    yield plots.cost(pd.DataFrame({"source": SOURCES, "params": 30_000, "macs": 2_000_000, "bytes": 50_000}))


def test_comparisons_are_readable():
    for figure in comparisons():
        assert_readable(figure)


def test_measured_and_modelled_say_so():
    _, _, measured, modelled, _ = comparisons()
    assert "Measured" in measured.get_suptitle() and "not measured" in modelled.get_suptitle()
    assert measured.axes[0].get_xscale() == modelled.axes[0].get_xscale() == "log"


def test_figures_show_themselves_without_pyplot(tmp_path):
    (tmp_path / "figure.png").write_bytes(base64.b64decode(plots.fusion(fused())._repr_png_()))
    assert 700 < Image.open(tmp_path / "figure.png").width < 1000
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
