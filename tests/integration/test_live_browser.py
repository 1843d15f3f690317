"""The live page in headless Chromium: a drawn face before a fake camera, a made voice in a fake microphone."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from chromium import CHROMIUM, browser, until
from media import MOODS, film, voice

from emolib.core.paths import PROJECT
from emolib.device.page.server import Server
from emolib.device.page.session import Session
from emolib.device.sensors.base import Pushed
from emolib.signals.readers import SignalInfo

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: apt-get install chromium")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser with a camera and a microphone."""
    folder = tmp_path_factory.mktemp("chromium")
    film(folder / "face.y4m")
    voice(folder / "voice.wav")
    files = {"video": folder / "face.y4m", "audio": folder / "voice.wav"}
    devices = [f"--use-file-for-fake-{kind}-capture={path}" for kind, path in files.items()]
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser(folder, *fake, *devices) as opened:
        yield opened


@contextmanager
def served(*arguments):
    """The address of `emolib live`, in a process of its own that Ctrl-C ends cleanly."""
    heard = "from signal import *; signal(SIGINT, default_int_handler)"  # a shell's background jobs ignore it
    typed = ["live", "--no-browser", *map(str, arguments)]
    call = f"{heard}; import sys; from emolib.__main__ import main; sys.exit(main({typed!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, "Traceback" in errors) == (0, False), errors


@contextmanager
def opened(chromium, url):
    """A tab of the page, once it is built; at its end: nothing was asked of others, nothing went wrong."""
    tab = chromium(url)
    until(lambda: tab.text("#camera"), 10, "the page was not built")
    try:
        yield tab
        asked = tab.ask("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert [name for name in asked if not name.startswith(url)] == tab.errors == []
    finally:
        tab.close()


def smile(tab):
    """By how many units the middle of the drawn mouth lies below its corners."""
    numbers = tab.ask("document.querySelector('.mouth').getAttribute('d').match(/-?[0-9.]+/g).map(Number)")
    return numbers[3] - numbers[1]


def test_what_is_shown_and_said_is_answered_side_by_side_in_a_tab_opened_again_and_again(chromium, tmp_path):
    kept = tmp_path / "kept.jsonl"
    with served("pretrained", "--keep", kept) as url:
        for _ in range(3):
            with opened(chromium, url) as tab:
                assert "emodb, fer2013" in tab.text("#limits") and str(kept) in tab.text("#kept")
                assert "Nothing leaves this machine" in tab.text("footer")
                cards = tab.ask("[...document.querySelectorAll('.card')].map(card => card.dataset.modality)")
                assert cards == ["face", "speech"] and tab.text("#together") == "Side by side"
                until(lambda: "camera off" in tab.text("[data-modality=face] .state"), 5, "no state")
                tab.press("#camera")
                until(lambda: tab.text("#mirrored").endswith("the guess from the camera."), 12, "no face")
                tab.press("#camera")
                until(lambda: "camera off" in tab.text("[data-modality=face] .state"), 5, "it did not stop")
                until(lambda: tab.ask("document.querySelector('#video').srcObject === null"), 3, "it is still shown")
        with opened(chromium, url) as tab:
            tab.press("#microphone")
            until(lambda: tab.text("#mirrored").endswith("from the microphone."), 20, "no speech")
            assert "heard just now" in tab.text("[data-modality=speech] .state")
            assert tab.text("#fused") == f"Face–Speech{tab.text('#word')} {tab.text('#score')}"
    parts = [json.loads(line)["parts"] for line in kept.read_text().splitlines()]
    assert {name for part in parts for name in part if part[name]["scores"]} == {"face", "speech"}


def test_without_a_camera_the_page_says_so_and_lives(tmp_path):
    alone = browser(tmp_path, "--use-fake-ui-for-media-stream")
    with alone as bare, served() as url, opened(bare, url) as tab:
        tab.press("#camera")
        until(lambda: "No camera found" in tab.text("#message"), 5, "nothing was said of the camera")
        assert tab.text("#camera") == "Start camera"
        assert not tab.ask("document.querySelector('#camera').disabled")
        until(lambda: tab.text("#speed"), 5, "no results came")
        assert tab.text("#word") == "no answer yet"


PART = {"state": "ok", "scores": {"happy": 0.75, "sad": 0.25}, "weight": 0.6, "age_s": 0.1, "ms": 1.0, "box": None}
QUIET = PART | {"state": "waiting", "scores": None, "weight": 0, "age_s": None}
MODALITIES = {
    "face": {"sfreq": 0.0, "window_s": None, "sensor": None, "from_page": True, "looks": True},
    "speech": {"sfreq": 16000.0, "window_s": 2.0, "sensor": None, "from_page": True, "looks": False},
    "heart": {"sfreq": 64.0, "window_s": 8.0, "sensor": "strap", "from_page": False, "looks": False},
}
KNOWN = {"classes": MOODS, "hop_s": 0.5, "corpora": ["emodb", "fer2013"], "kept": None}
ABOUT = KNOWN | {"modalities": {name: about | {"classes": MOODS} for name, about in MODALITIES.items()}}


def result(**parts):
    told = {name: QUIET | parts.get(name, {}) for name in MODALITIES}
    return {"time_s": 1.0, "scores": PART["scores"], "parts": told, "ms": 4.2, "missed": 2}


@pytest.fixture
def told():
    """A session, whose results are what the test publishes, and the address of its page."""
    engine = SimpleNamespace(start=lambda *about, is_live: None, lost=lambda *reason: None)
    sensors = [Pushed("face", "", trained=SignalInfo(0.0)), Pushed("speech", "", trained=SignalInfo(16000.0))]
    session = Session(engine, sensors)
    with Server(session, ABOUT) as server:
        yield session, server.url


def test_everything_is_said_in_words_and_bars(chromium, told):
    session, url = told
    with opened(chromium, url) as tab:

        def state(text, **part):
            session.publish(result(heart=part))
            until(lambda: text in tab.text("[data-modality=heart] .state"), 3, f"{part} is not {text}")

        state("waiting for 8 s of pulse")
        state("rate 48 Hz, expected 64", state="rate 48 Hz, expected 64")
        state("nothing came for 12 s", state="stopped", age_s=12.3)
        assert tab.text("#word") == "happy" and tab.text("#score") == "75 %"
        until(lambda: "made in 4.2 ms; 6 missed" in tab.text("#speed"), 3, "missed hops were not counted")
        session.publish(result(heart=PART) | {"scores": {"happy": 0.1, "sad": 0.9}})
        until(lambda: tab.text("#word") == "sad" and smile(tab) < 0, 3, "a sad face is not mirrored")
        session.publish(result(heart=PART))
        until(lambda: tab.text("#word") == "happy" and smile(tab) > 0, 3, "a happy face is not mirrored")
        until(lambda: tab.text("[data-modality=heart] .weight") == "counts 60 %", 3, "no weight")
        bar = "document.querySelector('#fused .fill')"
        share = f"{bar}.getBoundingClientRect().width / {bar}.parentElement.getBoundingClientRect().width"
        until(lambda: abs(tab.ask(share) - 0.75) < 0.01, 3, "a bar is not as long as its score")
        meters = "[...document.querySelectorAll('[role=meter]')]"
        labels = tab.ask(f"{meters}.map(bar => bar.getAttribute('aria-label'))")
        assert len(set(labels)) == 4 * 2 and "happy, heart" in labels
        colours = "new Set({}.map(bar => getComputedStyle(bar.firstChild).backgroundColor)).size"
        assert tab.ask(colours.format(meters)) == 2  # one an emotion, wherever it stands


def test_the_box_lies_where_the_face_was_found(chromium, told):
    session, url = told
    with opened(chromium, url) as tab:
        tab.press("#camera")
        until(lambda: session.feeds["face"].clock, 8, "no picture came")
        session.publish(result(face=PART | {"box": [32, 60, 96, 180]}))
        until(lambda: not tab.ask("document.querySelector('#box').hidden"), 3, "no box")
        seen = tab.ask(
            "['#box', '#video'].map(name => document.querySelector(name).getBoundingClientRect())"
            ".map(r => [r.left, r.top, r.right, r.bottom])"
        )
        (x1, y1, x2, y2), (left, top, right, bottom) = seen
        edges = [(right - x2), (right - x1)], [(y1 - top), (y2 - top)]  # mirrored: left is right
        found = np.array(edges) / [[right - left], [bottom - top]]
        np.testing.assert_allclose(found, [[0.1, 0.3], [0.25, 0.75]], atol=0.01)
