"""Recordings from files: columns by name, the rate, gaps; files that cannot be read."""

import zipfile

import numpy as np
import pytest
import soundfile

from emolib.core.errors import BadParameter, BadRecording
from emolib.datasets import load
from emolib.datasets.corpora import muse
from emolib.signals import files
from emolib.signals.readers import SignalInfo, read_recording
from emolib.signals.tables import laid, steady

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
    ("heart", "ACC.csv", "0,0,0\n32,32,32\n1,2,3\n", "3 without names; expected a column of time stamps and one of ppg"),
    ("eeg", "e.csv", "t,TP9\n0,1\n1,2\n", "0 columns af7, expected one each of TP9, AF7; found t, tp9"),
    ("eeg", "e.csv", "TP9,AF7,tp9\n0,1,2\n1,2,3\n", "2 columns tp9"),
    ("eeg", "e.csv", "timestamps,TP9,AF7\n0,1,1\n0,2,1\n", "do not rise"),
    ("eeg", "e.csv", "timestamps,TP9,AF7\n1,1,1\n2,2,1\n0,2,1\n", "do not rise"),
    ("eeg", "e.csv", "TP9,AF7\n1,1\n2,1\n", "no column of time stamps, so no rate: add one"),
    ("eeg", "e.csv", "t,TP9,AF7\n0,1e-5,1e-5\n4,3e-5,1e-5\n8,2e-5,2e-5\n", "looks like volts. Convert it, or name the unit"),
    ("heart", "h.csv", "time,bpm\n0,800\n1,900\n", "heart rate of 850 in the middle, expected bpm"),
    ("heart", "h.csv", "time,rr\n0,8\n1,9\n", "2 intervals around 8.5, expected intervals between beats"),
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
    with pytest.raises(BadParameter, match="eeg hold raw, the model was trained on band_power"):
        read_recording("eeg", tmp_path / "e.csv", SignalInfo(1 / 12, "band_power", ("AF3",)))


@pytest.mark.parametrize("head", ["AF7,Right AUX,Marker,TP9,timestamps", "\ufeffaf7, Right AUX,Marker,tp9, Timestamps"])
def test_columns_are_found_by_name_and_others_left_out(head, tmp_path):
    rows = [(2, "", "x", 1, 0), (4, 9, "y", 3, 0.0078125), ("", 9, "z", 5, 0.015625)]
    data, sfreq, *_ = read_recording("eeg", written(tmp_path / "e.csv", head, rows), EEG)
    np.testing.assert_array_equal(data, np.float32([[1, 3, 5], [2, 4, np.nan]]), strict=True)
    assert sfreq == 128


@pytest.mark.parametrize("sfreq, expected", [(256, 256), (258, 256), (250, pytest.approx(250, rel=1e-3))])
def test_rate_is_the_trained_one_within_two_percent(sfreq, expected, tmp_path):
    """Steps of 256 Hz written in ms are 3 or 4 ms: their median says 250 Hz."""
    data, found, *_ = read_recording("eeg", stamped(tmp_path / "e.csv", sfreq), EEG._replace(sfreq=256.0))
    assert data.shape == (2, N) and found == expected


def test_a_gapped_file_of_muse_is_read_as_training_reads_it(data):
    """Gaps cut, and do not count for the rate."""
    (data / "muse").mkdir()
    path = stamped(data / "muse/subjecta-relaxed-1.csv", 256, gaps=(100, 101, 400))
    recording = read_recording("eeg", path, SignalInfo(muse.SFREQ, "raw", muse.CHANNELS))
    pieces = list(recording.stretches.values())
    assert [piece.shape for piece in pieces] == [(4, 100), (4, 1), (4, 299), (4, 200)] and recording.sfreq == 256
    for found, expected in zip(pieces, (trial.data for trial in load("muse", "eeg")), strict=True):
        np.testing.assert_array_equal(found, expected)


WAVE = np.round(50 * np.sin(np.arange(N)), 3)
ISO = [str(np.datetime64("2026-01-02T03:04:05.000") + np.timedelta64(round(1e3 * n / 128), "ms")) for n in range(N)]
PACKETS = (
    1.7e9 + 12 * (np.arange(N) // 12) / 128 + np.random.default_rng(0).uniform(0, 0.02, 50).repeat(12)
)  # 12 samples at once


@pytest.mark.parametrize("head, stamps, line", [
    ("timestamps,TP9,AF7", np.arange(N) / 128, "{t:.6f},{v},{v}"),
    ("Time [ms];RAW_TP9;RAW_AF7", np.arange(N) / 0.128, "{t:.3f};{v};{v}"),
    ("unix_timestamp,TP9_uV,AF7_uV", 1.7e15 + np.arange(N) / 128e-6, "{t:.0f},{v},{v}"),
    ("TimeStamp\tRAW_TP9\tRAW_AF7\tElements", ISO, "{t}\t{v}\t{v}\t"),
    ("LSL_Timestamp,TP9 [mV],AF7 [mV]", 812.5 + np.arange(N) / 128, "{t:.6f},{v}e-3,{v}e-3"),
    ("title:x,sampling:128\nTimestamp,EEG.TP9,EEG.AF7,Battery", PACKETS, "{t:.6f},{v},{v},99"),
    ("%OpenBCI\n%Sample Rate = 128 Hz\nSample Index, TP9, AF7", np.arange(N) % 256, "{t}, {v}, {v}"),
])  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_one_recording_in_many_formats(head, stamps, line, encoding, tmp_path):
    comma = str if ";" not in head else lambda v: str(v).replace(".", ",")
    rows = [line.format(t=t, v=comma(v)) for t, v in zip(stamps, WAVE, strict=True)]
    (tmp_path / "e.CSV").write_text("\n".join([head, *rows]), encoding=encoding)
    found = read_recording("eeg", tmp_path / "e.CSV", EEG)
    assert found.sfreq == 128 and found.data.shape == (2, N)
    np.testing.assert_allclose(found.data, np.stack([WAVE, WAVE]), rtol=1e-5)


def test_a_gap_in_packets_is_a_gap_and_their_jitter_is_none():
    late = PACKETS + 30 * (np.arange(N) >= 240)
    sfreq, place = steady(late, "", 16.0, "x")
    assert sfreq == pytest.approx(128, rel=0.02) and set(np.diff(place)) == {1, place[240] - 239}
    assert place[240] / sfreq == pytest.approx(late[240] - late[0], abs=0.1)
    data = laid(WAVE[None], place)
    assert np.isnan(data).sum() == len(data[0]) - N and (data[0, place] == np.float32(WAVE)).all()


@pytest.mark.parametrize("content, bpm", [
    ("812\n790\n805\n800\n", 60_000 / 801.75),
    ("Phone timestamp;sensor timestamp [ns];RR-interval [ms]\n2026-01-01T10:00:00.8;5;812\n2026-01-01T10:00:01.6;6;790\n", 74.9),
    ("1531000000.0, IBI\n0.8,0.8\n1.6,0.8\n31.6,0.8\n32.4,0.8\n", 75),
    ("time,ibi_s\n0.8,0.8\n1.6,0.8\n2.4,0.8\n", 75),
])  # fmt: skip
def test_intervals_between_beats_are_a_heart_rate_with_gaps(content, bpm, tmp_path):
    (tmp_path / "rr.txt").write_text(content)
    found = read_recording("heart", tmp_path / "rr.txt", SignalInfo(4.0, "bpm"))
    assert np.nanmean(found.data) == pytest.approx(bpm, rel=0.01)
    assert np.isnan(found.data).any() == ("IBI" in content)
    with pytest.raises(
        BadParameter,
        match=r"rr.txt holds a heart rate, or intervals between beats \(bpm\) at 4 Hz, the model was trained on a pulse",
    ):
        read_recording("heart", tmp_path / "rr.txt", PPG)


def test_a_session_of_an_empatica_is_read_from_its_folder_and_its_zip(tmp_path):
    files = {"BVP.csv": [1.5e9, 64, *WAVE], "EDA.csv": [1.5e9, 4, *[2.5] * 9], "TEMP.csv": [1.5e9, 4, *[33] * 9]}
    with zipfile.ZipFile(tmp_path / "session.zip", "w") as archive:
        for name, values in files.items():
            archive.writestr(f"s1/{name}", "\n".join(map(str, values)))
    with zipfile.ZipFile(tmp_path / "session.zip") as archive:
        archive.extractall(tmp_path)
    for path in (tmp_path / "session.zip", tmp_path / "s1"):
        np.testing.assert_array_equal(read_recording("heart", path, PPG).data, np.float32(WAVE))
        skin = read_recording("skin", path, SignalInfo(4.0, "eda", ("eda", "temp")))
        np.testing.assert_array_equal(skin.data, np.float32([[2.5] * 9, [33] * 9]))
    with pytest.raises(
        BadParameter,
        match=r"HR.csv holds a heart rate, or intervals between beats \(bpm\) at 1 Hz, the model was trained on a pulse",
    ):
        (tmp_path / "HR.csv").write_text("1.5e9\n1\n75\n76\n75\n")
        read_recording("heart", tmp_path / "HR.csv", PPG)


def test_a_sound_that_unfolds_to_very_much_is_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "s.flac", np.zeros(8000), 8000)
    assert len(read_recording("speech", tmp_path / "s.flac", SignalInfo(0.0)).data) == 8000
    monkeypatch.setattr(files, "most_unfolded", lambda n_packed: 1000)
    with pytest.raises(BadRecording, match="unfolds to more than 1000 bytes"):
        read_recording("speech", tmp_path / "s.flac", SignalInfo(0.0))
