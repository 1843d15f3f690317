"""A microphone by sounddevice (PortAudio), mono, at the trained rate where the device can, else at its own."""

import time

import numpy as np

from emolib.device.sensors.base import Chunk, Inbox, LiveSensor, SensorLost, extra
from emolib.signals.readers import SignalInfo

BLOCK_S = 0.1
MAX_LATENCY_S = 2.0  # between a sample and its block; more is no time but a clock that was never set


def taken_s(at, now_s: float, block_s: float) -> float:
    """When a block's first sample was taken, in seconds of time.monotonic, which was now_s when the block came.

    `at` is PortAudio's PaStreamCallbackTimeInfo; where it cannot be (some drivers leave zeros), the block came
    as it ended.
    """
    ago_s = at.currentTime - at.inputBufferAdcTime
    return now_s - (ago_s if block_s / 2 <= ago_s <= MAX_LATENCY_S else block_s)


class Blocks:
    """The callback of PortAudio for each block (n_times, 1). Samples lost in an overflow become NaN, at most a
    second of them."""

    def __init__(self, inbox: Inbox, sfreq: float):
        self.inbox, self.sfreq = inbox, sfreq
        self.end_s: float | None = None

    def __call__(self, data: np.ndarray, n_times: int, at, status):
        time_s = taken_s(at, time.monotonic(), n_times / self.sfreq)
        if status.input_overflow and self.end_s is not None:
            lost = int(np.clip(round((time_s - self.end_s) * self.sfreq), 1, self.sfreq))
            self.inbox.put(Chunk(self.end_s, np.full(lost, np.nan, np.float32)))
        self.inbox.put(Chunk(time_s, data[:, 0].copy()))
        self.end_s = time_s + n_times / self.sfreq


class Microphone(LiveSensor):
    """`where` is "" for the system's own choice, a number, or a part of a name."""

    hint = "the microphone was unplugged or its driver hangs"
    stream = None

    def connect(self, inbox: Inbox) -> SignalInfo:
        sd = extra("sounddevice", self.name)
        if self.was_here:  # PortAudio lists the devices that there were when it started
            sd._terminate()
            sd._initialize()
        device, sfreq = self.device(sd)
        try:
            self.stream = sd.InputStream(
                samplerate=sfreq,
                blocksize=round(BLOCK_S * sfreq),
                device=device,
                channels=1,
                dtype="float32",
                callback=Blocks(inbox, sfreq),
                finished_callback=lambda: inbox.lose("the stream stopped"),
            )
            self.stream.start()
        except sd.PortAudioError as error:
            raise SensorLost(
                f"{self.name} cannot be opened ({error}): another program may have it."
            ) from error
        return SignalInfo(sfreq)

    def device(self, sd) -> tuple[int, float]:
        """Number of the device, and the rate in Hz to open it with."""
        wanted = int(self.where) if self.where.isdecimal() else self.where or None
        try:
            found = sd.query_devices(wanted, "input")
        except (ValueError, sd.PortAudioError) as error:
            raise self.absent(f"{self.name}: {error}, expected one of {inputs(sd)}.") from error
        try:
            sd.check_input_settings(
                device=found["index"], channels=1, dtype="float32", samplerate=self.trained.sfreq
            )
        except sd.PortAudioError:
            return found["index"], float(found["default_samplerate"])
        return found["index"], self.trained.sfreq

    def disconnect(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()


def inputs(sd) -> str:
    """The microphones that are here, by number and name."""
    found = [f"{one['index']} {one['name']}" for one in sd.query_devices() if one["max_input_channels"] > 0]
    return ", ".join(found) or "the microphones, but there is none"
