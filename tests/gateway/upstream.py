"""A replica behind the gateway in question, from Python's standard library alone: `python upstream.py NAME PORT [JWKS]`.

GET and POST say what arrived, with 404 where the path ends in `/refused`. Paths that end in `/slow` take 30 s, in `/drop` the
connection is closed without an answer, in `/exit` the process ends at once. `/attempts` counts the requests that were dropped.
`/jwks.json` is the file of the third argument.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

ME = uuid4().hex


class JsonHandler(BaseHTTPRequestHandler):
    """Keeps connections, answers with JSON, and is silent."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # header and body in one packet: two would wait for each other's acknowledgement

    def answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Replica(JsonHandler):
    dropped = 0

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/slow"):
            time.sleep(30)
        if path.endswith("/exit"):
            os._exit(1)
        if path.endswith("/drop"):
            Replica.dropped += 1
            self.close_connection = True
            return
        if path == "/jwks.json":
            self.answer(Path(sys.argv[3]).read_bytes())
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = {"service": sys.argv[1], "replica": ME, "headers": headers, "dropped": Replica.dropped}
            self.answer(json.dumps(seen).encode(), 404 if path.endswith("/refused") else 200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    Server((os.environ.get("BIND", "127.0.0.1"), int(sys.argv[2])), Replica).serve_forever()
