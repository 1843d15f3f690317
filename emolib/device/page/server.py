"""The page's server, for this machine's own browser alone: standard library, loopback, a token in every address.

Whoever does not know the token gets 403, as does another site's page (Origin), or one whose name points here (Host). A
page sends small pictures and pieces of sound as raw samples: nothing is decoded.
"""

import json
import math
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from itertools import chain
from pathlib import PurePath
from re import fullmatch
from threading import BoundedSemaphore, Thread
from urllib.parse import parse_qsl

import numpy as np

from emolib.core.errors import BadParameter, EmolibError
from emolib.device.page.session import Refused, Session

HOST, POLL_S = "127.0.0.1", 0.1
MOST_CONNECTIONS = 64  # at once
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {
    path.name: path.read_bytes()
    for path in files("emolib.device.page").joinpath("static").iterdir()
    if PurePath(path.name).suffix in TYPES
}
SIDES, RATES = (16, 640), (8_000, 192_000)  # pixels, Hz
MAX_BYTES = SIDES[1] ** 2 * 4
LATEST_S = 1e8  # of a page's clock
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def number(query: dict[str, str], name: str, least: float, most: float) -> float:
    """A number of the query. Raises Refused where it is missing, none, or out of range."""
    try:
        value = float(query.get(name, "nan"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refused(400, f"{name}: got {query.get(name, 'nothing')}, expected {least:g} to {most:g}.")
    return value


def picture(body: bytes, query: dict[str, str]) -> np.ndarray:
    """(height, width, 3) uint8 of red, green, blue, opacity bytes, row by row. Raises Refused."""
    width, height = (number(query, name, *SIDES) for name in ("width", "height"))
    if not (width.is_integer() and height.is_integer() and len(body) == width * height * 4):
        raise Refused(400, f"A picture of {len(body)} bytes, expected {width:g} × {height:g} × 4.")
    rgba = np.frombuffer(body, np.uint8).reshape(int(height), int(width), 4)
    return np.ascontiguousarray(rgba[..., :3])


def sound(body: bytes, query: dict[str, str]) -> np.ndarray:
    """(n_times,) float32 of little-endian float32, one channel. Raises Refused."""
    if not body or len(body) % 4:
        raise Refused(400, f"Sound of {len(body)} bytes, expected 4 a sample, at least one.")
    return np.frombuffer(body, "<f4").astype(np.float32)


PAYLOADS = {"face": picture, "speech": sound}


class Handler(BaseHTTPRequestHandler):
    """Decides who is let in and how much is read; `routes` names the method and the function of every address."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "emolib", ""
    disable_nagle_algorithm = True
    timeout = 60  # seconds; a connection that sends nothing for so long is closed

    def serve(self):
        try:
            name, query = self._admitted()
            if "moved" in query:
                self.send_response(303)
                self.send_header("Location", self.server.url)
                self.send_header("Content-Length", "0")
                return self.end_headers()
            method, answer = self.routes.get(name, ("", None))
            if answer is None:
                raise Refused(404, "Nothing of this name is here.")
            if self.command != method:
                raise Refused(405, f"{self.command}: expected {method}.")
            answer(self, name, query)
        except EmolibError as error:
            self.reply(getattr(error, "status", 400), f"{error}\n".encode(), close=True)

    do_GET = do_POST = serve

    def body(self) -> bytes:
        """The whole body. Raises Refused where its length is unknown or too large."""
        length = self.headers.get("Content-Length", "")
        if not fullmatch("[0-9]{1,12}", length) or "Transfer-Encoding" in self.headers:
            raise Refused(411, "Content-Length: expected the number of bytes.")
        if int(length) > MAX_BYTES:
            raise Refused(413, f"A body of {length} bytes, expected {MAX_BYTES} at most.")
        return self.rfile.read(int(length))

    def reply(self, status: int, body: bytes = b"", kind: str = "text/plain", close: bool = False):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_):
        """Nothing: an address holds the token."""

    def _admitted(self) -> tuple[str, dict[str, str]]:
        """The name behind the token, and the query. Raises Refused for anybody but this machine's own page."""
        if self.headers.get("Host") not in self.server.hosts:
            raise Refused(403, f"Host: expected {' or '.join(self.server.hosts)}.")
        path, _, query = self.path.partition("?")
        if self.server.code and secrets.compare_digest(path.encode(), f"/{self.server.code}".encode()):
            self.server.code = ""
            return "", {"moved": ""}
        token, slash, name = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(403, "Open the whole address that `emolib live` printed: it holds a token.")
        own = f"http://{self.headers['Host']}"
        if self.command != "GET" and self.headers.get("Origin") != own:
            raise Refused(403, f"Origin: expected {own}.")
        return name, dict(parse_qsl(query))

    def file(self, name: str, _):
        name = name or "page.html"
        self.reply(200, FILES[name], TYPES[PurePath(name).suffix])

    def turn(self, name: str, query: dict[str, str]):
        """Start or stop what a page gives."""
        self.body()
        modality, session = query.get("modality", ""), self.server.session
        if name == "stop":
            session.stop(tab(query), modality)
        else:
            session.start(tab(query), modality, number(query, "rate", *RATES) if modality == "speech" else 0.0)
        self.reply(204)

    def forget(self, _, query: dict[str, str]):
        self.body()
        tab(query)
        self.server.session.forget()
        self.reply(204)

    def samples(self, modality: str, query: dict[str, str]):
        data, at_s = PAYLOADS[modality](self.body(), query), number(query, "at", 0, LATEST_S)
        self.server.session.push(tab(query), modality, at_s, data)
        self.reply(204)

    def results(self, _, query: dict[str, str]):
        """Server-sent events: `about` once, then a message per result."""
        with self.server.session.watch(tab(query)) as results:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            head = "event: about\n"
            for record in chain([self.server.about], results):
                self.wfile.write(f"{head}data: {json.dumps(record, allow_nan=False)}\n\n".encode())
                head = ""

    routes = {
        **dict.fromkeys(["", *FILES], ("GET", file)),
        **dict.fromkeys(PAYLOADS, ("POST", samples)),
        **dict.fromkeys(["start", "stop"], ("POST", turn)),
        "forget": ("POST", forget),
        "results": ("GET", results),
    }


def tab(query: dict[str, str]) -> str:
    """The name that a page gave itself. Raises Refused."""
    if not fullmatch(r"[A-Za-z0-9-]{8,64}", query.get("tab", "")):
        raise Refused(400, "tab: expected 8 to 64 letters, digits, hyphens.")
    return query["tab"]


class Server(ThreadingHTTPServer):
    """Serves `about` (the models) and the results of a session while its block lasts, in threads; then the session is
    closed. Raises BadParameter for a port in use."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, session: Session, about: dict, port: int = 0):
        self.places = BoundedSemaphore(MOST_CONNECTIONS)
        self.session, self.about, self.token = session, about, secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise BadParameter(f"--port: {port} cannot be had ({error}): choose another, or none.") from error
        self.hosts = f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"
        self.url, self.code = f"http://{self.hosts[0]}/{self.token}/", ""

    def once(self) -> str:
        """An address that leads to the page's once: other users of this machine see what a browser is started with."""
        self.code = secrets.token_urlsafe(24)
        return f"http://{self.hosts[0]}/{self.code}"

    def process_request(self, request, client_address):
        """A thread for a connection, unless there are too many."""
        if not self.places.acquire(blocking=False):
            return self.shutdown_request(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def __enter__(self) -> "Server":
        self.thread = Thread(target=self.serve_forever, args=[POLL_S], name="emolib live page", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.session.close()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing of a browser that hangs up, and one line of anything else."""
        if not isinstance(error := sys.exception(), (ConnectionError, TimeoutError)):
            print(f"live page: {type(error).__name__}: {error}", file=sys.stderr)
