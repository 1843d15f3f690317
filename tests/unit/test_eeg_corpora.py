"""Corpora of EEG, from small files in each corpus's own layout."""

import mne
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from whole_corpora import dreamer_person, gathered, write_dreamer_mat, write_python2

from emolib.core.errors import BadRecording
from emolib.datasets import labels
from emolib.datasets.corpora import deap, dreamer, gameemo, seed


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def folder_of(root, name):
    (root / name).mkdir()
    return root / name


# Muse


def muse(folder, name, gaps=(), n_times=1024, **changes):
    """A file in the publisher's layout; time stamps in ms jump by a minute before each row in `gaps`."""
    time_s = 1533222955 + np.arange(n_times) / 256 + 60 * np.isin(np.arange(n_times), gaps).cumsum()
    columns = {"timestamps": np.round(time_s, 3), "TP9": np.arange(n_times) + 0.25}
    columns |= {name: np.full(n_times, value) for name, value in (("AF7", 1.0), ("AF8", 2.0), ("TP10", 3.0))}
    pd.DataFrame(columns | {"Right AUX": 9.0} | changes).to_csv(folder / name, index=False)
    return folder / name


def test_muse(root):
    folder = folder_of(root, "muse")
    muse(folder, "subjecta-concentrating-1.csv", TP10=np.r_[np.nan, np.zeros(1023)])
    muse(folder, "subjectb-relaxed-2.csv", gaps=(300, 900))
    muse(folder, "subject-notes.csv")
    found, dropped = gathered("muse", "eeg")
    assert [(t.subject, t.trial, t.label, t.data.shape) for t in found] == [
        ("subjecta", "subjecta-concentrating-1", "concentrating", (4, 1024)),
        ("subjectb", "subjectb-relaxed-2.1", "relaxed", (4, 300)),
        ("subjectb", "subjectb-relaxed-2.2", "relaxed", (4, 600)),
        ("subjectb", "subjectb-relaxed-2.3", "relaxed", (4, 124)),
    ]
    assert found[2].data[:, 0].tolist() == [300.25, 1, 2, 3]
    assert np.isnan(found[0].data).sum() == 1 and np.isnan(found[0].data[3, 0])
    assert {(t.kind, t.sfreq, t.channels) for t in found} == {("raw", 256.0, ("TP9", "AF7", "AF8", "TP10"))}
    assert {d.name: d.reason for d in dropped} == {
        "subject-notes.csv": "no file name like subjecta-relaxed-1.csv",
        "subjectb-relaxed-2": "2 gaps, 120.0 s: kept as 3 pieces",
    }


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda text: text.replace("TP10", "TPX"), "has no column TP10"),
        (lambda text: text[:-12], "cut off"),
        (lambda text: text.replace(",1.0,", ",one,"), "holds 'one' in data row 1, column AF7"),
        (lambda text: "", "no CSV table"),
        (lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[:0:-1]]), "time stamps that rise"),
    ],
)
def test_muse_refuses_damage(root, damage, message):
    path = muse(folder_of(root, "muse"), "subjecta-neutral-1.csv")
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadRecording, match=rf"subjecta-neutral-1\.csv.*{message}"):
        gathered("muse", "eeg")


# GAMEEMO


def band_powers(n_steps=3):
    keys = [(s, g, w) for s in (1, 12) for g in (1, 2, 3, 4) for w in range(1, n_steps + 1)]
    table = pd.DataFrame(keys, columns=["SUBJECT", "GAME", "WINDOW_INDEX"])
    for c, channel in enumerate(gameemo.CHANNELS):
        for b, band in enumerate(("Delta", "Theta", "Alpha", "Beta")):
            table[f"{channel}_{band}_Power"] = table["WINDOW_INDEX"] + c / 100 + b / 1000
    return table


def write_gameemo(root, powers, **ratings):
    folder = folder_of(root, "gameemo")
    powers.to_csv(folder / "eeg_bandpower_features_windowed_12.0_0.0.csv", index=False)
    rows = [(f"G{g}.pdf", f"S{s:02d}", g, 10 - g, "Female") for s in (1, 12) for g in (1, 2, 3, 4)]
    table = pd.DataFrame(rows, columns=["Path", "Subject", "Valence", "Arousal", "Gender"])
    for column, (row, value) in ratings.items():
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
    table.to_csv(folder / "final_SAM_scores.csv", index_label="Index")


def test_gameemo(root):
    write_gameemo(root, band_powers().sample(frac=1, random_state=0))  # rows in any order
    found, dropped = gathered("gameemo", "eeg")
    assert [t.trial for t in found] == [f"S{s:02d}-G{g}" for s in (1, 12) for g in (1, 2, 3, 4)]
    assert {t.subject for t in found} == {"S01", "S12"} and not dropped
    expected = 1 + np.arange(3)[:, None, None] + np.arange(14)[:, None] / 100 + np.arange(4) / 1000
    np.testing.assert_allclose(found[5].data, expected, rtol=1e-6)
    assert found[5].label == "G2" and found[5].ratings == {"valence": 2, "arousal": 8}
    facts = {(t.kind, t.sfreq, len(t.channels), t.data.dtype.name) for t in found}
    assert facts == {("band_power", 1 / 12, 14, "float32")}
    assert labels.target("gameemo", "arousal", found[5]) == "high"


def test_gameemo_names_what_has_no_rating_or_no_recording(root):
    powers = band_powers()
    write_gameemo(root, powers[(powers["SUBJECT"] != 12) | (powers["GAME"] != 4)], Valence=(1, None))
    found, dropped = gathered("gameemo", "eeg")
    assert len(found) == 6
    assert {d.name: d.reason for d in dropped} == {
        "S01-G2": "no valence or arousal rating",
        "S12-G4": "rated, but no band powers",
    }


@pytest.mark.parametrize(
    "change, ratings, message",
    [
        (lambda t: t.drop(columns="O1_Beta_Power"), {}, "has no column O1_Beta_Power"),
        (lambda t: t.drop(index=1), {}, "windows of S01-G1 are not numbered 1 to 2"),
        (lambda t: t.assign(F3_Beta_Power=None), {}, "no value in data row 1, column F3_Beta_Power"),
        (lambda t: t, {"Arousal": (0, 12)}, "ratings leave the scale"),
        (lambda t: t, {"Arousal": (0, "high")}, "holds 'high' in data row 1, column Arousal"),
    ],
)
def test_gameemo_refuses_damage(root, change, ratings, message):
    write_gameemo(root, change(band_powers()), **ratings)
    with pytest.raises(BadRecording, match=message):
        gathered("gameemo", "eeg")


# DEAP


def deap_content(shape=(40, 40, 8064)):
    """Each sample says its video, channel and time, as far as float32 holds them."""
    video, channel, step = np.ogrid[: shape[0], : shape[1], : shape[2]]
    rated = np.tile([7.5, 2.0, 3.0, 4.0], (shape[0], 1)) + np.arange(shape[0])[:, None] / 40
    return {"data": (video * 1000 + channel * 10 + step / 8064).astype(np.float64), "labels": rated}


def test_deap_pairs_eeg_and_pulse(root):
    write_python2(root / "deap/data_preprocessed_python/s07.dat", deap_content())
    (eeg, dropped), (pulse, _) = gathered("deap", "eeg"), gathered("deap", "heart")
    names = [f"s07-{video:02d}" for video in range(1, 41)]
    assert [t.trial for t in eeg] == [t.trial for t in pulse] == names and not dropped
    assert eeg[3].data.shape == (32, 7680) and pulse[3].data.shape == (7680,)
    np.testing.assert_allclose(eeg[3].data[[0, 31], 0], [3000 + 384 / 8064, 3310 + 384 / 8064], rtol=1e-6)
    np.testing.assert_allclose(pulse[3].data[0], 3380 + 384 / 8064, rtol=1e-6)
    assert (eeg[3].kind, pulse[3].kind, eeg[3].sfreq, len(eeg[3].channels)) == ("raw", "ppg", 128.0, 32)
    assert eeg[3].ratings == {"valence": 7.575, "arousal": 2.075, "dominance": 3.075, "liking": 4.075}
    assert (eeg[3].label, labels.target("deap", "valence", pulse[3])) == ("", "positive")


@pytest.mark.parametrize(
    "content, message",
    [
        (deap_content((40, 40, 100)), r"data \(40, 40, 100\).*expected \(40, 40, 8064\)"),
        ({"data": np.zeros(3)}, "lacks data or labels"),
        ([1, 2], "lacks data or labels"),
    ],
)
def test_deap_refuses_damage(root, content, message):
    write_python2(root / "deap/data_preprocessed_python/s01.dat", content)
    with pytest.raises(BadRecording, match=rf"s01\.dat.*{message}"):
        gathered("deap", "eeg")


# DREAMER


def write_dreamer(root, n_people=2, width=14, rates=(128, 256), **changes):
    def person(p):
        clips = [p * 100 + c + np.zeros((128 * (5 + c), width)) + np.arange(width) / 100 for c in range(3)]
        leads = [p * 100 + c + np.zeros((256 * (5 + c), 2)) + np.arange(2) / 100 for c in range(3)]
        return dreamer_person(clips, leads, np.tile([[4], [2], [3]], 3))

    folder = folder_of(root, "dreamer")
    write_dreamer_mat(folder, [person(p) for p in range(1, n_people + 1)], rates, **changes)
    return folder / "DREAMER.mat"


@pytest.mark.parametrize("n_people", [1, 2])
def test_dreamer_pairs_eeg_and_ecg(root, n_people):
    write_dreamer(root, n_people)
    (eeg, dropped), (ecg, _) = gathered("dreamer", "eeg"), gathered("dreamer", "heart")
    names = [f"s{p:02d}-{c:02d}" for p in range(1, n_people + 1) for c in (1, 2, 3)]
    assert [t.trial for t in eeg] == [t.trial for t in ecg] == names and not dropped
    assert eeg[-1].data.shape == (14, 128 * 7) and ecg[-1].data.shape == (256 * 7,)
    np.testing.assert_allclose(eeg[-1].data[:, 0], n_people * 100 + 2 + np.arange(14) / 100, rtol=1e-6)
    np.testing.assert_allclose(ecg[-1].data, n_people * 100 + 2, rtol=1e-6)  # the first lead
    assert (eeg[0].kind, eeg[0].sfreq, eeg[0].channels) == ("raw", 128.0, dreamer.CHANNELS)
    assert (ecg[0].kind, ecg[0].sfreq) == ("ecg", 256.0)
    assert ecg[0].ratings == {"valence": 4, "arousal": 2, "dominance": 3}
    assert labels.target("dreamer", "valence", eeg[0]) == "positive"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"width": 13}, r"s01 has clips of width \[\(13,\)\]"),
        ({"rates": (128, 512)}, "rates"),
        ({"DREAMER": 1.0}, "expected a struct DREAMER"),
        (
            {"DREAMER": {"Data": [{"Age": 1}], "EEG_SamplingRate": 128, "ECG_SamplingRate": 256}},
            "s01 cannot be",
        ),
    ],
)
def test_dreamer_refuses_damage(root, changes, message):
    write_dreamer(root, **changes)
    with pytest.raises(BadRecording, match=rf"DREAMER\.mat.*{message}"):
        gathered("dreamer", "eeg")


def test_a_damaged_mat_file_is_named(root):
    path = write_dreamer(root)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadRecording, match=r"DREAMER\.mat is no MATLAB file"):
        gathered("dreamer", "eeg")
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(BadRecording, match=r"DREAMER\.mat is a MATLAB 7\.3 file"):
        gathered("dreamer", "eeg")


# SEED

FILMS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)


def write_seed(root, names=("1_20131027.mat",), n_chans=62, last=15, label=FILMS):
    folder = folder_of(folder_of(root, "seed"), "Preprocessed_EEG")
    for name in names:
        savemat(folder / name, {f"djc_eeg{n}": n + np.zeros((n_chans, 20 + n)) for n in range(1, last + 1)})
    savemat(folder / "label.mat", {"label": np.array([label])})


def test_seed(root):
    write_seed(root, ("1_20131027.mat", "1_20131030.mat", "15_20131105.mat"))
    other = folder_of(root / "seed", "ExtractedFeatures")  # lies beside it, with the same file names
    savemat(other / "1_20131027.mat", {"de_LDS1": np.zeros((62, 5, 5))})
    found, dropped = gathered("seed", "eeg")
    assert len(found) == 45 and {t.subject for t in found} == {"1", "15"} and not dropped
    assert [t.trial for t in found[29:31]] == ["1-20131027-15", "1-20131030-01"]
    assert [t.label for t in found[:3]] == ["positive", "neutral", "negative"]
    assert found[10].data.shape == (62, 31) and np.all(found[10].data == 11)
    assert (found[0].kind, found[0].sfreq, found[0].channels) == ("raw", 200.0, seed.CHANNELS)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"last": 14}, r"1_20131027\.mat has clips .*expected 1 to 15"),
        ({"n_chans": 5}, r"1_20131027\.mat: clip 1 has shape \(5, 21\), expected \(62"),
        ({"label": [1, 2, 3]}, r"label\.mat: label is \[1, 2, 3\]"),
    ],
)
def test_seed_refuses_damage(root, changes, message):
    write_seed(root, **changes)
    with pytest.raises(BadRecording, match=message):
        gathered("seed", "eeg")


@pytest.mark.parametrize("corpus, count", [(deap, 32), (dreamer, 14), (seed, 62), (gameemo, 14)])
def test_channel_names_are_electrodes_of_the_10_05_system(corpus, count):
    known = {channel.upper() for channel in mne.channels.make_standard_montage("standard_1005").ch_names}
    known |= {"CB1", "CB2"}  # the two of the cerebellum are SEED's own
    assert len(set(corpus.CHANNELS)) == len(corpus.CHANNELS) == count
    assert {channel.upper() for channel in corpus.CHANNELS} <= known
