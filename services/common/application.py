"""What every `create_app` has in common: the probes, the middleware, opening and closing, and how errors are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig

from services.common.body_limit import BodyLimitMiddleware
from services.common.database import Database, DatabaseUnavailableError
from services.common.errors.catalogue import load_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.handlers import install
from services.common.errors.openapi import describe_problems
from services.common.errors.unexpected import UnexpectedErrorMiddleware
from services.common.health import create_health_router
from services.common.http_client.propagation import PropagationMiddleware
from services.common.metrics import Metrics
from services.common.query_guard import QueryGuardMiddleware
from services.common.tracing.server_span import ServerSpanMiddleware
from services.common.tracing.tracing import Tracing
from services.common.traffic import Traffic, TrafficMiddleware

NO_TELEMETRY: TelemetryConfig = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}
"""FastAPI would otherwise make a second span a request, as soon as the process has a tracer provider (docs/adr/0011-tracing.md)."""


class Opened(Protocol):
    """An adapter that needs the running loop."""

    async def open(self) -> None:
        """Called before the first request."""

    async def close(self) -> None:
        """Called after the last one."""


class ServiceApp(FastAPI):
    """FastAPI whose OpenAPI document says which errors each operation answers."""

    def openapi(self) -> dict[str, Any]:
        """The document; made when it is first asked for."""
        document = super().openapi()
        describe_problems(document, self.state.errors.catalogue)
        return document


def create_service_app(
    title: str,
    *,
    routers: Sequence[APIRouter],
    database: Database,
    metrics: Metrics,
    adapters: Sequence[Opened] = (),
    unavailable: Sequence[type[Exception]] = (),
    most_in_flight: int,
    tracing: Tracing | None = None,
) -> FastAPI:
    """Put the service of the package `services.<title>` together.

    `unavailable` are the adapters' errors that mean: try again later. Without `tracing` no request has a span.
    """
    traffic = Traffic(most_in_flight=most_in_flight)
    metrics.watch(in_flight=lambda: traffic.in_flight, draining=lambda: float(traffic.draining))
    # Traces are closed last: what closing the others records is sent as well.
    opened: list[Opened] = [*([tracing] if tracing is not None else []), database, *adapters]
    factory = ErrorResponseFactory(load_catalogue(f"services.{title}"), service=title)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for adapter in opened:
                await adapter.open()
                stack.push_async_callback(adapter.close)
            yield

    # No redirect from `/orders/` to `/orders`: each resource has one path, all others are not found.
    app = ServiceApp(
        title=title, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY
    )
    app.state.traffic = traffic
    app.state.errors = factory
    # The last one added is the outermost: first comes the traffic, as it sheds what nobody should look at any more.
    app.add_middleware(PropagationMiddleware)
    app.add_middleware(QueryGuardMiddleware, factory=factory)
    app.add_middleware(BodyLimitMiddleware, factory=factory)
    app.add_middleware(UnexpectedErrorMiddleware, factory=factory)
    app.add_middleware(TrafficMiddleware, traffic=traffic, metrics=metrics, factory=factory)
    if tracing is not None:
        app.add_middleware(ServerSpanMiddleware, tracer=tracing.tracer)
    app.include_router(create_health_router(database=database, metrics=metrics, traffic=traffic))
    for router in routers:
        app.include_router(router)
    install(app, factory, unavailable=[DatabaseUnavailableError, *unavailable])
    return app
