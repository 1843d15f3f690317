"""A corpus of your own: labels.csv, and recordings in several modalities."""

import os
import unicodedata
import zipfile

import numpy as np
import pytest
from damage import lay
from PIL import Image
from whole_corpora import picture, sound

from emolib.core.errors import BadParameter, BadRecording, BadSet, CorpusMissing
from emolib.datasets import fingerprint, get, labels, load
from emolib.signals.files import SOUNDS

HEAD = "trial,subject,label"


@pytest.fixture
def own(data):
    """Writes texts and bytes as files of the corpus. Gives its folder."""

    def write(files):
        contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        lay(data / "own", contents)
        return data / "own"

    return write


def sheet(*rows, head=HEAD):
    return "\n".join([head, *rows]) + "\n"


PULSE = sheet(*(f"{i / 20},{i}" for i in range(20)), head="timestamp,ppg")
TWO = sheet("a,anna,calm", "b,ben,tense")


def gathered(modality):
    dropped = []
    found = {trial.trial: trial for trial in load("own", modality, dropped)}
    return found, set(dropped)


def test_a_face_is_a_picture_or_a_folder_of_frames_in_the_order_of_their_numbers(own):
    folder = own({"labels.csv": TWO, "face/a.png": picture((6, 5)), "face/b/frame10.png": b""})
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 5), np.uint8)
    for i, frame in zip((10, 9, 2), pixels, strict=True):
        Image.fromarray(frame).save(folder / f"face/b/frame{i}.png")
    found, dropped = gathered("face")
    assert found["a"].data.shape == (6, 5) and (found["a"].sfreq, found["b"].sfreq) == (0, 5) and not dropped
    np.testing.assert_array_equal(found["b"].data, pixels[::-1])
    own({"face/b/frame2.png": picture((7, 5))})
    with pytest.raises(BadRecording, match="frames of unequal size"):
        gathered("face")


@pytest.mark.parametrize(("content", "kind", "sfreq", "samples"), [
    ("1544027337.000000\n64.000000\n-1.5\n0.25\n3\n", "ppg", 64, [-1.5, 0.25, 3]),
    ("\ufefftimestamp,ppg\n10.00,1\n10.02,2\n10.04,\n10.06,4\n", "ppg", 50, [1, 2, np.nan, 4]),
    ("ECG, timestamps\n5,0\n6,0.004\n7,0.008\n", "ecg", 250, [5, 6, 7]),
    ("note,timestamp,bpm\nx,0,60\ny,1,61.5\nz,2,63\n", "bpm", 1, [60, 61.5, 63]),
    ("1544027337\n1\n60\n61\n63\n", "bpm", 1, [60, 61, 63]),  # HR.csv of an E4
    ("800\n600\n1000\n", "bpm", 4, [75] * 4 + [100] * 2 + [60] * 3),  # ms between beats
])  # fmt: skip
def test_heart(own, content, kind, sfreq, samples):
    own({"labels.csv": TWO, "heart/a.csv": content})
    trial = gathered("heart")[0]["a"]
    assert (trial.kind, trial.sfreq, trial.data.dtype) == (kind, sfreq, np.float32)
    np.testing.assert_array_equal(trial.data, np.array(samples, np.float32))


def test_trials_of_one_name_pair_across_modalities(own):
    rows = sheet("001,01,calm,train", "é 2.x,02,tense,test", head=f"{HEAD},split")
    decomposed = unicodedata.normalize("NFD", "é 2.x")  # as macOS writes it
    speech = {f"speech/{name}.wav": sound(pitch=pitch) for name, pitch in (("001", 0.2), (decomposed, 0.3))}
    own({"labels.csv": rows, **speech, "face/001.jpg": picture(), "face/é 2.x.JPG": picture((9, 8))})
    for modality in ("speech", "face"):
        facts = [(t.trial, t.subject, t.label, t.split) for t in gathered(modality)[0].values()]
        assert facts == [("001", "01", "calm", "train"), ("é 2.x", "02", "tense", "test")]


def test_a_name_written_otherwise_is_the_same_person_class_and_trial(own):
    rows = sheet("A,Zoë,calm", "b,zoe\u0308,Calm", "c, ZOË ,tense", "d,ben,tense")
    own({"labels.csv": rows, **{f"speech/{name}.WAV": sound(pitch=0.1 * i + 0.1) for i, name in enumerate("abcd")}})
    with pytest.warns(UserWarning, match="is taken for") as told:
        found = gathered("speech")[0]
    facts = {name: (trial.subject, trial.label) for name, trial in found.items()}
    assert facts == {"A": ("Zoë", "calm"), "b": ("Zoë", "calm"), "c": ("Zoë", "tense"), "d": ("ben", "tense")}
    assert len({str(one.message) for one in told if one.category is UserWarning}) == 3 and labels.classes(
        "own", "emotion"
    ) == ("calm", "tense")


def test_files_may_lie_in_a_folder_a_person(own):
    folder = {"labels.csv": sheet("a,anna,calm", "ben/a,ben,tense", "c,ben,calm"), "face/ben/c.png": picture()}
    folder |= {f"speech/{name}.wav": sound(pitch=p) for name, p in (("anna/a", 0.2), ("ben/a", 0.3), ("ben/c", 0.4))}
    own(folder | {f"face/anna/a/{i}.png": picture((4, 5)) for i in range(2)})
    assert {name: trial.subject for name, trial in gathered("speech")[0].items()} == {
        "a": "anna",
        "ben/a": "ben",
        "c": "ben",
    }
    assert {name: trial.data.shape for name, trial in gathered("face")[0].items()} == {"a": (2, 4, 5), "c": (24, 32, 3)}


def test_equal_samples_of_two_people_are_left_to_the_leak_audit(own):
    own({"labels.csv": TWO, "speech/a.wav": sound(), "speech/b.wav": sound()})
    assert [*gathered("speech")[0]] == ["a", "b"]


def test_eeg_is_of_electrodes_alone_where_they_have_names(own):
    names = ["timestamps", "RAW_TP9", "Battery", "EEG.AF3", "Accelerometer_X", "Cz", "EEG.Counter", "Aux"]
    rows = [",".join(map(str, [i / 256, *range(1, 8)])) for i in range(99)]
    own({"labels.csv": TWO, "eeg/a.csv": sheet(*rows, head=",".join(names))})
    with pytest.warns(UserWarning, match="left out Battery, Accelerometer_X, EEG.Counter, Aux"):
        trial = gathered("eeg")[0]["a"]
    assert trial.channels == ("TP9", "AF3", "Cz") and trial.data[:, 0].tolist() == [1, 3, 5]


def test_names_in_a_zip_of_macos(data):
    """Its names are UTF-8 in decomposed letters; the flag that says so is missing."""
    name, asked = "speech/Zoe\u0308.wav", "speech/Zoe__.wav"
    (data / "own").mkdir(parents=True)
    with zipfile.ZipFile(data / "own/own.zip", "w") as file:
        file.writestr("labels.csv", sheet("Zoë,anna,calm"))
        file.writestr(asked, sound())
    path = data / "own/own.zip"
    path.write_bytes(path.read_bytes().replace(asked.encode(), name.encode()))
    assert [*gathered("speech")[0]] == ["Zoë"]


def test_what_is_left_out_is_counted_with_its_reason(own):
    own({
        "labels.csv": sheet("a,anna,calm", "b,ben,tense", "c,ben,", "d,ben,calm", "e,anna,calm"),
        **{f"speech/{name}.wav": sound() for name in ("a", "c", "stranger", "e")},
        "speech/notes.txt": "loud",
        "speech/d.wav": sound(n_times=0),
        "heart/a.csv": PULSE,
    })  # fmt: skip
    found, dropped = gathered("speech")
    assert list(found) == ["a"]
    assert dropped == {
        *(("b", "no speech file"), ("c", "neither label nor rating in labels.csv")),
        *(("d", "empty, or zero throughout"), ("stranger", "no row in labels.csv")),
        ("speech/e.wav: speech/a.wav stays", "second copy: the same samples"),
        ("speech/notes.txt", f"not {' or '.join(SOUNDS)}"),
    }


def test_classes_are_the_sorted_labels_of_the_file_as_it_is_now(own):
    own({"labels.csv": sheet("a,anna,tense", "b,ben,calm", "c,cleo,bored")})
    assert labels.classes("own", "emotion") == ("bored", "calm", "tense")
    np.testing.assert_array_equal(labels.marginal("own", "emotion", "emotion"), np.eye(3))
    with pytest.raises(BadParameter, match="emotion do not each fall into one class of valence"):
        labels.marginal("own", "emotion", "valence")
    own({"labels.csv": sheet("a,anna,calm", "b,ben,calm", "c,cleo,")})
    with pytest.raises(BadSet, match="labels.csv has 1 different labels, expected two or more"):
        labels.classes("own", "emotion")


def test_ratings_above_the_middle_are_high_and_may_lack(own):
    rows = sheet("a,anna,,0.25,-1", "b,ben,calm,0,1", "c,cleo,tense,,", head=f"{HEAD},Valence, Arousal")
    own({"labels.csv": rows, **{f"heart/{name}.csv": PULSE + f"1,{ord(name)}\n" for name in "abc"}})
    trials = gathered("heart")[0].values()
    expected = [{"valence": 0.25, "arousal": -1}, {"valence": 0, "arousal": 1}, {}]
    assert [trial.ratings for trial in trials] == expected
    assert {task: [labels.target("own", task, t) for t in trials] for task in get("own").tasks} == {
        "emotion": [None, "calm", "tense"],
        "valence": ["positive", "negative", None],
        "arousal": ["low", "high", None],
    }


@pytest.mark.parametrize(("content", "message"), [
    ("trial;subject;label\na;b;c\n", "has columns trial;subject;label, expected one each of"),
    (sheet("a,anna,calm", "", "b,ben,calm", "a,ben,calm"), "line 5: trial 'a' .*expected each trial once"),
    (sheet("a,anna,calm,eval", head=f"{HEAD},split"), "line 2: split is 'eval', expected train, val, test"),
    (sheet("a,anna,calm,7", head=f"{HEAD},valence"), "line 2 has {'valence': 7.0}, expected -1 to 1"),
    (b"trial,subject,label\na,\xe9mile,calm\n", "is damaged after row 0 .*expected CSV text in UTF-8"),
    (sheet("a.csv,anna,calm"), "names no trial in heart/, such as a: .*without their ending"),
])  # fmt: skip
def test_a_labels_csv_that_is_refused(own, content, message):
    own({"labels.csv": content, "heart/a.csv": PULSE})
    with pytest.raises(BadRecording, match=rf"labels\.csv.*{message}"):
        gathered("heart")


@pytest.mark.parametrize(("files", "message"), [
    ({"speech/a.wav": b""}, "No file like labels.csv"),
    ({"a/labels.csv": TWO, "b/labels.csv": TWO}, "holds a/labels.csv and b/labels.csv"),
    ({"labels.csv": TWO, "speech/a.txt": "1"}, "No speech trial in"),
    ({"labels.csv": TWO, "speech/a.wav": b"", "speech/a.flac": b""}, "of trial a, expected one"),
    ({"labels.csv": TWO, "speech/a.wav": sound()[:500]}, "own/speech/a.wav does not decode .it is cut off"),
    ({"labels.csv": TWO, "heart/a.csv": "timestamp,x\n0,1\n1,2\n"}, "own/heart/a.csv has columns .*one of ppg"),
    ({"labels.csv": TWO, "heart/a.csv": "timestamp,ppg\n0,1\n1,1\n2,1\n"}, "its times count the rows"),
    ({"labels.csv": TWO, "eeg/a.csv": "timestamps,C3,C3\n0,1,2\n1,2,3\n"}, "2 columns c3, expected one each"),
    ({"labels.csv": TWO, "eeg/a.csv": "timestamps,C3\n0,1\n0.004,2\n0.008"}, "has 1 cells in row 4, expected 2"),
])  # fmt: skip
def test_files_that_do_not_fit_or_cannot_be_read_are_named(own, files, message):
    own(files)
    modality = [*files][-1].split("/")[0]
    with pytest.raises((BadRecording, CorpusMissing), match=message):
        gathered(modality if modality in ("heart", "eeg") else "speech")


def test_the_fingerprint_is_another_one_for_other_files(own):
    root = own({"labels.csv": TWO, "heart/a.csv": PULSE})
    seen = [fingerprint("own")]
    for change in (
        lambda: own({"heart/c.csv": PULSE}),
        lambda: os.utime(root / "labels.csv", (0, 0)),
        lambda: (root / "heart/c.csv").rename(root / "heart/d.csv"),
    ):
        change()
        seen.append(fingerprint("own"))
    assert len(set(seen)) == 4
    own({".DS_Store": "a folder was looked at"})
    assert fingerprint("own", "synthetic") == seen[-1] and fingerprint("synthetic") == ""
