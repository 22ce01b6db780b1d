"""Where the platform's history is read: at a Prometheus, at the embedded platform's port, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.common.application import Opened
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.policy import BulkheadPolicy, DependencyPolicy, RetryPolicy, TimeoutPolicy
from services.common.http_client.transport import HttpTransport
from services.dashboard.platform_history import NoMetrics, PlatformMetrics
from services.dashboard.prometheus_metrics import PrometheusMetrics
from services.dashboard.runtime_metrics import RuntimeMetrics
from services.dashboard.settings import Settings

POLICY: Final = DependencyPolicy(
    timeouts=TimeoutPolicy(connect_seconds=0.5, read_seconds=1.5, call_seconds=2.0),
    retry=RetryPolicy(attempts=2),
    bulkhead=BulkheadPolicy(most_attempts=6, most_waiting=6),
)
"""A figure that is missing is missed by few: it must take no place that others need."""


def create_platform_metrics(settings: Settings, calls: CallMetrics) -> tuple[PlatformMetrics, Sequence[Opened]]:
    """Where to ask, and what is opened and closed with the application. Somebody who names a Prometheus means it."""
    url = settings.prometheus_url or settings.runtime_metrics_url
    if url is None:
        return NoMetrics(), ()
    # Neither is told who asks, nor given the token.
    client = ServiceClient("metrics", HttpTransport(url, POLICY), policy=POLICY, metrics=calls.of("metrics"), propagates=False)
    if settings.prometheus_url is None:
        return RuntimeMetrics(client), (client,)
    return PrometheusMetrics(client, namespace=settings.prometheus_namespace), (client,)
