"""A Prometheus on loopback: real HTTP, `query_range` of its API v1, series that a test writes down as functions of time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

MOST_POINTS = 11_000

Value = Callable[[float], float | None]
"""Of a Unix time; None: no sample then."""


class FakePrometheus:
    """`series`: (labels, value) pairs that every expression answers with; `token`: the one it wants."""

    def __init__(self, *series: tuple[Mapping[str, str], Value], token: str | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                fake.asked.append(asked)
                status, document = fake._answer(asked, self.headers.get("Authorization"), series, token)
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, asked, authorization, series, token) -> tuple[int, dict]:
        if token is not None and authorization != f"Bearer {token}":
            return 401, {"status": "error", "error": "unauthorized"}
        first, last, step = (float(asked[name]) for name in ("start", "end", "step"))
        count = int((last - first) / step) + 1
        if count > MOST_POINTS:
            return 400, {"status": "error", "error": "exceeded maximum resolution of 11,000 points per timeseries"}
        result = []
        for labels, value in series:
            found = [(first + index * step, value(first + index * step)) for index in range(count)]
            values = [[moment, str(sample)] for moment, sample in found if sample is not None]
            if values:
                result.append({"metric": dict(labels), "values": values})
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}
