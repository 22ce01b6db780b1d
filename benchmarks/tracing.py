"""What traces cost a service: CPU time of a request without them, and with 0 %, 1 % and 100 % of the requests recorded.

A service put together as the real ones, in a process of its own for each figure, called as an ASGI application: uvicorn, the
database and the network are left out, as they are the same each time. The CPU time is the whole process's, so that of the
exporter's thread is in it; the collector is another process. Rounds go forth and back over the variants, and each round is
compared with its own "without".

    python -m benchmarks.tracing [ROUNDS]
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.common import application
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.exchange import Reply
from services.common.http_client.policy import DependencyPolicy
from services.common.metrics import Metrics
from services.common.settings import ServiceSettings
from services.common.tracing.tracing import create_tracing

PROJECT = Path(__file__).parent.parent
WARM_UP = 500
REQUESTS = 4_000
FASTAPI = "FastAPI's own, "
"""Begins the names of the variants in which its span of a request takes the place of ours; those of calls are ours."""
VARIANTS: dict[str, str | None] = {
    "without": None,
    "0 %": "0",
    "1 %": "0.01",
    "100 %": "1",
    f"{FASTAPI}1 %": "0.01",
    f"{FASTAPI}100 %": "1",
}
"""Name → the share that is recorded."""


class Nothing:
    """Database and transport of a service that needs neither."""

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, *_asked: object, **_more: object) -> Reply:
        """The answer to each call."""
        return Reply(200, b"{}", {})


def create_app(*, calls: int, own_span: bool) -> Any:
    """A service with one endpoint that makes so many calls."""
    metrics = Metrics()
    client = ServiceClient("orders", Nothing(), policy=DependencyPolicy(), metrics=CallMetrics(metrics.registry).of("orders"))
    router = APIRouter()

    @router.get("/api/v1/measured")
    async def measured() -> Response:
        for _ in range(calls):
            await client.read("/api/v1/orders")
        return Response(b"{}", media_type="application/json")

    settings = ServiceSettings.from_environment({**os.environ, "DATABASE_URL": "postgresql://nowhere"}, service="measured")
    if own_span:
        application.NO_TELEMETRY = {
            "auto_configure": True,
            "tracing": True,
            "operation_spans": False,
            "metrics": False,
            "logs": False,
        }
    return application.create_service_app(
        "orders",
        routers=[router],
        database=Nothing(),  # type: ignore[arg-type]  # never asked
        metrics=metrics,
        most_in_flight=24,
        tracing=None if own_span else create_tracing(settings),
    )


async def ask(app: Callable[..., Awaitable[None]], requests: int) -> None:
    """So many requests, one after the other."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        assert message.get("status", 200) == 200, message  # noqa: PLR2004

    for _ in range(requests):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/api/v1/measured",
            "raw_path": b"/api/v1/measured",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost"), (b"x-request-timeout-ms", b"15000")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        await app(scope, receive, send)


async def measure(*, calls: int, own_span: bool) -> float:
    """Microseconds of CPU a request."""
    app = create_app(calls=calls, own_span=own_span)
    async with alive(app):
        await ask(app, WARM_UP)
        started = time.process_time()
        await ask(app, REQUESTS)
        return (time.process_time() - started) / REQUESTS * 1e6


@asynccontextmanager
async def alive(app: Callable[..., Awaitable[None]]) -> AsyncIterator[None]:
    """The lifespan as a server starts it: FastAPI sets its own traces up there."""
    to_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.ensure_future(app(scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    await life


class Collector(BaseHTTPRequestHandler):
    """Takes what it is sent."""

    def do_POST(self) -> None:
        """Read it and forget it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def figure(variant: str, calls: int, endpoint: str) -> float:
    """Measured in a process of its own."""
    share = VARIANTS[variant]
    traces = (
        {}
        if share is None
        else {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": share,
        }
    )
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.tracing",
            "--worker",
            json.dumps({"calls": calls, "own_span": variant.startswith(FASTAPI)}),
        ],
        cwd=PROJECT,
        env={**os.environ, **traces},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(answer.stdout)


def main(rounds: int) -> None:
    """The table."""
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=collector.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    print(f"CPU of a request in µs: median of {rounds} rounds of {REQUESTS} requests; and beside the same round without traces")
    for calls in (0, 2):
        found: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for number in range(rounds):
            for variant in [*VARIANTS][:: -1 if number % 2 else 1]:
                found[variant].append(figure(variant, calls, endpoint))
        for variant, figures in found.items():
            more = [figure - base for figure, base in zip(figures, found["without"], strict=True)]
            print(
                f"{calls} calls  {variant:<26} {statistics.median(figures):7.1f}  {statistics.median(more):+7.1f}"
                f"  ({min(more):+.1f} … {max(more):+.1f})"
            )
    collector.shutdown()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(asyncio.run(measure(**json.loads(sys.argv[2]))))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 6)
