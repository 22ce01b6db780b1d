"""A small real HTTP server for the adapters of this folder."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def serve():
    """`serve(answer)` starts a server on loopback and returns its address; `answer(path)` gives (status, text).

    `serve.headers` are the headers of every request so far.
    """
    servers = []

    def start(answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                start.headers.append(dict(self.headers))
                status, text = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    start.headers = []
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
