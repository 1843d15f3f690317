"""Recordings from files: columns by name, the rate, gaps; files that cannot be read."""

import numpy as np
import pytest
import soundfile

from emolib.core.errors import BadParameter, BadRecording
from emolib.datasets import load
from emolib.datasets.corpora import muse
from emolib.signals import files
from emolib.signals.readers import SignalInfo, read_eeg, read_recording

PPG = SignalInfo(64.0, "ppg")
EEG = SignalInfo(128.0, "raw", ("TP9", "AF7"))
N = 600


def written(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def stamped(path, sfreq, gaps=()):
    """Muse's layout with sample numbers: time stamps in whole ms, a minute more at each gap, a cell of AF7 empty."""
    time_s = 1533222955 + np.arange(N) / sfreq + 60 * np.isin(np.arange(N), gaps).cumsum()
    rows = [(f"{t:.3f}", n, -n if n != 7 else "", 2 * n, 3 * n, 9) for n, t in enumerate(time_s)]
    return written(path, "timestamps,TP9,AF7,AF8,TP10,Right AUX", rows)


@pytest.mark.parametrize("modality, name, content, message", [
    ("heart", "h.csv", "0\n0\n1\n", "rate 0 Hz"),
    ("heart", "ACC.csv", "0,0,0\n32,32,32\n1,2,3\n", "3 columns, expected one, the pulse"),
    ("eeg", "e.csv", "t,TP9\n0,1\n1,2\n", "0 columns af7, expected one each of TP9, AF7; found t, TP9"),
    ("eeg", "e.csv", "TP9,AF7,tp9\n0,1,2\n1,2,3\n", "2 columns tp9"),
    ("eeg", "e.csv", "timestamps,TP9,AF7\n0,1,1\n0,2,1\n", "do not rise"),
    ("eeg", "e.csv", "timestamps,TP9,AF7\n0,1,1\n1\n", "1 cells in row 3, expected 3"),
    ("eeg", "e.csv", "timestamps,TP9,AF7\n0,1,one\n1,2,3\n", "expected numbers"),
    ("face", "f.png", "no image", "cannot be decoded"),
    ("speech", "s.wav", "no sound", "cannot be read as audio"),
])  # fmt: skip
def test_bad_files_are_named(modality, name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    trained = {"heart": PPG, "eeg": EEG}.get(modality, SignalInfo(0.0))
    with pytest.raises(BadRecording, match=f"{name}.*{message}"):
        read_recording(modality, tmp_path / name, trained)


def test_a_kind_that_files_do_not_hold_is_refused(tmp_path):
    with pytest.raises(BadParameter, match="eeg are read as raw, the source was trained on band_power"):
        read_recording("eeg", tmp_path / "e.csv", SignalInfo(1 / 12, "band_power", ("AF3",)))


@pytest.mark.parametrize("head", ["AF7,Right AUX,Marker,TP9,timestamps", "\ufeffaf7, Right AUX,Marker,tp9, Timestamps"])
def test_columns_are_found_by_name_and_others_left_out(head, tmp_path):
    rows = [(2, "", "x", 1, 0), (4, 9, "y", 3, 0.0078125), ("", 9, "z", 5, 0.015625)]
    (data,), sfreq = read_eeg(written(tmp_path / "e.csv", head, rows), EEG)
    np.testing.assert_array_equal(data, np.float32([[1, 3, 5], [2, 4, np.nan]]), strict=True)
    assert sfreq == 128


@pytest.mark.parametrize("sfreq, expected", [(256, 256), (258, 256), (250, pytest.approx(250, rel=1e-3))])
def test_rate_is_the_trained_one_within_two_percent(sfreq, expected, tmp_path):
    """Steps of 256 Hz written in ms are 3 or 4 ms: their median says 250 Hz."""
    (data,), found = read_eeg(stamped(tmp_path / "e.csv", sfreq), EEG._replace(sfreq=256.0))
    assert data.shape == (2, N) and found == expected


def test_a_gapped_file_of_muse_is_read_as_training_reads_it(data):
    """Gaps cut, and do not count for the rate."""
    (data / "muse").mkdir()
    path = stamped(data / "muse/subjecta-relaxed-1.csv", 256, gaps=(100, 101, 400))
    pieces, sfreq = read_recording("eeg", path, SignalInfo(muse.SFREQ, "raw", muse.CHANNELS))
    assert [piece.shape for piece in pieces] == [(4, 100), (4, 1), (4, 299), (4, 200)] and sfreq == 256
    for found, expected in zip(pieces, (trial.data for trial in load("muse", "eeg")), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_sound_that_unfolds_to_very_much_is_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "s.flac", np.zeros(8000), 8000)
    assert len(read_recording("speech", tmp_path / "s.flac", SignalInfo(0.0))[0][0]) == 8000
    monkeypatch.setattr(files, "most_unfolded", lambda n_packed: 1000)
    with pytest.raises(BadRecording, match="unfolds to more than 1000 bytes"):
        read_recording("speech", tmp_path / "s.flac", SignalInfo(0.0))
