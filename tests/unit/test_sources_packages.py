"""Sources with the packages themselves, where they are installed: Lab Streaming Layer on loopback, OpenCV on a file."""

import tempfile
import threading
import time
import uuid

import numpy as np
import pytest
from threads import no_thread_is_left  # noqa: F401

from emolib.core.errors import BadParameter
from emolib.device.sensors import parse
from emolib.device.sensors.base import SensorLost
from emolib.device.sensors.lsl import Lsl, microvolts, whole
from emolib.signals.readers import SignalInfo

TRAINED = {
    "heart": SignalInfo(64.0, "ppg"),
    "eeg": SignalInfo(256.0, "raw", ("TP9", "AF7")),
    "face": SignalInfo(1.0),
}


@pytest.fixture
def pylsl():
    try:
        import pylsl
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"pylsl or liblsl is absent ({error}): pip install 'emolib[live]'")
    return pylsl


class Outlet:
    """A stream of numbers in order, at its rate in real time, from a thread; `skip_s` leaves a gap behind `skip_at`."""

    def __init__(
        self, pylsl, kind="EEG", labels=("TP9", "AF7"), unit="microvolts", sfreq=256, skip_at=0, skip_s=0.0
    ):
        self.name, self.pylsl, self.n_chans, self.sfreq = (
            f"emolib-{uuid.uuid4().hex[:8]}",
            pylsl,
            len(labels),
            sfreq,
        )
        info = pylsl.StreamInfo(self.name, kind, self.n_chans, sfreq, pylsl.cf_float32, "")
        info.set_channel_labels(list(labels))
        info.set_channel_units(unit)
        self.outlet, self.ended = pylsl.StreamOutlet(info), threading.Event()
        self.skip_at, self.skip_s, self.began_s = skip_at, skip_s, pylsl.local_clock()
        self.thread = threading.Thread(target=self.send)

    def taken_s(self, number):
        return self.began_s + number / self.sfreq + (self.skip_s if number >= self.skip_at else 0)

    def send(self):
        number = 0
        while not self.ended.wait(max(0.0, self.taken_s(number) - self.pylsl.local_clock())):
            self.outlet.push_sample([number, *[-number] * (self.n_chans - 1)], self.taken_s(number))
            number += 1

    def __enter__(self):
        return self

    def start(self):
        self.began_s = self.pylsl.local_clock()
        self.thread.start()

    def __exit__(self, *error):
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()
        self.outlet = None


def lsl(modality, name):
    return parse(f"{modality}=lsl:{name}", TRAINED)


def some(source, n_times):
    chunks = []
    for chunk in source.chunks():
        chunks.append(chunk)
        if sum(one.data.shape[-1] for one in chunks) >= n_times:
            return chunks


def test_a_stream_of_eeg_on_one_clock_in_microvolts(pylsl):
    with Outlet(pylsl, unit="millivolts", skip_at=100, skip_s=0.4) as outlet:
        source = lsl("eeg", outlet.name.upper())
        assert source.open() == TRAINED["eeg"] and source.is_live
        outlet.start()
        to_monotonic_s = time.monotonic() - pylsl.local_clock()
        chunks = some(source, 200)
        for chunk in chunks:
            numbers = chunk.data[0] / 1e3
            np.testing.assert_allclose(np.diff(numbers), 1, atol=1e-3)
            np.testing.assert_allclose(chunk.data[1], -chunk.data[0])
            assert chunk.time_s == pytest.approx(outlet.taken_s(round(numbers[0])) + to_monotonic_s, abs=2e-3)
        assert any(round(chunk.data[0, 0] / 1e3) == 100 for chunk in chunks)  # cut at the gap
        assert np.median([chunk.data.shape[1] for chunk in chunks]) == pytest.approx(25.6, abs=8)
        closer = threading.Timer(0.1, source.close)
        closer.start()
        list(source.chunks())
        closer.join()
        source.close()
        assert source.open().sfreq == 256 and len(some(source, 10)) >= 1
        source.close()


def test_a_stream_whose_program_ends_is_lost_and_found_again(pylsl, monkeypatch):
    monkeypatch.setattr("emolib.device.sensors.lsl.LOOKS", 2)
    with Outlet(pylsl, kind="PPG", labels=("pulse",), sfreq=64) as outlet:
        source = lsl("heart", outlet.name)
        assert source.open() == SignalInfo(64.0, "ppg")
        outlet.start()
        np.testing.assert_array_equal(np.concatenate([c.data for c in some(source, 20)])[:20], np.arange(20))
    with pytest.raises(SensorLost, match="the stream ended, its program may have stopped"):
        list(source.chunks())
    with pytest.raises(SensorLost, match="no stream of this name or type"):
        source.open()
    with Outlet(pylsl, kind="PPG", labels=("pulse",), sfreq=64) as again:
        source.where = again.name
        assert source.open().sfreq == 64
        source.close()


def test_a_stream_that_is_silent_is_lost(pylsl, monkeypatch):
    monkeypatch.setattr(Lsl, "quiet_s", 0.3)
    with Outlet(pylsl) as outlet:
        source = lsl("eeg", outlet.name)
        source.open()
        with pytest.raises(SensorLost, match="nothing came for 0.3 s"):
            next(source.chunks())
        source.close()


@pytest.mark.parametrize(
    "modality, options, message",
    [
        ("eeg", {"unit": "celsius"}, "channels in celsius, expected microvolts"),
        ("heart", {"kind": "PPG"}, "has 2 channels, expected one, the heart's"),
        ("eeg", {"sfreq": 0}, "no steady rate"),
    ],
)
def test_streams_that_do_not_fit(modality, options, message, pylsl):
    outlet = Outlet(pylsl, **options)
    with pytest.raises(BadParameter, match=message):
        lsl(modality, outlet.name).open()
    outlet.outlet = None


def test_streams_that_there_are_not(pylsl, monkeypatch):
    monkeypatch.setattr("emolib.device.sensors.lsl.LOOKS", 1)
    outlet = Outlet(pylsl)
    with pytest.raises(
        BadParameter, match=rf"no stream of this name or type, expected one of: .*{outlet.name} \(EEG\)"
    ):
        lsl("eeg", "nowhere").open()
    outlet.outlet = None
    with pytest.raises(BadParameter, match="got no stream, expected lsl:NAME"):
        lsl("eeg", "").open()


def test_units_in_microvolts():
    np.testing.assert_allclose(
        microvolts(["uV", "mV", "V", None, "µV", "nanovolts"], "x")[:, 0], [1, 1e3, 1e6, 1, 1, 1e-3]
    )


def test_samples_are_cut_where_their_time_stamps_leave_a_gap():
    time_s = np.arange(20) / 100
    time_s[5:] += 0.02  # jitter
    time_s[10:] += 1
    time_s[15:] -= 3
    chunks = list(whole(np.arange(20), time_s, 100.0))
    assert [chunk.data.tolist() for chunk in chunks] == [[*range(10)], [*range(10, 15)], [*range(15, 20)]]
    assert [chunk.time_s for chunk in chunks] == pytest.approx([0, 1.12, -1.83])


def test_a_camera_of_opencv(tmp_path, monkeypatch):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is absent: pip install 'emolib[live]'")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for _ in range(5):
        writer.write(np.full((48, 64, 3), (200, 100, 20), np.uint8))
    writer.release()
    source = parse(f"face=camera:{path}", TRAINED)
    for _ in range(2):
        assert source.open() == SignalInfo(0.0, "scene")
        chunks = source.chunks()
        first = next(chunks)
        assert first.time_s == pytest.approx(time.monotonic(), abs=1)
        np.testing.assert_allclose(first.data.mean((0, 1)), [20, 100, 200], atol=4)
        with pytest.raises(SensorLost, match="gives no more pictures"):
            list(chunks)
        source.close()
    (tmp_path / "no.avi").write_text("no video")
    with pytest.raises(SensorLost, match="cannot be opened"):
        parse(f"face=camera:{tmp_path / 'no.avi'}", TRAINED).open()
