"""What the request being served hands on to the calls that serving it makes: its deadline, its trace, its caller's token."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.common.errors.trace_id import parse_request_id, parse_traceparent
from services.common.http_client.deadline import READ_HEADERS, SENT_HEADER, read_seconds_left, write_seconds_left

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_SECONDS = 15.0
"""Of a request that says nothing, and at most: the gateway's own time limit in platform.yaml. Nobody waits longer."""
_TRACE_HEADERS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
_LONGEST_TRACE_HEADER = 512
"""What W3C Trace Context lets be cut of `tracestate`; `traceparent` has 55 characters."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request being served."""

    deadline: float
    """Seconds on the monotonic clock."""
    trace: tuple[tuple[str, str], ...]
    """W3C Trace Context's headers as they came."""
    request_id: bytes | None = None
    """Envoy's `x-request-id` as it came."""
    authorization: str | None = field(default=None, repr=False)
    """Whoever asks us may ask in this name what we ask: the access token as it came. None where there is not exactly one."""

    @property
    def trace_id(self) -> str | None:
        """For logs, and read only then: the same that the request's problem documents show, where it brought one."""
        parents = [parse_traceparent(value.encode("latin-1")) for name, value in self.trace if name == "traceparent"]
        found = next((parent.trace_id for parent in parents if parent is not None), None)
        return found or (parse_request_id(self.request_id) if self.request_id is not None else None)


_serving: ContextVar[Incoming | None] = ContextVar("serving", default=None)


def serving() -> Incoming | None:
    """The request being served; None outside of one (start, background work)."""
    return _serving.get()


def headers_for(incoming: Incoming | None, seconds_left: float) -> dict[str, str]:
    """What a call sends along: the time that it has left, the trace it belongs to, and in whose name it is."""
    headers = {SENT_HEADER: write_seconds_left(seconds_left)}
    if incoming is not None:
        headers.update(incoming.trace)
        if incoming.authorization is not None:
            headers["authorization"] = incoming.authorization
    return headers


class PropagationMiddleware:
    """Plain ASGI; one pass over the headers. A header that cannot be read counts as none."""

    def __init__(
        self, app: ASGIApp, *, longest_seconds: float = LONGEST_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._longest_seconds = longest_seconds
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seconds = self._longest_seconds
        trace: tuple[tuple[str, str], ...] = ()
        request_id: bytes | None = None
        authorizations: list[str] = []
        for name, value in scope["headers"]:
            if name in READ_HEADERS:
                left = read_seconds_left(value)
                if left is not None and left < seconds:
                    seconds = left
            elif name in _TRACE_HEADERS and len(value) <= _LONGEST_TRACE_HEADER:
                trace += ((_TRACE_HEADERS[name], value.decode("latin-1")),)
            elif name == b"x-request-id":
                request_id = value
            elif name == b"authorization":
                authorizations.append(value.decode("latin-1"))
        # Of two, the gateway may have verified the other one.
        authorization = authorizations[0] if len(authorizations) == 1 else None
        before = _serving.set(Incoming(self._now() + seconds, trace, request_id, authorization))
        try:
            await self._app(scope, receive, send)
        finally:
            _serving.reset(before)
