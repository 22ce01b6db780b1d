"""Who is being served: in-flight requests and their limit, metrics a request, and `Connection: close` while the replica drains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from services.common.errors.factory import ErrorResponseFactory
from services.common.metrics import Metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Not users' requests: they neither count nor keep a draining replica alive."""
INTERNAL_ERROR = 500
SHED_CODE = "overloaded"
SHED_ROUTE = "shed"
"""The route label of what was refused unread."""


class Traffic:
    """The state that the server, the probes and the middleware share."""

    def __init__(self, *, most_in_flight: int) -> None:
        self.most_in_flight = most_in_flight
        self.draining = False
        self.in_flight = 0
        self.last_arrival = time.monotonic()

    def start_drain(self) -> None:
        """From now on: not ready, and every response asks its connection to close."""
        if not self.draining:
            self.draining = True
            self.last_arrival = time.monotonic()

    def is_quiet(self, now: float, quiet_seconds: float) -> bool:
        """Nothing in flight, and no request has arrived for that long."""
        return self.in_flight == 0 and now - self.last_arrival >= quiet_seconds


class TrafficMiddleware:
    """Plain ASGI: Starlette's BaseHTTPMiddleware would cost a task and two queues a request.

    Sheds load: what arrives while `most_in_flight` are being served is refused at once, unread. Without a limit a replica under
    twice its capacity answers next to nobody: everybody waits until nobody's answer is wanted any more. Source: "Handling
    Overload" in the SRE book (Beyer et al., chapter 21).
    """

    def __init__(self, app: ASGIApp, *, traffic: Traffic, metrics: Metrics, factory: ErrorResponseFactory) -> None:
        self._app = app
        self._traffic = traffic
        self._metrics = metrics
        self._shed = factory.refusal(SHED_CODE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        probe = scope["path"] in PROBES
        status = INTERNAL_ERROR
        started = time.perf_counter()

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._traffic.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        if not probe:
            self._traffic.last_arrival = time.monotonic()
            if self._traffic.in_flight >= self._traffic.most_in_flight:
                closing = [(b"connection", b"close")] if self._traffic.draining else []
                await self._shed.send(scope, send, more_headers=closing)
                self._metrics.observe(scope["method"], SHED_ROUTE, self._shed.status, time.perf_counter() - started)
                return
            self._traffic.in_flight += 1
        try:
            await self._app(scope, receive, watched_send)
        finally:
            if not probe:
                self._traffic.in_flight -= 1
                self._metrics.observe(scope["method"], route_template(scope), status, time.perf_counter() - started)


def route_template(scope: dict[str, Any] | Scope) -> str:
    """`/api/v1/orders/{order_id}` rather than the path: paths of strangers must not become label values."""
    route = scope.get("route")
    return getattr(route, "path", None) or "unmatched"
