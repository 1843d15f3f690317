"""Damaged files of every corpus of the registries: an error of one line or a result, soon, in little memory."""

import bz2
import zipfile

import numpy as np
import pytest
from crafted import BOOKS, GIGABYTE, MATS, PICTURES, SOUNDS, pickles, zeros, zip_of
from damage import OF_TEXTS, SURE, WAYS, damaged, is_rate, lay, packed, refusal
from whole_corpora import BOXES, CORPORA, DEAP_SHAPE

from emolib.datasets import NAMES, face_boxes, get, load
from emolib.datasets.corpora import films

FILES = {name: make() for name, make in (CORPORA | BOXES).items()}
NAME = b"wav/03a01Fa.wav"


@pytest.fixture
def root(data, monkeypatch):
    monkeypatch.setattr(films, "DEAP_SHAPE", DEAP_SHAPE)
    return data


def read_corpus(name, modality, dropped):
    """Read a corpus whole."""
    if name in BOXES:
        assert all(np.isfinite(picture.boxes).all() for picture in face_boxes.load(name, dropped))
    else:
        for trial in load(name, modality, dropped):
            assert is_rate(trial.sfreq) and trial.data.ndim and trial.data.dtype.kind in "fu"


def told(name):
    """What reading a corpus says, or leaves out, modality by modality."""
    found = []
    for modality in (None,) if name in BOXES else get(name).modalities:
        dropped = []
        found += filter(None, [refusal(lambda m=modality, d=dropped: read_corpus(name, m, d)), *dropped])
    return found


def test_every_corpus_that_reads_files_is_damaged_here_and_read_whole(root):
    assert set(CORPORA) == set(NAMES) - {"synthetic"} and set(BOXES) == set(face_boxes.CORPORA) - {"scenes"}
    for name, files in FILES.items():
        lay(root / name, files)
        assert not [said for said in told(name) if isinstance(said, str)], name


@pytest.mark.parametrize("way", WAYS | OF_TEXTS)
def test_a_damaged_file(root, way):
    """Beside whole ones, in every corpus."""
    n_told = 0
    for name, files in FILES.items():
        lay(root / name, files)
        said = []
        for file, content in files.items():
            for bad in damaged(file, content, way):
                lay(root / name, {file: bad})
                said += told(name)
            lay(root / name, {file: content})
        assert said or way not in SURE, name
        n_told += len(said)
    assert n_told


def test_a_damaged_zip(root):
    for name, files in FILES.items():
        whole, said = packed(files), []
        ends = [whole[:-200] + end for end in damaged("end", whole[-200:], "many bits")]
        for content in (whole[: len(whole) // 2], b"", *damaged("a.zip", whole, "many bits"), *ends):
            lay(root / name, {"archive.zip": content})
            said += told(name)
        assert said, name


@pytest.mark.parametrize(("content", "message"), [
    (zip_of(NAME, zeros(1 << 20), 2**32 - 2), "claim to be 4294967294"),
    (zip_of(NAME, zeros(GIGABYTE), GIGABYTE), f"claim to be {GIGABYTE}"),
    (zip_of(NAME, zeros(2 * GIGABYTE), 3000), "is damaged"),  # and claims not to
    (zip_of(NAME, bz2.compress(bytes(99)), 99, zipfile.ZIP_BZIP2), "method 12"),
], ids=["claims", "unfolds", "unfolds secretly", "bzip2"])  # fmt: skip
def test_a_zip_that_unfolds_to_very_much(root, content, message):
    lay(root / "emodb", {"archive.zip": content})
    assert message in told("emodb")[0]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("corpus", "file", "contents"), [
    ("emodb", "wav/03a01Fa.wav", SOUNDS),
    ("image_folder", "happy/ann_1.png", PICTURES),
    ("dreamer", "DREAMER.mat", MATS),
    ("stress_predict", "Processed_data/Time_logs.xlsx", BOOKS),
])  # fmt: skip
def test_a_file_that_claims_very_much(root, corpus, file, contents):
    for what, content in contents.items():
        lay(root / corpus, FILES[corpus] | {file: content})
        assert any(file in said for said in told(corpus)), what


@pytest.mark.parametrize(("corpus", "file"), [
    ("deap", "data_preprocessed_python/s01.dat"), ("wesad", "S2/S2.pkl"),
])  # fmt: skip
def test_a_pickle_runs_no_code_and_makes_nothing_large(root, corpus, file):
    for what, content in pickles(root / "ran").items():
        lay(root / corpus, {file: content})
        said = told(corpus)
        assert said and all(file in each for each in said), what
        assert not (root / "ran").exists(), what
