"""The dashboard service put together."""

from __future__ import annotations

from fastapi import FastAPI

from services.common.application import create_service_app
from services.common.database import Database
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.transport import HttpTransport
from services.common.metrics import Metrics
from services.dashboard.endpoints import create_router
from services.dashboard.repository import SettingsRepository
from services.dashboard.service import DashboardService
from services.dashboard.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The application; nothing is connected before its lifespan starts."""
    metrics = Metrics()
    database = Database(settings.database_url, name=f"{settings.service}-{settings.replica}")
    orders = ServiceClient(
        "orders",
        HttpTransport(settings.orders_url, settings.orders_policy),
        policy=settings.orders_policy,
        metrics=CallMetrics(metrics.registry).of("orders"),
    )
    service = DashboardService(SettingsRepository(database), orders)
    return create_service_app(
        "dashboard",
        routers=[create_router(service)],
        database=database,
        metrics=metrics,
        most_in_flight=settings.most_in_flight,
        adapters=[orders],
    )
