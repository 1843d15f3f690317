"""The real corpora, counted as their publishers give them; their splits, leaks and time logs."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emolib.core.errors import CorpusMissing
from emolib.datasets import face_boxes, get, leaks, load, root_of, splits
from emolib.datasets.archives import open_tree
from emolib.datasets.base import EmotionSet
from emolib.datasets.corpora import muse, stress_predict
from emolib.signals.readers import SignalInfo, empatica, read_recording

pytestmark = pytest.mark.acceptance


def opened(name):
    try:
        return open_tree(root_of(name))
    except CorpusMissing:
        pytest.skip(f"{name} absent: set EMOLIB_DATA")


def gathered(name, modality):
    opened(name)
    dropped = []
    return list(load(name, modality, dropped)), dropped


@pytest.mark.parametrize("name", ["stress_predict", "walking", "muse", "gameemo"])
def test_the_files_are_those_whose_fingerprint_the_registry_knows(name):
    assert opened(name).fingerprint(*get(name).reads) == get(name).fingerprint


# Speech and faces


def test_emodb():
    found, dropped = gathered("emodb", "speech")
    assert Counter(t.label for t in found) == {
        "anger": 127, "boredom": 81, "neutral": 79, "happiness": 71, "fear": 69, "sadness": 62, "disgust": 46,
    }  # fmt: skip
    assert len({t.subject for t in found}) == len({t.trial[2:5] for t in found}) == 10 and not dropped
    seconds = [len(t.data) / t.sfreq for t in found]
    assert (round(min(seconds), 2), round(max(seconds), 2)) == (1.23, 8.98)


@pytest.fixture(scope="module")
def fer2013():
    trials, dropped = gathered("fer2013", "face")
    assert not dropped
    return trials


def test_fer2013(fer2013):
    assert Counter(t.label for t in fer2013) == {
        "angry": 4953, "disgust": 547, "fear": 5121, "happy": 8989, "sad": 6077, "surprise": 4002,
        "neutral": 6198,
    }  # fmt: skip
    assert Counter(t.split for t in fer2013) == {"train": 28709, "val": 3589, "test": 3589}
    assert {t.data.shape for t in fer2013} == {(48, 48)} and len({t.subject for t in fer2013}) == 35887


def test_the_audit_finds_every_copy_and_removes_it(fer2013):
    """The copies were counted by hand beforehand."""
    X = np.stack([trial.data for trial in fer2013])[..., None].astype(np.float32) / 255
    classes, y = np.unique([trial.label for trial in fer2013], return_inverse=True)
    names, split = (np.array([getattr(trial, name) for trial in fer2013]) for name in ("trial", "split"))
    faces = EmotionSet(X, y, names, names, tuple(classes.tolist()), 0.0, split)
    [fold] = splits.folds(faces, "official")
    [cleaned], table = leaks.audited(faces, [fold], remove_duplicates=True)
    found = table[table.state == "as split"].set_index("check")["count"]
    assert found["exact duplicates (groups)"] == 1516
    assert found["exact duplicates across sides (groups)"] == 557
    assert found["exact duplicates with conflicting labels (groups)"] == 57
    assert found["blank windows"] == 12
    assert found["near-duplicates across sides (pairs)"] > 0
    group = leaks.duplicates(X)
    assert np.isin(group[fold.test], group[fold.train]).sum() == 288
    assert np.isin(group[fold.val], group[fold.train]).sum() == 280
    assert not np.isin(group[cleaned.train], group[np.concatenate([cleaned.val, cleaned.test])]).any()
    assert not np.isin(group[cleaned.val], group[cleaned.test]).any()


def test_facemask():
    opened("facemask")
    dropped = []
    pictures = list(face_boxes.load("facemask", dropped))
    n_faces = Counter(len(picture.boxes) for picture in pictures)
    assert (len(pictures), sum(len(picture.boxes) for picture in pictures)) == (853, 4072)
    assert (n_faces[1], max(n_faces), n_faces[0]) == (329, 115, 0)
    assert Counter(label for picture in pictures for label in picture.labels) == {
        "with_mask": 3232, "without_mask": 717, "mask_weared_incorrect": 123,
    }  # fmt: skip
    assert Counter(drop.reason for drop in dropped) == {"box cut at the picture's border": 12}
    assert Counter(picture.split for picture in pictures) == {"train": 607, "val": 66, "test": 180}
    grey = (Image.fromarray(picture.image).convert("L") for picture in pictures)
    thumbs = np.stack([np.asarray(each.resize((16, 16), Image.Resampling.BOX)).ravel() for each in grey])
    alike = np.argwhere(np.triu(np.corrcoef(thumbs.astype(float)), 1) > 0.99)
    assert len(alike) == 12
    assert all(pictures[a].split == pictures[b].split for a, b in alike)


# Heart


def test_stress_predict_has_35_people_in_both_classes():
    found, dropped = gathered("stress_predict", "heart")
    assert len({t.subject for t in found}) == 35
    counts = {"stroop": 35, "interview": 35, "hyperventilation": 35, "rest": 140}
    assert Counter(t.label for t in found) == counts
    assert Counter(d.reason.split(":")[0] for d in dropped) == {"filling in questionnaires": 70}
    skin, also_dropped = gathered("stress_predict", "skin")
    assert [t.trial for t in skin] == [t.trial for t in found] and also_dropped == dropped
    assert all(t.data.shape[1] / 4 == pytest.approx(len(p.data) / 64, abs=4) for t, p in zip(skin, found, strict=True))


def test_stress_predict_agrees_with_the_dataset_s_own_labels():
    """Its processed CSV labels each second of 34 people 0 or 1; ours agree in 99.5 % of them."""
    tree = opened("stress_predict")
    published = pd.read_csv(io.BytesIO(tree.read(tree.names("Improved_All_Combined_hr_rsp_binary.csv")[0])))
    agreed, log = {}, stress_predict.read_log(tree)
    for name in tree.names("Raw_data/S*/BVP.csv"):
        subject = name.split("/")[-2]
        start_s, bvp, _ = empatica(tree.read(name), name, "ppg")
        theirs = published[published["Participant"] == int(subject[1:])]
        after_s = theirs["Time(sec)"].to_numpy() - start_s
        ours = np.full(len(after_s), -1)
        phases = stress_predict.phases_of(tree, subject, log[subject], start_s, len(bvp) / 64)
        for label, first_s, end_s in phases:
            if label != "questionnaire":
                ours[(after_s >= first_s) & (after_s < end_s)] = label in stress_predict.TASKS
        if len(theirs):
            agreed[subject] = np.mean((ours == theirs["Label"])[ours >= 0])
    assert len(agreed) == 34  # S01 is not in it
    assert np.mean(list(agreed.values())) > 0.995
    assert min(agreed.values()) > 0.94
    assert [subject for subject, share in agreed.items() if share < 0.99] == ["S06", "S17"]  # presses astray


def test_walking_has_44_people_three_without_a_heart_rate_at_25_hz():
    """The rate is what the published times say."""

    def seconds(cell):
        hours, minutes, rest = map(int, cell.split("."))
        return (hours * 60 + minutes) * 60 + rest

    tree = opened("walking")
    found, dropped = gathered("walking", "heart")
    assert len({t.subject for t in found}) == 41
    assert [d.name for d in dropped] == ["ew3", "ew6", "ew7"]
    assert Counter(t.label for t in found) == {"happy": 41, "sad": 41, "neutral": 41}
    study = pd.read_csv(io.BytesIO(tree.read(tree.names("user_study_encoding.csv")[0])))
    clock = {row.iloc[0].lower(): [seconds(cell) for cell in row.iloc[-6:]] for _, row in study.iterrows()}
    for trial in found:
        number = int(trial.trial.split("-")[2])
        start_s, end_s = clock[trial.subject][2 * number - 2 : 2 * number]
        assert len(trial.data) / (end_s - start_s) == pytest.approx(25, rel=0.002)


# EEG


def test_muse_has_24_recordings_of_4_people():
    found, dropped = gathered("muse", "eeg")
    recordings = {t.trial.partition(".")[0] for t in found}
    assert len(recordings) == 24 and len({t.subject for t in found}) == 4
    assert len(found) == 33 and {t.data.shape[0] for t in found} == {4}
    counts = {"relaxed": 8, "neutral": 8, "concentrating": 8}
    assert Counter(name.split("-")[1] for name in recordings) == counts
    assert [d.name for d in dropped] == ["subjectb-relaxed-2"] and dropped[0].reason.startswith("9 gaps")
    assert all(np.isfinite(t.data).all() for t in found)


def test_a_device_reads_every_file_of_muse_as_training_does(tmp_path):
    tree, pieces_of, trained = opened("muse"), {}, SignalInfo(muse.SFREQ, "raw", muse.CHANNELS)
    for trial in load("muse", "eeg"):
        pieces_of.setdefault(trial.trial.split(".")[0], []).append(trial.data)
    for name in tree.names("subject*-*.csv"):
        path = tmp_path / name.split("/")[-1]
        path.write_bytes(tree.read(name))
        recording = read_recording("eeg", path, trained)
        assert recording.sfreq == 256, name
        for found, expected in zip(recording.stretches.values(), pieces_of.pop(path.stem), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert not pieces_of


def test_gameemo_has_28_people_in_4_games_of_24_windows():
    found, dropped = gathered("gameemo", "eeg")
    assert Counter(t.label for t in found) == {"G1": 28, "G2": 28, "G3": 28, "G4": 28} and not dropped
    assert len({t.subject for t in found}) == 28
    assert {t.data.shape for t in found} == {(24, 14, 4)}  # 29 in the file whose windows overlap by 2 s
    first = next(t for t in found if t.trial == "S01-G3")
    assert first.ratings == {"valence": 2, "arousal": 9}
