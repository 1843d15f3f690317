"""The registry of corpora and its commands: list, check, fetch."""

import hashlib
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import requests
import soundfile
from PIL import Image

from emolib.core.errors import BadParameter, CorpusMissing
from emolib.datasets import NAMES, get, load, root_of
from emolib.datasets.__main__ import BY_HAND, main
from emolib.datasets.base import MODALITIES

FETCHED = ("emodb", "ravdess", "crema_d", "tess", "stress_predict", "walking", "muse", "gameemo")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def write_speech(data, *names):
    for name in names:
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * np.ones(16000), 16000)


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_whole(name):
    corpus = get(name)
    assert (
        corpus.name == name
        and corpus.tasks
        and corpus.title
        and corpus.licence
        and corpus.layout
        and corpus.where
    )
    assert corpus.modalities and set(corpus.modalities) <= set(MODALITIES)
    assert bool(corpus.labels) != (corpus.midpoint is not None)  # it maps labels or rates
    assert corpus.protocol in ("loso", "official")
    for url, known_hash, file in corpus.downloads:
        assert url.startswith(("https://", "http://")) and "/" not in file
        assert known_hash is None or known_hash.startswith(("md5:", "sha256:"))
    assert corpus.access in BY_HAND
    assert bool(corpus.reads) == bool(corpus.fingerprint)
    assert bool(corpus.downloads or corpus.listing) == (name in FETCHED)
    if "agreement" in corpus.licence or "request" in corpus.licence:
        assert corpus.access == "agreement" and name not in FETCHED


def test_names_modalities_and_options_that_do_not_exist():
    for name, close in (("emo_db", "emodb"), ("fer-2013", "fer2013"), ("q", "synthetic or")):
        with pytest.raises(BadParameter, match=f"got '{name}', expected .*{close}"):
            get(name)
    with pytest.raises(BadParameter, match="got 'eeg', expected speech or face for ravdess"):
        load("ravdess", "eeg")
    for name, modality, hint in (
        ("emodb", "speech", "known: none"),
        ("image_folder", "face", "known: folder"),
        ("synthetic", "heart", "did you mean n_subjects"),
    ):
        with pytest.raises(BadParameter, match=f"n_subject does not exist in the loader of {name}: {hint}"):
            load(name, modality, n_subject=3)
    assert len(list(load("synthetic", "heart", n_subjects=2, n_trials=3))) == 6


def test_roots_and_corpora_that_are_absent(data, monkeypatch):
    for name in set(NAMES) - {"synthetic"}:
        for modality in get(name).modalities:
            with pytest.raises(CorpusMissing, match=rf"{name}: .*fetch {name}.*EMOLIB_DATA"):
                list(load(name, modality))
    assert root_of("emodb") == data / "emodb"
    monkeypatch.delenv("EMOLIB_DATA")
    assert root_of("emodb").parts[-3:] == ("data", "raw", "emodb")


def test_the_registry_imports_no_heavy_package():
    code = (
        "import sys, emolib.datasets as d; [d.get(name) for name in d.NAMES];"
        "print([p for p in ('tensorflow', 'keras', 'pandas', 'scipy', 'sklearn', 'soundfile', 'PIL', 'pooch')"
        " if p in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_list_shows_every_corpus_and_whether_it_is_there(data, capsys):
    write_speech(data, "emodb/wav/03a01Fa.wav")
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert set(lines) == set(NAMES)
    assert " yes " in lines["emodb"] and " no " in lines["savee"] and " built in " in lines["synthetic"]


def test_check_counts_what_is_there(data, capsys):
    write_speech(data, "emodb/03a01Fa.wav", "emodb/03a02Wa.wav", "emodb/08a01Wa.wav", "emodb/noise.wav")
    assert main(["check", "emodb"]) == 0
    out = capsys.readouterr().out
    assert "emodb speech: 3 trials of 2 subjects" in out
    for row in (
        "  subject   03 2, 08 1",
        "  label     anger 2, happiness 1",
        "  rate      16000 Hz 3",
        "  valence   negative 2, positive 1",
        "  dropped   1 not named like 03a01Fa",
        "  length    1.00 to 1.00 s",
    ):
        assert row in out.splitlines()


def test_check_tells_pictures_left_out_classes_and_absent_modalities(data, capsys):
    (data / "image_folder/disgust").mkdir(parents=True)
    for i in range(3):
        Image.fromarray(np.zeros((8, 9), np.uint8)).save(data / f"image_folder/disgust/anna_{i}.png")
    write_speech(data, "ravdess/Actor_01/03-01-01-01-01-01-01.wav")
    assert main(["check", "image_folder"]) == main(["check", "ravdess"]) == 0
    out = capsys.readouterr().out
    for row in ("size      8 x 9 3", "arousal   (left out) 3", "length    single pictures"):
        assert row in out
    assert "ravdess speech: 1 trials of 1 subjects" in out and "ravdess face: absent" in out


def test_check_says_whether_the_files_are_those_that_were_tested(data, capsys, monkeypatch):
    path = data / "muse" / "subjecta-relaxed-1.csv"
    path.parent.mkdir()
    rows = "".join(f"{second / 256},1,2,3,4,5\n" for second in range(20))
    path.write_text(f"timestamps,TP9,AF7,AF8,TP10,Right AUX\n{rows}")
    assert main(["check", "muse"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
    digest = hashlib.sha256(line.encode()).hexdigest()
    assert last.startswith("muse: other files than emolib was tested with")
    assert digest in last and get("muse").fingerprint in last
    same = replace(get("muse"), fingerprint=digest)
    monkeypatch.setattr("emolib.datasets.__main__.get", lambda name: same)
    assert main(["check", "muse"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "muse: the same files that emolib was tested with"


@pytest.mark.parametrize(
    ("arguments", "files", "message"),
    [
        (["check", "emodb"], [], "No files in .*emodb"),
        (["check", "emodb"], ["emodb/noise.wav"], "holds no speech trial"),
        (["check", "emodb"], ["emodb/03a01Xa.wav"], "'X' of emodb is in no map"),
        (["fetch", "emobd"], [], "got 'emobd', expected emodb"),
    ],
)
def test_errors_are_one_line_and_a_status(data, capsys, arguments, files, message):
    write_speech(data, *files)
    assert main(arguments) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.match(f"error: .*{message}", last)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, "given to people who accept") for name in ("savee", "deap", "fer2013")),
        ("wesad", "open, but emolib knows no lasting address"),
        ("image_folder", "nothing to download"),
    ],
)
def test_fetch_of_what_no_program_can_get_says_why_and_how_a_person_does(data, capsys, name, told):
    assert main(["fetch", name]) == 2
    out = capsys.readouterr().out
    assert out.startswith(f"{name} ({get(name).licence}): {told}")
    for part in (get(name).where, get(name).layout, str(data / name), f"emolib.datasets check {name}"):
        assert part in out
    assert list(data.iterdir()) == []
    assert main(["fetch", "synthetic"]) == 0
    assert "nothing to fetch" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("name", FETCHED)
def test_a_fetch_without_network_ends_in_the_steps_for_a_person(data, capsys, monkeypatch, name):
    def unreachable(*arguments, **options):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", unreachable)
    assert main(["fetch", name]) == 1
    shown = capsys.readouterr()
    for part in ("by hand", get(name).where, get(name).layout, str(data / name)):
        assert part in shown.out
    assert re.match(r"error: https?://.* \(.*no network\).*by hand", shown.err.strip())
    assert not any(path.is_file() for path in data.rglob("*"))
