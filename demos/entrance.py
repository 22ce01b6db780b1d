"""A way into the dashboard without a password: one address on loopback that opens once, and hands over the cookie of a session.

It stands behind the demo's gateway, for a browser keeps a cookie for the origin that sets it. What a password would have to pass, such as a
command line that everybody on the machine can read, this address passes instead: it is 256 random bits, and worth nothing afterwards.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
PREFIX = "/demo"


class Entrance(ThreadingHTTPServer):
    """Answers its one path once: with the cookie, and the way to the page. Then with 410, anything else with 404."""

    daemon_threads = True

    def __init__(self, cookie: str, page: str) -> None:
        """`cookie` is a whole Set-Cookie header, `page` the path that the browser goes to with it."""
        super().__init__((LOOPBACK, 0), _Visit)
        self.path = f"{PREFIX}/{secrets.token_urlsafe(32)}"
        self.page = page
        self._cookie: str | None = cookie
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where the gateway finds it."""
        return self.server_address[1]

    def take(self) -> str | None:
        """The cookie; None for everybody but the first."""
        with self._lock:
            cookie, self._cookie = self._cookie, None
            return cookie


class _Visit(BaseHTTPRequestHandler):
    """One request. Only GET is answered: what merely looks at an address, by HEAD, must not use it up."""

    server: Entrance
    timeout = 10

    def do_GET(self) -> None:
        if not secrets.compare_digest(self.path.encode(), self.server.path.encode()):
            self._answer(HTTPStatus.NOT_FOUND)
            return
        cookie = self.server.take()
        if cookie is None:
            self._answer(
                HTTPStatus.GONE, body="This address opened once, and has been used. Start the demo again for another one.\n"
            )
        else:
            self._answer(HTTPStatus.SEE_OTHER, {"set-cookie": cookie, "location": self.server.page})

    def _answer(self, status: HTTPStatus, headers: dict[str, str] | None = None, body: str = "") -> None:
        self.send_response_only(status)
        content = body.encode()
        usual = {
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(content)),
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        }
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's own name
        """Nothing: the address would be in it."""


@contextmanager
def open_entrance(cookie: str, page: str) -> Iterator[Entrance]:
    """An entrance that listens; closed at the end."""
    with Entrance(cookie, page) as entrance:
        thread = threading.Thread(target=entrance.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield entrance
        finally:
            entrance.shutdown()
            thread.join()
