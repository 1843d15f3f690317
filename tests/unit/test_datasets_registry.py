"""The registry of corpora and its commands: list, check, fetch."""

import hashlib
from dataclasses import replace

import pytest
from damage import lay
from whole_corpora import CORPORA, picture, sound

from emolib.__main__ import main
from emolib.core.errors import BadParameter, CorpusMissing
from emolib.datasets import NAMES, get, load, root_of
from emolib.datasets.base import MODALITIES


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_whole(name):
    corpus = get(name)
    assert corpus.name == name and set(corpus.modalities) <= set(MODALITIES)
    assert bool(corpus.labels) != (corpus.midpoint is not None)  # it maps labels or rates
    if "agreement" in corpus.licence or "request" in corpus.licence:
        assert not corpus.downloads and not corpus.listing


def test_names_modalities_and_options_that_do_not_exist():
    with pytest.raises(BadParameter, match="got 'eeg', expected speech or face for ravdess"):
        load("ravdess", "eeg")
    with pytest.raises(BadParameter, match="n_subject does not exist .* did you mean n_subjects"):
        load("synthetic", "heart", n_subject=3)
    assert len(list(load("synthetic", "heart", n_subjects=2, n_trials=3))) == 6


def test_roots_and_corpora_that_are_absent(data, monkeypatch):
    for name in set(NAMES) - {"synthetic"}:
        for modality in get(name).modalities:
            with pytest.raises(CorpusMissing, match=rf"{name}: .*fetch {name}.*EMOLIB_DATA"):
                list(load(name, modality))
    monkeypatch.delenv("EMOLIB_DATA")
    assert root_of("emodb").parts[-3:] == ("data", "raw", "emodb")


def test_list_check_and_fetch_say_what_is_there_and_how_a_person_gets_it(data, capsys):
    assert main(["datasets", "fetch", "wesad"]) == 2 and get("wesad").where in capsys.readouterr().out
    takes = [f"Actor_0{actor}/03-01-0{emotion}-01-01-01-0{actor}.wav" for actor, emotion in ((1, 3), (1, 5), (2, 5))]
    sounds = {name: sound(n_times=16000, pitch=0.2 + 0.1 * i) for i, name in enumerate([*takes, "noise.wav"])}
    lay(data / "ravdess", sounds)
    lay(data / "image_folder", {f"disgust/anna_{i}.png": picture((8, 9)) for i in range(3)})
    assert main(["datasets", "list"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert " yes " in rows["ravdess"] and " no " in rows["savee"] and " built in " in rows["synthetic"]
    for name in ("image_folder", "ravdess"):
        assert main(["datasets", "check", name]) == 0
    assert set(capsys.readouterr().out.splitlines()) >= {
        *("ravdess speech: 3 trials of 2 subjects", "ravdess face: absent", "  rate      16000 Hz 3"),
        *("  valence   negative 2, positive 1", "  length    1.00 to 1.00 s", "  size      8 x 9 3"),
        *("  arousal   (left out) 3", "  length    single pictures"),
    }


def test_check_says_whether_the_files_are_those_that_were_tested(data, capsys, monkeypatch):
    ((name, content),) = CORPORA["muse"]().items()
    lay(data / "muse", {name: content})
    assert main(["datasets", "check", "muse"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    digest = hashlib.sha256(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()).hexdigest()
    assert last.startswith("muse: other files than emolib was tested with")
    assert digest in last and get("muse").fingerprint in last
    same = replace(get("muse"), fingerprint=digest)
    monkeypatch.setattr("emolib.datasets.get", lambda name: same)
    assert main(["datasets", "check", "muse"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "muse: the same files that emolib was tested with"
