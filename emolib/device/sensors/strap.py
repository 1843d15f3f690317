"""A heart-rate strap over Bluetooth Low Energy, by bleak: beats a minute at 1 Hz, NaN while it touches no skin."""

import asyncio
import re
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from threading import Thread, current_thread

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.sensors.base import SourceLost
from emolib.device.sensors.extras import extra
from emolib.device.sensors.heart_rate import EverySecond, measurement
from emolib.device.sensors.inbox import Inbox
from emolib.device.sensors.sensor import Sensor
from emolib.signals.readers import Trained

SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"
SCAN_S, CONNECT_S, END_S = 10.0, 30.0, 5.0
ADDRESS = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Session:
    """One connection, in a thread with an event loop of its own; what it hears goes into the inbox."""

    def __init__(self, bleak, address: str, inbox: Inbox):
        self.bleak, self.address, self.inbox = bleak, address, inbox
        self.series, self.ready = EverySecond(), Future()
        self.loop = asyncio.new_event_loop()
        self.task = self.loop.create_task(self.listen())
        self.thread = Thread(target=self.run, name=f"emolib {inbox.name}", daemon=True)
        self.thread.start()

    def run(self):
        """Listen until the end; what goes wrong is told to who opens, or to who reads."""
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
            self.ready.set_exception(SourceLost(f"{self.inbox.name}: {reason}."))

    async def listen(self):
        device = await self.bleak.BleakScanner.find_device_by_filter(self.is_wanted, timeout=SCAN_S)
        if device is None:
            return self.fail(
                f"no strap found in {SCAN_S:g} s, wear it, moisten it, end other connections to it"
            )
        async with self.bleak.BleakClient(
            device, disconnected_callback=self.gone, timeout=CONNECT_S
        ) as client:
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
            heard = measurement(bytes(data))
        except BadRecording:
            self.inbox.dropped += 1
            return
        bpm = np.nan if heard.has_contact is False or not heard.bpm else heard.bpm
        if chunk := self.series.push(time.monotonic(), bpm):
            self.inbox.put(chunk)

    def end(self):
        with suppress(RuntimeError):  # the loop has ended already
            self.loop.call_soon_threadsafe(self.task.cancel)
        if self.thread is not current_thread():
            self.thread.join(END_S)


class Strap(Sensor):
    """`where` is "" for the first strap that advertises, or its Bluetooth address."""

    hint = "the strap may be out of reach"
    quiet_s = 5.0
    session: Session | None = None

    def connect(self, inbox: Inbox) -> Trained:
        if self.where and not ADDRESS.fullmatch(self.where):
            raise BadParameter(f"{self.name}: expected an address like strap:A0:9E:1A:00:11:22, or none.")
        self.session = Session(extra("bleak", self.name), self.where, inbox)
        try:
            self.session.ready.result(SCAN_S + CONNECT_S)
        except Late as error:
            raise SourceLost(f"{self.name} was found, but does not connect: move nearer.") from error
        return Trained(1.0, "bpm")

    def disconnect(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.end()
