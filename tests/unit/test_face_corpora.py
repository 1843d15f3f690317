import io
import sys
import zipfile

import numpy as np
import pytest
import soundfile
from PIL import Image

from emolib.core.errors import BadRecording, CorpusMissing, UnmappedLabel
from emolib.datasets import get, labels, load
from emolib.datasets.archives import open_tree
from emolib.datasets.media import read_image

rng = np.random.default_rng(0)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def picture(*shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_csv(path, rows, header="emotion,pixels,Usage"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def text(pixels):
    return " ".join(map(str, pixels.ravel()))


def facts(trials):
    return {(trial.label, trial.split) for trial in trials}


@pytest.mark.parametrize(
    ("name", "header", "order"),
    [
        ("fer2013.csv", "emotion,pixels,Usage", (0, 1, 2)),
        ("fer2013/fer2013.csv", "emotion,pixels,Usage", (0, 1, 2)),
        ("icml_face_data.csv", "emotion, Usage, pixels", (0, 2, 1)),
    ],
)
def test_fer2013_csv(data, name, header, order):
    pixels = [picture(48, 48) for _ in range(3)]
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = list(zip((0, 6, 3), map(text, pixels), usages, strict=True))
    write_csv(data / "fer2013" / name, [[row[i] for i in order] for row in rows], header)
    trials = list(load("fer2013", "face"))
    assert [(t.label, t.split) for t in trials] == [("angry", "train"), ("neutral", "val"), ("happy", "test")]
    assert len({trial.subject for trial in trials}) == len({trial.trial for trial in trials}) == 3
    for trial, expected in zip(trials, pixels, strict=True):
        np.testing.assert_array_equal(trial.data, expected)
        assert (trial.data.dtype, trial.sfreq) == (np.uint8, 0)


COLUMNS = "emotion,pixels,Usage"
PIXELS = text(np.zeros((48, 48), int))


@pytest.mark.parametrize(
    ("header", "row", "error", "message"),
    [
        ("emotion,Usage", (0, "Training"), BadRecording, "no column pixels; expected emotion, pixels, usage"),
        ("pixels", (PIXELS,), BadRecording, "no column emotion, usage"),
        (COLUMNS, (0, "1 2 3", "Training"), BadRecording, "line 3: expected 2304 pixels"),
        (
            "emotion,pixels,Usage",
            (0, PIXELS + " 256", "Training"),
            BadRecording,
            "line 3: expected 2304 pixels",
        ),
        (
            "emotion,pixels,Usage",
            (0, PIXELS[:-1] + "256", "Training"),
            BadRecording,
            "line 3: expected 2304 pixels",
        ),
        (
            "emotion,pixels,Usage",
            (0, PIXELS[:-1] + "-1", "Training"),
            BadRecording,
            "line 3: expected 2304 pixels",
        ),
        (
            "emotion,pixels,Usage",
            (0, PIXELS[:-1] + "x", "Training"),
            BadRecording,
            "line 3: expected 2304 pixels",
        ),
        (
            "emotion,pixels,Usage",
            (7, PIXELS, "Training"),
            UnmappedLabel,
            "line 3: emotion is '7', expected 0 to 6",
        ),
        (COLUMNS, ("", PIXELS, "Training"), UnmappedLabel, "line 3: emotion is ''"),
        (COLUMNS, (0, PIXELS, "Exam"), BadRecording, "line 3: Usage is 'Exam'"),
        (COLUMNS, (0, PIXELS), BadRecording, "line 3 has 2 of 3 columns"),
    ],
)
def test_fer2013_bad_csv_is_named_with_its_line(data, header, row, error, message):
    good = [{"emotion": 0, "pixels": PIXELS, "Usage": "Training"}[column] for column in header.split(",")]
    write_csv(data / "fer2013" / "fer2013.csv", [good, row], header)
    with pytest.raises(error, match=rf"fer2013\.csv.*{message}") as raised:
        list(load("fer2013", "face"))
    assert "\n" not in str(raised.value)


def test_fer2013_empty_csv(data):
    write_csv(data / "fer2013" / "fer2013.csv", [], "")
    with pytest.raises(BadRecording, match=r"fer2013\.csv has no column emotion"):
        list(load("fer2013", "face"))


@pytest.mark.parametrize("packed", [False, True])
def test_fer2013_csv_with_a_byte_that_is_no_utf8_is_named(data, packed):
    path = data / "fer2013" / "fer2013.csv"
    write_csv(path, [(0, PIXELS, "Training")] * 3)
    content = path.read_bytes().replace(b"Training", b"Train\xffng")
    path.write_bytes(content)
    if packed:
        path.unlink()
        with zipfile.ZipFile(data / "fer2013" / "archive.zip", "w") as archive:
            archive.writestr("fer2013.csv", content)
    expected = r"fer2013\.csv is damaged after row 0 .*0xff.*expected CSV text in UTF-8: fetch it again"
    with pytest.raises(BadRecording, match=expected) as raised:
        list(load("fer2013", "face"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_fer2013_csv_in_a_zip_with_a_flipped_byte_is_named(data, method):
    write_csv(data / "fer2013.csv", [(0, text(picture(48, 48)), "Training") for _ in range(40)])
    (data / "fer2013").mkdir()
    with zipfile.ZipFile(data / "fer2013" / "archive.zip", "w", method) as archive:
        archive.write(data / "fer2013.csv", "fer2013.csv")
    content = bytearray((data / "fer2013" / "archive.zip").read_bytes())
    content[len(content) // 2] ^= 0x01  # stored: another digit, which only the checksum tells
    (data / "fer2013" / "archive.zip").write_bytes(content)
    with pytest.raises(BadRecording, match=r"archive\.zip:fer2013\.csv .*: fetch it again") as raised:
        list(load("fer2013", "face"))
    assert "\n" not in str(raised.value)


def test_fer2013_csv_with_a_quote_that_is_never_closed_is_named(data):
    write_csv(
        data / "fer2013" / "fer2013.csv", [(0, '"' + PIXELS, "Training"), *[(0, PIXELS, "Training")] * 40]
    )
    with pytest.raises(BadRecording, match=r"fer2013\.csv is damaged after row 1 .*field limit"):
        list(load("fer2013", "face"))


@pytest.mark.parametrize("val", ["val", "validation", "PublicTest"])
@pytest.mark.parametrize("packed", [False, True])
def test_fer2013_folders(data, val, packed):
    names = ["train/happy/Training_1.png", f"{val}/sad/PublicTest_1.png", "test/fear/PrivateTest_1.png"]
    pixels = {name: picture(48, 48) for name in names}
    root = data / "fer2013"
    for name in names:
        save(root / name, pixels[name])
    if packed:
        with zipfile.ZipFile(root / "archive.zip", "w") as archive:
            for name in names:
                archive.write(root / name, name)
                (root / name).unlink()
    trials = list(load("fer2013", "face"))
    assert facts(trials) == {("happy", "train"), ("sad", "val"), ("fear", "test")}
    by_label = {trial.label: trial.data for trial in trials}
    np.testing.assert_array_equal(by_label["sad"], pixels[names[1]])


def test_fer2013_prefix_tells_val_from_test_where_both_lie_in_one_folder(data):
    for name in ("train/happy/Training_1.jpg", "test/happy/PublicTest_2.jpg", "test/sad/PrivateTest_3.jpg"):
        save(data / "fer2013" / name, picture(48, 48))
    assert facts(load("fer2013", "face")) == {("happy", "train"), ("happy", "val"), ("sad", "test")}


def test_fer2013_picture_outside_a_split_is_left_out(data):
    save(data / "fer2013" / "train/happy/im1.png", picture(48, 48))
    save(data / "fer2013" / "more/happy/im2.png", picture(48, 48))
    dropped = []
    assert len(list(load("fer2013", "face", dropped))) == 1
    assert [drop.name for drop in dropped] == ["more/happy/im2.png"]


@pytest.mark.parametrize(("name", "shape"), [("a.jpg", (48, 48)), ("a.png", (64, 64, 3))])
@pytest.mark.parametrize("share", [0, 0.1, 0.6])
def test_a_picture_that_does_not_decode_is_named(data, name, shape, share):
    path = save(data / "image_folder" / "happy" / name, picture(*shape))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadRecording, match=rf"happy/{name} does not decode, expected a picture"):
        list(load("image_folder", "face"))


def make_ck_plus(root):
    last = picture(49, 64)
    save(root / "cohn-kanade-images/S005/001/S005_001_00000001.png", picture(49, 64))
    save(root / "cohn-kanade-images/S005/001/S005_001_00000011.png", last)
    save(root / "cohn-kanade-images/S999/003/S999_003_00000055.png", picture(49, 64, 3))
    save(root / "cohn-kanade-images/S010/002/S010_002_00000014.png", picture(49, 64))
    for name, code in (("S005/001/S005_001_00000011", 3), ("S999/003/S999_003_00000055", 2)):
        path = root / "Emotion" / f"{name}_emotion.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"   {code:.7e}\n")
    return last


def test_ck_plus_gives_the_peak_of_labelled_sequences(data):
    last = make_ck_plus(data / "ck_plus")
    dropped = []
    trials = {trial.trial: trial for trial in load("ck_plus", "face", dropped)}
    assert {(t.subject, t.trial, t.label) for t in trials.values()} == {
        ("S005", "S005_001", "disgust"),
        ("S999", "S999_003", "contempt"),
    }
    np.testing.assert_array_equal(trials["S005_001"].data, last)
    assert trials["S999_003"].data.shape == (49, 64, 3)
    assert [(drop.name, drop.reason) for drop in dropped] == [("S010_002", "no emotion was assigned")]


def test_ck_plus_unknown_code_is_named(data):
    make_ck_plus(data / "ck_plus")
    (data / "ck_plus/Emotion/S005/001/S005_001_00000011_emotion.txt").write_text("8.0000000e+00")
    with pytest.raises(UnmappedLabel, match=r"S005_001_00000011_emotion\.txt says '8\.0"):
        list(load("ck_plus", "face"))


def test_ck_plus_without_its_emotion_files_is_missing(data):
    save(data / "ck_plus/cohn-kanade-images/S005/001/S005_001_00000001.png", picture(4, 4))
    with pytest.raises(CorpusMissing, match=r"_emotion\.txt in"):
        load("ck_plus", "face")


def test_image_folder(data):
    save(data / "image_folder" / "happy" / "anna_01.png", picture(10, 12, 3))
    save(data / "image_folder" / "Sad" / "ben_01.png", picture(10, 12))
    save(data / "image_folder" / "sad" / "unknown.jpg", picture(10, 12))
    trials = list(load("image_folder", "face"))
    assert {(t.subject, t.label) for t in trials} == {
        ("anna", "happy"),
        ("ben", "sad"),
        ("sad/unknown", "sad"),
    }
    assert {labels.target("image_folder", "emotion7", trial) for trial in trials} == {"happy", "sad"}


def test_image_folder_elsewhere_and_a_class_that_is_none(data, tmp_path):
    save(tmp_path / "mine" / "sleepy" / "anna_01.png", picture(10, 12))
    (trial,) = load("image_folder", "face", folder=str(tmp_path / "mine"))
    with pytest.raises(UnmappedLabel, match="'sleepy' of image_folder"):
        labels.target("image_folder", "emotion7", trial)


def test_ravdess_frames_pair_with_the_speech_of_the_same_take(data):
    take = "01-06-01-02-01-12"
    frames = picture(3, 20, 30, 3)
    for i, frame in enumerate(frames):
        save(data / "ravdess" / "Actor_12" / f"01-{take}" / f"{i + 1:04d}.png", frame)
    save(data / "ravdess" / "Actor_12" / f"02-{take}" / "0001.png", frames[0])
    soundfile.write(data / "ravdess" / "Actor_12" / f"03-{take}.wav", rng.normal(0, 0.1, 16000), 16000)
    dropped = []
    (face,), (speech,) = load("ravdess", "face", dropped), load("ravdess", "speech")
    assert (face.subject, face.trial, face.label) == (speech.subject, speech.trial, speech.label)
    np.testing.assert_array_equal(face.data, frames)
    assert face.sfreq == 5
    assert [drop.reason for drop in dropped] == ["modality 02, not 01"]


def test_ravdess_frames_of_unequal_size_are_named(data):
    folder = data / "ravdess" / "Actor_12" / "01-01-06-01-02-01-12"
    save(folder / "0001.png", picture(20, 30))
    save(folder / "0002.png", picture(20, 31))
    with pytest.raises(BadRecording, match="01-01-06-01-02-01-12 has frames of unequal size"):
        list(load("ravdess", "face"))


VIDEO = "Actor_12/01-01-06-01-02-01-12.mp4"


def test_ravdess_video_without_opencv_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as if not installed
    (data / "ravdess" / "Actor_12").mkdir(parents=True)
    (data / "ravdess" / VIDEO).write_bytes(b"video")
    with pytest.raises(CorpusMissing, match="01-12.mp4 needs opencv-python-headless.*ffmpeg"):
        list(load("ravdess", "face"))


def test_ravdess_video(data):
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    (data / "ravdess" / "Actor_12").mkdir(parents=True)
    path = data / "ravdess" / VIDEO
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


def test_pictures_of_any_mode_are_grey_or_rgb(data):
    grey = Image.fromarray(picture(8, 9))
    for mode in ("1", "L", "LA", "P", "RGBA"):
        path = data / "image_folder" / "happy" / f"{mode}_0.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        grey.convert(mode).save(content, "png")
        path.write_bytes(content.getvalue())
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
    (data / "faces/train/happy").mkdir(parents=True)
    Image.fromarray(np.ascontiguousarray(stored[orientation])).save(
        data / "faces/train/happy/a.png", exif=exif
    )
    np.testing.assert_array_equal(read_image(open_tree(data / "faces"), "train/happy/a.png"), upright)


def test_face_corpora_with_identities_are_split_by_subject_and_fer2013_officially():
    assert {get(name).protocol for name in ("ck_plus", "image_folder", "ravdess")} == {"loso"}
    assert get("fer2013").protocol == "official"
