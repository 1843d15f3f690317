"""The page's server, for this machine's own browser alone: standard library, loopback, a token in every address.

Whoever does not know the token gets 403, as does a page of another site that has one's browser ask (Origin) or
that has its name point here (Host).
"""

import json
import secrets
import sys
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import PurePath
from re import fullmatch

from emolib.core.errors import BadParameter
from emolib.device.page.handler import Door
from emolib.device.page.payloads import BODIES, RATES, number
from emolib.device.page.session import Hub, Refused

HOST = "127.0.0.1"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {
    path.name: path.read_bytes()
    for path in files("emolib.device.page").joinpath("static").iterdir()
    if PurePath(path.name).suffix in TYPES
}
LATEST_S = 1e8  # of a page's clock


class Page(Door):
    """The files of the page, what it sends, and what it is told."""

    def file(self, name: str, _):
        name = name or "page.html"
        self.reply(200, FILES[name], TYPES[PurePath(name).suffix])

    def start(self, _, query: dict[str, str]):
        self.body()
        modality = query.get("modality", "")
        sfreq = number(query, "rate", *RATES) if modality == "speech" else 0.0
        self.server.hub.start(tab(query), modality, sfreq)
        self.reply(204)

    def stop(self, _, query: dict[str, str]):
        self.body()
        self.server.hub.stop(tab(query), query.get("modality", ""))
        self.reply(204)

    def samples(self, modality: str, query: dict[str, str]):
        data, at_s = BODIES[modality](self.body(), query), number(query, "at", 0, LATEST_S)
        self.server.hub.push(tab(query), modality, at_s, data)
        self.reply(204)

    def results(self, _, query: dict[str, str]):
        """Server-sent events: `about` once, then a message per result."""
        with self.server.hub.watch(tab(query)) as results:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.tell(self.server.about, "event: about\n")
            for result in results:
                self.tell(result)

    def tell(self, record: dict, head: str = ""):
        self.wfile.write(f"{head}data: {json.dumps(record, allow_nan=False)}\n\n".encode())

    routes = {
        **dict.fromkeys(["", *FILES], ("GET", file)),
        **dict.fromkeys(BODIES, ("POST", samples)),
        "start": ("POST", start),
        "stop": ("POST", stop),
        "results": ("GET", results),
    }


def tab(query: dict[str, str]) -> str:
    """The name that a page gave itself. Raises Refused."""
    if not fullmatch(r"[A-Za-z0-9-]{8,64}", query.get("tab", "")):
        raise Refused(400, "tab: expected 8 to 64 letters, digits, hyphens.")
    return query["tab"]


class Server(ThreadingHTTPServer):
    """Serves `about` (what the page says of the models) and the results of a hub. Raises BadParameter for a port in use."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: Hub, about: dict, port: int = 0):
        self.hub, self.about, self.token = hub, about, secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), Page)
        except (OSError, OverflowError) as error:
            raise BadParameter(f"--port: {port} cannot be had ({error}): choose another, or none.") from error

    @property
    def hosts(self) -> tuple[str, str]:
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.hosts[0]}/{self.token}/"

    def handle_error(self, request, client_address):
        """A browser that hangs up is no news; anything else is one line."""
        error = sys.exception()
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"live page: {type(error).__name__}: {error}", file=sys.stderr)
