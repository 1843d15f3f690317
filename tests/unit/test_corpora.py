"""Each corpus read from small files in its publisher's layout: what its trials are, what is left out, what is refused."""

import re
from datetime import datetime, timedelta

import numpy as np
import pytest
import whole_corpora as whole
from damage import lay, packed
from whole_corpora import CORPORA, gathered, picture, python2, sound, table

from emolib.core.errors import BadRecording, EmolibError
from emolib.datasets import NAMES, get, load
from emolib.datasets.corpora import acted_speech, films
from emolib.datasets.corpora.stress_predict import Phase, snap, without_overlap

FILES = {name: make() for name, make in CORPORA.items()}
BVP, MUSE = "Raw_data/S01/BVP.csv", "subjecta-relaxed-1.csv"
POWERS, RATED = "eeg_bandpower_features_windowed_12.0_0.0.csv", "final_SAM_scores.csv"
WALK = "walking_data/mo_ew10_accdata_30_1_108-1033.csv"
FACTS = {  # corpus and modality: subject, trial, label, kind, rate in Hz, shape, channels of the first trial
    ("emodb", "speech"): ("03", "03a01Fa", "happiness", "", 16000, (2000,), 0),
    ("ravdess", "speech"): ("12", "01-06-01-02-01-12", "fearful", "", 16000, (667,), 0),
    ("ravdess", "face"): ("12", "01-06-01-02-01-12", "fearful", "", 5, (1, 24, 32, 3), 0),
    ("crema_d", "speech"): ("1001", "1001_DFA_ANG_XX", "anger", "", 16000, (2000,), 0),
    ("tess", "speech"): ("OAF", "OAF_back_angry", "angry", "", 16000, (1311,), 0),
    ("savee", "speech"): ("DC", "DC_a01", "anger", "", 16000, (726,), 0),
    ("fer2013", "face"): ("Training_2", "Training_2", "angry", "", 0, (48, 48), 0),
    ("ck_plus", "face"): ("S005", "S005_001", "disgust", "", 0, (24, 32, 3), 0),
    ("image_folder", "face"): ("ann", "happy/ann_1.png", "happy", "", 0, (24, 32, 3), 0),
    ("own", "heart"): ("ann", "a", "calm", "ppg", 50, (100,), 0),
    ("own", "eeg"): ("ann", "a", "calm", "raw", 50, (2, 100), 2),
    ("own", "speech"): ("ann", "a", "calm", "", 16000, (2000,), 0),
    ("own", "face"): ("ann", "a", "calm", "", 5, (2, 24, 32, 3), 0),
    ("own", "skin"): ("ann", "a", "calm", "eda", 50, (2, 100), 2),
    ("stress_predict", "skin"): ("S01", "S01-2-stroop", "stroop", "eda", 4, (2, 200), 2),
    ("wesad", "skin"): ("S2", "S2-1-baseline", "baseline", "eda", 4, (2, 20), 2),
    ("stress_predict", "heart"): ("S01", "S01-2-stroop", "stroop", "ppg", 64, (3200,), 0),
    ("wesad", "heart"): ("S2", "S2-1-baseline", "baseline", "ppg", 64, (320,), 0),
    ("cogwear", "heart"): ("3", "3-baseline", "baseline", "ppg", 64, (640,), 0),
    ("cogwear", "skin"): ("3", "3-baseline", "baseline", "eda", 4, (2, 40), 2),
    ("cogwear", "eeg"): ("3", "3-baseline", "baseline", "raw", 256, (4, 512), 4),
    ("walking", "heart"): ("ew10", "ew10-mo-1-happy", "happy", "bpm", 25, (50,), 0),
    ("muse", "eeg"): ("subjecta", "subjecta-relaxed-1", "relaxed", "raw", 256, (4, 256), 4),
    ("gameemo", "eeg"): ("S01", "S01-G1", "G1", "band_power", 1 / 12, (3, 14, 4), 14),
    ("deap", "eeg"): ("s01", "s01-01", "", "raw", 128, (32, 16), 32),
    ("deap", "heart"): ("s01", "s01-01", "", "ppg", 128, (16,), 0),
    ("dreamer", "eeg"): ("s01", "s01-01", "", "raw", 128, (14, 300), 14),
    ("dreamer", "heart"): ("s01", "s01-01", "", "ecg", 256, (600,), 0),
    ("seed", "eeg"): ("1", "1-20131027-01", "positive", "raw", 200, (62, 51), 62),
}


def test_a_trial_of_each_corpus(data, monkeypatch):
    monkeypatch.setattr(films, "DEAP_SHAPE", whole.DEAP_SHAPE)
    assert {name for name, _ in FACTS} == set(NAMES) - {"synthetic"}
    for (name, modality), facts in FACTS.items():
        lay(data / name, FILES[name])
        trial = next(load(name, modality))
        assert (trial.subject, trial.trial, trial.label, trial.kind, trial.sfreq) == facts[:5]
        assert (trial.data.shape, len(trial.channels)) == facts[5:], name
        assert trial.data.dtype == (np.uint8 if modality == "face" else np.float32)
        assert (trial.corpus, trial.modality) == (name, modality)


@pytest.mark.parametrize(("parse", "name", "expected"), [  # what a file name says, or why the file is left out
    (acted_speech.parse_emodb, "wav/16b10Wb.wav", ("16", "16b10Wb", "anger", "b10")),
    (acted_speech.parse_emodb, "wav/10a04Ad.wav", ("10", "10a04Ad", "fear", "a04")),
    (acted_speech.parse_emodb, "laryngo/03a01F.wav", "not named like 03a01Fa"),
    (acted_speech.parse_crema_d, "AudioWAV/1091_IEO_SAD_LO.wav", ("1091", "1091_IEO_SAD_LO", "sad", "IEO")),
    (acted_speech.parse_crema_d, "AudioWAV/1064_IEO_DIS_MD.wav", "known defect: holds all emotions"),
    (acted_speech.parse_tess, "OAF_neutral/OA_bite_neutral.wav", ("OAF", "OAF_bite_neutral", "neutral", "bite")),
    (acted_speech.parse_savee, "AudioData/JE/sa15.wav", ("JE", "JE_sa15", "sadness", "")),
    (acted_speech.parse_savee, "ALL/KL_n30.wav", ("KL", "KL_n30", "neutral", "")),
    (acted_speech.parse_savee, "AudioData/JE/SA15.WAV", ("JE", "JE_sa15", "sadness", "")),
    (lambda name: acted_speech.parse_ravdess(name, "03"), "03-01-08-02-01-02-24.wav", ("24", "01-08-02-01-02-24", "surprised", "01")),
    (lambda name: acted_speech.parse_ravdess(name, "03"), "03-02-01-01-01-01-01.wav", "song, not speech"),
    (lambda name: acted_speech.parse_ravdess(name, "01"), "02-01-01-01-01-01-01.mp4", "modality 02, not 01"),
])  # fmt: skip
def test_file_names_of_acted_speech(parse, name, expected):
    assert parse(name) == expected


@pytest.mark.parametrize(("name", "modality", "more", "reason"), [  # files beside or in place of whole ones
    ("tess", "speech", {"copy/OAF_back_angry.wav": sound(24414)}, "second copy: the same samples"),
    ("tess", "speech", {"copy/OAF_back_angry.wav": sound(pitch=0.3)}, "other samples of a trial that is there"),
    ("tess", "speech", {"copy/OAF_bar_angry.wav": sound(24414)}, "second copy: the same samples"),
    ("emodb", "speech", {"wav/03a02Fa.wav": sound(n_times=0)}, "silent or empty"),
    ("ck_plus", "face", {"cohn-kanade-images/S010/002/S010_002_00000014.png": b""}, "no emotion was assigned"),
    ("gameemo", "eeg", {RATED: FILES["gameemo"][RATED] + b"G3.pdf,S01,3,7\n"}, "rated, but no band powers"),
    ("gameemo", "eeg", {RATED: FILES["gameemo"][RATED].replace(b"S01,3,7\nG", b"S01,3,\nG")},
     "no valence or arousal rating"),
])  # fmt: skip
def test_what_is_left_out_is_named_with_its_reason(data, name, modality, more, reason):
    lay(data / name, FILES[name] | more)
    assert reason in {drop.reason for drop in gathered(name, modality)[1]}


@pytest.mark.parametrize(("name", "file", "old", "new", "message"), [  # what is replaced in a file, and by what
    ("fer2013", "fer2013.csv", "emotion,pixels", "emotion,picture", "expected emotion, pixels, usage"),
    ("fer2013", "fer2013.csv", "0,0 1 2 3 ", "0,0 1 2 256 ", "line 2 .*2304 pixels"),
    ("fer2013", "fer2013.csv", "0,0 1", "7,0 1", "line 2: emotion is '7', expected 0 to 6"),
    ("ck_plus", "Emotion/S005/001/S005_001_00000011_emotion.txt", "3.0", "8.0", "says '8.0"),
    ("stress_predict", BVP, "64.000000", "32", "has a rate of 32.0, expected 64 Hz"),
    ("walking", WALK, "0.0,1.0,1", "0.0,7.0,1", "has emotion 7, expected -1, 0 or 1"),
    ("walking", WALK, ",101\n", ",fast\n", "holds 'fast' in data row 2, column heart_rate"),
    ("muse", MUSE, "1533222955.004", "1533222954.004", "lacks two or more time stamps that rise"),
    ("gameemo", POWERS, "1,1,2,", "1,1,3,", "numbers the windows of S01-G1 other than 1 to 3 once each"),
    ("gameemo", RATED, "3,7", "3,12", "ratings outside the scale"),
])  # fmt: skip
def test_a_text_that_is_not_the_publisher_s_is_named(data, name, file, old, new, message):
    text = FILES[name][file].decode()
    changed = text.replace(old, new)
    assert changed != text
    lay(data / name, FILES[name] | {file: changed.encode()})
    with pytest.raises(EmolibError, match=rf"{re.escape(file)}.*{message}"):
        list(load(name, get(name).modalities[0]))


# Faces


def test_fer2013_csv(data):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    rows = zip((0, 6, 3), ("Training", "PublicTest", "PrivateTest"), pixels.reshape(3, -1), strict=True)
    rows = [(emotion, usage, " ".join(map(str, flat))) for emotion, usage, flat in rows]
    lay(data / "fer2013", {"icml_face_data.csv": table("emotion, Usage, pixels", rows)})
    trials = list(load("fer2013", "face"))
    assert [(t.label, t.split) for t in trials] == [("angry", "train"), ("neutral", "val"), ("happy", "test")]
    assert len({trial.subject for trial in trials}) == len({trial.trial for trial in trials}) == 3
    np.testing.assert_array_equal([trial.data for trial in trials], pixels)


def test_fer2013_folders_in_a_zip(data):
    splits = {
        "train/happy/Training_1.png": "train",
        "validation/sad/1.png": "val",
        "test/fear/PrivateTest_1.png": "test",
        "test/happy/PublicTest_2.png": "val",  # in the folder of the test: its prefix tells
    }
    files, dropped = dict.fromkeys((*splits, "more/happy/im2.png"), picture((48, 48))), []
    lay(data / "fer2013", {"archive.zip": packed(files)})
    found = {(t.label, t.split) for t in load("fer2013", "face", dropped)}
    assert found == {(name.split("/")[1], split) for name, split in splits.items()}
    assert [drop.name for drop in dropped] == ["more/happy/im2.png"]


def test_people_of_an_image_folder(data):
    files = dict.fromkeys(("happy/anna_01.png", "Sad/ben_01.png", "sad/unknown.png"), picture())
    lay(data / "elsewhere", files)
    found = {(t.subject, t.label) for t in load("image_folder", "face", folder=str(data / "elsewhere"))}
    assert found == {("anna", "happy"), ("ben", "sad"), ("sad/unknown", "sad")}


# EEG


def test_muse_is_cut_where_time_stamps_leave_a_gap(data):
    at = np.arange(1024)
    time_s = np.round(1533222955 + at / 256 + 60 * np.isin(at, (300, 900)).cumsum(), 3)
    cells = zip(at, time_s, strict=True)
    rows = [(f"{s:.3f}", n + 0.25, 1.0, 2.0, "" if n == 7 else 3.0, 9.0) for n, s in cells]
    lay(data / "muse", {"subjectb-relaxed-2.csv": table("timestamps,TP9,AF7,AF8,TP10,Right AUX", rows)})
    found, dropped = gathered("muse", "eeg")
    assert [t.trial for t in found] == [f"subjectb-relaxed-2.{n}" for n in (1, 2, 3)]
    assert [t.data.shape for t in found] == [(4, 300), (4, 600), (4, 124)]
    assert found[1].data[:, 0].tolist() == [300.25, 1, 2, 3]
    assert np.argwhere(np.isnan(found[0].data)).tolist() == [[3, 7]]
    assert dropped == [("subjectb-relaxed-2", "2 gaps, 120.0 s: kept as 3 pieces")]


def test_gameemo_puts_windows_in_order(data):
    head, *rows = FILES["gameemo"][POWERS].decode().splitlines()
    keys = [row.split(",")[:3] for row in rows]
    numbered = [",".join([*key, *(f"{key[2]}.{n:02d}" for n in range(56))]) for key in keys]
    lay(data / "gameemo", FILES["gameemo"] | {POWERS: "\n".join([head, *numbered[::-1], ""]).encode()})
    found, _ = gathered("gameemo", "eeg")
    expected = np.arange(1, 4)[:, None, None] + np.arange(56).reshape(14, 4) / 100
    np.testing.assert_allclose(found[1].data, expected, rtol=1e-6)
    assert found[1].ratings == {"valence": 3, "arousal": 7}


def test_deap_pairs_eeg_and_pulse(data, monkeypatch):
    monkeypatch.setattr(films, "DEAP_SHAPE", whole.DEAP_SHAPE)
    lay(data / "deap", FILES["deap"])
    (eeg, dropped), (pulse, _) = gathered("deap", "eeg"), gathered("deap", "heart")
    assert [t.trial for t in eeg] == [t.trial for t in pulse] == ["s01-01", "s01-02"] and not dropped
    channel, step = np.ogrid[:40, 384:400]  # without 3 s before the video
    expected = np.sin(1 + channel + 0.1 * step)
    np.testing.assert_allclose(eeg[1].data, expected[:32], rtol=1e-6)
    np.testing.assert_allclose(pulse[1].data, expected[38], rtol=1e-6)
    assert eeg[1].ratings == {"valence": 2, "arousal": 7, "dominance": 3, "liking": 4}
    monkeypatch.setattr(films, "DEAP_SHAPE", (2, 40, 99))
    with pytest.raises(BadRecording, match=r"s01\.dat .*of the shapes"):
        list(load("deap", "eeg"))


@pytest.mark.parametrize("n_people", [1, 2])
def test_dreamer_pairs_eeg_and_ecg(data, n_people):
    lay(data / "dreamer", whole.dreamer(n_people))
    (eeg, dropped), (ecg, _) = gathered("dreamer", "eeg"), gathered("dreamer", "heart")
    names = [f"s{p:02d}-{c:02d}" for p in range(1, n_people + 1) for c in (1, 2, 3)]
    assert [t.trial for t in eeg] == [t.trial for t in ecg] == names and not dropped
    assert eeg[-1].data.shape == (14, 302) and ecg[-1].data.shape == (602,)
    np.testing.assert_allclose(eeg[-1].data[:, 0], n_people * 100 + 2 + np.arange(14) / 100, rtol=1e-6)
    np.testing.assert_allclose(ecg[-1].data, n_people * 100 + 2, rtol=1e-6)  # the first lead
    assert ecg[0].ratings == {"valence": 4, "arousal": 2, "dominance": 3}


@pytest.mark.parametrize(("content", "message"), [
    (whole.dreamer(1, width=13)["DREAMER.mat"], r"holds no readable s01 .clips of width \[\(13,\)\]"),
    (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400), "is no whole MATLAB file of version 7 or older"),
])  # fmt: skip
def test_a_dreamer_that_is_not_the_publisher_s_is_named(data, content, message):
    lay(data / "dreamer", {"DREAMER.mat": content})
    with pytest.raises(BadRecording, match=rf"DREAMER\.mat {message}"):
        list(load("dreamer", "eeg"))


def test_seed(data):
    day = FILES["seed"]["Preprocessed_EEG/1_20131027.mat"]
    days = {f"Preprocessed_EEG/{name}.mat": day for name in ("1_20131030", "15_20131105")}
    beside = {"ExtractedFeatures/1_20131027.mat": whole.mat(de_LDS1=np.zeros((62, 5, 5)))}
    lay(data / "seed", FILES["seed"] | days | beside)
    found, dropped = gathered("seed", "eeg")
    assert [t.trial for t in found[2:4]] == ["15-20131105-03", "1-20131027-01"]
    assert len(found) == 9 and {t.subject for t in found} == {"1", "15"} and not dropped
    assert [t.label for t in found[:3]] == ["positive", "negative", "neutral"]
    assert found[2].data.shape == (62, 53) and np.all(found[2].data == 3)
    lay(data / "seed", {"Preprocessed_EEG/label.mat": whole.mat(label=np.array([[1, -1, 0, 1]]))})
    with pytest.raises(BadRecording, match=r"15_20131105\.mat has clips .*expected 1 to 4"):
        list(load("seed", "eeg"))


# Heart


def trials_of(data, *arguments, length_s=890, **options):  # ten seconds shorter than the log
    """What is read of a session of Stress-Predict, its samples in seconds of the recording."""
    lay(data / "stress_predict", whole.stress_predict(*arguments, length_s=length_s, **options))
    found, dropped = gathered("stress_predict")
    return {t.trial: (t.data[0] / 64, (t.data[-1] + 1) / 64) for t in found}, dropped


@pytest.mark.parametrize(("start", "zone_h"), [
    (whole.MORNING, 0),
    (datetime(2022, 2, 14, 15, 15), 0),  # afternoon: all of the log is twelve hours early
    (datetime(2022, 2, 14, 12, 50), 0),  # 12:50 to 1:05: only its end is
    (datetime(2022, 7, 7, 15, 15), 1),  # summer, Irish time is an hour before UTC
])  # fmt: skip
def test_stress_predict_finds_each_phase_on_the_12_hour_clock(data, start, zone_h):
    found, dropped = trials_of(data, start, presses_s=(), zone_h=zone_h)
    assert {name: (first / 60, end / 60) for name, (first, end) in found.items()} == {
        "S01-2-stroop": (2, 3), "S01-3-rest": (3, 5), "S01-4-interview": (5, 7), "S01-5-rest": (7, 9),
        "S01-6-hyperventilation": (9, 10), "S01-7-rest": (10, 12), "S01-9-rest": (13, 890 / 60),
    }  # fmt: skip
    assert [d.name for d in dropped] == ["S01-1-questionnaire", "S01-8-questionnaire"]


def test_stress_predict_moves_edges_to_button_presses(data):
    # the log says 120, 180, 300 for the first three
    found, _ = trials_of(data, whole.MORNING, presses_s=(130, 170, 290, 700, -9 * 3600))
    assert [found[name] for name in ("S01-2-stroop", "S01-3-rest", "S01-4-interview")] == [
        (130, 170), (170, 290), (290, 420),
    ]  # fmt: skip
    afternoon = whole.MORNING + timedelta(hours=6)  # presses may be twelve hours early too, or lack
    assert trials_of(data, afternoon, presses_s=(130 - 12 * 3600,))[0]["S01-2-stroop"][0] == 130
    (data / "stress_predict/Raw_data/S01/tags_S01.csv").unlink()
    assert gathered("stress_predict")[0][0].data[0] == 120 * 64


def test_a_press_belongs_to_one_edge_and_rest_gives_way_to_a_task():
    both_nearest_to_its_end = np.array([150.0, 170.0])
    assert snap([Phase("stroop", 100, 160)], both_nearest_to_its_end) == [("stroop", 150, 170)]
    rest, task, late = Phase("rest", 0, 100), Phase("stroop", 80, 130), Phase("rest", 120, 200)
    assert without_overlap([late, task, rest]) == [("rest", 0, 80), ("stroop", 80, 130), ("rest", 130, 200)]


def test_stress_predict_names_what_lacks_a_log_or_a_recording(data):
    lay(data / "stress_predict", whole.stress_predict(subject="S02"))
    (data / "stress_predict/Raw_data/S02").rename(data / "stress_predict/Raw_data/S03")
    log = {"Processed_data/Time_logs.xlsx": whole.workbook({"S01": whole.MORNING, "S02": whole.MORNING})}
    lay(data / "stress_predict", whole.stress_predict(length_s=720) | log)
    found, dropped = gathered("stress_predict")
    assert {t.subject for t in found} == {"S01"} and found[-1].trial == "S01-7-rest"
    reasons = {d.name: d.reason for d in dropped}
    assert reasons["S02"] == "in Time_logs.xlsx, but not recorded"
    assert reasons["S03"] == "no row in Time_logs.xlsx"
    assert reasons["S01-9-rest"] == "no time of it lies in the recording"


CONDITIONS = ((1, 5, 15), (5, 15, 18), (2, 20, 30), (4, 31, 36), (3, 40, 50), (4, 51, 59))  # label, seconds


def test_wesad(data):
    label = np.zeros(60 * 700, np.int32)
    for value, start_s, end_s in CONDITIONS:
        label[start_s * 700 : end_s * 700] = value

    def write(bvp_s):
        bvp = np.arange(bvp_s * 64.0)[:, None]
        content = {"label": label, "signal": {"wrist": {"BVP": bvp}, "chest": {}}}
        lay(data / "wesad", {"S2/S2.pkl": python2(content)})

    write(60)
    found, dropped = gathered("wesad")
    names = ("baseline", "stress", "meditation", "amusement", "meditation")
    assert [t.trial for t in found] == [f"S2-{n}-{label}" for n, label in enumerate(names, 1)]
    assert [t.label for t in found] == list(names) and {t.subject for t in found} == {"S2"}
    assert [(t.data[0] / 64, len(t.data) / 64) for t in found] == [(5, 10), (20, 10), (31, 5), (40, 10), (51, 8)]
    assert [d.name for d in dropped] == ["S2"] and "17 s" in dropped[0].reason
    write(40)
    with pytest.raises(BadRecording, match=r"S2\.pkl has a BVP of 40.0 s, but labels of 60.0 s"):
        gathered("wesad")


def test_walking(data):
    def walk(name, emotions, bpm=100.0):
        rows = [(0.0, float(emotion), 1, 2, 3, 4, 5, 6, bpm + i // 50) for emotion in emotions for i in range(250)]
        lay(data / "walking/walking_data", {name: table("# condition,emotion,data", rows)})

    walk("mo_ew10_accdata_30_1_108-1033.csv", (1, 0, -1))
    walk("mu_ew5_accdata_19_12_1615-1643.csv", (-1, 0, 1))
    walk("mw_ew7_accdata_26_1_015-032.csv", (1, 0, -1), bpm=0.0)
    found, dropped = gathered("walking")
    assert [(t.trial, t.label) for t in found] == [
        *((f"ew10-mo-{n}-{label}", label) for n, label in enumerate(("happy", "neutral", "sad"), 1)),
        *((f"ew5-mu-{n}-{label}", label) for n, label in enumerate(("sad", "neutral", "happy"), 1)),
    ]
    np.testing.assert_array_equal(found[0].data, np.repeat(np.arange(100, 105), 50))
    assert dropped == [("ew7", "dead heart-rate sensor: never above 30 bpm")]
