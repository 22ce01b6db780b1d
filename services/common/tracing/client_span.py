"""A span an attempt of a call to another service, below that of the request being served."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode

LEAST_FAILED_STATUS = 400
"""Of an answer, for whoever asked (OpenTelemetry's conventions for HTTP clients)."""

_tracer = trace.get_tracer("services.common")


def start_attempt(callee: str, method: str, *, number: int) -> Span | None:
    """None where the request being served is not recorded, and outside of one: a poll is nobody's trace."""
    if not trace.get_current_span().is_recording():
        return None
    attributes: dict[str, str | int] = {"http.request.method": method, "peer.service": callee}
    if number > 1:
        attributes["http.request.resend_count"] = number - 1
    return _tracer.start_span(f"{method} {callee}", kind=SpanKind.CLIENT, attributes=attributes)


def end_attempt(span: Span | None, status: str) -> None:
    """`status` is HTTP's, or how the attempt ended without an answer."""
    if span is None:
        return
    if status.isdecimal():
        span.set_attribute("http.response.status_code", int(status))
    if not status.isdecimal() or int(status) >= LEAST_FAILED_STATUS:
        span.set_attribute("error.type", status)
        span.set_status(StatusCode.ERROR)
    span.end()


def trace_headers(span: Span | None) -> dict[str, str]:
    """What makes the callee's span a child of this one, or of the request's; nothing without traces: headers are handed on as they came."""
    context = (span or trace.get_current_span()).get_span_context()
    return {"traceparent": write_traceparent(context)} if context.is_valid else {}


def write_traceparent(context: SpanContext) -> str:
    """The header. Source: W3C Trace Context, level 1, section 3.2."""
    ids = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags:02x}"
