"""A span a request served.

Of our own, on OpenTelemetry's API: the span that FastAPI 0.165 makes costs more and says too much (docs/adr/0011-tracing.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as active
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, Tracer

from services.common.errors.trace_id import parse_traceparent
from services.common.metrics import KNOWN_METHODS
from services.common.traffic import INTERNAL_ERROR, PROBES, route_template

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ServerSpanMiddleware:
    """Plain ASGI, around all others: what the application does and logs belongs to the span. Probes have none.

    A span has the route, never the path or the query: both may hold what is nobody's business.
    """

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "_OTHER"
        span = self._tracer.start_span(
            method, context=parent_of(scope), kind=SpanKind.SERVER, attributes={"http.request.method": method}
        )
        status = INTERNAL_ERROR

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = active.attach(trace.set_span_in_context(span))
        try:
            await self._app(scope, receive, watched_send if span.is_recording() else send)
        finally:
            active.detach(token)
            if span.is_recording():
                route = route_template(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= INTERNAL_ERROR:
                    span.set_status(StatusCode.ERROR)
                span.end()


def parent_of(scope: Scope) -> active.Context:
    """The span that the caller names in `traceparent`; an empty context where it names none."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            named = parse_traceparent(value)
            if named is None:
                break
            parent = SpanContext(
                int(named.trace_id, 16), int(named.parent_id, 16), is_remote=True, trace_flags=TraceFlags(int(named.flags, 16))
            )
            return trace.set_span_in_context(NonRecordingSpan(parent), active.Context())
    return active.Context()
