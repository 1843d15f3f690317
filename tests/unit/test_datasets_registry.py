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

from emolib.core.errors import BadParameter
from emolib.datasets import NAMES, get, load, root_of
from emolib.datasets.__main__ import BY_HAND, main
from emolib.datasets.base import MODALITIES


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
    assert corpus.name == name
    assert corpus.modalities
    assert set(corpus.modalities) <= set(MODALITIES)
    assert corpus.tasks
    assert corpus.tasks
    assert corpus.protocol in ("loso", "official", "grouped", "heldout")
    assert corpus.title and corpus.licence and corpus.layout and corpus.where
    for url, known_hash, file in corpus.downloads:
        assert url.startswith(("https://", "http://"))
        assert known_hash is None or known_hash.startswith(("md5:", "sha256:"))
        assert "/" not in file
    assert corpus.access in BY_HAND
    assert bool(corpus.reads) == bool(corpus.fingerprint)


def test_every_corpus_with_a_label_map_is_registered():
    pass


@pytest.mark.parametrize(
    ("name", "close"), [("emo_db", "emodb"), ("fer-2013", "fer2013"), ("q", "synthetic or")]
)
def test_an_unknown_corpus_is_answered_with_close_names(name, close):
    with pytest.raises(BadParameter, match=f"got '{name}', expected .*{close}"):
        get(name)


def test_a_modality_that_the_corpus_lacks():
    with pytest.raises(BadParameter, match="got 'eeg', expected speech or face for ravdess"):
        load("ravdess", "eeg")


@pytest.mark.parametrize(
    ("name", "modality", "expected"),
    [("emodb", "speech", "none"), ("image_folder", "face", "folder")],
)
def test_an_option_that_the_loader_lacks(name, modality, expected):
    with pytest.raises(
        BadParameter, match=f"n_subject does not exist in the loader of {name}: known: {expected}"
    ):
        load(name, modality, n_subject=3)


def test_options_reach_the_loader():
    trials = list(load("synthetic", "heart", n_subjects=2, n_trials=3))
    assert len(trials) == 6
    with pytest.raises(
        BadParameter, match="n_subject does not exist in the loader of synthetic: did you mean n_subjects"
    ):
        load("synthetic", "heart", n_subject=2)


def test_roots(data, monkeypatch):
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
    assert " yes " in lines["emodb"]
    assert " no " in lines["savee"]
    assert " built in " in lines["synthetic"]


def test_check_counts_what_is_there(data, capsys):
    write_speech(data, "emodb/03a01Fa.wav", "emodb/03a02Wa.wav", "emodb/08a01Wa.wav", "emodb/noise.wav")
    assert main(["check", "emodb"]) == 0
    out = capsys.readouterr().out
    assert "emodb speech: 3 trials of 2 subjects" in out
    rows = out.splitlines()
    assert "  subject   03 2, 08 1" in rows
    assert "  label     anger 2, happiness 1" in rows
    assert "  rate      16000 Hz 3" in rows
    assert "  valence   negative 2, positive 1" in rows
    assert "  dropped   1 not named like 03a01Fa" in rows
    assert "  length    1.00 to 1.00 s" in rows


def test_check_tells_pictures_and_left_out_classes(data, capsys):
    for i in range(3):
        path = data / "image_folder" / "disgust" / f"anna_{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 9), np.uint8)).save(path)
    assert main(["check", "image_folder"]) == 0
    out = capsys.readouterr().out
    for row in ("size      8 x 9 3", "arousal   (left out) 3", "length    single pictures"):
        assert row in out


def test_check_says_which_modality_is_absent(data, capsys):
    write_speech(data, "ravdess/Actor_01/03-01-01-01-01-01-01.wav")
    assert main(["check", "ravdess"]) == 0
    out = capsys.readouterr().out
    assert "ravdess speech: 1 trials of 1 subjects" in out
    assert "ravdess face: absent" in out


@pytest.mark.parametrize(
    ("arguments", "files", "message"),
    [
        (["check", "emodb"], [], "No files in .*emodb"),
        (["check", "emodb"], ["emodb/noise.wav"], "holds no speech trial"),
        (["check", "emodb"], ["emodb/03a01Xa.wav"], "'X' of emodb is in no map"),
        (["check", "emobd"], [], "got 'emobd', expected emodb"),
        (["fetch", "emobd"], [], "got 'emobd', expected emodb"),
    ],
)
def test_errors_are_one_line_and_a_status(data, capsys, arguments, files, message):
    write_speech(data, *files)
    assert main(arguments) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.match(f"error: .*{message}", last)


def test_check_of_a_truncated_file_in_its_own_process(data):
    write_speech(data, "emodb/03a01Fa.wav")
    path = data / "emodb/03a01Fa.wav"
    path.write_bytes(path.read_bytes()[:1000])
    command = [sys.executable, "-m", "emolib.datasets", "check", "emodb"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "03a01Fa.wav is cut off" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *(
            (name, "given to people who accept")
            for name in ("savee", "ck_plus", "deap", "dreamer", "seed", "fer2013")
        ),
        ("wesad", "open, but emolib knows no lasting address"),
        ("image_folder", "nothing to download"),
    ],
)
def test_fetch_of_what_no_program_can_get_says_why_and_how_a_person_does(data, capsys, name, told):
    assert main(["fetch", name]) == 2
    out = capsys.readouterr().out
    assert out.startswith(f"{name} ({get(name).licence}): {told}")
    assert get(name).where in out
    assert get(name).layout in out
    assert str(data / name) in out
    assert f"emolib.datasets check {name}" in out
    assert list(data.iterdir()) == []


OPEN = ("emodb", "ravdess", "crema_d", "tess", "stress_predict", "walking", "muse", "gameemo")


def test_every_corpus_is_fetched_or_says_why_not():
    fetched = {name for name in NAMES if get(name).downloads or get(name).listing}
    assert fetched == set(OPEN)
    restricted = {
        name for name in NAMES if "agreement" in get(name).licence or "request" in get(name).licence
    }
    assert not fetched & restricted and {get(name).access for name in restricted} == {"agreement"}


@pytest.mark.parametrize("name", OPEN)
def test_a_fetch_without_network_ends_in_the_steps_for_a_person(data, capsys, monkeypatch, name):
    def unreachable(*arguments, **options):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", unreachable)
    assert main(["fetch", name]) == 1
    shown = capsys.readouterr()
    for part in ("by hand", get(name).where, get(name).layout, str(data / name)):
        assert part in shown.out
    (line,) = shown.err.strip().splitlines()
    assert re.match(r"error: https?://.* \(.*no network\).*by hand", line)
    assert not any(path.is_file() for path in data.rglob("*"))


def test_check_says_whether_the_files_are_those_that_were_tested(data, capsys, monkeypatch):
    path = data / "muse" / "subjecta-relaxed-1.csv"
    path.parent.mkdir()
    rows = "".join(f"{second / 256},1,2,3,4,5\n" for second in range(20))
    path.write_text(f"timestamps,TP9,AF7,AF8,TP10,Right AUX\n{rows}")
    assert main(["check", "muse"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    digest = hashlib.sha256(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode()
    ).hexdigest()
    assert last.startswith("muse: other files than emolib was tested with")
    assert digest in last and get("muse").fingerprint in last
    same = replace(get("muse"), fingerprint=digest)
    monkeypatch.setattr("emolib.datasets.__main__.get", lambda name: same)
    assert main(["check", "muse"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "muse: the same files that emolib was tested with"


def test_fetch_of_the_synthetic_corpus_has_nothing_to_do(data, capsys):
    assert main(["fetch", "synthetic"]) == 0
    assert "nothing to fetch" in capsys.readouterr().out.lower()
