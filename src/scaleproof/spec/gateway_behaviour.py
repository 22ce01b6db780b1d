"""How a gateway behaves where `platform.yaml` has no field for it: the same on every target. Pure.

Both renderings of the spec, Envoy's own configuration and Envoy Gateway's policies, take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Final

from scaleproof.spec.gateway import Deprecation
from scaleproof.spec.platform import Platform

CONNECTION_RESERVE: Final = 2000
"""Connections beyond one a user: service to service, health checks, users that reconnect. Envoy Gateway's default of 1,024 in all
refuses users long before the replicas are busy."""
UPSTREAM_IDLE_SECONDS: Final = 30
"""Below every server's keep-alive (75 s here): who opens a connection must be who closes it, or requests are lost."""
SHORTEST_DOWNSTREAM_IDLE_SECONDS: Final = 120.0
RETRY_ON: Final = ("connect-failure", "refused-stream", "reset-before-request")
"""Only what certainly never reached a replica is sent again: a request may not be idempotent."""
RETRIES: Final = 6
"""A dead replica has no requests, so that least-request balancing likes it: three retries still meet it too often."""
LEAST_CONCURRENT_RETRIES: Final = 10
"""Under little load a share of the requests in flight would be no retry at all."""
SPOOFABLE_HEADERS: Final = ("x-forwarded-for", "forwarded")
"""What a client says about where it comes from is not believed: dropped before Envoy adds its own."""
LINK: Final = "link"
"""A header that may be there already, and then has one more value."""
BUCKETS_MS: Final = (
    *range(1, 11),
    *(12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 110, 125, 140, 150, 160, 175, 200, 225, 250, 275, 300),
    *(350, 400, 450, 500, 600, 700, 800, 900, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 5000, 6000, 7500, 10_000),
    *(12_500, 15_000, 20_000, 30_000),
)
"""Upper bounds in ms; Envoy's own are coarse around 100 ms. It keeps two significant digits and whole milliseconds, so nothing finer
exists."""


def connections(platform: Platform) -> int:
    """Connections that each proxy must be able to hold: all users may meet on one."""
    return platform.load.users + CONNECTION_RESERVE


def downstream_idle_seconds(platform: Platform) -> float:
    """How long a user's connection may be idle: a thinking user keeps it."""
    return max(SHORTEST_DOWNSTREAM_IDLE_SECONDS, 2 * platform.load.think_seconds[1])


def stream_idle_seconds(platform: Platform) -> float:
    """How long a request may stand still; longer than it may last."""
    return max(60.0, 2 * platform.gateway.request_timeout_seconds)


def bucket_bounds_ms(platform: Platform) -> list[float]:
    """The latency histogram's upper bounds in milliseconds, every SLO threshold among them."""
    return sorted({float(bound) for bound in BUCKETS_MS} | {service.slo.latency_ms for service in platform.services.values()})


def deprecation_headers(deprecation: Deprecation) -> Mapping[str, str]:
    """What answers below a deprecated path carry beyond what the service sends: RFC 9745, RFC 8594, and a link (RFC 8288, RFC 5829)."""
    found = {"deprecation": f"@{_midnight(deprecation.since).timestamp():.0f}"}
    if deprecation.sunset is not None:
        found["sunset"] = format_datetime(_midnight(deprecation.sunset), usegmt=True)
    if deprecation.successor is not None:
        found[LINK] = f'<{deprecation.successor}>; rel="successor-version"'
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
