"""The door of the page's server: who is let in, how much is read, and how every answer is dressed."""

import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from re import fullmatch
from typing import ClassVar
from urllib.parse import parse_qsl

from emolib.core.errors import EmolibError
from emolib.device.page.payloads import MAX_BYTES
from emolib.device.page.session import Refused

DIGITS = r"[0-9]{1,12}"
IDLE_S, DRAIN_S = 60, 1  # a connection that sends nothing for so long is closed
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Door(BaseHTTPRequestHandler):
    """A handler of its server's `hosts` and `token`; `routes` name the method and the function of every address."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "emolib", ""
    timeout = IDLE_S
    routes: ClassVar[dict[str, tuple[str, Callable]]]

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def serve(self):
        """Answer one request; every method comes here."""
        self.unread = True
        try:
            name, query = self._admitted()
            method, answer = self.routes.get(name, ("", None))
            if answer is None:
                raise Refused(404, "Nothing of this name is here.")
            if self.command != method:
                raise Refused(405, f"{self.command}: expected {method}.")
            answer(self, name, query)
        except EmolibError as error:
            self._drain()
            self.reply(getattr(error, "status", 400), f"{error}\n".encode(), close=True)

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def body(self) -> bytes:
        """The body, whole. Raises Refused for one of unknown or too great a length."""
        length = self.headers.get("Content-Length", "")
        if not fullmatch(DIGITS, length) or "Transfer-Encoding" in self.headers:
            raise Refused(411, "Content-Length: expected the number of bytes.")
        if int(length) > MAX_BYTES:
            raise Refused(413, f"A body of {length} bytes, expected {MAX_BYTES} at most.")
        self.unread, found = False, self.rfile.read(int(length))
        if len(found) < int(length):
            raise Refused(400, f"A body of {len(found)} bytes, expected {length} as said.")
        return found

    def reply(self, status: int, body: bytes = b"", kind: str = "text/plain", close: bool = False):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code, message=None, explain=None):
        """What the standard library refuses, such as a broken request line, without its page."""
        self.reply(code, f"{message or self.responses[code][0]}\n".encode(), close=True)

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_):
        """Nothing: an address holds the token."""

    def _admitted(self) -> tuple[str, dict[str, str]]:
        """What is asked for, behind the token, and how. Raises Refused for whoever is not this machine's own page."""
        if self.headers.get("Host") not in self.server.hosts:
            raise Refused(403, f"Host: expected {' or '.join(self.server.hosts)}.")
        path, _, query = self.path.partition("?")
        token, slash, name = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(403, "Open the whole address that `emolib live` printed: it holds a token.")
        own = f"http://{self.headers['Host']}"
        if self.command != "GET" and self.headers.get("Origin") != own:
            raise Refused(403, f"Origin: expected {own}.")
        return name, dict(parse_qsl(query))

    def _drain(self):
        """Read what a refused request still sends, if it is little: else the client may not see the answer."""
        length = self.headers.get("Content-Length", "")
        if self.unread and fullmatch(DIGITS, length) and int(length) <= MAX_BYTES:
            self.connection.settimeout(DRAIN_S)
            with suppress(OSError):
                self.rfile.read(int(length))
