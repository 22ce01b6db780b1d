"""charts/locust's exporter inside a real Locust, beside a locustfile that knows nothing of it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILES = Path(__file__).parents[3] / "charts" / "locust" / "files"
LOCUSTFILE = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def page(self):
        self.client.get("/a\\"b", name='/a"b')

    @task
    def missing(self):
        self.client.get("/missing")
"""

COUNTED = (
    r'^locust_requests_total\{method="GET",name="/a\\"b"\} [1-9]\d*$',
    r'^locust_failures_total\{method="GET",name="/missing"\} [1-9]\d*$',
)


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def test_the_figures_of_a_running_locust(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    served = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    port = free_port()
    command = [sys.executable, "-m", "locust", "-f", f"{tmp_path / 'locustfile.py'},{FILES / 'exporter.py'}", "--headless"]
    command += ["--host", f"http://127.0.0.1:{served.server_address[1]}", "-u", "2", "-r", "2", "--only-summary"]
    locust = subprocess.Popen(
        command, env=os.environ | {"EXPORTER_PORT": str(port)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    text, until = "", time.monotonic() + 60
    try:
        # Both tasks are drawn by chance: a failure of the one does not say that the other has been answered.
        while time.monotonic() < until and not all(re.search(pattern, text, re.MULTILINE) for pattern in COUNTED):
            time.sleep(0.1)
            try:
                text = page(f"http://127.0.0.1:{port}/metrics")
            except urllib.error.URLError:
                assert locust.poll() is None, locust.stdout.read()
        health = page(f"http://127.0.0.1:{port}/healthz")
    finally:
        locust.terminate()
        locust.communicate(timeout=20)
        served.shutdown()
        served.server_close()
    assert health == "ok\n"
    assert "locust_users 2" in text
    for pattern in COUNTED:
        assert re.search(pattern, text, re.MULTILINE), pattern
    assert 'locust_response_time_seconds{method="GET",name="/missing",quantile="0.95"} 0.0' in text
    # Each family is announced once, before its samples.
    families = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(families) == len(set(families)) == 4
