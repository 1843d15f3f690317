"""The synthetic corpus: the same data every time, and signals that do what their docstrings say."""

import itertools
from collections import Counter
from dataclasses import replace

import librosa
import neurokit2 as nk
import numpy as np
import pytest
from scipy.signal import lfilter, periodogram, welch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from emolib.core.errors import BadParameter
from emolib.datasets.base import MODALITIES
from emolib.datasets.corpora.synthetic import SYNTHETIC
from emolib.signals import boxes
from emolib.signals.beats import FEATURES, detect_beats
from emolib.signals.frontend import front_end
from emolib.signals.generated import affect as latent
from emolib.signals.generated import eeg, face, heart, scenes, speech
from emolib.signals.generated.affect import QUADRANTS, Affect, affects


def trials(modality, **options):
    return SYNTHETIC.trials(None, modality, [], **options)


def first(modality, n, **options):
    return list(itertools.islice(trials(modality, **options), n))


@pytest.fixture
def pure(monkeypatch):
    """Trials of one emotion without spread, bias or noise in what is felt and shown."""
    for name in ("SPREAD", "PERSON_BIAS", "DRIFT", "EXPRESSIVENESS"):
        monkeypatch.setattr(latent, name, 0.0)
    monkeypatch.setattr(latent, "NOISE", dict.fromkeys(MODALITIES, (0.0, 0.0)))
    return lambda label, n=12, trial_s=8.0: [Affect(0, 0, trial, label, trial_s) for trial in range(n)]


# The corpus


@pytest.mark.parametrize(
    "modality, options, shape, sfreq, kind",
    [
        ("heart", {}, (512,), 64, "ppg"),
        ("heart", {"cardiac": "ecg"}, (2048,), 256, "ecg"),
        ("eeg", {}, (8, 1024), 128, "raw"),
        ("speech", {}, (128000,), 16000, ""),
        ("face", {}, (8, 48, 48), 1, ""),
    ],
)
def test_trials_are_as_the_contract_says(modality, options, shape, sfreq, kind):
    trial = first(modality, 1, **options)[0]
    assert (trial.corpus, trial.modality, trial.subject, trial.trial) == (
        "synthetic",
        modality,
        "s00",
        "s00-t00",
    )
    assert trial.data.shape == shape and trial.sfreq == sfreq and trial.kind == kind
    assert trial.data.dtype == (np.uint8 if modality == "face" else np.float32)
    assert len(trial.channels) == (8 if modality == "eeg" else 0)


@pytest.mark.parametrize("modality", MODALITIES)
def test_same_seed_same_data_other_seed_other_data(modality):
    once, again, other = (first(modality, 2, seed=seed) for seed in (3, 3, 4))
    for a, b, c in zip(once, again, other, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert not np.array_equal(a.data, c.data, equal_nan=a.data.dtype != np.uint8)


def test_modalities_pair_and_a_trial_depends_on_no_other():
    alone = {m: [t.data for t in first(m, 2)] for m in MODALITIES}
    fewer = {m: [t.data for t in trials(m, n_subjects=1)][:2] for m in MODALITIES}
    together = list(zip(*(first(m, 2) for m in reversed(MODALITIES)), strict=True))
    for i, row in enumerate(together):
        assert len({(t.subject, t.trial, t.label) for t in row}) == 1
        for trial in row:
            np.testing.assert_array_equal(trial.data, alone[trial.modality][i])
            np.testing.assert_array_equal(trial.data, fewer[trial.modality][i])
    affect = list(affects(10, 40, 8.0, 0))[4]
    np.testing.assert_array_equal(heart.ppg_recording(affect), first("heart", 5)[4].data)


def test_labels_are_balanced_in_every_subject_and_shuffled():
    every = list(affects(4, 40, 8.0, 0))
    for subject in range(4):
        labels = [a.label for a in every if a.subject == subject]
        assert Counter(labels) == dict.fromkeys(QUADRANTS, 10)
        assert labels != [a.label for a in every if a.subject == (subject + 1) % 4]
    assert len({a.trial_id for a in every}) == 160


def test_no_model_can_be_always_right_even_on_the_latent():
    every = list(affects(40, 40, 8.0, 0))
    felt, labels = np.array([a.felt() for a in every]), [a.label for a in every]
    accuracy = LinearDiscriminantAnalysis().fit(felt, labels).score(felt, labels)
    assert 0.94 < accuracy < 0.98


@pytest.mark.parametrize("modality, low, high", [("heart", 0.4, 0.7), ("face", 0.75, 0.95)])
def test_a_channel_shows_less_than_is_felt(modality, low, high):
    every = list(affects(20, 40, 8.0, 0))
    shown = np.array([a.shown(modality, np.arange(8.0)).mean(axis=1) for a in every])
    labels = [a.label for a in every]
    assert low < LinearDiscriminantAnalysis().fit(shown, labels).score(shown, labels) < high


def test_options_out_of_range_are_refused_at_once():
    for name, value in {"n_subjects": 0, "n_trials": 0, "trial_s": 0.5, "seed": -1}.items():
        with pytest.raises(BadParameter, match=f"{name}: got {value}"):
            trials("heart", **{name: value})
    with pytest.raises(BadParameter, match="'smell'.*heart, eeg, speech, face"):
        trials("smell")
    with pytest.raises(BadParameter, match="cardiac: got 'bpm', expected ppg or ecg"):
        trials("speech", cardiac="bpm")
    with pytest.raises(BadParameter, match="n_faces: got 300"):
        scenes.scene(0, (100, 100), 300)


# Heart


def long_beats(bpm=72, rsa=0.08, resp_hz=0.25, duration_s=120):
    t = np.arange(0, duration_s, 1 / 256)
    return t, heart.beats(t, bpm, rsa, resp_hz, np.random.default_rng(1))


def matched(found, true, tolerance_s):
    return np.mean(np.abs(found[:, None] - true).min(axis=0) < tolerance_s)


def test_ecg_peaks_found_by_neurokit_are_the_true_beats():
    t, true = long_beats()
    found = nk.ecg_peaks(heart.ecg(true, t), sampling_rate=256)[1]["ECG_R_Peaks"] / 256
    inner = true[(true > 2) & (true < 118)]
    assert matched(found, inner, 0.008) == 1.0
    assert abs(len(found) - len(true)) <= 2


def test_ppg_peaks_found_by_neurokit_are_the_true_beats():
    t, true = long_beats()
    found = nk.ppg_findpeaks(heart.ppg(true, t), sampling_rate=256)["PPG_Peaks"] / 256
    inner = true[(true > 2) & (true < 117)]
    assert matched(found - heart.SYSTOLE_S, inner, 0.03) == 1.0
    assert abs(len(found) - len(true)) <= 2


@pytest.mark.parametrize("resp_hz", [0.2, 0.3])
def test_intervals_swing_with_breathing(resp_hz):
    _, true = long_beats(bpm=72, resp_hz=resp_hz, duration_s=300)
    assert 60 / np.diff(true).mean() == pytest.approx(72, rel=0.01)
    grid = np.arange(true[0], true[-2], 0.25)
    freqs, power = periodogram(np.interp(grid, true[:-1], np.diff(true)), fs=4, detrend="linear")
    fast = freqs > 0.15
    assert freqs[fast][power[fast].argmax()] == pytest.approx(resp_hz, abs=0.01)


def test_rate_measured_by_neurokit_rises_with_arousal_and_variability_falls(pure):
    def measured(label):
        true = [heart.rhythm(a)[1] for a in pure(label, n=6, trial_s=30.0)]
        waves = [heart.ppg(b, np.arange(0, 30, 1 / 64)) for b in true]
        ibis = [np.diff(nk.ppg_findpeaks(w, sampling_rate=64)["PPG_Peaks"]) / 64 for w in waves]
        return np.mean([60 / i.mean() for i in ibis]), np.mean([np.std(np.diff(b)) for b in true])

    (angry_bpm, angry_sd), (sad_bpm, sad_sd) = measured("angry"), measured("sad")
    assert 14 < angry_bpm - sad_bpm < 20
    assert angry_sd < 0.7 * sad_sd


def true_beats(trial, number):
    """Beat times in s that the generator drew for the number-th trial, away from both ends."""
    beats = heart.rhythm(next(itertools.islice(affects(10, 40, 8.0, 0), number, None)))[1]
    return beats[(beats > 0.4) & (beats < trial.data.size / trial.sfreq - 0.4)]


def test_the_heart_front_end_finds_the_beats_of_the_ecg():
    found_by = {
        "emolib": lambda x: detect_beats(x, 256, "ecg"),
        "neurokit": lambda x: nk.ecg_peaks(nk.ecg_clean(x, 256), sampling_rate=256)[1]["ECG_R_Peaks"] / 256,
    }
    whole = [(n, t) for n, t in enumerate(first("heart", 80, cardiac="ecg")) if np.isfinite(t.data).all()]
    for name, find in found_by.items():
        shares = [matched(find(t.data), true_beats(t, n), 0.02) for n, t in whole]
        assert np.mean(shares) > 0.97 and np.median(shares) == 1.0, name
    front = front_end("heart")
    windows = [(front(t.data, t.sfreq, t.kind).X, true_beats(t, n)) for n, t in whole]
    kept = [(X[0], true) for X, true in windows if len(X)]
    assert len(kept) > 0.9 * len(whole)
    assert {X.shape for X, _ in kept} == {(32, 1, len(FEATURES["ecg"]))}
    errors = [X[..., 0].mean() - 60 / np.diff(true).mean() for X, true in kept]
    assert np.median(np.abs(errors)) < 1.5


def test_the_pulse_is_what_it_was_before_there_was_an_ecg():
    before = [0.3071458, 0.1355079, 0.1360903, 0.2469352, 0.4223587]  # written down before
    data = first("heart", 3)[2].data  # libraries of mathematics differ in their last digits
    np.testing.assert_allclose(data[:200:40], before, atol=2e-6)


# EEG


def band_power(data, low, high):
    freqs, power = welch(data, eeg.SFREQ, nperseg=256)
    return power[..., (freqs >= low) & (freqs <= high)].mean(axis=-1)


def mean_band(affects, low, high):
    return np.mean([band_power(np.nan_to_num(eeg.recording(a)), low, high) for a in affects], axis=0)


def test_arousal_lowers_alpha_and_raises_beta(pure):
    angry, sad = pure("angry", 20), pure("sad", 20)
    assert (mean_band(angry, 8, 12) < 0.75 * mean_band(sad, 8, 12)).all()
    assert (mean_band(angry, 17, 23) > 1.3 * mean_band(sad, 17, 23)).all()


def test_positive_valence_leans_frontal_alpha_to_the_right(pure):
    def lean(label):
        alpha = np.log(mean_band(pure(label, 20), 8, 12))
        return alpha[eeg.CHANNELS.index("F4")] - alpha[eeg.CHANNELS.index("F3")]

    assert lean("relaxed") - lean("sad") > 0.5
    assert lean("happy") - lean("angry") > 0.5


def test_background_falls_as_one_over_f():
    noise = eeg.background(np.random.default_rng(0), 128 * 120, slope=1.2)
    freqs, power = welch(noise, eeg.SFREQ, nperseg=512)
    fit = (freqs >= 2) & (freqs <= 40)
    slopes = np.polyfit(np.log(freqs[fit]), np.log(power[:, fit].T), 1)[0]
    np.testing.assert_allclose(slopes, -1.2, atol=0.1)


def test_blinks_are_frontal_and_mains_is_at_50_hz():
    wave = eeg.disturbances(np.random.default_rng(0), 128 * 60)
    span = np.ptp(eeg.blinks(np.random.default_rng(0), 128 * 60), axis=1)
    assert 60 < span[0] < 300 and span[0] > 2 * span[2] and span[6] == 0
    assert (band_power(wave, 49.5, 50.5) > 5 * band_power(wave, 44, 47)).all()


# Speech


def pitch(wave):
    """Median F0 in Hz where the wave is loud, by librosa's YIN."""
    f0 = librosa.yin(wave, fmin=70, fmax=400, sr=16000, frame_length=1024, hop_length=256)
    loud = librosa.feature.rms(y=wave, frame_length=1024, hop_length=256)[0]
    return np.median(f0[loud > np.median(loud)])


def test_pitch_measured_by_librosa_is_the_one_asked_for():
    open_mouth, nothing = np.ones(75), np.zeros(75)
    still = speech.Syllables(open_mouth, nothing, np.zeros(75, int), nothing, nothing)
    wave = speech.utter(np.full(75, 150.0), still, 1.0, 0.6, np.random.default_rng(0))
    assert pitch(wave) == pytest.approx(150, rel=0.01)


def brightness(wave):
    """Share of power between 1 and 4 kHz, where neither fundamental nor hiss lies, over that below."""
    freqs, power = welch(wave, 16000, nperseg=512)
    return power[(freqs > 1000) & (freqs < 4000)].sum() / power[freqs < 1000].sum()


def test_arousal_raises_pitch_loudness_and_brightness_and_a_smile_the_formants(pure):
    def measured(label):
        waves = [speech.recording(a) for a in pure(label, 6, 4.0)]
        return np.median([(pitch(w), w.std(), brightness(w)) for w in waves], axis=0)

    happy, angry, sad = measured("happy"), measured("angry"), measured("sad")
    assert happy[2] > 1.25 * angry[2]
    assert 2.5 < 12 * np.log2(angry[0] / sad[0]) < 6
    assert angry[1] > 1.3 * sad[1]
    assert angry[2] > 1.3 * sad[2]


def test_vocal_tract_agrees_with_one_filter_after_another():
    source = np.random.default_rng(0).normal(size=50 * speech.HOP)
    formants = np.tile([500.0, 1500, 2500, 3600], (50, 1))
    filters = speech.denominators(formants, np.full(50, 0.6))
    expected = source
    for hertz, bandwidth in zip(formants[0], speech.BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / 16000)
        poles = [1, -2 * radius * np.cos(2 * np.pi * hertz / 16000), radius**2]
        expected = lfilter([np.sum(poles)], poles, expected)
    expected = lfilter([0.4], [1, -0.6], expected)
    error = speech.vocal_tract(source, filters) - expected
    assert np.abs(error[speech.HOP : -speech.HOP]).max() < 0.01 * expected.std()


# Faces


def neutral(label="happy"):
    return face.portrait(Affect(0, 1, 0, label, 8.0))


def test_faces_change_with_emotion_more_than_with_the_sensor(pure):
    means = {label: np.mean([face.recording(a) for a in pure(label, 8)], axis=(0, 1)) for label in QUADRANTS}
    mouth = face.face_regions(neutral())["mouth"].mean(axis=0).astype(int)
    window = slice(mouth[1], mouth[3]), slice(mouth[0], mouth[2])
    again = np.mean([face.recording(a) for a in pure("happy", 16)[8:]], axis=(0, 1))
    same = np.abs(means["happy"] - again)[window].mean()
    for a, b in itertools.combinations(QUADRANTS, 2):
        assert np.abs(means[a] - means[b])[window].mean() > 1.3 * same


def shifts(pure, field):
    return {label: np.mean([getattr(face.portrait(a), field) for a in pure(label)]) for label in QUADRANTS}


def test_muscles_follow_the_emotion(pure):
    smile, opened, frown = (shifts(pure, f) for f in ("smile", "mouth_open", "frown"))
    assert min(smile["happy"], smile["relaxed"]) > 0.4 and max(smile["angry"], smile["sad"]) < -0.4
    assert min(opened["happy"], opened["angry"]) > max(opened["sad"], opened["relaxed"]) + 0.2
    assert frown["angry"] > 0.5 and frown["sad"] < -0.5


def changed(before, after, size=96):
    """Rows and columns of the pixels that differ between two portraits' drawings of their first frames."""
    difference = np.abs(face.drawing.render(before, size)[0][0] - face.drawing.render(after, size)[0][0])
    return np.nonzero(difference.max(axis=-1) > 20)


@pytest.mark.parametrize("yaw, pitch, roll", [(0, 0, 0), (0.4, 0.2, 0.1), (-0.4, -0.3, -0.15)])
def test_regions_hold_what_they_name(yaw, pitch, roll):
    turn = {"yaw": np.full(8, yaw), "pitch": np.full(8, pitch), "roll": np.full(8, roll)}
    shown = replace(neutral(), **turn, eye_open=np.ones(8), mouth_open=np.full(8, 0.4))
    regions = face.face_regions(shown, 96)
    rows, columns = changed(shown, replace(shown, eye_open=np.full(8, 0.0)))
    left = columns < 48
    for name, side in (("left_eye", left), ("right_eye", ~left)):
        x1, y1, x2, y2 = regions[name][0]
        inside = (columns[side] >= x1 - 2) & (columns[side] < x2 + 2)
        inside &= (rows[side] >= y1 - 3) & (rows[side] < y2 + 2)
        assert inside.size > 30 and inside.mean() > 0.95
    x1, y1, x2, y2 = regions["mouth"][0]
    rows, columns = changed(shown, replace(shown, mouth_open=np.full(8, 0.1)))
    inside = (columns >= x1 - 1) & (columns < x2 + 1) & (rows >= y1 - 1) & (rows < y2 + 1)
    assert inside.size > 30 and inside.mean() > 0.95


def test_regions_lie_in_the_face_and_apart():
    regions = face.face_regions(neutral())
    assert set(regions) == {"face", "mouth", "left_eye", "right_eye", "left_cheek", "right_cheek"}
    for name, box in regions.items():
        assert box.shape == (8, 4) and (box[:, 2:] > box[:, :2]).all()
        assert (box[:, :2] >= regions["face"][:, :2] - 1).all(), name
        assert (box[:, 2:] <= regions["face"][:, 2:] + 1).all(), name
    assert (regions["left_eye"][:, 2] < regions["right_eye"][:, 0]).all()
    assert (regions["left_eye"][:, 3] < regions["mouth"][:, 1]).all()


# Scenes


@pytest.mark.parametrize("seed", range(4))
def test_boxes_lie_in_the_picture_and_hardly_overlap(seed):
    image, found, labels = scenes.scene(seed, (160, 200), 3)
    assert image.shape == (160, 200, 3) and image.dtype == np.uint8
    assert found.shape == (3, 4) and set(labels) <= set(QUADRANTS)
    assert (found[:, :2] >= 0).all() and (found[:, 2:] <= [200, 160]).all()
    assert np.triu(boxes.iou(found, found), 1).max() <= 0.1
    np.testing.assert_array_equal(scenes.scene(seed, (160, 200), 3)[0], image)


def test_the_box_encloses_what_a_face_added_to_the_scene():
    flat, shown = np.full((120, 120, 3), 128, np.float32), scenes.someone(np.random.default_rng(2))[1]
    scenes.paste(flat, shown, 80, np.array([20, 20]))
    x1, y1, x2, y2 = (face.face_regions(shown, 80)["face"][0] + 20).astype(int)
    touched = np.abs(flat - 128).max(axis=-1) > 2
    assert touched[y1 + 2 : y2 - 2, (x1 + x2) // 2].mean() > 0.98
    assert touched.sum() < 2.2 * (x2 - x1) * (y2 - y1)
