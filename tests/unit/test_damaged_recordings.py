"""Damaged recordings for the device, and damaged logs of meters: an error of one line or a result, in little memory."""

import math

import pytest
from crafted import PICTURES, SOUNDS
from damage import OF_TEXTS, SURE, WAYS, damaged, is_rate, lay, refusal
from whole_corpora import CORPORA, picture, sound, table

from emolib.__main__ import SENSORS
from emolib.datasets import load
from emolib.device import markers
from emolib.device.sensors import parse
from emolib.evaluation.energy import readers as logs
from emolib.signals.frontend import front_end
from emolib.signals.readers import SignalInfo, read_recording

ALL = WAYS | OF_TEXTS
TRAINED = {
    "heart": SignalInfo(64.0, "ppg"),
    "eeg": SignalInfo(256.0, "raw", ("TP9", "AF7")),
    "speech": SignalInfo(16000.0),
    "face": SignalInfo(2.0),
}
STAMPS = [f"{1.5e9 + n / 256 + (n > 700):.4f}" for n in range(1200)]  # a gap of a second
FILES = [
    ("heart", "BVP.csv", table(None, [("1500000000.0",), ("64.0",), *((n % 50,) for n in range(800))])),
    ("eeg", "eeg.csv", table("timestamps,TP9,AF7", [(t, n % 17, -n % 13) for n, t in enumerate(STAMPS)])),
    ("speech", "voice.wav", sound(8000, 9000)),
    ("speech", "voice.flac", sound(8000, 9000, "FLAC")),
    ("speech", "voice.ogg", sound(form="OGG")),
    ("face", "face.png", picture()),
    ("face", "face.jpeg", picture(form="JPEG")),
    ("face", "face.webp", picture(form="WEBP")),
]


def said_of(modality, path):
    """What is said when the device reads a file: its windows, and its chunks as a stream."""

    def play():
        pieces, sfreq = read_recording(modality, path, TRAINED[modality])
        assert is_rate(sfreq)
        for piece in pieces:
            front_end(modality)(piece, sfreq, TRAINED[modality].kind)
        source = parse(f"{modality}=file:{path}", TRAINED)
        assert is_rate(source.open().sfreq)
        assert all(math.isfinite(chunk.time_s) for chunk in source.chunks())

    return refusal(play)


@pytest.mark.parametrize(("modality", "name", "whole"), FILES, ids=[name for _, name, _ in FILES])
@pytest.mark.parametrize("way", ALL)
def test_a_damaged_recording(tmp_path, modality, name, whole, way):
    path = tmp_path / name
    path.write_bytes(whole)
    assert said_of(modality, path) == ""
    for bad in damaged(name, whole, way):
        path.write_bytes(bad)  # of a part the device may take what is there
        assert name in said_of(modality, path) or way not in SURE.keys() - {"part"}


TAKEN = ("1000 channels", "no bytes a sample", "4 GB")  # as far as they go, as a recording that broke off
CRAFTED = [("speech", "voice.wav", what) for what in SOUNDS] + [
    ("face", "face.png", what) for what in PICTURES
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("modality", "name", "what"), CRAFTED)
def test_a_recording_that_claims_very_much(tmp_path, modality, name, what):
    (tmp_path / name).write_bytes((SOUNDS | PICTURES)[what])
    assert name in said_of(modality, tmp_path / name) or what in TAKEN


@pytest.mark.parametrize("rate", ["0", "nan", "inf", "1e12", "9" * 5000])
def test_an_absurd_rate_of_a_pulse(tmp_path, rate):
    (tmp_path / "BVP.csv").write_bytes(table(None, [("0",), (rate,), *((n,) for n in range(900))]))
    assert "BVP.csv" in said_of("heart", tmp_path / "BVP.csv")


@pytest.mark.parametrize("step", ["-1", "nan", "1e-12", "1e300"])
def test_absurd_time_stamps(tmp_path, monkeypatch, step):
    rows = [(float(step) * n, n, n) for n in range(300)]
    (tmp_path / "eeg.csv").write_bytes(table("timestamps,TP9,AF7", rows))
    assert said_of("eeg", tmp_path / "eeg.csv")
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    for modality in ("heart", "eeg"):
        own = {f"{modality}/a.csv": table("timestamp,ppg,x", rows)}
        lay(tmp_path / "own", CORPORA["own"]() | own)
        assert f"{modality}/a.csv" in refusal(lambda m=modality: list(load("own", m)))


def test_a_trial_of_a_damaged_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    lay(tmp_path, {"emodb/wav/03a01Fa.wav": sound()[:900]})
    source = parse("speech=corpus:emodb/03/03a01Fa", TRAINED, SENSORS)
    assert "03a01Fa.wav is cut off" in refusal(source.open)


PPK2 = [(f"{k / 100:.2f}", 1000, f"{k % 2}0000000") for k in range(300)]
LOGS = {
    "csv": (table("time_s,power_w", [(k / 2, 2.5) for k in range(40)]), lambda path: logs.read("csv", path)),
    "ppk2": (
        table("Timestamp(ms),Current(uA),D0-D7", PPK2),
        lambda path: logs.read("ppk2", path, voltage_v=3.0),
    ),
    "markers": (table("start_s,end_s,n,what", [(k, k + 0.5, 9, "face") for k in range(9)]), markers.read),
}


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("way", ALL)
def test_a_damaged_log_of_a_meter(tmp_path, log, way):
    whole, read_it = LOGS[log]
    path = tmp_path / "log.csv"
    path.write_bytes(whole)
    assert refusal(lambda: read_it(path)) == ""
    for bad in damaged(path.name, whole, way, n_seeds=8):
        path.write_bytes(bad)  # a log may end with any row
        assert "log.csv" in refusal(lambda: read_it(path)) or way not in SURE.keys() - {"part"}
