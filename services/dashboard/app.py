"""The dashboard service put together."""

from __future__ import annotations

from fastapi import FastAPI

from services.common.application import create_service_app
from services.common.database import Database
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.transport import HttpTransport
from services.common.metrics import Metrics
from services.common.tokens.authentication import create_authentication, create_guard
from services.common.tracing.tracing import create_tracing
from services.dashboard.consumers import create_consumers
from services.dashboard.endpoints import create_router
from services.dashboard.front_end import create_front_end_router
from services.dashboard.layout_endpoints import create_layout_router
from services.dashboard.layout_repository import LayoutRepository
from services.dashboard.layout_service import LayoutService
from services.dashboard.platform_endpoints import create_platform_router
from services.dashboard.platform_service import PlatformService
from services.dashboard.platform_sources import create_platform_metrics
from services.dashboard.preference_endpoints import create_preference_router
from services.dashboard.preference_repository import PreferenceRepository
from services.dashboard.preference_service import PreferenceService
from services.dashboard.repository import SettingsRepository
from services.dashboard.service import DashboardService
from services.dashboard.settings import Settings
from services.dashboard.user_data import UserDataRepository


def create_app(settings: Settings) -> FastAPI:
    """The application; nothing is connected before its lifespan starts."""
    metrics = Metrics()
    database = Database(settings.database_url, name=f"{settings.service}-{settings.replica}")
    calls = CallMetrics(metrics.registry)
    orders = ServiceClient(
        "orders",
        HttpTransport(settings.orders_url, settings.orders_policy),
        policy=settings.orders_policy,
        metrics=calls.of("orders"),
    )
    service = DashboardService(SettingsRepository(database), orders)
    layouts = LayoutService(LayoutRepository(database))
    preferences = PreferenceService(PreferenceRepository(database))
    platform, sources = create_platform_metrics(settings, calls)
    authentication = create_authentication(settings.tokens, redis_url=settings.redis_url)
    events = create_consumers(settings, UserDataRepository(database), metrics)
    app = create_service_app(
        "dashboard",
        routers=[
            create_router(service, create_guard(settings.access)),
            create_layout_router(layouts),
            create_preference_router(preferences),
            create_platform_router(PlatformService(platform)),
            create_front_end_router(),
        ],
        database=database,
        metrics=metrics,
        most_in_flight=settings.most_in_flight,
        tracing=create_tracing(settings),
        adapters=[orders, *sources, *events, *authentication.adapters],
    )
    app.state.authenticator = authentication.authenticator
    return app
