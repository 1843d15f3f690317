"""The Bluetooth heart-rate measurement (characteristic 0x2A37), and its values as a series at 1 Hz."""

from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadRecording
from emolib.device.sensors.base import Chunk

HOLD_S = 3.0  # a longer silence is a gap


class Measurement(NamedTuple):
    """Beats a minute; whether the strap touches skin, None if it cannot tell; intervals since the last one in seconds."""

    bpm: int
    has_contact: bool | None
    rr_s: tuple[float, ...]


def measurement(data: bytes) -> Measurement:
    """A notification's bytes. Raises BadRecording where they are fewer than the flags announce.

    Bluetooth Heart Rate Service 1.0, 3.1: flags (bit 0 a rate of 16 bits, bit 1 contact, bit 2 contact is
    known, bit 3 energy, bit 4 intervals), rate, energy in kJ (16 bits), intervals in 1/1024 s (16 bits each).
    """
    flags = data[0] if data else 0
    at = 3 if flags & 1 else 2
    end = at + 2 * bool(flags & 8)
    if len(data) < end:
        raise BadRecording(f"A heart-rate measurement of {len(data)} bytes, expected {end} or more.")
    rr_s = [int.from_bytes(data[i : i + 2], "little") / 1024 for i in range(end, len(data) - 1, 2)]
    return Measurement(
        int.from_bytes(data[1:at], "little"),
        bool(flags & 2) if flags & 4 else None,
        tuple(rr_s) if flags & 16 else (),
    )


class EverySecond:
    """Beats a minute that come about once a second, as one a second: what came last holds, for HOLD_S at most."""

    def __init__(self):
        self.next_s: float | None = None

    def push(self, time_s: float, bpm: float) -> Chunk | None:
        """The seconds that this value fills, (n_times,); None where they are filled already."""
        if self.next_s is None or time_s - self.next_s > HOLD_S:
            self.next_s = time_s
        n = int(np.floor(time_s - self.next_s)) + 1
        chunk = Chunk(self.next_s, np.full(n, bpm, np.float32)) if n > 0 else None
        self.next_s += max(n, 0)
        return chunk
