"""Damaged recordings for the device, and damaged logs of meters: an error of one line or a result, soon, in little memory."""

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
from emolib.signals.readers import READERS, SignalInfo, read_recording

ALL = WAYS | OF_TEXTS
TRAINED = {
    "heart": SignalInfo(64.0, "ppg"),
    "eeg": SignalInfo(256.0, "raw", ("TP9", "AF7")),
    "speech": SignalInfo(16000.0),
    "face": SignalInfo(2.0),
}
STAMPS = [f"{1.5e9 + n / 256 + (n > 700):.4f}" for n in range(1200)]  # a gap of a second
WHOLE = {
    "heart": ("BVP.csv", table(None, [("1500000000.0",), ("64.0",), *((n % 50,) for n in range(800))])),
    "eeg": ("eeg.csv", table("timestamps,TP9,AF7", [(t, n % 17, -n % 13) for n, t in enumerate(STAMPS)])),
    "speech": ("voice.wav", sound(8000, 9000)),
    "face": ("face.png", picture()),
}
FILES = [
    *((modality, *whole) for modality, whole in WHOLE.items()),
    ("speech", "voice.flac", sound(8000, 9000, "FLAC")),
    ("speech", "voice.ogg", sound(form="OGG")),
    *(("face", f"face.{form.lower()}", picture(form=form)) for form in ("JPEG", "BMP", "GIF", "WEBP")),
]


def played(modality, path):
    """A file as the device reads it: its windows, and its chunks as a stream."""
    pieces, sfreq = read_recording(modality, path, TRAINED[modality])
    assert is_rate(sfreq)
    for piece in pieces:
        front_end(modality)(piece, sfreq, TRAINED[modality].kind)
    source = parse(f"{modality}=file:{path}", TRAINED)
    assert is_rate(source.open().sfreq)
    assert all(math.isfinite(chunk.time_s) for chunk in source.chunks())


def said_of(path, way, whole, read_it, n_seeds=5):
    """What is said of a file damaged in a way."""
    found = []
    for bad in damaged(path.name, whole, way, n_seeds):
        path.write_bytes(bad)
        found.append(refusal(read_it))
    return list(filter(None, found))


def test_every_reader_is_damaged_here(tmp_path):
    assert set(WHOLE) == set(READERS)
    for modality, name, whole in FILES:
        (tmp_path / name).write_bytes(whole)
        assert refusal(lambda m=modality, n=name: played(m, tmp_path / n)) == ""


@pytest.mark.parametrize(("modality", "name", "whole"), FILES, ids=[name for _, name, _ in FILES])
@pytest.mark.parametrize("way", ALL)
def test_a_damaged_recording(tmp_path, modality, name, whole, way):
    said = said_of(tmp_path / name, way, whole, lambda: played(modality, tmp_path / name))
    if way in SURE.keys() - {"part"}:  # of a part the device may take what is there
        assert said and all(name in each for each in said)


TAKEN = ("1000 channels", "no bytes a sample", "4 GB")  # as far as they go, as a recording that broke off
CRAFTED = [("speech", "voice.wav", SOUNDS, what) for what in SOUNDS]
CRAFTED += [("face", "face.png", PICTURES, what) for what in PICTURES]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("modality", "name", "crafted", "what"),
    CRAFTED,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_recording_that_claims_very_much(tmp_path, modality, name, crafted, what):
    (tmp_path / name).write_bytes(crafted[what])
    said = refusal(lambda: played(modality, tmp_path / name))
    assert name in said or what in TAKEN


RATES = ("0", "nan", "inf", "1e12", "9" * 5000)


@pytest.mark.parametrize("rate", RATES)
def test_an_absurd_rate_of_a_pulse(tmp_path, rate):
    (tmp_path / "BVP.csv").write_bytes(table(None, [("0",), (rate,), *((n,) for n in range(900))]))
    assert "BVP.csv" in refusal(lambda: played("heart", tmp_path / "BVP.csv"))


@pytest.mark.parametrize("step", ["-1", "nan", "1e-12", "1e300"])
def test_absurd_time_stamps_of_an_eeg(tmp_path, step):
    rows = [(float(step) * n, n, n) for n in range(300)]
    (tmp_path / "eeg.csv").write_bytes(table("timestamps,TP9,AF7", rows))
    assert refusal(lambda: played("eeg", tmp_path / "eeg.csv"))


@pytest.mark.parametrize("step", ["-1", "nan", "1e-12", "1e300"])
@pytest.mark.parametrize("modality", ["heart", "eeg"])
def test_absurd_time_stamps_of_a_corpus_of_your_own(tmp_path, monkeypatch, modality, step):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    rows = [(float(step) * n, n) for n in range(300)]
    lay(tmp_path / "own", CORPORA["own"]() | {f"{modality}/a.csv": table("timestamp,ppg", rows)})
    assert f"{modality}/a.csv" in refusal(lambda: list(load("own", modality)))


def test_a_trial_of_a_damaged_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    lay(tmp_path, {"emodb/wav/03a01Fa.wav": sound()[:900]})
    source = parse("speech=corpus:emodb/03/03a01Fa", TRAINED, SENSORS)
    assert "03a01Fa.wav is cut off" in refusal(source.open)


PPK2 = table(
    "Timestamp(ms),Current(uA),D0-D7", [(f"{k / 100:.2f}", 1000, f"{k % 2}0000000") for k in range(300)]
)
LOGS = {
    "csv": (table("time_s,power_w", [(k / 2, 2.5) for k in range(40)]), lambda path: logs.read("csv", path)),
    "date": (
        table("time,W", [(f"2024-03-05T10:00:{k:02d}Z", 2.5) for k in range(40)]),
        lambda path: logs.read("csv", path, time="time", power="W"),
    ),
    "ppk2": (PPK2, lambda path: logs.read("ppk2", path, voltage_v=3.0)),
    "markers": (table("start_s,end_s,n,what", [(k, k + 0.5, 9, "face") for k in range(9)]), markers.read),
}


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("way", ALL)
def test_a_damaged_log_of_a_meter(tmp_path, log, way):
    whole, read_it = LOGS[log]
    path = tmp_path / "log.csv"
    path.write_bytes(whole)
    assert refusal(lambda: read_it(path)) == ""
    said = said_of(path, way, whole, lambda: read_it(path), n_seeds=8)
    if way in SURE.keys() - {"part"}:  # a log may end with any row
        assert said and all("log.csv" in each for each in said)
