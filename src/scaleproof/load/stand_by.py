"""`python -m scaleproof.load.stand_by`: what a generator pod does between loads, and the figures of the load that it plays.

The pod's first process: it adopts and buries what is left of ended sessions, and serves /metrics (Prometheus) and /healthz on EXPORTER_PORT.
The figures are those of the status lines that this pod's Locust writes, so latency counts from the intended time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import FrameType

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from scaleproof.load.pod_part import FOLDER_PREFIX
from scaleproof.load.status import StatusLine, read_lines


class LoadFigures(Collector):
    """The status lines of the load that is being played below `home`, as metrics."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape."""
        processes = self._processes()
        yield GaugeMetricFamily("scaleproof_load_active", "1 while a load is played.", value=1.0 if processes else 0.0)
        requests = CounterMetricFamily("scaleproof_load_requests", "Requests with an answer.", labels=["process"])
        errors = CounterMetricFamily("scaleproof_load_errors", "Requests that failed.", labels=["process"])
        latency = GaugeMetricFamily(
            "scaleproof_load_latency_p95_seconds", "p95 of the last second, from the intended time.", labels=["process"]
        )
        cpu = CounterMetricFamily("scaleproof_load_cpu_seconds", "CPU time of the generator's process.", labels=["process"])
        memory = GaugeMetricFamily("scaleproof_load_memory_bytes", "Memory of the generator's process.", labels=["process"])
        for name, lines in processes.items():
            requests.add_metric([name], sum(line.completed for line in lines))
            errors.add_metric([name], sum(line.errors for line in lines))
            cpu.add_metric([name], lines[-1].cpu_seconds)
            memory.add_metric([name], lines[-1].memory_bytes)
            if (p95_s := lines[-1].p95_s) is not None:
                latency.add_metric([name], p95_s)
        yield from (requests, errors, latency, cpu, memory)

    def _processes(self) -> dict[str, list[StatusLine]]:
        found: dict[str, list[StatusLine]] = {}
        for folder in self._home.glob(FOLDER_PREFIX + "*"):
            with contextlib.suppress(OSError):  # the load may end, and its folder with it, at any moment
                found |= {name: lines for name, lines in read_lines(folder).items() if lines}
        return found


def serve(port: int, home: Path) -> ThreadingHTTPServer:
    """Serve /metrics and /healthz of the loads below `home` in threads; the server, for its port and its end."""
    registry = CollectorRegistry()
    registry.register(LoadFigures(home))

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in {"/metrics", "/healthz"}
            body = generate_latest(registry) if self.path == "/metrics" else b"ok\n" if known else b"see /metrics\n"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's signature
            """A probe every few seconds is not worth a line."""

    server = ThreadingHTTPServer(("0.0.0.0", port), Pages)  # noqa: S104  kubelet and Prometheus come from outside the pod
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def bury_children(*_: object) -> None:
    """Take the exit codes of ended orphans, which would stay as zombies otherwise."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass


def main() -> int:
    """Wait for SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGCHLD, bury_children)
    port = os.environ.get("EXPORTER_PORT")
    if port:
        serve(int(port), Path(tempfile.gettempdir()))
    while True:
        signal.pause()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
