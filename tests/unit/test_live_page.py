"""The live page's server: who is let in, what it takes, what it tells, and who feeds the engine."""

import http.client
import json
import re
import socket
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from emolib.core.errors import BadParameter
from emolib.device.engine import Result
from emolib.device.page import append_result, open_keep_file
from emolib.device.page.server import FILES, MAX_BYTES, Server
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
    pushed = [
        Pushed("face", "face=page", SignalInfo(0.0, "scene")),
        Pushed("speech", "speech=page", SignalInfo(16000.0)),
    ]
    for sensor in pushed:
        sensor.open()
    return Session(Asked(), pushed)


@pytest.fixture
def server(session):
    with Server(session, ABOUT) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        session.close()
        server.shutdown()


def origin(server):
    return {"Origin": f"http://127.0.0.1:{server.server_port}"}


def request(server, method, path, body=None, headers=None, token=None):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    try:
        own = origin(server) if method == "POST" else {}
        connection.request(method, f"/{token or server.token}/{path}", body, own | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(server, text):
    """The first line of the answer to bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        connection.sendall(text.encode("latin1"))
        return connection.makefile("rb").readline().decode()


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


def wait_for(found):
    end = time.monotonic() + 5
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["", "page.js", "icon.svg"])
def test_the_page_and_its_files_are_there_with_safe_headers(server, name):
    status, headers, body = request(server, "GET", name)
    assert server.server_address[0] == "127.0.0.1" and len(server.token) >= 32
    assert status == 200 and body == FILES[name or "page.html"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    kind = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert headers["Content-Type"].startswith(kind[(name or "page.html").rsplit(".", 1)[1]])


SIZE, START = "width=16&height=16&at=0", f"start?tab={TAB}&modality=face"


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        # another name for this machine, another site's page
        (403, "GET", "", None, {"Host": "127.0.0.1"}),
        (403, "GET", "", None, {"Host": "127.0.0.1.evil.example:{port}"}),
        *(
            (403, "POST", START, b"", {"Origin": origin})
            for origin in ("null", "https://127.0.0.1:{port}", "")
        ),
        # no path leads out
        *(
            (404, "GET", path, None, {})
            for path in ("../server.py", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd")
        ),
        # another method
        (405, "POST", "page.js", b"", {}),
        (405, "GET", "face", None, {}),
        (405, "PUT", "face", None, {"Origin": "http://127.0.0.1:{port}"}),
        # malformed pictures, sound, names of tabs
        (400, "POST", f"face?tab={TAB}&{SIZE}", RGBA[:-1], {}),
        (400, "POST", f"face?tab={TAB}&width=nan&height=16&at=0", RGBA, {}),
        (400, "POST", f"face?tab={TAB}&width=100000&height=16&at=0", RGBA, {}),
        (400, "POST", f"face?tab={TAB}&width=16&height=16&at=inf", RGBA, {}),
        (400, "POST", f"speech?tab={TAB}&at=1", b"123", {}),
        *((400, "GET", f"results?tab={tab}", None, {}) for tab in ("short", "x" * 65, "%3Cscript%3Ealert")),
        # nobody started a camera
        (409, "POST", f"face?tab={TAB}&{SIZE}", RGBA, {}),
    ],
)
def test_what_is_not_served(server, session, status, method, path, body, headers):
    headers = {name: value.format(port=server.server_port) for name, value in headers.items()}
    assert request(server, method, path, body, headers)[0] == status
    assert session.engine.calls == []


@pytest.mark.parametrize("name", ["face", "results", "page.js", "absent", ""])
def test_a_wrong_token_opens_nothing(server, name):
    for method in ("GET", "POST"):
        status, _, body = request(server, method, name, b"" if method == "POST" else None, token="x" * 32)
        assert status == 403 and server.token.encode() not in body
    host = f"Host: 127.0.0.1:{server.server_port}\r\n"
    assert raw(server, f"GET /{name} HTTP/1.1\r\n{host}\r\n").split()[1] == "403"
    assert "Bad request" in raw(server, "nonsense\r\n\r\n")


def test_nothing_of_the_page_is_inline_or_elsewhere():
    """What its own content policy would forbid, and addresses of other hosts."""
    page = FILES["page.html"].decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    for name, text in FILES.items():
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", text.decode())
        assert set(found) <= {"http://www.w3.org/2000/svg"}, name


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("start?modality=speech&rate=x", 400),
        ("start?modality=speech&rate=8000", 400),  # what the engine refuses
        ("start?modality=smell", 404),
    ],
)
def test_what_cannot_be_started_is_refused(server, path, status):
    with watching(server) as event:
        event()
        assert request(server, "POST", f"{path}&tab={TAB}", b"")[0] == status


def test_large_bodies_are_not_read(server):
    for length, status in ((MAX_BYTES + 1, "413"), (10**15, "411"), ("-1", "411")):
        head = f"POST /{server.token}/face HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
        head += f"Origin: http://127.0.0.1:{server.server_port}\r\nContent-Length: {length}\r\n\r\n"
        assert raw(server, head).split()[1] == status


def test_results_come_as_events(server, session):
    with watching(server) as event:
        assert event() == ("about", ABOUT)
        session.publish({"scores": {"happy": 0.75, "sad": 0.25}})
        name, record = event()
        assert name == "message" and record["scores"] == {"happy": 0.75, "sad": 0.25}
        assert record["feeds"] == {"face": "off", "speech": "off"}


def test_a_page_feeds_the_engine(server, session):
    with watching(server) as event:
        event()
        assert request(server, "POST", f"start?tab={TAB}&modality=face", b"")[0] == 204
        assert request(server, "POST", f"start?tab={TAB}&modality=speech&rate=48000", b"")[0] == 204
        assert session.engine.calls == [
            ("start", "face", SignalInfo(0.0, "scene"), True),
            ("start", "speech", SignalInfo(48000.0), True),
        ]
        before = time.monotonic()
        path = f"face?tab={TAB}&width=16&height=16&at=3"
        assert request(server, "POST", path, RGBA)[0] == 204
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
    start, frame = "start?tab={}&modality=face", "face?tab={}&width=16&height=16&at=1"
    with watching(server) as event, watching(server, OTHER) as other:
        event(), other()
        for tab in (TAB, OTHER):
            assert request(server, "POST", start.format(tab), b"")[0] == 204
        status, _, body = request(server, "POST", frame.format(TAB), RGBA)
        assert status == 409 and b"another page" in body
        assert request(server, "POST", frame.format(OTHER), RGBA)[0] == 204
        request(server, "POST", f"stop?tab={TAB}&modality=face", b"")  # not its to stop
        session.publish({})
        assert event()[1]["feeds"]["face"] == "elsewhere" and other()[1]["feeds"]["face"] == "here"


def test_a_page_that_goes_frees_what_it_held(server, session):
    with watching(server) as event:
        event()
        request(server, "POST", f"start?tab={TAB}&modality=face", b"")
    end = time.monotonic() + 5
    while session.watchers and time.monotonic() < end:
        session.publish({})
        time.sleep(0.02)
    assert not session.watchers and session.feeds["face"].tab is None
    assert session.engine.calls[-1] == ("lost", "face")


def test_too_many_pages_are_told(server, session):
    with (
        watching(server, TAB + "1"),
        watching(server, TAB + "2"),
        watching(server, TAB + "3"),
        watching(server),
    ):
        wait_for(lambda: len(session.watchers) == MAX_WATCHERS)
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


def test_late_chunks_are_no_late_samples():
    clock = Clock(10.0, 100.0)
    arrivals = [(10.1, 100.1), (10.2, 100.5), (10.3, 100.5), (10.4, 100.52)]  # two came late
    found = [clock.ours(at_s, now_s) for at_s, now_s in arrivals]
    np.testing.assert_allclose(found, [100.1, 100.2, 100.3, 100.4], atol=2e-4)


def test_a_clock_that_is_off_by_100_ppm_is_followed():
    for ppm in (-1e-4, 1e-4):
        clock = Clock(0.0, 0.0)
        found = [(clock.ours(k * 0.1 * (1 + ppm), k * 0.1), k * 0.1) for k in range(36_000)]  # an hour
        assert max(abs(ours - now) for ours, now in found) < LEAK


def test_a_page_that_slept_is_believed_again():
    clock = Clock(0.0, 0.0)
    assert clock.ours(0.1, 60.1) == pytest.approx(60.1)
    assert clock.ours(0.2, 60.2) == pytest.approx(60.2)


def test_a_port_in_use_is_one_line(server, session):
    with pytest.raises(BadParameter, match="choose another"):
        Server(session, ABOUT, server.server_port)
    with pytest.raises(BadParameter, match="choose another"):
        Server(session, ABOUT, 70000)


def test_results_are_kept_only_where_asked(tmp_path):
    result, path = Result(0.5, {"happy": 1.0}, {}, 2.0, 1), tmp_path / "kept.jsonl"
    with open_keep_file(None) as file:
        append_result(result, file)
    for _ in range(2):
        with open_keep_file(path) as file:
            append_result(result, file)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.jsonl"]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["scores"] for line in lines] == [{"happy": 1.0}] * 2 and lines[0]["at"].endswith("+00:00")
    with pytest.raises(BadParameter, match="choose another"), open_keep_file(tmp_path / "no" / "folder"):
        pass
