"""Corpora of faces, from small files in each corpus's own layout."""

import sys
import zipfile

import numpy as np
import pytest
import soundfile
from PIL import Image

from emolib.core.errors import BadRecording, CorpusMissing, UnmappedLabel
from emolib.datasets import labels, load
from emolib.datasets.archives import open_tree
from emolib.datasets.media import read_image

RNG = np.random.default_rng(0)
COLUMNS = "emotion,pixels,Usage"


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_csv(path, rows, header=COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def text(pixels):
    return " ".join(map(str, pixels.ravel()))


PIXELS = text(np.zeros((48, 48), int))


# FER2013


@pytest.mark.parametrize(
    ("name", "header", "order"),
    [
        ("fer2013/fer2013.csv", COLUMNS, (0, 1, 2)),
        ("icml_face_data.csv", "emotion, Usage, pixels", (0, 2, 1)),
    ],
)
def test_fer2013_csv(data, name, header, order):
    pixels = [noise(48, 48) for _ in range(3)]
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = list(zip((0, 6, 3), map(text, pixels), usages, strict=True))
    write_csv(data / "fer2013" / name, [[row[i] for i in order] for row in rows], header)
    trials = list(load("fer2013", "face"))
    assert [(t.label, t.split) for t in trials] == [("angry", "train"), ("neutral", "val"), ("happy", "test")]
    assert len({trial.subject for trial in trials}) == len({trial.trial for trial in trials}) == 3
    for trial, expected in zip(trials, pixels, strict=True):
        np.testing.assert_array_equal(trial.data, expected)
        assert (trial.data.dtype, trial.sfreq) == (np.uint8, 0)


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ((0, "1 2 3", "Training"), BadRecording, "line 3: expected 2304 pixels"),
        ((0, PIXELS[:-1] + "256", "Training"), BadRecording, "line 3: expected 2304 pixels"),
        ((0, PIXELS[:-1] + "x", "Training"), BadRecording, "line 3: expected 2304 pixels"),
        ((7, PIXELS, "Training"), UnmappedLabel, "line 3: emotion is '7', expected 0 to 6"),
        ((0, PIXELS, "Exam"), BadRecording, "line 3: Usage is 'Exam'"),
        ((0, PIXELS), BadRecording, "line 3 has 2 of 3 columns"),
        ((0, '"' + PIXELS, "Training"), BadRecording, "is damaged after row .*field limit"),  # never closed
    ],
)
def test_fer2013_bad_csv_is_named_with_its_line(data, row, error, message):
    good = (0, PIXELS, "Training")
    write_csv(data / "fer2013" / "fer2013.csv", [good, row, *[good] * 40])
    with pytest.raises(error, match=rf"fer2013\.csv.*{message}"):
        list(load("fer2013", "face"))


def test_fer2013_csv_without_its_columns_or_not_in_utf8(data):
    path = data / "fer2013" / "fer2013.csv"
    write_csv(path, [], "emotion,Usage")
    with pytest.raises(BadRecording, match="no column pixels; expected emotion, pixels, usage"):
        list(load("fer2013", "face"))
    write_csv(path, [(0, PIXELS, "Train\u00e9ng")])
    path.write_bytes(path.read_text().encode("latin-1"))
    with pytest.raises(
        BadRecording, match=r"fer2013\.csv is damaged after row 0 .*expected CSV text in UTF-8"
    ):
        list(load("fer2013", "face"))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_fer2013_csv_in_a_zip_with_a_flipped_byte_is_named(data, method):
    write_csv(data / "fer2013.csv", [(0, text(noise(48, 48)), "Training") for _ in range(40)])
    (data / "fer2013").mkdir()
    with zipfile.ZipFile(data / "fer2013" / "archive.zip", "w", method) as archive:
        archive.write(data / "fer2013.csv", "fer2013.csv")
    content = bytearray((data / "fer2013" / "archive.zip").read_bytes())
    content[len(content) // 2] ^= 0x01  # stored: another digit, which only the checksum tells
    (data / "fer2013" / "archive.zip").write_bytes(content)
    with pytest.raises(BadRecording, match=r"archive\.zip:fer2013\.csv .*: fetch it again"):
        list(load("fer2013", "face"))


@pytest.mark.parametrize("packed", [False, True])
def test_fer2013_folders(data, packed):
    root, dropped = data / "fer2013", []
    expected = {
        "train/happy/Training_1.png": ("happy", "train"),
        "validation/sad/1.png": ("sad", "val"),
        "test/fear/PrivateTest_1.png": ("fear", "test"),
        "test/happy/PublicTest_2.png": ("happy", "val"),  # in the folder of the test: its prefix tells
    }
    pixels = {name: noise(48, 48) for name in (*expected, "more/happy/im2.png")}
    for name in pixels:
        save(root / name, pixels[name])
    if packed:
        with zipfile.ZipFile(root / "archive.zip", "w") as archive:
            for name in pixels:
                archive.write(root / name, name)
                (root / name).unlink()
    trials = {(t.label, t.split): t.data for t in load("fer2013", "face", dropped)}
    for name, facts in expected.items():
        np.testing.assert_array_equal(trials.pop(facts), pixels[name])
    assert not trials and [drop.name for drop in dropped] == ["more/happy/im2.png"]


# CK+


def write_ck_plus(root):
    last = noise(49, 64)
    save(root / "cohn-kanade-images/S005/001/S005_001_00000001.png", noise(49, 64))
    save(root / "cohn-kanade-images/S005/001/S005_001_00000011.png", last)
    save(root / "cohn-kanade-images/S999/003/S999_003_00000055.png", noise(49, 64, 3))
    save(root / "cohn-kanade-images/S010/002/S010_002_00000014.png", noise(49, 64))
    for name, code in (("S005/001/S005_001_00000011", 3), ("S999/003/S999_003_00000055", 2)):
        path = root / "Emotion" / f"{name}_emotion.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"   {code:.7e}\n")
    return last


def test_ck_plus_gives_the_peak_of_labelled_sequences(data):
    last = write_ck_plus(data / "ck_plus")
    dropped = []
    trials = {trial.trial: trial for trial in load("ck_plus", "face", dropped)}
    assert {(t.subject, t.trial, t.label) for t in trials.values()} == {
        ("S005", "S005_001", "disgust"),
        ("S999", "S999_003", "contempt"),
    }
    np.testing.assert_array_equal(trials["S005_001"].data, last)
    assert trials["S999_003"].data.shape == (49, 64, 3)
    assert [(drop.name, drop.reason) for drop in dropped] == [("S010_002", "no emotion was assigned")]


def test_ck_plus_without_its_emotions_or_with_one_that_is_none(data):
    write_ck_plus(data / "ck_plus")
    path = data / "ck_plus/Emotion/S005/001/S005_001_00000011_emotion.txt"
    path.write_text("8.0000000e+00")
    with pytest.raises(UnmappedLabel, match=r"S005_001_00000011_emotion\.txt says '8\.0"):
        list(load("ck_plus", "face"))
    for path in (data / "ck_plus").rglob("*.txt"):
        path.unlink()
    with pytest.raises(CorpusMissing, match=r"_emotion\.txt in"):
        load("ck_plus", "face")


# Pictures in folders


def test_image_folder(data, tmp_path):
    save(data / "image_folder" / "happy" / "anna_01.png", noise(10, 12, 3))
    save(data / "image_folder" / "Sad" / "ben_01.png", noise(10, 12))
    save(data / "image_folder" / "sad" / "unknown.jpg", noise(10, 12))
    trials = list(load("image_folder", "face"))
    assert {(t.subject, t.label) for t in trials} == {
        ("anna", "happy"), ("ben", "sad"), ("sad/unknown", "sad"),
    }  # fmt: skip
    assert {labels.target("image_folder", "emotion7", trial) for trial in trials} == {"happy", "sad"}
    save(tmp_path / "mine" / "sleepy" / "anna_01.png", noise(10, 12))
    (trial,) = load("image_folder", "face", folder=str(tmp_path / "mine"))
    with pytest.raises(UnmappedLabel, match="'sleepy' of image_folder"):
        labels.target("image_folder", "emotion7", trial)


@pytest.mark.parametrize(("name", "shape"), [("a.jpg", (48, 48)), ("a.png", (64, 64, 3))])
@pytest.mark.parametrize("share", [0, 0.6])
def test_a_picture_that_does_not_decode_is_named(data, name, shape, share):
    path = save(data / "image_folder" / "happy" / name, noise(*shape))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadRecording, match=rf"happy/{name} does not decode, expected a picture"):
        list(load("image_folder", "face"))


def test_pictures_of_any_mode_are_grey_or_rgb(data):
    folder, grey = data / "image_folder" / "happy", Image.fromarray(noise(8, 9))
    folder.mkdir(parents=True)
    for mode in ("1", "L", "LA", "P", "RGBA"):
        grey.convert(mode).save(folder / f"{mode}_0.png")
    shapes = {trial.subject: trial.data.shape for trial in load("image_folder", "face")}
    assert shapes == {"1": (8, 9), "L": (8, 9), "LA": (8, 9), "P": (8, 9, 3), "RGBA": (8, 9, 3)}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_lies_on_its_side_is_upright(data, orientation):
    """The eight orientations of EXIF's tag 274, each undone by hand."""
    upright = np.arange(24, dtype=np.uint8).reshape(4, 6)
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T}
    stored |= {6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1)}
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(stored[orientation])).save(data / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(open_tree(data), "a.png"), upright)


# RAVDESS

TAKE = "01-06-01-02-01-12"


def test_ravdess_frames_pair_with_the_speech_of_the_same_take(data):
    folder, dropped, frames = data / "ravdess" / "Actor_12", [], noise(3, 20, 30, 3)
    for i, frame in enumerate(frames):
        save(folder / f"01-{TAKE}" / f"{i + 1:04d}.png", frame)
    save(folder / f"02-{TAKE}" / "0001.png", frames[0])
    soundfile.write(folder / f"03-{TAKE}.wav", RNG.normal(0, 0.1, 16000), 16000)
    (face,), (speech,) = load("ravdess", "face", dropped), load("ravdess", "speech")
    assert (face.subject, face.trial, face.label) == (speech.subject, speech.trial, speech.label)
    np.testing.assert_array_equal(face.data, frames)
    assert face.sfreq == 5
    assert [drop.reason for drop in dropped] == ["modality 02, not 01"]
    save(folder / f"01-{TAKE}" / "0004.png", noise(20, 31))
    with pytest.raises(BadRecording, match=f"01-{TAKE} has frames of unequal size"):
        list(load("ravdess", "face"))


def test_ravdess_video_without_opencv_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as if not installed
    (data / "ravdess").mkdir()
    (data / "ravdess" / f"01-{TAKE}.mp4").write_bytes(b"video")
    with pytest.raises(CorpusMissing, match="01-12.mp4 needs opencv-python-headless.*ffmpeg"):
        list(load("ravdess", "face"))


def test_ravdess_video(data):
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    (data / "ravdess").mkdir()
    path = data / "ravdess" / f"01-{TAKE}.mp4"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (64, 48))
    for i in range(30):
        video.write(np.full((48, 64, 3), (0, 0, 8 * i), np.uint8))  # red rises, in OpenCV's BGR
    video.release()
    (trial,) = load("ravdess", "face")
    assert (trial.data.shape, trial.sfreq) == ((5, 48, 64, 3), 5)
    np.testing.assert_allclose(trial.data[:, 24, 32, 0], 8 * np.arange(0, 30, 6), atol=6)
    assert trial.data[..., 2].max() < 20
    path.write_bytes(b"no video")
    with pytest.raises(BadRecording, match="01-12.mp4 does not decode"):
        list(load("ravdess", "face"))
