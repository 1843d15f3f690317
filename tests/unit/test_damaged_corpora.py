"""Damaged files of every corpus of the registries: an error of one line or a result, soon, in little memory."""

import bz2
import lzma
import os
import zipfile

import numpy as np
import pytest
from crafted import BOOKS, GIGABYTE, MATS, PICTURES, SOUNDS, pickles, zeros, zip_of
from damage import OF_TEXTS, SURE, WAYS, damaged, end_flipped, is_rate, lay, packed, refusal
from whole_corpora import BOXES, CORPORA, DEAP_SHAPE, sound

from emolib.datasets import NAMES, face_boxes, get, load
from emolib.datasets.archives import open_tree, safe_extract
from emolib.datasets.corpora import deap

GENERATED = {"synthetic", "scenes"}  # no file is read
FILES = {name: make() for name, make in (CORPORA | BOXES).items()}
BITES = {  # where each way that may do no harm does some
    "end lost": "emodb",
    "a bit": "facemask",
    "many bits": "facemask",
    "head": "deap",
    "zeroed": "dreamer",
    "picture": "emodb",
    "number": "facemask",
    "wide": "muse",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    monkeypatch.setattr(deap, "SHAPE", DEAP_SHAPE)
    return tmp_path


def readers(name):
    """A function for each modality that reads it whole, and gives what was dropped."""

    def trials(modality):
        dropped = []
        for trial in load(name, modality, dropped):
            assert is_rate(trial.sfreq) and trial.data.ndim and trial.data.dtype.kind in "fu"
        return dropped

    def boxes():
        dropped = []
        for picture in face_boxes.load(name, dropped):
            assert np.isfinite(picture.boxes).all()
        return dropped

    return [boxes] if name in BOXES else [lambda m=m: trials(m) for m in get(name).modalities]


def told(name):
    """What reading a corpus says, or leaves out, modality by modality."""
    found = []
    for read in readers(name):
        dropped = []
        found += filter(None, [refusal(lambda read=read, dropped=dropped: dropped.extend(read())), *dropped])
    return found


def told_of_damage(root, name, way):
    """What is said of each damaged file of a corpus beside whole ones."""
    lay(root / name, FILES[name])
    found = []
    for file, content in FILES[name].items():
        for bad in damaged(file, content, way):
            lay(root / name, {file: bad})
            found += told(name)
        lay(root / name, {file: content})
    return found


def test_every_corpus_that_reads_files_is_damaged_here():
    assert set(CORPORA) == set(NAMES) - GENERATED and set(BOXES) == set(face_boxes.CORPORA) - GENERATED


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("as_zip", [False, True])
def test_whole_files_are_read(root, name, as_zip):
    lay(root / name, {"archive.zip": packed(FILES[name])} if as_zip else FILES[name])
    for read in readers(name):
        assert refusal(read) == ""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", WAYS | OF_TEXTS)
def test_a_damaged_file(root, name, way):
    said = told_of_damage(root, name, way)
    if way in SURE:
        assert said


@pytest.mark.parametrize("way", sorted((WAYS | OF_TEXTS).keys() - SURE.keys()))
def test_each_way_bites(root, way):
    assert told_of_damage(root, BITES[way], way)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_zip(root, name):
    whole, said = packed(FILES[name]), []
    bad = [whole[: len(whole) // 2], WAYS["empty"](whole, 0), *damaged("a.zip", whole, "many bits")]
    for content in [*bad, *(end_flipped(whole, seed) for seed in range(4))]:
        lay(root / name, {"archive.zip": content})
        said += told(name)
    assert said


ODD = [
    *(b"../../wav/03a01Fa.wav", b"/wav/03a01Fa.wav", b"C:\\wav\\03a01Fa.wav", b"wav/\n\x1b[31m03a01Fa.wav"),
    *(b"wav/" + b"a" * 5000 + b"/03a01Fa.wav", b"wav/03a01Fa\xff.wav", b"wav/a\x0003a01Fa.wav"),
]


@pytest.mark.parametrize("flags", [0, 0x800])  # names in the zip's own code page, or as UTF-8
def test_odd_names_in_a_zip_write_nothing(root, flags):
    for name in ODD:
        lay(root / "emodb", {"archive.zip": zip_of(name, sound(), len(sound()), zipfile.ZIP_STORED, flags)})
        told("emodb")
        assert refusal(lambda: safe_extract(root / "emodb/archive.zip", root / "out"))
        assert [path.name for path in root.rglob("*")] == ["emodb", "archive.zip"]


def test_a_link_in_a_zip_is_not_followed(root):
    (root / "secret").write_bytes(sound())
    target = str(root / "secret").encode()
    link = zip_of(b"wav/03a01Fa.wav", target, len(target), zipfile.ZIP_STORED, mode=0o120777)
    lay(root / "emodb", {"archive.zip": link})
    assert told("emodb")
    assert "a link" in refusal(lambda: safe_extract(root / "emodb/archive.zip", root / "out"))


def test_a_zip_in_a_zip_and_a_member_twice(root):
    inner = packed(FILES["emodb"])
    lay(root / "emodb", {"archive.zip": packed({"inner.zip": inner})})
    assert "No file like" in told("emodb")[0]
    twice = zip_of(b"wav/03a01Fa.wav", b"x", 1, zipfile.ZIP_STORED)
    lay(root / "emodb", {"archive.zip": inner, "other.zip": twice})
    assert "other.zip:wav/03a01Fa.wav is damaged" in told("emodb")[0]


NAME = b"wav/03a01Fa.wav"
BOMBS = {
    "claims": (zip_of(NAME, zeros(1 << 20), 2**32 - 2), "claim to be 4294967294", "unfolds to 4294967294"),
    "unfolds": (zip_of(NAME, zeros(GIGABYTE), GIGABYTE), f"claim to be {GIGABYTE}", "unfolds to"),
    "unfolds, and claims not to": (zip_of(NAME, zeros(2 * GIGABYTE), 3000), "is damaged", "is damaged"),
    "bzip2": (zip_of(NAME, bz2.compress(bytes(99)), 99, zipfile.ZIP_BZIP2), "method 12", "method 12"),
    "lzma": (zip_of(NAME, lzma.compress(bytes(99)), 99, zipfile.ZIP_LZMA), "method 14", "method 14"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_zip_that_unfolds_to_very_much(root, bomb):
    content, when_read, when_unpacked = BOMBS[bomb]
    lay(root / "emodb", {"archive.zip": content})
    assert when_read in told("emodb")[0]
    assert when_unpacked in refusal(lambda: safe_extract(root / "emodb/archive.zip", root / "out"))
    assert not (root / "out").exists()


@pytest.mark.parametrize("corpus", ["fer2013", "muse", "own"])
def test_a_table_in_a_zip_that_unfolds_to_very_much(root, corpus):
    (name, *_) = FILES[corpus]
    lay(root / corpus, {"archive.zip": zip_of(name.encode(), zeros(GIGABYTE), GIGABYTE)})
    assert f"claim to be {GIGABYTE}" in told(corpus)[0]


def test_names_on_disk_that_are_no_utf8(root):
    (root / "image_folder/happy").mkdir(parents=True)
    path = os.fsencode(root / "image_folder/happy") + b"/ann\xff_1.png"
    try:
        with open(path, "wb") as file:
            file.write(FILES["image_folder"]["happy/ann_1.png"])
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    (said,) = told("image_folder")
    assert "is no name in UTF-8" in said and open_tree(root / "image_folder").names("*.jpg") == []


CRAFTED = [
    *(("emodb", "wav/03a01Fa.wav", what, content) for what, content in SOUNDS.items()),
    *(("image_folder", "happy/ann_1.png", what, content) for what, content in PICTURES.items()),
    *(("dreamer", "DREAMER.mat", what, content) for what, content in MATS.items()),
    *(("stress_predict", "Processed_data/Time_logs.xlsx", what, content) for what, content in BOOKS.items()),
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("corpus", "file", "content"),
    [pytest.param(corpus, file, content, id=f"{corpus}-{what}") for corpus, file, what, content in CRAFTED],
)
def test_a_file_that_claims_very_much(root, corpus, file, content):
    lay(root / corpus, FILES[corpus] | {file: content})
    assert any(file in said for said in told(corpus))


@pytest.mark.parametrize(
    ("corpus", "file"), [("deap", "data_preprocessed_python/s01.dat"), ("wesad", "S2/S2.pkl")]
)
def test_a_pickle_runs_no_code_and_makes_nothing_large(root, corpus, file):
    for what, content in pickles(root / "ran").items():
        lay(root / corpus, {file: content})
        said = told(corpus)
        assert said and all(file in each for each in said), what
        assert not (root / "ran").exists(), what
