"""Traces with real parts: users → Envoy → dashboard → orders, and a receiver of OTLP over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from service_processes import ROOT, DataServer, Replica, free_port, uncounted, wait_until

from scaleproof.runtime.envoy import Endpoint, EnvoyGateway
from scaleproof.runtime.span_file import read_span_file
from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.tracing import Telemetry, TraceExport, trace_variables
from scaleproof.telemetry.spans import Span, edges

OVERVIEW = "/api/v1/dashboard/overview"
CLIENTS_TRACE, CLIENTS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "code-of-a-sign-in"


@dataclass
class Traced:
    """What the tests talk to."""

    url: str
    folder: Path
    orders: Replica
    dashboard: Replica

    def spans_of(self, trace_id: str, count: int) -> list[Span]:
        """Of one trace, as soon as so many were received."""

        def found() -> list[Span]:
            return [span for span in read_span_file(self.folder) if span.trace_id == trace_id]

        wait_until(lambda: len(found()) >= count, f"{count} spans of {trace_id}, not {found()}", limit_seconds=20)
        return found()

    def traces(self) -> set[str]:
        return {span.trace_id for span in read_span_file(self.folder)}


@pytest.fixture(scope="module")
def receiver(folder: Path) -> Iterator[tuple[str, Path]]:
    """Its address and where its file is."""
    kept, port = folder / "traces", free_port()
    kept.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "scaleproof.runtime.trace_receiver", str(port), str(kept)], cwd=ROOT, env=uncounted()
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_there(url), "the receiver")
        yield url, kept
    finally:
        process.terminate()
        assert process.wait(10) == 0


def is_there(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def told(service: str, endpoint: str, sampled: float = 1.0) -> dict[str, str]:
    return {**trace_variables(service, endpoint, sampled), "OTEL_BSP_SCHEDULE_DELAY": "200"}


@pytest.fixture(scope="module")
def traced(environment: dict[str, str], receiver: tuple[str, Path], folder: Path) -> Iterator[Traced]:
    endpoint, kept = receiver
    with ExitStack() as ending:
        platform = read_platform(ROOT / "platform.yaml")
        open_to_all = platform.gateway.model_copy(update={"jwt": None, "rate_limits": []})
        telemetry = Telemetry(traces=TraceExport(endpoint=endpoint, sampled=1.0))
        platform = platform.model_copy(update={"gateway": open_to_all, "telemetry": telemetry})
        gateway = EnvoyGateway(
            folder / "traced-envoy", platform, free_port(), free_port(), {"orders": free_port()}, traces_endpoint=endpoint
        )
        gateway.prepare()
        orders = Replica("orders", {**environment, **told("orders", endpoint)}, folder / "traced-orders.log")
        ending.callback(orders.stop)
        calls = {"ORDERS_URL": gateway.internal_url("orders")}
        dashboard = Replica(
            "dashboard", {**environment, **calls, **told("dashboard", endpoint)}, folder / "traced-dashboard.log"
        )
        ending.callback(dashboard.stop)
        gateway.update({"orders": [Endpoint(orders.port)], "dashboard": [Endpoint(dashboard.port)]})
        with (folder / "traced-envoy.log").open("wb") as log:
            envoy = subprocess.Popen(gateway.command(), stdout=log, stderr=log, cwd="/")
        ending.callback(envoy.wait)
        ending.callback(envoy.kill)
        orders.wait_ready()
        dashboard.wait_ready()
        wait_until(gateway.is_ready, "Envoy")
        wait_until(lambda: httpx.get(gateway.url + OVERVIEW, trust_env=False).status_code == 200, "an overview")
        yield Traced(gateway.url, kept, orders, dashboard)


def one(spans: list[Span], service: str, kind: str) -> Span:
    (found,) = [span for span in spans if (span.service, span.kind) == (service, kind)]
    return found


@pytest.mark.parametrize("sent", [True, False])
def test_one_trace_goes_through_gateway_and_services(traced: Traced, sent: bool):
    before = traced.traces()
    headers = {"traceparent": f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"} if sent else {}
    answer = httpx.get(f"{traced.url}{OVERVIEW}?days={7 + sent}&state={SECRET}", headers=headers, trust_env=False)
    assert answer.status_code == 422, "the guard of queries refuses what it does not know: a trace of a refusal is a trace"
    answer = httpx.get(f"{traced.url}{OVERVIEW}?days={7 + sent}", headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    if sent:
        # One span of the gateway and one of the dashboard for the refused one; for the other 2 + 2 calls, each with its server.
        spans = traced.spans_of(CLIENTS_TRACE, 8)
        roots = [span for span in spans if span.service == "gateway"]
        assert {span.parent_id for span in roots} == {CLIENTS_SPAN}
        root = max(roots, key=lambda span: span.start_s)
    else:

        def whole() -> list[str]:
            own = [span for span in read_span_file(traced.folder) if span.trace_id not in before]
            return [span.trace_id for span in own if span.service == "orders" and span.kind == "server"]

        wait_until(lambda: len(whole()) >= 2, "the trace", limit_seconds=20)
        spans = traced.spans_of(whole()[0], 6)
        root = one(spans, "gateway", "server")
        assert root.parent_id == ""
    assert root.name == "/api/v1/dashboard"
    (entry,) = [span for span in spans if span.parent_id == root.span_id]
    assert (entry.service, entry.kind, entry.name, entry.status) == ("dashboard", "server", f"GET {OVERVIEW}", 200)
    calls = [span for span in spans if span.parent_id == entry.span_id]
    assert [(call.service, call.kind, call.peer, call.status) for call in calls] == [("dashboard", "client", "orders", 200)] * 2
    served = [span for span in spans if span.service == "orders"]
    assert {span.parent_id for span in served} == {call.span_id for call in calls}
    assert {span.name for span in served} == {"GET /api/v1/orders", "GET /api/v1/orders/revenue/daily"}
    for call in calls:
        (answered,) = [span for span in served if span.parent_id == call.span_id]
        assert call.start_s <= answered.start_s
        assert call.duration_s >= answered.duration_s
    assert SECRET not in (traced.folder / "spans.jsonl").read_text()


def test_the_edge_has_two_calls_an_overview(traced: Traced):
    for days in (20, 21, 22):
        assert httpx.get(f"{traced.url}{OVERVIEW}?days={days}", trust_env=False).status_code == 200

    def found() -> list[tuple[str, str, str, float]]:
        spans = read_span_file(traced.folder)
        served = [span for span in spans if span.name == f"GET {OVERVIEW}" and span.status == 200]
        whole = [span for span in spans if span.trace_id in {each.trace_id for each in served[-2:]} - {CLIENTS_TRACE}]
        return [(edge.entry, edge.caller, edge.callee, edge.calls_per_request) for edge in edges(whole)]

    wait_until(lambda: found() == [(f"GET {OVERVIEW}", "dashboard", "orders", 2.0)], "the edge", limit_seconds=20)


def test_who_says_that_nothing_is_recorded_is_followed(traced: Traced):
    trace_id = "1bf7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-{CLIENTS_SPAN}-00"}
    assert httpx.get(f"{traced.url}{OVERVIEW}?days=30", headers=headers, trust_env=False).status_code == 200
    other = "2bf7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{other}-{CLIENTS_SPAN}-01"}
    assert httpx.get(f"{traced.url}{OVERVIEW}?days=31", headers=headers, trust_env=False).status_code == 200
    traced.spans_of(other, 6)
    assert trace_id not in traced.traces()


@pytest.mark.parametrize("flags", ["01", "00"])
def test_the_logs_of_both_services_carry_the_trace(traced: Traced, filled: DataServer, flags: str):
    trace_id = f"3{flags}7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-{CLIENTS_SPAN}-{flags}", "authorization": "Bearer very-secret"}
    with psycopg.connect(filled.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders.orders RENAME TO elsewhere")
        try:
            answer = httpx.get(f"{traced.url}{OVERVIEW}?days=8", headers=headers, timeout=20, trust_env=False)
        finally:
            connection.execute("ALTER TABLE orders.elsewhere RENAME TO orders")
    assert answer.status_code == 502, answer.text
    assert answer.json()["trace_id"] == trace_id
    for replica in (traced.orders, traced.dashboard):
        lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
        own = [line for line in lines if line.get("trace_id") == trace_id]
        assert own, lines[-3:]
        assert {line["service"] for line in own} == {"orders" if replica is traced.orders else "dashboard"}
        assert {"time", "level", "logger", "message", "replica"} <= own[0].keys()
        assert "very-secret" not in replica.log.read_text()
    failed = [line for line in map(json.loads, traced.orders.log.read_text().splitlines()) if line.get("trace_id") == trace_id]
    assert "UndefinedTable" in failed[0]["exception"]
    if flags == "01":
        # Envoy sends every 5 s.
        wait_until(lambda: "gateway" in {span.service for span in traced.spans_of(trace_id, 2)}, "the gateway's span")
        gateway, entry = (one(traced.spans_of(trace_id, 2), service, "server") for service in ("gateway", "dashboard"))
        assert (gateway.status, entry.status, entry.failed) == (502, 502, True)


def test_the_last_spans_are_sent_before_the_end(environment: dict[str, str], receiver: tuple[str, Path], tmp_path: Path):
    endpoint, kept = receiver
    slow = {**told("orders", endpoint), "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    replica = Replica("orders", {**environment, **slow}, tmp_path / "orders.log").wait_ready()
    trace_id = "4cf7651916cd43dd8448eb211c80319c"
    try:
        headers = {"traceparent": f"00-{trace_id}-{CLIENTS_SPAN}-01"}
        assert replica.client.get("/api/v1/orders", headers=headers).status_code == 200
        assert trace_id not in {span.trace_id for span in read_span_file(kept)}, "too early: this test would show nothing"
        replica.process.send_signal(signal.SIGTERM)
        assert replica.process.wait(15) == 0
    finally:
        replica.stop()
    assert [span.service for span in read_span_file(kept) if span.trace_id == trace_id] == ["orders"]


@pytest.mark.parametrize("listens", [True, False])
def test_a_collector_that_is_away_or_silent_costs_nobody_anything(environment: dict[str, str], listens: bool, tmp_path: Path):
    with ExitStack() as ending:
        port = free_port()
        if listens:
            # It takes connections and never answers.
            silent = ending.enter_context(socket.create_server(("127.0.0.1", port)))
            assert silent
        small = {
            **told("orders", f"http://127.0.0.1:{port}"),
            "OTEL_BSP_MAX_QUEUE_SIZE": "64",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32",
        }
        replica = Replica("orders", {**environment, **small}, tmp_path / "orders.log").wait_ready()
        ending.callback(replica.stop)
        replica.client.get("/api/v1/orders")
        seconds = []
        for _ in range(300):
            started = time.monotonic()
            assert replica.client.get("/api/v1/orders").status_code == 200
            seconds.append(time.monotonic() - started)
        assert sorted(seconds)[len(seconds) * 9 // 10] < 0.2, "nobody waits for the collector"
        started = time.monotonic()
        replica.process.send_signal(signal.SIGTERM)
        assert replica.process.wait(15) == 0
        assert time.monotonic() - started < 5, "neither does the end"
    lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
    assert len([line for line in lines if line["logger"].startswith("opentelemetry")]) <= 1, "said once a minute"
    assert not [line for line in lines if line["logger"].startswith("services") and line["level"] != "INFO"]


def test_without_a_collector_nothing_of_the_sdk_is_loaded(environment: dict[str, str], orders: Replica):
    assert orders.client.get("/api/v1/orders").status_code == 200
    loaded = Path(f"/proc/{orders.process.pid}/task")
    names = {(task / "comm").read_text().strip() for task in loaded.iterdir()}
    assert not [name for name in names if name.startswith("OtelBatch")], names
    program = (
        "import os, sys; from services.orders.settings import Settings; from services.orders.app import create_app; "
        "create_app(Settings.from_environment(os.environ, service='orders')); "
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**uncounted(), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "[]\n"
