"""The live page's server: who is let in, what it takes, what it tells, and who feeds the engine."""

import http.client
import json
import time
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import pytest

from emolib.core.errors import BadParameter
from emolib.device.page.server import FILES, MAX_BYTES, MOST_CONNECTIONS, Server
from emolib.device.page.session import LEAK, MAX_WATCHERS, Clock, Session
from emolib.device.sensors.base import Pushed
from emolib.signals.readers import SignalInfo

ABOUT = {"classes": ["happy", "sad"], "modalities": {"face": {}, "speech": {}}}
TAB, OTHER = "tab-00000001", "tab-00000002"
RGBA = bytes(range(64)) * 16  # 16 × 16 × 4


class Asked:
    """What a session asks of an engine."""

    def __init__(self):
        self.calls = []

    def start(self, modality, about, is_live):
        if about.sfreq == 8000:
            raise BadParameter("speech: a rate of 8000 Hz, expected another.")
        self.calls.append(("start", modality, about, is_live))

    def lost(self, modality, reason):
        self.calls.append(("lost", modality))


@pytest.fixture
def session():
    infos = {"face": SignalInfo(0.0, "scene"), "speech": SignalInfo(16000.0)}
    pushed = [Pushed(modality, f"{modality}=page", trained=about) for modality, about in infos.items()]
    for sensor in pushed:
        sensor.open()
    return Session(Asked(), pushed)


@pytest.fixture
def server(session):
    with Server(session, ABOUT) as server:
        yield server


def request(server, method, path, body=None, headers=None, token=None):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    own = {"Origin": f"http://127.0.0.1:{server.server_port}"} if method != "GET" else {}
    with closing(connection):
        connection.request(method, f"/{token or server.token}/{path}", body, own | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@contextmanager
def watching(server, tab=TAB):
    """A page that listens: a function that gives the next event, (name, record)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("GET", f"/{server.token}/results?tab={tab}")
    answer = connection.getresponse()

    def event():
        lines = []
        while line := answer.readline().decode().strip():
            lines.append(line)
        fields = dict(line.split(": ", 1) for line in lines)
        return fields.get("event", "message"), json.loads(fields["data"])

    try:
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
        yield event
    finally:
        answer.close()
        connection.close()


@pytest.mark.parametrize("name, kind", [("", "text/html"), ("page.js", "text/javascript")])
def test_the_page_and_its_files_are_there_with_safe_headers(server, name, kind):
    status, headers, body = request(server, "GET", name)
    assert server.server_address[0] == "127.0.0.1" and len(server.token) >= 32
    assert status == 200 and body == FILES[name or "page.html"] and headers["Content-Type"].startswith(kind)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


START, PICTURE = f"start?tab={TAB}&modality=face", f"face?tab={TAB}&width=16&height=16&at=0"


@pytest.mark.parametrize(("status", "method", "path", "body", "headers"), [
    (403, "GET", "", None, {"Host": "127.0.0.1.evil.example:{port}"}),  # another name of this machine
    (403, "POST", START, b"", {"Origin": "https://127.0.0.1:{port}"}),  # another site's page
    (403, "POST", START, b"", {"Origin": "null"}),
    (404, "GET", "../server.py", None, {}),  # no path leads out
    (404, "GET", "%2e%2e/%2e%2e/etc/passwd", None, {}),
    (405, "GET", "face", None, {}),
    (501, "PUT", "face", None, {}),
    (400, "POST", PICTURE, RGBA[:-1], {}),
    (400, "POST", PICTURE.replace("16", "nan"), RGBA, {}),
    (400, "POST", PICTURE.replace("at=0", "at=inf"), RGBA, {}),
    (400, "POST", f"speech?tab={TAB}&at=1", b"123", {}),
    (400, "GET", "results?tab=%3Cscript%3Ealert", None, {}),
    (409, "POST", PICTURE, RGBA, {}),  # nobody started a camera
    (413, "POST", "face", None, {"Content-Length": str(MAX_BYTES + 1)}),
    (411, "POST", "face", None, {"Content-Length": "-1"}),
])  # fmt: skip
def test_what_is_not_served(server, session, status, method, path, body, headers):
    headers = {name: value.format(port=server.server_port) for name, value in headers.items()}
    assert request(server, method, path, body, headers)[0] == status
    assert session.engine.calls == []


@pytest.mark.parametrize("method, name", [("GET", "results"), ("GET", ""), ("POST", "face")])
def test_a_wrong_token_opens_nothing(server, method, name):
    status, _, body = request(server, method, name, token="x" * 32)
    assert status == 403 and server.token.encode() not in body


def test_a_page_feeds_the_engine(server, session):
    with watching(server) as event:
        assert event() == ("about", ABOUT)
        session.publish({"scores": {"happy": 0.75, "sad": 0.25}})
        off = {"face": "off", "speech": "off"}
        assert event() == ("message", {"scores": {"happy": 0.75, "sad": 0.25}, "feeds": off})
        assert request(server, "POST", START, b"")[0] == 204
        speech = f"start?tab={TAB}&modality=speech&rate"
        for rate, status in (("x", 400), (8000, 400), (48000, 204)):  # the engine refuses the second
            assert request(server, "POST", f"{speech}={rate}", b"")[0] == status
        assert session.engine.calls == [
            ("start", "face", SignalInfo(0.0, "scene"), True),
            ("start", "speech", SignalInfo(48000.0), True),
        ]
        before = time.monotonic()
        assert request(server, "POST", PICTURE, RGBA)[0] == 204
        wave = np.linspace(-1, 1, 4800, dtype="<f4")
        assert request(server, "POST", f"speech?tab={TAB}&at=0.1", wave.tobytes())[0] == 204
        image, heard = (next(session.feeds[name].sensor.chunks()) for name in ("face", "speech"))
        assert image.data.shape == (16, 16, 3) and image.data[0, 1].tolist() == [4, 5, 6]
        np.testing.assert_array_equal(heard.data, wave)
        assert before <= image.time_s <= time.monotonic()
        assert before <= heard.time_s + 0.1 <= time.monotonic()  # 4800 samples at 48 kHz ended as they came
        session.publish({})
        assert event()[1]["feeds"] == {"face": "here", "speech": "here"}


def test_the_newest_page_feeds_and_the_others_watch(server, session):
    with watching(server) as event, watching(server, OTHER) as other:
        event(), other()
        for tab in (TAB, OTHER):
            assert request(server, "POST", START.replace(TAB, tab), b"")[0] == 204
        status, _, body = request(server, "POST", PICTURE, RGBA)
        assert status == 409 and b"another page" in body
        assert request(server, "POST", PICTURE.replace(TAB, OTHER), RGBA)[0] == 204
        request(server, "POST", START.replace("start", "stop"), b"")  # not its to stop
        session.publish({})
        assert event()[1]["feeds"]["face"] == "elsewhere" and other()[1]["feeds"]["face"] == "here"
    end = time.monotonic() + 5
    while session.watchers and time.monotonic() < end:  # both pages went, and free what they held
        session.publish({})
        time.sleep(0.02)
    assert not session.watchers and session.feeds["face"].tab is None
    assert session.engine.calls[-1] == ("lost", "face")


def test_too_many_pages_are_told(server, session):
    with ExitStack() as pages:
        for number in range(MAX_WATCHERS):
            pages.enter_context(watching(server, f"{TAB}{number}"))()  # `about` came: it watches
        status, _, body = request(server, "GET", f"results?tab={OTHER}")
        assert status == 503 and b"pages are open already" in body


def test_a_page_that_listens_again_keeps_its_feeds(session):
    with session.watch(TAB) as first:
        session.start(TAB, "face", 0.0)
        with session.watch(TAB) as again:
            assert list(first) == []
            session.publish({"time_s": 1})
            assert next(again)["feeds"]["face"] == "here"
    assert session.feeds["face"].tab is None


def test_late_chunks_are_no_late_samples_and_a_page_that_slept_is_believed_again():
    clock = Clock(10.0, 100.0)
    arrivals = [(10.1, 100.1), (10.2, 100.5), (10.3, 100.5), (10.4, 100.52), (10.5, 160.5)]  # two came late
    found = [clock.ours(at_s, now_s) for at_s, now_s in arrivals]
    np.testing.assert_allclose(found, [100.1, 100.2, 100.3, 100.4, 160.5], atol=2e-4)


@pytest.mark.parametrize("ppm", [-100, 100])
def test_a_clock_that_is_off_by_100_ppm_is_followed(ppm):
    clock, times = Clock(0.0, 0.0), 0.1 * np.arange(36_000)  # an hour
    found = [clock.ours(now_s * (1 + ppm / 1e6), now_s) for now_s in times]
    np.testing.assert_allclose(found, times, rtol=0, atol=LEAK)


def test_what_a_browser_is_started_with_opens_the_page_once(server):
    path = server.once().rpartition("/")[2]
    with closing(http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)) as connection:
        for status in (303, 403):
            connection.request("GET", f"/{path}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status and (status == 403 or answer.headers["Location"] == server.url)
    assert path != server.token


def test_connections_beyond_the_most_are_closed(server):
    taken = [server.places.acquire(blocking=False) for _ in range(MOST_CONNECTIONS)]
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        request(server, "GET", "")
    for _ in filter(None, taken):
        server.places.release()
    assert request(server, "GET", "")[0] == 200
