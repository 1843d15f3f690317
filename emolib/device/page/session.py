"""Pages that feed the engine, and pages that watch its results. No sound and no picture is kept."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from emolib.core.errors import EmolibError
from emolib.device.engine import Engine
from emolib.device.sensors.base import Chunk, Inbox, Pushed

MAX_WATCHERS = 4  # a browser keeps six connections to one host: two stay free to send
BACKLOG = 8  # results that a slow page may be behind
RESYNC_S = 1.0  # that samples may come late before it is the page's clock that is wrong
LEAK = 2e-4  # seconds a second by which a page's clock may run slow against ours


class Refused(EmolibError):
    """A request of a page that is not served; `status` is that of HTTP."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class Clock:
    """A page's clock in terms of ours. The fastest chunk sets the difference: a late chunk is no late sound."""

    def __init__(self, at_s: float, now_s: float):
        self.offset_s, self.now_s = now_s - at_s, now_s

    def ours(self, at_s: float, now_s: float) -> float:
        drifted, found = self.offset_s + LEAK * (now_s - self.now_s), now_s - at_s
        late = found > drifted + RESYNC_S  # its clock stood still: the page slept
        self.offset_s, self.now_s = found if late else min(found, drifted), now_s
        return at_s + self.offset_s


@dataclass
class Feed:
    """A modality that pages may give, one at a time: the name of that page, its rate and its clock."""

    sensor: Pushed
    tab: str | None = None
    sfreq: float = 0.0
    clock: Clock | None = None


class Session:
    """The newest page that starts a camera or microphone feeds the engine; every page watches."""

    def __init__(self, engine: Engine, sensors: Sequence[Pushed]):
        self.engine, self.lock = engine, threading.Lock()
        self.feeds = {sensor.modality: Feed(sensor) for sensor in sensors}
        self.watchers: dict[str, Inbox] = {}

    def start(self, tab: str, modality: str, sfreq: float):
        """This page feeds the modality from now on, at sfreq Hz (pictures: 0). Raises Refused."""
        with self.lock:
            if tab not in self.watchers:
                raise Refused(409, "This page does not listen to results: load it again.")
            feed = self._feed(modality)
            self.engine.start(modality, feed.sensor.trained._replace(sfreq=sfreq), is_live=True)
            feed.tab, feed.sfreq, feed.clock = tab, sfreq, None

    def push(self, tab: str, modality: str, at_s: float, data: np.ndarray):
        """Samples whose last one (pictures: which) is at at_s of the page's clock. Raises Refused."""
        now_s = time.monotonic()
        with self.lock:
            feed = self._feed(modality)
            if feed.tab != tab:
                raise Refused(409, f"another page gives the {modality} now. Start it here to have it back.")
            feed.clock = feed.clock or Clock(at_s, now_s)
            time_s = feed.clock.ours(at_s, now_s)
        feed.sensor.push(data, time_s - Chunk(0.0, data).end_s(feed.sfreq))

    def stop(self, tab: str, modality: str):
        with self.lock:
            self._end(tab, modality)

    def forget(self):
        """Whoever was learned is forgotten, on disk too."""
        self.engine.owner.forget()

    @contextmanager
    def watch(self, tab: str) -> Iterator[Iterator[dict]]:
        """Results from now on; what the page feeds ends with it. Raises Refused where too many pages watch."""
        inbox = Inbox(tab, BACKLOG)
        with self.lock:
            if tab not in self.watchers and len(self.watchers) >= MAX_WATCHERS:
                raise Refused(503, f"{MAX_WATCHERS} pages are open already: close one.")
            if tab in self.watchers:
                self.watchers[tab].end()
            self.watchers[tab] = inbox
        try:
            yield ({**result, "feeds": self._seen_by(tab)} for result in inbox.take())
        finally:
            with self.lock:
                if self.watchers.get(tab) is inbox:  # else the page listens again
                    del self.watchers[tab]
                    for modality in self.feeds:
                        self._end(tab, modality)

    def publish(self, result: dict):
        """Hand a result to every page; one that reads too slowly loses its oldest."""
        with self.lock:
            for inbox in self.watchers.values():
                inbox.put(result)

    def close(self):
        with self.lock:
            for inbox in self.watchers.values():
                inbox.end()

    def _seen_by(self, tab: str) -> dict[str, str]:
        seen = {None: "off", tab: "here"}
        return {name: seen.get(feed.tab, "elsewhere") for name, feed in self.feeds.items()}

    def _end(self, tab: str, modality: str):
        if self._feed(modality).tab == tab:
            self.feeds[modality].tab = None
            self.engine.lost(modality, "the page gives it no more")

    def _feed(self, modality: str) -> Feed:
        if modality not in self.feeds:
            raise Refused(404, f"Nothing here takes {modality} from a page.")
        return self.feeds[modality]
