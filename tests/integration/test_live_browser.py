"""The live page in headless Chromium: a drawn face before a fake camera, a made voice in a fake microphone."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from chromium import CHROMIUM, browser, until
from media import MOODS, film, picture, voice

from emolib.core.experiment import INT8
from emolib.core.paths import PROJECT
from emolib.device.page.server import Server
from emolib.device.page.session import Session
from emolib.device.sensors.base import Pushed
from emolib.signals.frontend import front_end
from emolib.signals.generated import face, speech
from emolib.signals.generated.affect import Affect
from emolib.signals.readers import SignalInfo
from emolib.signals.standardise import Standardiser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: apt-get install chromium")
RATES = {"face": 0.0, "speech": 16000.0}


def examples(modality):
    """Windows and moods (indices): faces of other people than the film's, other sentences of the voice's speaker."""
    rng, front, X, y = np.random.default_rng(0), front_end(modality), [], []
    for k in range(20):
        for mood, word in enumerate(MOODS):
            if modality == "speech":
                data = speech.recording(Affect(0, 0, 2 * k + mood + 1, word, 4.0))
            else:
                data = picture(word, face.person(rng), rng)
            windows = front(data, RATES[modality]).X
            X.append(windows)
            y += [mood] * len(windows)
    return np.concatenate(X), np.array(y), front.feature_axis


def network(modality, X, y):
    """Logistic regression of windows (speech: of their means over time) as an int8 network."""
    import keras
    from sklearn.linear_model import LogisticRegression

    from emolib.quantization.ptq import convert

    first = [keras.layers.AveragePooling2D((X.shape[1], 1))] if modality == "speech" else []
    features = X.mean(axis=1) if first else X
    line = LogisticRegression(C=1, max_iter=500).fit(features.reshape(len(X), -1), y)
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input(X.shape[1:]), *first, keras.layers.Flatten(), dense])
    w, b = line.coef_[0] / 2, line.intercept_[0] / 2
    dense.set_weights([np.stack([-w, w], axis=1), np.array([-b, b])])
    return convert(model, INT8, X)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle that tells happy from sad in faces and voices."""
    folder, models = tmp_path_factory.mktemp("bundle"), {}
    for modality, sfreq in RATES.items():
        X, y, axis = examples(modality)
        standardiser, name = Standardiser.fit(X, axis), f"synthetic-{modality}-emotion-loso"
        content = network(modality, standardiser(X), y)
        (folder / f"{name}.tflite").write_bytes(content)
        models[name] = {
            "file": f"{name}.tflite",
            "sha256": hashlib.sha256(content).hexdigest(),
            "modality": modality,
            "classes": MOODS,
            "recordings": {"sfreq": sfreq},
            "frontend": {},
            "standardiser": standardiser.to_dict(),
            "normalise": "train",
            "licence": "",
            "versions": {},
        }
    (folder / "bundle.json").write_text(json.dumps({"models": models, "detectors": {}, "studies": {}}))
    return folder


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
        outside = [name for name in tab.requests() if not name.startswith(url)]
        assert (outside, tab.errors) == ([], [])
    finally:
        tab.close()


def score(tab, modality, word):
    return tab.ask(
        f"+[...document.querySelectorAll('[data-modality={modality}] .bar')]"
        f".find(bar => bar.firstChild.textContent === '{word}').dataset.score"
    )


def smile(tab):
    """By how many units the middle of the drawn mouth lies below its corners."""
    numbers = tab.ask("document.querySelector('.mouth').getAttribute('d').match(/-?[0-9.]+/g).map(Number)")
    return numbers[3] - numbers[1]


def test_bars_and_face_follow_what_is_shown_and_said(chromium, bundle, tmp_path):
    kept = tmp_path / "kept.jsonl"
    with served(bundle, "--keep", kept) as url, opened(chromium, url) as tab:
        assert "SYNTHETIC" in tab.text("#limits") and str(kept) in tab.text("#kept")
        assert "Nothing leaves this machine" in tab.text("footer")
        until(lambda: "camera off" in tab.text("[data-modality=face] .state"), 5, "no state of the camera")
        tab.press("#camera")
        tab.press("#microphone")
        until(lambda: score(tab, "face", "happy") > 0.7 and smile(tab) > 8, 12, "a face is not mirrored")
        until(lambda: score(tab, "face", "sad") > 0.7, 12, "the bars did not follow the face")
        until(lambda: score(tab, "speech", "happy") > 0.6, 12, "the voice was not heard")
        assert tab.text("#word") in MOODS and tab.text("#spoken") in MOODS
        assert "counts" in tab.text("[data-modality=speech] .weight")
        assert "heard just now" in tab.text("[data-modality=speech] .state")
        tab.press("#camera")
        until(lambda: "camera off" in tab.text("[data-modality=face] .state"), 5, "the camera did not stop")
        assert tab.ask("document.querySelector('#video').srcObject === null")
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {"at", "scores", "parts"} <= lines[-1].keys() and lines[-1]["parts"].keys() == RATES.keys()


def test_without_a_camera_the_page_says_so_and_lives(bundle, tmp_path):
    alone = browser(tmp_path, "--use-fake-ui-for-media-stream")
    with alone as bare, served(bundle) as url, opened(bare, url) as tab:
        tab.press("#camera")
        until(lambda: "No camera found" in tab.text("#message"), 5, "nothing was said of the camera")
        assert tab.text("#camera") == "Start camera"
        assert not tab.ask("document.querySelector('#camera').disabled")
        until(lambda: tab.text("#speed"), 5, "no results came")
        assert tab.text("#word") == "no answer yet"


def test_the_pretrained_models_answer_side_by_side_in_a_tab_opened_ten_times(chromium):
    with served() as url:
        for _ in range(10):
            with opened(chromium, url) as tab:
                cards = tab.ask("[...document.querySelectorAll('.card')].map(card => card.dataset.modality)")
                assert cards == ["face", "speech"] and tab.text("#together") == "Side by side"
                tab.press("#microphone")
                until(lambda: tab.text("#microphone") == "Stop microphone", 5, "no microphone")
                tab.press("#camera")
                until(lambda: tab.text("#mirrored").endswith("the guess from the camera."), 12, "no face")
        with opened(chromium, url) as tab:
            tab.press("#microphone")
            until(lambda: tab.text("#mirrored").endswith("from the microphone."), 20, "no speech")
            heard = "document.querySelector('#fused').textContent"
            guess = "document.querySelector('#word').textContent + ' ' + document.querySelector('#score').textContent"
            assert tab.ask(f"{heard} === 'Face–Speech' + {guess}")


PART = {
    "state": "ok",
    "scores": {"happy": 0.75, "sad": 0.25},
    "weight": 0.6,
    "age_s": 0.1,
    "ms": 1.0,
    "box": None,
}
QUIET = PART | {"state": "waiting", "scores": None, "weight": 0, "age_s": None}
MODALITIES = {
    name: {
        "sfreq": sfreq,
        "window_s": window_s,
        "sensor": sensor,
        "from_page": not sensor,
        "looks": name == "face",
    }
    for name, sfreq, window_s, sensor in (
        ("face", 0.0, None, None),
        ("speech", 16000.0, 2.0, None),
        ("heart", 64.0, 8.0, "strap"),
        ("eeg", 128.0, 4.0, "lsl"),
    )
}
ABOUT = {
    "classes": MOODS,
    "hop_s": 0.5,
    "corpora": ["emodb", "fer2013"],
    "kept": None,
    "modalities": {name: about | {"classes": MOODS} for name, about in MODALITIES.items()},
}


def result(**parts):
    told = {name: QUIET | parts.get(name, {}) for name in MODALITIES}
    return {"time_s": 1.0, "scores": PART["scores"], "parts": told, "ms": 4.2, "missed": 2}


@pytest.fixture
def told():
    """A session, whose results are what the test publishes, and the address of its page."""
    engine = SimpleNamespace(start=lambda *about, is_live: None, lost=lambda *reason: None)
    session = Session(engine, [Pushed(name, name, SignalInfo(sfreq)) for name, sfreq in RATES.items()])
    with Server(session, ABOUT) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield session, server.url
        session.close()
        server.shutdown()


def test_everything_is_said_in_words_and_bars(chromium, told):
    session, url = told
    with opened(chromium, url) as tab:

        def state(name, text, **part):
            session.publish(result(**{name: part}))
            found = f"[data-modality={name}] .state"
            until(lambda: text in tab.text(found), 3, f"{name}: {part} is not {text}")

        state("heart", "waiting for 8 s of pulse")
        state("heart", "left out: flat line", state="dropped: flat line")
        state("heart", "rate 48 Hz, expected 64", state="rate 48 Hz, expected 64")
        state("heart", "nothing came for 12 s", state="stopped", age_s=12.3)
        state("heart", "felt 1.2 s ago", **PART | {"age_s": 1.2})
        state("eeg", "waiting for 4 s of EEG")
        state("speech", "microphone off")
        assert tab.text("#word") == "happy" and tab.text("#score") == "75 %"
        until(lambda: "made in 4.2 ms; 14 missed" in tab.text("#speed"), 3, "missed hops were not counted")
        assert "trained on emodb, fer2013." in tab.text("#limits")
        assert "Nothing is stored" in tab.text("#kept")
        session.publish(result(heart=PART))
        until(lambda: tab.text("[data-modality=heart] .weight") == "counts 60 %", 3, "no weight")
        until(lambda: abs(shares(tab, "#fused")[0] - 0.75) < 0.01, 3, "a bar is not as long as its score")
        meters = "[...document.querySelectorAll('[role=meter]')]"
        labels = tab.ask(f"{meters}.map(bar => bar.getAttribute('aria-label'))")
        assert len(set(labels)) == 5 * 2 and "happy, heart" in labels
        colours = "new Set({}.map(bar => getComputedStyle(bar.firstChild).backgroundColor)).size"
        assert tab.ask(colours.format(meters)) == 2  # one an emotion, wherever it stands


def shares(tab, selector):
    """How long the bars in an element are, as shares of their tracks."""
    return tab.ask(
        f"[...document.querySelectorAll('{selector} .fill')]"
        ".map(fill => fill.getBoundingClientRect().width / fill.parentElement.getBoundingClientRect().width)"
    )


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
