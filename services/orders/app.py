"""The orders service put together."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from services.common.application import create_service_app
from services.common.cache.tiered import TieredCache
from services.common.database import Database
from services.common.events.event_metrics import PublishingMetrics
from services.common.events.outbox import OutboxRepository
from services.common.events.relay import OutboxRelay
from services.common.metrics import Metrics
from services.common.tokens.authentication import create_authentication, create_guard
from services.common.tracing.tracing import create_tracing
from services.orders.endpoints import create_routers
from services.orders.repository import OrdersRepository
from services.orders.service import OrdersService
from services.orders.settings import Settings


def create_app(settings: Settings, *, repository: Callable[[Database], OrdersRepository] = OrdersRepository) -> FastAPI:
    """The application; nothing is connected before its lifespan starts. Another repository is what a benchmark compares with."""
    metrics = Metrics()
    database = Database(settings.database_url, name=f"{settings.service}-{settings.replica}")
    cache = TieredCache.connect(settings.cache_redis_url, service=settings.service, metrics=metrics)
    service = OrdersService(repository(database), cache, cached=settings.cached)
    # Nobody waits for these events: publishing once a second costs the fewest statements, so `soon` is not called.
    events = OutboxRelay(
        OutboxRepository(database, "orders"),
        service="orders",
        redis_url=settings.redis_url,
        metrics=PublishingMetrics(metrics.registry),
    )
    authentication = create_authentication(settings.tokens, redis_url=settings.redis_url)
    app = create_service_app(
        "orders",
        routers=create_routers(service, create_guard(settings.access)),
        database=database,
        metrics=metrics,
        most_in_flight=settings.most_in_flight,
        tracing=create_tracing(settings),
        adapters=[cache, events, *authentication.adapters],
    )
    app.state.authenticator = authentication.authenticator
    return app
