"""A heart-rate strap over Bluetooth Low Energy, by bleak: beats a minute at 1 Hz, NaN while it touches no skin."""

import asyncio
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from threading import Thread, current_thread

import numpy as np

from emolib.core.errors import BadRecording
from emolib.device.sensors.base import Chunk, Inbox, LiveSensor, SensorLost, extra
from emolib.signals.readers import SignalInfo

HOLD_S = 3.0  # a longer silence is a gap
SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"
SCAN_S, CONNECT_S, END_S = 10.0, 30.0, 5.0


def measurement(data: bytes) -> float:
    """Beats a minute in a notification (characteristic 0x2A37), NaN while the strap touches no skin or hears no beat.

    Bluetooth Heart Rate Service 1.0, 3.1: flags (bit 0 a rate of 16 bits, bit 1 contact, bit 2 contact is known), rate,
    and what is not used here. Raises BadRecording for too few bytes.
    """
    flags = data[0] if data else 0
    end = 3 if flags & 1 else 2
    if len(data) < end:
        raise BadRecording(f"A heart-rate measurement of {len(data)} bytes, expected {end} or more.")
    bpm, has_contact = int.from_bytes(data[1:end], "little"), flags & 2 or not flags & 4
    return bpm if bpm and has_contact else np.nan


class EverySecond:
    """Turns values that come about once a second into one value a second; the last one holds for HOLD_S at most."""

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


class Connection:
    """A connection to a strap, in a thread with an event loop of its own; what it hears goes into the inbox."""

    def __init__(self, bleak, address: str, inbox: Inbox):
        self.bleak, self.address, self.inbox = bleak, address, inbox
        self.series, self.ready = EverySecond(), Future()
        self.loop = asyncio.new_event_loop()
        self.task = self.loop.create_task(self.listen())
        self.thread = Thread(target=self.run, name=f"emolib {inbox.name}", daemon=True)
        self.thread.start()

    def run(self):
        """Listen until the end; what goes wrong is raised where the sensor is opened, or read."""
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.get_loop().run_until_complete(self.task)
        except asyncio.CancelledError:
            self.fail("it was closed")
        except Exception as error:  # of the system's Bluetooth, whatever that raises
            self.fail(f"Bluetooth failed ({type(error).__name__}: {error}), switch it on")

    def fail(self, reason: str):
        if self.ready.done():
            self.inbox.lose(reason)
        else:
            self.ready.set_exception(SensorLost(f"{self.inbox.name}: {reason}."))

    async def listen(self):
        device = await self.bleak.BleakScanner.find_device_by_filter(self.is_wanted, timeout=SCAN_S)
        if device is None:
            name = f"strap {self.address}".strip()
            return self.fail(f"no {name} found in {SCAN_S:g} s, wear it, moisten it, end other connections")
        lost = {"disconnected_callback": self.gone, "timeout": CONNECT_S}
        async with self.bleak.BleakClient(device, **lost) as client:
            await client.start_notify(MEASUREMENT, self.hear)
            self.ready.set_result(None)
            await asyncio.Event().wait()

    def is_wanted(self, device, advertisement) -> bool:
        if self.address:
            return device.address.lower() == self.address.lower()
        return SERVICE in (uuid.lower() for uuid in advertisement.service_uuids)

    def gone(self, client):
        self.inbox.lose("the strap disconnected: out of reach, or taken off")

    def hear(self, sender, data: bytearray):
        try:
            if chunk := self.series.push(time.monotonic(), measurement(bytes(data))):
                self.inbox.put(chunk)
        except BadRecording:
            self.inbox.dropped += 1

    def end(self):
        with suppress(RuntimeError):  # the loop has ended already
            self.loop.call_soon_threadsafe(self.task.cancel)
        if self.thread is not current_thread():
            self.thread.join(END_S)


class Strap(LiveSensor):
    """`where` is "" for the first strap that advertises, or its Bluetooth address."""

    hint = "the strap may be out of reach"
    quiet_s = 5.0
    connection = None

    def connect(self, inbox: Inbox) -> SignalInfo:
        self.connection = Connection(extra("bleak", self.name), self.where, inbox)
        try:
            self.connection.ready.result(SCAN_S + CONNECT_S)
        except Late as error:
            raise SensorLost(f"{self.name} was found, but does not connect: move nearer.") from error
        return SignalInfo(1.0, "bpm")

    def disconnect(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.end()
