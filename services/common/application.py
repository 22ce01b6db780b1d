"""What every `create_app` has in common: the probes, the middleware, opening and closing, and 503 for what is unreachable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from services.common.database import Database, DatabaseUnavailableError
from services.common.health import create_health_router
from services.common.metrics import Metrics
from services.common.traffic import Traffic, TrafficMiddleware

RETRY_AFTER_SECONDS = 1


class Opened(Protocol):
    """An adapter that needs the running loop."""

    async def open(self) -> None:
        """Called before the first request."""

    async def close(self) -> None:
        """Called after the last one."""


def create_service_app(
    title: str,
    *,
    routers: Sequence[APIRouter],
    database: Database,
    metrics: Metrics,
    adapters: Sequence[Opened] = (),
    unavailable: Sequence[type[Exception]] = (),
    most_in_flight: int,
) -> FastAPI:
    """Put a service together. `unavailable` are the adapters' errors that mean: try again later."""
    traffic = Traffic(most_in_flight=most_in_flight)
    metrics.watch(in_flight=lambda: traffic.in_flight, draining=lambda: float(traffic.draining))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for adapter in (database, *adapters):
                await adapter.open()
                stack.push_async_callback(adapter.close)
            yield

    app = FastAPI(title=title, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.traffic = traffic
    app.add_middleware(TrafficMiddleware, traffic=traffic, metrics=metrics)
    app.include_router(create_health_router(database=database, metrics=metrics, traffic=traffic))
    for router in routers:
        app.include_router(router)
    errors: list[type[Exception]] = [DatabaseUnavailableError, *unavailable]
    for error in errors:
        app.add_exception_handler(error, answer_unavailable)
    return app


async def answer_unavailable(_request: Request, _error: Exception) -> JSONResponse:
    """503 with Retry-After, in FastAPI's own shape of an error."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
    return JSONResponse({"detail": "temporarily unavailable"}, status_code=503, headers=headers)
