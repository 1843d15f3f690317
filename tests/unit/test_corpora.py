"""Each corpus read from small files in its publisher's layout: what its trials are, what is left out, what is refused."""

import re
from datetime import datetime, timedelta

import mne
import numpy as np
import openpyxl
import pandas as pd
import pytest
import whole_corpora as whole
from damage import lay, packed
from scipy.io import savemat
from whole_corpora import CORPORA, gathered, picture, python2, sound, table

from emolib.core.errors import BadRecording, CorpusMissing, EmolibError
from emolib.datasets import NAMES, get, load
from emolib.datasets.corpora import acted_speech, deap, dreamer, gameemo, seed
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
    ("stress_predict", "heart"): ("S01", "S01-2-stroop", "stroop", "ppg", 64, (3200,), 0),
    ("wesad", "heart"): ("S2", "S2-1-baseline", "baseline", "ppg", 64, (320,), 0),
    ("walking", "heart"): ("ew10", "ew10-mo-1-happy", "happy", "bpm", 25, (50,), 0),
    ("muse", "eeg"): ("subjecta", "subjecta-relaxed-1", "relaxed", "raw", 256, (4, 256), 4),
    ("gameemo", "eeg"): ("S01", "S01-G1", "G1", "band_power", 1 / 12, (3, 14, 4), 14),
    ("deap", "eeg"): ("s01", "s01-01", "", "raw", 128, (32, 16), 32),
    ("deap", "heart"): ("s01", "s01-01", "", "ppg", 128, (16,), 0),
    ("dreamer", "eeg"): ("s01", "s01-01", "", "raw", 128, (14, 300), 14),
    ("dreamer", "heart"): ("s01", "s01-01", "", "ecg", 256, (600,), 0),
    ("seed", "eeg"): ("1", "1-20131027-01", "positive", "raw", 200, (62, 50), 62),
}


def test_a_trial_of_each_corpus(data, monkeypatch):
    monkeypatch.setattr(deap, "SHAPE", (2, 40, 400))
    assert {name for name, _ in FACTS} == set(NAMES) - {"synthetic"}
    for (name, modality), facts in FACTS.items():
        lay(data / name, FILES[name])
        trial = next(load(name, modality))
        assert (trial.subject, trial.trial, trial.label, trial.kind, trial.sfreq) == facts[:5]
        assert (trial.data.shape, len(trial.channels)) == facts[5:], name
        assert trial.data.dtype == (np.uint8 if modality == "face" else np.float32)
        assert (trial.corpus, trial.modality) == (name, modality)


@pytest.mark.parametrize(("parse", "name", "expected"), [  # what a file name says, or why the file is left out
    (acted_speech.parse_emodb, "wav/16b10Wb.wav", ("16", "16b10Wb", "anger")),
    (acted_speech.parse_emodb, "wav/10a04Ad.wav", ("10", "10a04Ad", "fear")),
    (acted_speech.parse_emodb, "wav/11b01Ta.wav", ("11", "11b01Ta", "sadness")),
    (acted_speech.parse_emodb, "laryngo/03a01F.wav", "not named like 03a01Fa"),
    (acted_speech.parse_crema_d, "AudioWAV/1091_IEO_SAD_LO.wav", ("1091", "1091_IEO_SAD_LO", "sad")),
    (acted_speech.parse_crema_d, "AudioWAV/1064_IEO_DIS_MD.wav", "known defect: holds all emotions"),
    (acted_speech.parse_tess, "OAF_neutral/OA_bite_neutral.wav", ("OAF", "OAF_bite_neutral", "neutral")),
    (acted_speech.parse_savee, "AudioData/JE/sa15.wav", ("JE", "JE_sa15", "sadness")),
    (acted_speech.parse_savee, "ALL/KL_n30.wav", ("KL", "KL_n30", "neutral")),
    (lambda name: acted_speech.parse_ravdess(name, "03"), "03-01-08-02-01-02-24.wav", ("24", "01-08-02-01-02-24", "surprised")),
    (lambda name: acted_speech.parse_ravdess(name, "03"), "03-02-01-01-01-01-01.wav", "song, not speech"),
    (lambda name: acted_speech.parse_ravdess(name, "01"), "02-01-01-01-01-01-01.mp4", "modality 02, not 01"),
])  # fmt: skip
def test_file_names_of_acted_speech(parse, name, expected):
    assert parse(name) == expected


@pytest.mark.parametrize(("name", "modality", "more", "reason"), [  # files beside or in place of whole ones
    ("tess", "speech", {"copy/OAF_back_angry.wav": sound()}, "second copy of an utterance"),
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
    ("fer2013", "fer2013.csv", "Training", "Exam", "line 2 is of usage 'Exam'"),
    ("ck_plus", "Emotion/S005/001/S005_001_00000011_emotion.txt", "3.0", "8.0", "says '8.0"),
    ("stress_predict", BVP, "64.000000", "32", "has a rate of 32.0, expected 64 Hz"),
    ("walking", WALK, "0.0,1.0,1", "0.0,7.0,1", "has emotion 7, expected -1, 0 or 1"),
    ("walking", WALK, ",101\n", ",fast\n", "holds 'fast' in data row 2, column heart_rate"),
    ("muse", MUSE, "TP10", "TPX", "has no column TP10"),
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


@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
def test_fer2013_csv(data, name):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    texts = [" ".join(map(str, each.ravel())) for each in pixels]
    frame = pd.DataFrame(
        {"emotion": [0, 6, 3], "pixels": texts, "Usage": ["Training", "PublicTest", "PrivateTest"]}
    )
    if name == "icml_face_data.csv":
        frame = frame[["emotion", "Usage", "pixels"]].rename(columns={"Usage": " Usage", "pixels": " pixels"})
    lay(data / "fer2013", {name: frame.to_csv(index=False).encode()})
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


def test_ck_plus_gives_the_peak_of_a_sequence(data):
    first = "cohn-kanade-images/S005/001/S005_001_00000001.png"
    lay(data / "ck_plus", FILES["ck_plus"] | {first: picture((9, 9))})
    (trial,) = load("ck_plus", "face")
    assert trial.data.shape == (24, 32, 3)
    (data / "ck_plus/Emotion/S005/001/S005_001_00000011_emotion.txt").unlink()
    with pytest.raises(CorpusMissing, match=r"_emotion\.txt in"):
        list(load("ck_plus", "face"))


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


def deap_content(shape=(40, 40, 8064)):
    """Each sample says its video, channel and time, as far as float32 holds them."""
    video, channel, step = np.ogrid[: shape[0], : shape[1], : shape[2]]
    rated = np.tile([7.5, 2.0, 3.0, 4.0], (shape[0], 1)) + np.arange(shape[0])[:, None] / 40
    return {"data": (video * 1000 + channel * 10 + step / 8064).astype(np.float64), "labels": rated}


def test_deap_pairs_eeg_and_pulse(data):
    lay(data / "deap", {"data_preprocessed_python/s07.dat": python2(deap_content())})
    (eeg, dropped), (pulse, _) = gathered("deap", "eeg"), gathered("deap", "heart")
    names = [f"s07-{video:02d}" for video in range(1, 41)]
    assert [t.trial for t in eeg] == [t.trial for t in pulse] == names and not dropped
    assert eeg[3].data.shape == (32, 7680) and pulse[3].data.shape == (7680,)
    np.testing.assert_allclose(eeg[3].data[[0, 31], 0], [3000 + 384 / 8064, 3310 + 384 / 8064], rtol=1e-6)
    np.testing.assert_allclose(pulse[3].data[0], 3380 + 384 / 8064, rtol=1e-6)
    assert eeg[3].ratings == {"valence": 7.575, "arousal": 2.075, "dominance": 3.075, "liking": 4.075}
    for content, message in (
        (deap_content((40, 40, 100)), "of the shapes"),
        ({"data": np.zeros(3)}, "lacks labels"),
    ):
        lay(data / "deap", {"data_preprocessed_python/s07.dat": python2(content)})
        with pytest.raises(BadRecording, match=rf"s07\.dat .*{message}"):
            list(load("deap", "eeg"))


def write_dreamer(data, n_people, width=14):
    def person(p):
        clips = [p * 100 + c + np.zeros((128 * (5 + c), width)) + np.arange(width) / 100 for c in range(3)]
        leads = [p * 100 + c + np.zeros((256 * (5 + c), 2)) + np.arange(2) / 100 for c in range(3)]
        return whole.dreamer_person(clips, leads, np.tile([[4], [2], [3]], 3))

    (data / "dreamer").mkdir(exist_ok=True)
    whole.write_dreamer_mat(data / "dreamer", [person(p) for p in range(1, n_people + 1)])


@pytest.mark.parametrize("n_people", [1, 2])
def test_dreamer_pairs_eeg_and_ecg(data, n_people):
    write_dreamer(data, n_people)
    (eeg, dropped), (ecg, _) = gathered("dreamer", "eeg"), gathered("dreamer", "heart")
    names = [f"s{p:02d}-{c:02d}" for p in range(1, n_people + 1) for c in (1, 2, 3)]
    assert [t.trial for t in eeg] == [t.trial for t in ecg] == names and not dropped
    assert eeg[-1].data.shape == (14, 128 * 7) and ecg[-1].data.shape == (256 * 7,)
    np.testing.assert_allclose(eeg[-1].data[:, 0], n_people * 100 + 2 + np.arange(14) / 100, rtol=1e-6)
    np.testing.assert_allclose(ecg[-1].data, n_people * 100 + 2, rtol=1e-6)  # the first lead
    assert ecg[0].ratings == {"valence": 4, "arousal": 2, "dominance": 3}
    write_dreamer(data, n_people, width=13)
    with pytest.raises(BadRecording, match=r"DREAMER\.mat holds no readable s01 .clips of width \[\(13,\)\]"):
        list(load("dreamer", "eeg"))
    lay(data / "dreamer", {"DREAMER.mat": b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)})
    with pytest.raises(BadRecording, match=r"DREAMER\.mat is a MATLAB 7\.3 file"):
        list(load("dreamer", "eeg"))


FILMS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)


def write_seed(data, names=("1_20131027.mat",), last=15):
    folder = data / "seed/Preprocessed_EEG"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        savemat(folder / name, {f"djc_eeg{n}": n + np.zeros((62, 20 + n)) for n in range(1, last + 1)})
    savemat(folder / "label.mat", {"label": np.array([FILMS])})


def test_seed(data):
    write_seed(data, ("1_20131027.mat", "1_20131030.mat", "15_20131105.mat"))
    (data / "seed/ExtractedFeatures").mkdir()  # lies beside it, with the same file names
    savemat(data / "seed/ExtractedFeatures/1_20131027.mat", {"de_LDS1": np.zeros((62, 5, 5))})
    found, dropped = gathered("seed", "eeg")
    assert len(found) == 45 and {t.subject for t in found} == {"1", "15"} and not dropped
    assert [t.trial for t in found[29:31]] == ["1-20131027-15", "1-20131030-01"]
    assert [t.label for t in found[:3]] == ["positive", "neutral", "negative"]
    assert found[10].data.shape == (62, 31) and np.all(found[10].data == 11)
    write_seed(data, last=14)
    with pytest.raises(BadRecording, match=r"1_20131027\.mat has clips .*expected 1 to 15"):
        list(load("seed", "eeg"))


@pytest.mark.parametrize(("corpus", "count"), [(deap, 32), (dreamer, 14), (seed, 62), (gameemo, 14)])
def test_channel_names_are_electrodes_of_the_10_05_system(corpus, count):
    known = {channel.upper() for channel in mne.channels.make_standard_montage("standard_1005").ch_names}
    known |= {"CB1", "CB2"}  # the two of the cerebellum are SEED's own
    assert len(corpus.CHANNELS) == len({channel.upper() for channel in corpus.CHANNELS} & known) == count


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


def test_a_time_log_that_is_not_the_publisher_s_is_named(data):
    lay(data / "stress_predict", whole.stress_predict())
    path = data / "stress_predict/Processed_data/Time_logs.xlsx"
    for row, value, message in (
        (3, "soon", "a time of S01"),
        (1, "Strop", "0 columns 'Stroop Test'"),
    ):
        book = openpyxl.load_workbook(path)
        book.active.cell(row, 5).value = value
        book.save(path)
        with pytest.raises(BadRecording, match=f"Time_logs.xlsx .*{message}"):
            gathered("stress_predict")


CONDITIONS = ((1, 5, 15), (5, 15, 18), (2, 20, 30), (4, 31, 36), (3, 40, 50), (4, 51, 59))  # label, seconds


def wesad(data, subject="S2", bvp_s=60):
    label = np.zeros(60 * 700, np.int32)
    for value, start_s, end_s in CONDITIONS:
        label[start_s * 700 : end_s * 700] = value
    bvp = np.arange(bvp_s * 64, dtype=float)[:, None]
    content = {"subject": subject, "label": label, "signal": {"wrist": {"BVP": bvp}, "chest": {}}}
    lay(data / "wesad", {f"{subject}/{subject}.pkl": python2(content)})


def test_wesad(data):
    wesad(data, "S2")
    wesad(data, "S17")
    found, dropped = gathered("wesad")
    mine = [t for t in found if t.subject == "S2"]
    names = ("baseline", "stress", "meditation", "amusement", "meditation")
    assert [t.label for t in mine] == list(names)
    assert [t.trial for t in mine] == [f"S2-{n}-{label}" for n, label in enumerate(names, 1)]
    assert [t.data[0] / 64 for t in mine] == [5, 20, 31, 40, 51]
    assert [len(t.data) / 64 for t in mine] == [10, 10, 5, 10, 8]
    assert len(found) == 10 and {t.subject for t in found} == {"S2", "S17"}
    assert [d.name for d in dropped] == ["S17", "S2"] and "17 s" in dropped[0].reason


def test_wesad_refuses_a_pulse_of_another_length(data):
    wesad(data, bvp_s=40)
    with pytest.raises(BadRecording, match=r"S2\.pkl has a pulse of 40.0 s, but labels of 60.0 s"):
        gathered("wesad")


def walk(data, name, emotions=(1, 0, -1), bpm=100.0):
    rows = ["# condition,emotion,data"]
    for emotion in emotions:
        rows += [f"0.0,{emotion:.1f},1,2,3,4,5,6,{bpm + i // 50}" for i in range(250)]
    lay(data / "walking/walking_data", {name: ("\n".join(rows) + "\n").encode()})


def test_walking(data):
    walk(data, "mo_ew10_accdata_30_1_108-1033.csv")
    walk(data, "mu_ew5_accdata_19_12_1615-1643.csv", emotions=(-1, 0, 1))
    walk(data, "mw_ew7_accdata_26_1_015-032.csv", bpm=0.0)
    found, dropped = gathered("walking")
    happy_first, sad_first = ("happy", "neutral", "sad"), ("sad", "neutral", "happy")
    assert [t.trial for t in found] == [
        *(f"ew10-mo-{n}-{label}" for n, label in enumerate(happy_first, 1)),
        *(f"ew5-mu-{n}-{label}" for n, label in enumerate(sad_first, 1)),
    ]
    assert [t.label for t in found] == [*happy_first, *sad_first]
    np.testing.assert_array_equal(found[0].data, np.repeat(np.arange(100, 105), 50))
    assert {d.name.rpartition("/")[2]: d.reason.split(":")[0] for d in dropped} == {
        "ew7": "dead heart-rate sensor",
    }
