"""A microphone by sounddevice (PortAudio), mono, at the trained rate where the device can, else at its own."""

import time

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import Chunk, Inbox, LiveSensor, SensorLost, extra
from emolib.signals.readers import SignalInfo

BLOCK_S = 0.1
MAX_LATENCY_S = 2.0  # between a sample and its block; more is no time but a clock that was never set


def taken_s(at, now_s: float, block_s: float) -> float:
    """When a block's first sample was taken, if the block came at now_s. Some drivers leave zeros in PortAudio's
    PaStreamCallbackTimeInfo `at`: then the block came as it ended."""
    ago_s = at.currentTime - at.inputBufferAdcTime
    return now_s - (ago_s if block_s / 2 <= ago_s <= MAX_LATENCY_S else block_s)


class Microphone(LiveSensor):
    """`where` is "" for the system's own choice, a number, or a part of a name."""

    hint = "the microphone was unplugged or its driver hangs"
    stream = None

    def connect(self, inbox: Inbox) -> SignalInfo:
        sd = extra("sounddevice", self.name)
        sd._terminate()  # PortAudio lists the devices that there were when it started
        sd._initialize()
        device, sfreq = self.device(sd)

        def hear(data: np.ndarray, n_times: int, at, status):
            """A block (n_times, 1). What an overflow loses is a gap in the stamps."""
            time_s = taken_s(at, time.monotonic(), n_times / sfreq)
            inbox.put(Chunk(time_s, data[:, 0].copy()))

        try:
            self.stream = sd.InputStream(
                samplerate=sfreq, blocksize=round(BLOCK_S * sfreq), device=device, channels=1, dtype="float32",
                callback=hear, finished_callback=lambda: inbox.lose("the stream stopped"),
            )  # fmt: skip
            self.stream.start()
        except sd.PortAudioError as error:
            raise SensorLost(f"{self.name} cannot be opened ({error}): is it in use?") from error
        return SignalInfo(sfreq)

    def device(self, sd) -> tuple[int, float]:
        """Number of the device, and the rate in Hz to open it with."""
        wanted = int(self.where) if self.where.isdecimal() else self.where or None
        try:
            found = sd.query_devices(wanted, "input")
        except (ValueError, sd.PortAudioError) as error:
            inputs = (each for each in sd.query_devices() if each["max_input_channels"] > 0)
            known = ", ".join(f"{each['index']} {each['name']}" for each in inputs)
            raise BadParameter(f"{self.name}: {error}, expected one of {known or 'none here'}.") from error
        index, sfreq = found["index"], self.trained.sfreq
        try:
            sd.check_input_settings(device=index, channels=1, dtype="float32", samplerate=sfreq)
        except sd.PortAudioError:
            sfreq = float(found["default_samplerate"])
        return index, sfreq

    def disconnect(self):
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()
