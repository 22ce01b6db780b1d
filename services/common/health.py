"""What the supervisor, the gateway and Prometheus ask: alive, ready, metrics. Plain routes: they are asked every second."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.common.database import Database
from services.common.metrics import Metrics
from services.common.traffic import Traffic


def create_health_router(*, database: Database, metrics: Metrics, traffic: Traffic) -> APIRouter:
    """/healthz, /readyz and /metrics. Other services are not asked: their failure must not take this one out of balance."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz", response_class=Response)
    async def alive() -> Response:
        return Response(b"alive\n", media_type="text/plain")

    @router.get("/readyz", response_class=Response)
    async def ready() -> Response:
        if traffic.draining:
            return Response(b"draining\n", status_code=503, media_type="text/plain")
        if not await database.is_reachable():
            return Response(b"database unreachable\n", status_code=503, media_type="text/plain")
        return Response(b"ready\n", media_type="text/plain")

    @router.get("/metrics", response_class=Response)
    async def scrape() -> Response:
        return Response(metrics.exposition(), media_type=metrics.content_type)

    return router
