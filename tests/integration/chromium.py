"""Headless Chromium by its DevTools protocol, for tests: open a page, ask it, press its buttons."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

websocket = pytest.importorskip("websocket", reason="no DevTools client: pip install websocket-client")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --remote-debugging-port=0 --remote-allow-origins=*"
)
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def until(found: Callable, seconds: float, what: str):
    """What `found()` gives once it is true; fails after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError(f"after {seconds} s: {what}")


class Tab:
    """One page. `errors`: what its console said was wrong."""

    def __init__(self, address: str):
        self.socket = websocket.create_connection(address, timeout=20)
        self.number, self.errors = 0, []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv())).get("id") != self.number:
            self.note(message)
        assert "error" not in message, message
        return message["result"]

    def note(self, message: dict):
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(told["exceptionDetails"].get("exception", {}).get("description", "exception"))
        if message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(told["entry"]["text"])

    def ask(self, expression: str):
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str) -> str:
        return self.ask(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")

    def close(self):
        self.call("Page.close")
        self.socket.close()

    def press(self, selector: str):
        """Focus a button and press Enter, as one without a mouse does."""
        self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        for kind in ("keyDown", "keyUp"):
            enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            self.call("Input.dispatchKeyEvent", type=kind, **enter)


@contextmanager
def browser(folder: Path, *flags: str):
    """Chromium with a profile of its own below `folder`, that finds no other host: a function that opens a page."""
    profile = folder / "profile"
    command = [CHROMIUM, *FLAGS.split(), ALONE, f"--user-data-dir={profile}", *flags, "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = profile / "DevToolsActivePort"
        until(lambda: said.exists() and said.read_text().count("\n"), 20, "Chromium did not open its port")
        port = int(said.read_text().split()[0])

        def tab(url: str) -> Tab:
            fresh = Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
            with urlopen(fresh) as answer:
                made = Tab(json.load(answer)["webSocketDebuggerUrl"])
            made.call("Page.navigate", url=url)
            return made

        yield tab
    finally:
        process.terminate()
        process.wait(10)
