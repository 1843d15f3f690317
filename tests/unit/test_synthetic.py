"""The synthetic corpus: the same data every time, and signals that do what their docstrings say."""

import itertools

import neurokit2 as nk
import numpy as np
import pytest

from emolib.core.errors import BadParameter
from emolib.datasets.base import MODALITIES
from emolib.datasets.corpora.synthetic import SYNTHETIC
from emolib.signals import boxes
from emolib.signals.generated import face, heart, scenes
from emolib.signals.generated.affect import QUADRANTS, Affect, affects


def first(modality, n, **options):
    return list(itertools.islice(SYNTHETIC.trials(None, modality, [], **options), n))


@pytest.mark.parametrize(
    "modality, cardiac, shape, sfreq, kind, mean, std, middle",  # numbers that were once written down
    [
        ("heart", "ppg", (512,), 64, "ppg", 0.3024058, 0.2218361, 0.07465135),
        ("heart", "ecg", (2048,), 256, "ecg", 0.1857161, 0.1629875, 0.3178521),
        ("eeg", "ppg", (8, 1024), 128, "raw", 6.099338, 19.97159, 1.33571),
        ("speech", "ppg", (128000,), 16000, "", 8.801949e-06, 0.07540778, 0.02615897),
        ("face", "ppg", (8, 48, 48), 1, "", 98.89589, 60.31927, 65),
    ],
)
def test_trials_are_as_the_contract_says_and_as_ever(modality, cardiac, shape, sfreq, kind, mean, std, middle):
    trial = first(modality, 3, cardiac=cardiac)[2]
    assert (trial.corpus, trial.subject, trial.trial) == ("synthetic", "s00", "s00-t02")
    assert trial.data.shape == shape and trial.sfreq == sfreq and trial.kind == kind
    assert trial.data.dtype == (np.uint8 if modality == "face" else np.float32)
    assert len(trial.channels) == (8 if modality == "eeg" else 0)
    data = np.float64(trial.data)  # libraries of mathematics differ in their last digits
    found = data.mean(), data.std(), data.ravel()[data.size // 2]
    np.testing.assert_allclose(found, (mean, std, middle), rtol=1e-5)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_seed_gives_one_corpus_in_which_a_trial_depends_on_no_other(modality):
    one, two = (trial.data for trial in first(modality, 2, seed=3))
    np.testing.assert_array_equal(first(modality, 2, seed=3, n_subjects=1)[1].data, two)
    assert not np.array_equal(first(modality, 1, seed=4)[0].data, one)
    assert [trial.label for trial in first(modality, 9)] == [a.label for a in affects(1, 40, 8.0, 0)][:9]


def test_options_out_of_range_are_refused_at_once():
    for name, value in {"n_subjects": 0, "trial_s": 0.5, "seed": -1, "cardiac": "bpm"}.items():
        with pytest.raises(BadParameter, match=f"{name}: got '?{value}"):
            SYNTHETIC.trials(None, "heart", [], **{name: value})


def matched(found, true, tolerance_s):
    return np.mean(np.abs(found[:, None] - true).min(axis=0) < tolerance_s)


def test_peaks_found_by_neurokit_are_the_true_beats():
    t = np.arange(0, 120, 1 / 256)
    true = heart.beats(t, 72, 0.08, 0.25, np.random.default_rng(1))
    inner = true[(true > 2) & (true < 117)]
    r_peaks = nk.ecg_peaks(heart.ecg(true, t), sampling_rate=256)[1]["ECG_R_Peaks"] / 256
    pulses = nk.ppg_findpeaks(heart.ppg(true, t), sampling_rate=256)["PPG_Peaks"] / 256
    assert matched(r_peaks, inner, 0.008) == 1.0 and abs(len(r_peaks) - len(true)) <= 2
    assert matched(pulses - heart.SYSTOLE_S, inner, 0.03) == 1.0 and abs(len(pulses) - len(true)) <= 2


@pytest.mark.parametrize("yaw, pitch, roll", [(0, 0, 0), (0.4, 0.2, 0.1), (-0.4, -0.3, -0.15)])
def test_regions_hold_what_they_name(yaw, pitch, roll):
    turn = {"yaw": np.full(8, yaw), "pitch": np.full(8, pitch), "roll": np.full(8, roll)}
    neutral = face.portrait(Affect(0, 1, 0, "happy", 8.0))
    shown = neutral.changed(**turn, eye_open=np.ones(8), mouth_open=np.full(8, 0.4))
    regions, before = face.face_regions(shown, 96), face.drawing.render(shown, 96)[0][0]
    for region, change in (("left_eye", "eye_open"), ("right_eye", "eye_open"), ("mouth", "mouth_open")):
        after = face.drawing.render(shown.changed(**{change: np.zeros(8)}), 96)[0][0]
        rows, columns = np.nonzero(np.abs(before - after).max(axis=-1) > 20)
        side = {"left_eye": columns < 48, "right_eye": columns >= 48, "mouth": columns >= 0}[region]
        x1, y1, x2, y2 = regions[region][0]
        inside = (columns >= x1 - 2) & (columns < x2 + 2) & (rows >= y1 - 3) & (rows < y2 + 2)
        assert side.sum() > 30 and inside[side].mean() > 0.95


def test_boxes_lie_in_the_picture_and_hardly_overlap():
    image, found, labels = scenes.scene(0, (160, 200), 3)
    assert image.shape == (160, 200, 3) and found.shape == (3, 4) and set(labels) <= set(QUADRANTS)
    assert (found[:, :2] >= 0).all() and (found[:, 2:] <= [200, 160]).all()
    assert np.triu(boxes.iou(found, found), 1).max() <= 0.1
