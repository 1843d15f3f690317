"""A stream of the Lab Streaming Layer by pylsl, found by its name or its type."""

import time
from collections.abc import Iterator

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import Chunk, Inbox, LiveSensor, SensorLost, extra
from emolib.signals.readers import SignalInfo
from emolib.signals.skin import CHANNELS, with_temperature
from emolib.signals.tables import GAP_STEPS

PULL_S, LOOK_S, LOOKS, REPLY_S = 0.1, 0.5, 6, 3.0
BUFFER_S = 10  # of samples that liblsl keeps when nobody pulls
KINDS = {"ppg": "ppg", "ecg": "ecg", "hr": "bpm", "heartrate": "bpm"}  # of a heart, by type of stream
MICROVOLTS = dict.fromkeys(("", "microvolt", "uv", "µv", "μv"), 1.0)
MICROVOLTS |= {"millivolt": 1e3, "mv": 1e3, "volt": 1e6, "v": 1e6, "nanovolt": 1e-3, "nv": 1e-3}


def microvolts(units: list[str | None], name: str) -> np.ndarray:
    """The factor that turns each channel into µV, (n_chans, 1); µV where it has no unit. Raises BadParameter."""
    told = [(unit or "").strip().lower().removesuffix("s") for unit in units]
    if set(told) - MICROVOLTS.keys():
        raise BadParameter(f"{name}: channels in {', '.join(map(str, units))}, expected microvolts or volts.")
    return np.array([[MICROVOLTS[unit]] for unit in told], np.float32)


def cut_at_gaps(data: np.ndarray, time_s: np.ndarray, sfreq: float) -> Iterator[Chunk]:
    """Chunks of data (…, n_times), cut where time stamps (n_times,) leave a gap or go back."""
    steps_s = np.diff(time_s)
    at = np.flatnonzero((steps_s > GAP_STEPS / sfreq + PULL_S / 2) | (steps_s < 0)) + 1
    for first, samples in zip([0, *at], np.split(data, at, axis=-1), strict=True):
        yield Chunk(float(time_s[first]), samples)


class Lsl(LiveSensor):
    """`where` is the name or the type of a stream. liblsl keeps the samples; they are pulled by who wants them."""

    hint = "its program may have stopped"
    inlet, scale = None, 1.0

    def connect(self, inbox: Inbox) -> SignalInfo:
        if not self.where:
            raise BadParameter(f"{self.name}: no stream, expected lsl:NAME or lsl:TYPE, as in eeg=lsl:Muse.")
        pylsl = extra("pylsl", self.name)
        inlet = pylsl.StreamInlet(self.found(pylsl, inbox), max_buflen=BUFFER_S, recover=False)
        try:
            info = inlet.info(timeout=REPLY_S)
            inlet.open_stream(timeout=REPLY_S)
            inlet.time_correction(timeout=REPLY_S)
        except (pylsl.util.LostError, pylsl.util.TimeoutError) as error:
            raise SensorLost(f"{self.name} was found, but does not answer: start it again.") from error
        about = self.about(pylsl, info)
        self.inlet, self.sfreq = inlet, about.sfreq
        return about

    def found(self, pylsl, inbox: Inbox):
        """Its StreamInfo, by name before type; looked for until the inbox ends, 3 s at most."""
        wanted = self.where.lower()
        for _ in range(LOOKS):
            streams = pylsl.resolve_streams(LOOK_S)
            named = [stream for stream in streams if stream.name().lower() == wanted]
            if found := named or [stream for stream in streams if stream.type().lower() == wanted]:
                return found[0]
            if inbox.ended:
                break
        known = ", ".join(f"{stream.name()} ({stream.type()})" for stream in streams) or "none here"
        raise BadParameter(f"{self.name}: no stream of this name or type, expected one of: {known}.")

    def about(self, pylsl, info) -> SignalInfo:
        """Rate, kind and channels as the stream tells them. Raises BadParameter for what cannot be used."""
        sfreq, n_chans = info.nominal_srate(), info.channel_count()
        if not sfreq > 0 or info.channel_format() == pylsl.cf_string:
            raise BadParameter(f"{self.name} has no steady rate of numbers: use another stream.")
        if self.modality == "heart":
            if n_chans != 1:
                raise BadParameter(f"{self.name} has {n_chans} channels, expected one, the heart's.")
            return SignalInfo(sfreq, KINDS.get(info.type().lower(), self.trained.kind))
        labels = tuple(label or "" for label in info.get_channel_labels() or ())
        if self.modality == "skin":  # in µS and °C; one channel is EDA
            return SignalInfo(sfreq, "eda", CHANNELS if n_chans == 1 else labels)
        self.scale = microvolts(info.get_channel_units() or [""] * n_chans, self.name)
        return SignalInfo(sfreq, "raw", labels)

    def chunks(self) -> Iterator[Chunk]:
        inlet, inbox, quiet_since_s = self.inlet, self.inbox, time.monotonic()
        pylsl = extra("pylsl", self.name)
        to_monotonic_s = time.monotonic() - pylsl.local_clock()
        n_most = max(1, round(2 * PULL_S * self.sfreq))
        while not inbox.ended:
            try:
                samples, stamps = inlet.pull_chunk(timeout=PULL_S, max_samples=n_most)
                offset_s = inlet.time_correction(timeout=REPLY_S) + to_monotonic_s
            except (pylsl.util.LostError, pylsl.util.TimeoutError) as error:
                raise SensorLost(f"{self.name}: the stream ended, {self.hint}.") from error
            if len(stamps):
                quiet_since_s = time.monotonic()
                yield from cut_at_gaps(self.data(samples), np.array(stamps) + offset_s, self.sfreq)
            elif time.monotonic() - quiet_since_s > self.quiet_s:
                raise SensorLost(f"{self.name}: nothing came for {self.quiet_s:g} s, {self.hint}.")

    def data(self, samples) -> np.ndarray:
        """Samples (n_times, n_chans) as a chunk has them: EEG (n_chans, n_times) in µV, a heart (n_times,), skin (2, n_times)."""
        data = np.asarray(samples, np.float32).T
        if self.modality == "skin" and len(data) == 1:
            return with_temperature(data[0])
        return data[0] if self.modality == "heart" else data * self.scale

    def disconnect(self):
        self.inlet = None  # liblsl closes it when nobody pulls any more
