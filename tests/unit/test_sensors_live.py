"""Live sensors: stand-ins with the surface of sounddevice, OpenCV and bleak; liblsl itself where it is installed."""

import asyncio
import sys
import threading
import time
import uuid
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from threads import no_thread_is_left  # noqa: F401

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.sensors import parse
from emolib.device.sensors.base import Chunk, Inbox, SensorLost
from emolib.device.sensors.lsl import cut_at_gaps
from emolib.device.sensors.strap import MEASUREMENT, SERVICE, EverySecond, measurement
from emolib.signals.readers import SignalInfo

TRAINED = {"heart": SignalInfo(64.0, "ppg"), "speech": SignalInfo(16000.0), "face": SignalInfo(1.0)}
TRAINED["eeg"] = SignalInfo(256.0, "raw", ("TP9", "AF7"))


def sensor(text):
    return parse(text, TRAINED)


def ends_when_closed(source, wait):
    """`wait` waits for the source; it ends soon after another thread closes that."""
    timer = threading.Timer(0.1, source.close)
    timer.start()
    start_s = time.monotonic()
    try:
        wait()
        return time.monotonic() - start_s < 2
    finally:
        timer.join()


def test_an_inbox_drops_the_oldest_and_is_lost_or_ends():
    inbox, chunks = Inbox("x", 3), [Chunk(number, np.zeros(1)) for number in range(10)]
    with pytest.raises(SensorLost, match=r"x: nothing came for 0.05 s, who knows\."):
        next(inbox.take(0.05, "who knows"))
    for chunk in chunks:
        inbox.put(chunk)
    inbox.lose("it was unplugged")
    taken = inbox.take(1.0, "")
    assert [next(taken).time_s for _ in range(3)] == [7, 8, 9]
    with pytest.raises(SensorLost, match=r"^x: it was unplugged\.$"):
        next(taken)
    inbox.put(chunks[0])
    inbox.end()
    assert list(inbox.take(1.0, "")) == []


# Microphone


class FakeSound:
    """sounddevice with two microphones, the first of which cannot do 16 kHz; blocks are given by hand."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self):
        known = (("USB mic", 2, 48000.0), ("Speaker", 0, 44100.0), ("Built-in", 1, 44100.0))
        keys = ("index", "name", "max_input_channels", "default_samplerate")
        self.devices = [dict(zip(keys, (k, *one), strict=True)) for k, one in enumerate(known)]
        self.streams, self.starts = [], 1

    def query_devices(self, device="Built-in", kind=None):
        if kind is None:
            return self.devices
        found = [one for one in self.devices if (device or "Built-in") in one["name"]]
        if not found:
            raise ValueError(f"No input device matching {device!r}")
        return found[0]

    def check_input_settings(self, device, channels, dtype, samplerate):
        if device == 0 and samplerate != 48000:
            raise self.PortAudioError("Invalid sample rate")

    def InputStream(self, callback, finished_callback, **about):
        stream = SimpleNamespace(hear=callback, finished=finished_callback, about=about, is_active=False)
        stream.start, stream.close = (partial(setattr, stream, "is_active", on) for on in (True, False))
        self.streams.append(stream)
        return stream

    def _terminate(self):
        self.starts -= 1

    def _initialize(self):
        self.starts += 1


@pytest.fixture
def sound(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", made := FakeSound())
    return made


def test_blocks_of_a_microphone_are_stamped_by_their_first_sample(sound):
    source = sensor("speech=microphone")
    assert source.is_live and source.open() == SignalInfo(16000.0)
    [stream] = sound.streams
    asked = {"samplerate": 16000.0, "blocksize": 1600, "device": 2, "channels": 1, "dtype": "float32"}
    assert stream.about == asked and stream.is_active
    before_s, block = time.monotonic(), np.linspace(-1, 1, 1600, dtype=np.float32)
    taken = SimpleNamespace(inputBufferAdcTime=1000.0 - 0.13, currentTime=1000.0)
    stream.hear(block[:, None], 1600, taken, None)
    chunk = next(source.chunks())
    assert before_s - 0.13 <= chunk.time_s <= time.monotonic() - 0.13
    np.testing.assert_array_equal(chunk.data, block)
    source.close()
    source.close()
    assert not stream.is_active and list(source.chunks()) == []
    assert sensor("speech=microphone:USB").open() == SignalInfo(48000.0)  # it cannot do the trained rate
    assert sound.streams[1].about == asked | {"samplerate": 48000.0, "blocksize": 4800, "device": 0}


def test_a_microphone_that_stops_is_lost_and_comes_back(sound):
    with pytest.raises(BadParameter, match="nope: No input.*expected one of 0 USB mic, 2 Built-in"):
        sensor("speech=microphone:nope").open()
    source = sensor("speech=microphone")
    source.open()
    sound.streams[0].finished()
    with pytest.raises(SensorLost, match="microphone: the stream stopped"):
        next(source.chunks())
    assert source.open() == SignalInfo(16000.0)
    assert sound.starts == 1 and not sound.streams[0].is_active and sound.streams[1].is_active
    assert ends_when_closed(source, lambda: list(source.chunks()))


def test_a_package_that_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(BadParameter, match=r"sounddevice.*pip install 'emolib\[live\]'"):
        sensor("speech=microphone").open()


# Camera


class FakeVision:
    """cv2 with one camera whose pictures are given by hand (None: unplugged); others do not open."""

    COLOR_BGR2RGB = 4

    def __init__(self):
        self.image, self.free, self.released = picture(7), True, 0

    def setLogLevel(self, level):
        assert level == 0

    def VideoCapture(self, device):
        self.device = device
        return self

    def isOpened(self):
        return self.device == 0 and self.free

    def grab(self):
        time.sleep(0.005)
        return self.image is not None

    def retrieve(self):
        return True, self.image

    def release(self):
        self.released += 1

    def cvtColor(self, image, code):
        assert code == self.COLOR_BGR2RGB
        return image[..., ::-1].copy()


def picture(level):
    return np.tile(np.array([level, 1, 2], np.uint8), (6, 8, 1))


def test_a_camera_gives_its_newest_picture_as_rgb_and_comes_back(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", vision := FakeVision())
    with pytest.raises(BadParameter, match="camera:99 is not there, or another program has it: expected"):
        sensor("face=camera:99").open()
    with pytest.raises(SensorLost, match="cannot be opened: another program may have it"):
        sensor(f"face=camera:{tmp_path}").open()  # it is there
    source = sensor("face=camera")
    assert source.open() == SignalInfo(0.0, "scene")
    chunks, before_s = source.chunks(), time.monotonic()
    first = next(chunks)
    assert first.data[0, 0].tolist() == [2, 1, 7] and abs(first.time_s - before_s) < 1
    vision.image = picture(8)
    time.sleep(0.3)  # several pictures, of which one is kept
    assert next(chunks).data[0, 0].tolist() == [2, 1, 8]
    vision.image = None
    with pytest.raises(SensorLost, match="camera: the camera gives no more pictures: it was unplugged"):
        list(chunks)
    vision.free = False
    with pytest.raises(BadParameter, match="is not there, or another program has it"):
        source.open()
    vision.free, vision.image = True, picture(9)
    source.open()
    assert next(source.chunks()).data[0, 0, 2] == 9
    source.close()
    source.close()
    assert list(source.chunks()) == [] and vision.released == 2


# Strap


@pytest.mark.parametrize("data, bpm", [
    ("00 48", 72),
    ("04 48", np.nan),  # no contact
    ("06 00", np.nan),  # no beat
    ("02 48", 72),  # contact without the bit that it is known
    ("1F 2C 01 FF FF 55 03 AB 02", 300),  # contact, energy and two intervals
])  # fmt: skip
def test_heart_rate_measurements_by_the_specification(data, bpm):
    np.testing.assert_equal(measurement(bytes.fromhex(data)), bpm)
    with pytest.raises(BadRecording, match="expected"):
        measurement(bytes.fromhex(data)[:1])


def test_values_that_come_about_once_a_second_are_one_a_second():
    series, rng, t, filled = EverySecond(), np.random.default_rng(0), 100.0, []
    for _ in range(300):
        if chunk := series.push(t, t):
            filled += [(chunk.time_s + number, bpm) for number, bpm in enumerate(chunk.data)]
        t += rng.uniform(0.85, 1.2)
    times, values = np.array(filled).T
    np.testing.assert_array_equal(times, 100 + np.arange(len(times)))
    assert len(times) == pytest.approx(t - 100, abs=2) and (np.abs(values - times) < 1.2).all()
    series = EverySecond()  # a short silence is held, a long one is a gap
    found = [series.push(t, bpm) for t, bpm in ((0.0, 60), (0.9, 61), (3.5, 62), (20.25, 63))]
    assert found.pop(1) is None
    assert [(c.time_s, c.data.tolist()) for c in found] == [(0, [60]), (1, [62] * 3), (20.25, [63])]


class FakeBlue:
    """bleak with straps by address that notify by hand; it is scanner and client, too."""

    def __init__(self):
        battery, strap = "0000180f-0000-1000-8000-00805f9b34fb", SERVICE.upper()
        self.straps = {"11:22:33:44:55:66": [battery], "A0:9E:1A:00:11:22": [strap]}
        self.BleakScanner, self.is_connected = self, False

    async def find_device_by_filter(self, is_wanted, timeout):
        for address, services in self.straps.items():
            device = SimpleNamespace(address=address)
            if is_wanted(device, SimpleNamespace(service_uuids=services)):
                return device

    def BleakClient(self, device, disconnected_callback, timeout):
        self.address, self.gone = device.address, disconnected_callback
        return self

    async def __aenter__(self):
        self.loop, self.is_connected = asyncio.get_running_loop(), True
        return self

    async def __aexit__(self, *error):
        self.is_connected = False
        self.gone(self)

    async def start_notify(self, characteristic, callback):
        assert characteristic == MEASUREMENT
        self.callback = callback

    def send(self, data):
        self.loop.call_soon_threadsafe(self.callback, None, bytearray.fromhex(data))


def test_a_strap_is_found_by_its_service_is_lost_and_comes_back(monkeypatch):
    monkeypatch.setitem(sys.modules, "bleak", blue := FakeBlue())
    source = sensor("heart=strap")
    assert source.open() == SignalInfo(1.0, "bpm") and source.is_live
    assert blue.address == "A0:9E:1A:00:11:22"
    before_s = time.monotonic()
    for data in ("01", "16 48 00 04", "04 48"):  # a damaged one, 72, none
        blue.send(data)
    chunk = next(source.chunks())
    assert chunk.data.tolist() == [72] and chunk.data.dtype == np.float32
    assert before_s <= chunk.time_s <= time.monotonic()
    blue.loop.call_soon_threadsafe(blue.gone, blue)
    with pytest.raises(SensorLost, match="strap: the strap disconnected"):
        list(source.chunks())
    source.open()
    blue.send("00 50")
    assert next(source.chunks()).data.tolist() == [80]
    assert ends_when_closed(source, lambda: list(source.chunks())) and not blue.is_connected


def test_straps_that_cannot_be_had(monkeypatch):
    monkeypatch.setitem(sys.modules, "bleak", blue := FakeBlue())
    with pytest.raises(SensorLost, match="no strap A0:9E:1A:00:11:23 found in 10 s, wear it"):
        sensor("heart=strap:A0:9E:1A:00:11:23").open()

    async def off(is_wanted, timeout):
        raise OSError("no adapter")

    async def endless(is_wanted, timeout):
        await asyncio.sleep(60)

    source, blue.find_device_by_filter = sensor("heart=strap"), off
    with pytest.raises(SensorLost, match=r"Bluetooth failed \(OSError: no adapter\), switch it on"):
        source.open()
    blue.find_device_by_filter = endless
    with pytest.raises(SensorLost, match="strap: it was closed"):
        assert ends_when_closed(source, source.open)


# Lab Streaming Layer


@pytest.fixture
def pylsl():
    return pytest.importorskip("pylsl", reason="pip install 'emolib[live]'", exc_type=(ImportError, RuntimeError))


def stream(pylsl, name, unit="microvolts", sfreq=256):
    """A stream of two channels that others on this machine find, until nothing refers to it."""
    info = pylsl.StreamInfo(name, "EEG", 2, sfreq, pylsl.cf_float32, "")
    info.set_channel_labels(list(TRAINED["eeg"].channels))
    info.set_channel_units(unit)
    return pylsl.StreamOutlet(info)


def test_a_stream_of_eeg_on_one_clock_in_microvolts_until_its_program_ends(pylsl, monkeypatch):
    monkeypatch.setattr("emolib.device.sensors.lsl.LOOKS", 2)
    name = uuid.uuid4().hex
    outlet, source = stream(pylsl, name, unit="millivolts"), sensor(f"eeg=lsl:{name.upper()}")
    assert source.open() == TRAINED["eeg"] and source.is_live
    taken_s = pylsl.local_clock() + np.arange(200) / 256
    for number, time_s in enumerate(taken_s):
        outlet.push_sample([number, -number], time_s)
    to_monotonic_s, n_times = time.monotonic() - pylsl.local_clock(), 0
    for chunk in source.chunks():
        numbers = n_times + np.arange(chunk.data.shape[1])
        np.testing.assert_allclose(chunk.data, 1e3 * np.array([numbers, -numbers]))
        assert chunk.time_s == pytest.approx(taken_s[n_times] + to_monotonic_s, abs=2e-3)
        n_times += len(numbers)
        if n_times == 200:
            break
    assert ends_when_closed(source, lambda: list(source.chunks()))
    assert source.open().sfreq == 256
    del outlet
    with pytest.raises(SensorLost, match="the stream ended, its program may have stopped"):
        list(source.chunks())
    with pytest.raises(BadParameter, match="no stream of this name or type"):
        source.open()


@pytest.mark.parametrize("modality, options, message", [
    ("eeg", {"unit": "celsius"}, "channels in celsius, .*expected microvolts"),
    ("heart", {}, "has 2 channels, expected one, the heart's"),
    ("eeg", {"sfreq": 0}, "no steady rate"),
])  # fmt: skip
def test_streams_that_do_not_fit(modality, options, message, pylsl):
    name = uuid.uuid4().hex
    outlet = stream(pylsl, name, **options)
    with pytest.raises(BadParameter, match=message):
        sensor(f"{modality}=lsl:{name}").open()
    del outlet


def test_samples_are_cut_where_their_time_stamps_leave_a_gap():
    time_s = np.arange(20) / 100
    time_s[5:] += 0.02  # jitter
    time_s[10:] += 1
    time_s[15:] -= 3
    chunks = list(cut_at_gaps(np.arange(20), time_s, 100.0))
    assert [chunk.data.tolist() for chunk in chunks] == [[*range(10)], [*range(10, 15)], [*range(15, 20)]]
    assert [chunk.time_s for chunk in chunks] == pytest.approx([0, 1.12, -1.83])
