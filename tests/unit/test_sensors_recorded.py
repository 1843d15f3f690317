"""Sources of recordings: names, files, trials of corpora, generated people; chunks by position, gaps that stay gaps."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from PIL import Image
from threads import no_thread_is_left  # noqa: F401
from whole_corpora import TRAINED

from emolib.__main__ import SENSORS
from emolib.core.errors import BadParameter
from emolib.datasets.corpora.synthetic import trial
from emolib.device.sensors import parse
from emolib.device.sensors.recordings import PART_S, course
from emolib.signals.generated.affect import QUADRANTS, Affect
from emolib.signals.readers import SignalInfo


def opened(text):
    source = parse(text, TRAINED, SENSORS)
    return source, source.open()


def joined(chunks):
    return np.concatenate([chunk.data for chunk in chunks], axis=-1)


def test_sound_at_its_own_rate_in_chunks_that_end_when_closed_and_begin_again(tmp_path):
    wave = np.random.default_rng(0).uniform(-1, 1, 8000 + 37).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    source, about = opened(f"speech=file:{tmp_path / 'a.wav'}")
    chunks = list(source.chunks())
    assert about == SignalInfo(8000.0) and not source.is_live
    assert [chunk.time_s for chunk in chunks] == pytest.approx([number / 10 for number in range(11)])
    assert [len(chunk.data) for chunk in chunks] == [800] * 10 + [37]
    np.testing.assert_array_equal(joined(chunks), wave)
    source.open()
    again = source.chunks()
    np.testing.assert_array_equal(next(again).data, wave[:800])
    source.close()
    source.close()
    assert list(again) == [] and list(source.chunks()) == []


def test_a_gap_in_eeg_stays_a_gap_in_time(tmp_path):
    stamps = 1.5e9 + np.arange(1000) / 256
    stamps[400:] += 5
    stamps[900:] += 0.5
    rows = [f"{t:.6f},{n},{-n}\n" for n, t in enumerate(stamps)]
    (tmp_path / "eeg.csv").write_text("timestamps,AF7,TP9\n" + "".join(rows))
    source, about = opened(f"eeg=file:{tmp_path / 'eeg.csv'}")
    chunks = list(source.chunks())
    assert about == TRAINED["eeg"]
    np.testing.assert_array_equal(joined(chunks), [-np.arange(1000.0), np.arange(1000.0)])
    for chunk in chunks:
        number = int(chunk.data[1, 0])
        assert chunk.time_s == pytest.approx(stamps[number] - stamps[0], abs=1 / 256)


@pytest.mark.parametrize("rate, sfreq", [("", 2.0), ("@0.5", 0.5)])
def test_a_folder_of_pictures_in_the_order_of_their_numbers(rate, sfreq, tmp_path):
    for number in (1, 2, 10):
        Image.new("RGB", (8, 6), (number,) * 3).save(tmp_path / f"face{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    source, about = opened(f"face=file:{tmp_path}{rate}")
    chunks = list(source.chunks())
    assert about == SignalInfo(sfreq)
    assert [chunk.time_s for chunk in chunks] == [0, 1 / sfreq, 2 / sfreq]
    assert [chunk.data[0, 0].tolist() for chunk in chunks] == [[1] * 3, [2] * 3, [10] * 3]
    assert chunks[0].data.shape == (6, 8, 3) and chunks[0].data.dtype == np.uint8


def test_a_video_is_read_whole(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is absent: pip install 'emolib[live]'")
    path, levels = tmp_path / "clip.avi", [30, 90, 150, 210]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, (64, 48))
    for level in levels:
        writer.write(np.full((48, 64, 3), (level, 0, 255 - level), np.uint8))  # blue, green, red
    writer.release()
    source, about = opened(f"face=scene:{path}")
    chunks = list(source.chunks())
    assert about == SignalInfo(12.5, "scene")
    assert [chunk.time_s for chunk in chunks] == pytest.approx([0, 0.08, 0.16, 0.24])
    for chunk, level in zip(chunks, levels, strict=True):
        assert chunk.data.shape == (48, 64, 3)
        np.testing.assert_allclose(chunk.data.mean((0, 1)), [255 - level, 0, level], atol=4)


def test_a_trial_in_a_corpus_s_own_layout(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    (tmp_path / "emodb" / "wav").mkdir(parents=True)
    wave = np.random.default_rng(0).integers(-9000, 9000, 16000, np.int16)
    for name, part in (("03a01Fa", wave[1:]), ("03a01Nc", wave), ("08a01Wa", wave[2:])):
        soundfile.write(tmp_path / "emodb" / "wav" / f"{name}.wav", part, 16000)
    source, about = opened("speech=corpus:emodb/03/03a01Nc")
    assert about == SignalInfo(16000.0)
    np.testing.assert_allclose(joined(source.chunks()), wave / 32768, atol=1e-7)
    listed = {"emodb/03/x": "trials of this subject: 03a01Fa, 03a01Nc", "emodb": "subjects of emodb: 03, 08"}
    for name, said in (listed | {"emodbx/03/03a01Nc": "corpus: got 'emodbx'"}).items():
        with pytest.raises(BadParameter, match=said):
            opened(f"speech=corpus:{name}")


@pytest.mark.parametrize("modality", TRAINED)
def test_a_generated_person_is_what_the_synthetic_corpus_makes(modality, monkeypatch):
    monkeypatch.setattr("emolib.device.sensors.recordings.N_PARTS", 2)
    source, _ = opened(f"{modality}=synthetic:sad/7")
    chunks = list(source.chunks())
    parts = [trial(Affect(7, 0, number, "sad", PART_S), modality).data for number in (0, 1)]
    found = np.stack([chunk.data for chunk in chunks]) if modality == "face" else joined(chunks)
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=0 if modality == "face" else -1))
    times = np.array([chunk.time_s for chunk in chunks])
    assert (np.diff(times) > 0).all() and PART_S in times and times[-1] == pytest.approx(2 * PART_S, abs=1)
    ecg = SignalInfo(256.0, "ecg")  # a heart as it was trained on
    assert modality != "heart" or parse("heart=synthetic", {"heart": ecg}).open() == ecg


def test_emotions_change_are_the_same_for_all_modalities_and_repeat_by_seed():
    felt = course(tuple(QUADRANTS), 200, 3)
    assert all(a != b for a, b in pairwise(felt)) and set(felt) == set(QUADRANTS)
    assert course(tuple(QUADRANTS), 5, 3) == felt[:5] != course(tuple(QUADRANTS), 5, 4)
    assert course(("sad",), 3, 0) == ["sad"] * 3
