"""A heart-rate strap over Bluetooth Low Energy, by bleak: beats a minute at 1 Hz, NaN while it touches no skin."""

import asyncio
import time
from concurrent.futures import Future
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
POLL_S = 0.1  # between two looks whether the sensor was closed


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


class Strap(LiveSensor):
    """`where` is "" for the first strap that advertises, or its Bluetooth address. A thread has a loop for bleak, and fills
    the inbox."""

    hint = "the strap may be out of reach"
    quiet_s = 5.0
    thread: Thread | None = None

    def connect(self, inbox: Inbox) -> SignalInfo:
        ready = Future()
        words = extra("bleak", self.name), inbox, ready
        self.thread = Thread(target=self.run, args=words, name=f"emolib {self.name}", daemon=True)
        self.thread.start()
        try:
            ready.result(SCAN_S + CONNECT_S)
        except TimeoutError as error:
            raise SensorLost(f"{self.name} was found, but does not connect: move nearer.") from error
        return SignalInfo(1.0, "bpm")

    def disconnect(self):
        if self.thread is not None and self.thread is not current_thread():
            self.thread.join(END_S)

    def run(self, bleak, inbox: Inbox, ready: Future):
        """Listen until the inbox ends; what goes wrong is raised where the sensor is opened, or read."""

        async def until_closed():
            task = asyncio.create_task(self.listen(bleak, inbox, ready))
            while not inbox.ended and not task.done():
                await asyncio.sleep(POLL_S)
            task.cancel()
            await task

        reason = "it was closed"
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(until_closed())
        except Exception as error:  # of the system's Bluetooth, whatever that raises
            reason = f"Bluetooth failed ({type(error).__name__}: {error}), switch it on"
        if ready.done():
            inbox.lose(reason)
        else:
            ready.set_exception(SensorLost(f"{self.name}: {reason}."))

    async def listen(self, bleak, inbox: Inbox, ready: Future):
        series = EverySecond()

        def is_wanted(device, advertisement) -> bool:
            if self.where:
                return device.address.lower() == self.where.lower()
            return SERVICE in (uuid.lower() for uuid in advertisement.service_uuids)

        def hear(sender, data: bytearray):
            with suppress(BadRecording):
                if chunk := series.push(time.monotonic(), measurement(bytes(data))):
                    inbox.put(chunk)

        def gone(client):
            inbox.lose("the strap disconnected: out of reach, or taken off")

        device = await bleak.BleakScanner.find_device_by_filter(is_wanted, timeout=SCAN_S)
        if device is None:
            name = f"strap {self.where}".strip()
            reason = f"no {name} found in {SCAN_S:g} s, wear it, moisten it, end other connections"
            return ready.set_exception(SensorLost(f"{self.name}: {reason}."))
        async with bleak.BleakClient(device, disconnected_callback=gone, timeout=CONNECT_S) as client:
            await client.start_notify(MEASUREMENT, hear)
            ready.set_result(None)
            await asyncio.Event().wait()
