"""One JSON object a line, whatever is logged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from services.common import logs
from services.common.http_client import propagation
from services.common.http_client.propagation import Incoming

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a service writes to standard error; pytest's own handlers are put back."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    monkeypatch.setattr("sys.stderr", stream)
    logs.set_up_logs(service="orders", replica="orders-1")
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_line(written: io.StringIO):
    logging.getLogger("services.x").warning("%s answered\n%d", "identity", 503)
    logging.getLogger("services.x").debug("not said")
    (line,) = lines(written)
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "level": "WARNING",
        "logger": "services.x",
        "message": "identity answered\n503",
        "service": "orders",
        "replica": "orders-1",
    }


def test_a_traceback_is_a_field(written: io.StringIO):
    try:
        {}["broken"]
    except KeyError:
        logging.getLogger("services.x").exception("failed", extra={"trace_id": TRACE_ID})
    (line,) = lines(written)
    assert "KeyError: 'broken'" in str(line["exception"])
    assert line["trace_id"] == TRACE_ID


@pytest.mark.parametrize(("incoming", "expected", "gloss"), [
    (None, None, "outside of a request"),
    (Incoming(0.0, ()), None, "a request that brings nothing"),
    (Incoming(0.0, (("traceparent", PARENT),)), TRACE_ID, "as the problem documents say"),
    (Incoming(0.0, (("traceparent", "nonsense"),), b"6c2e9a1b-0000-4000-8000-00000000000f"), "6c2e9a1b00004000800000000000000f", "Envoy's own id"),
    (Incoming(0.0, (("tracestate", PARENT),), b"nonsense"), None, "neither"),
])  # fmt: skip
def test_the_trace_of_the_request_without_a_collector(written: io.StringIO, incoming, expected, gloss: str):
    token = propagation._serving.set(incoming)
    try:
        logging.getLogger("services.x").info("said")
    finally:
        propagation._serving.reset(token)
    assert lines(written)[0].get("trace_id") == expected, gloss


def test_the_span_being_served_comes_first(written: io.StringIO):
    span = NonRecordingSpan(SpanContext(int(TRACE_ID, 16), 0xB7AD6B7169203331, is_remote=False, trace_flags=TraceFlags(0)))
    token = context.attach(trace.set_span_in_context(span))
    try:
        logging.getLogger("services.x").info("said")
    finally:
        context.detach(token)
    assert (lines(written)[0]["trace_id"], lines(written)[0]["span_id"]) == (TRACE_ID, "b7ad6b7169203331")


def test_the_exporter_is_heard_once_a_minute(written: io.StringIO, monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    exporter = logging.getLogger("opentelemetry.exporter.otlp")
    for second in range(121):
        now[0] = 1000.0 + second
        exporter.error("no collector")
    logging.getLogger("services.x").error("said")
    assert [line["logger"] for line in lines(written)] == ["opentelemetry.exporter.otlp"] * 3 + ["services.x"]
