"""What is asked and told about the platform over time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.common.given import Given, InUrl, LateShown, Shown
from services.dashboard.widgets import LEAST_MINUTES, MOST_MINUTES

Times = Annotated[list[int], Field(description="Unix seconds: where each step begins. Every series has a value a time.")]


class PlatformQuery(Given):
    """How far back."""

    minutes: Annotated[int, Field(ge=LEAST_MINUTES, le=MOST_MINUTES), InUrl] = 60


class ReplicasOfService(LateShown):
    """What the autoscaler did with one service; null where nothing is known. Of a step the most."""

    name: str
    replicas: list[int | None]
    desired: list[int | None]


class ReplicaHistory(Shown):
    """Replicas over time, services by name."""

    step_seconds: int
    times: Times
    services: list[ReplicasOfService]


class HealthOfService(LateShown):
    """How one service answered, as the gateway saw it; null where nothing is known, or nobody asked."""

    name: str
    requests_per_second: list[float | None]
    error_share: Annotated[list[float | None], Field(description="Of the answers: those with a status of 500 or more, 0 to 1.")]
    p95_ms: list[float | None]


class HealthHistory(Shown):
    """Error rate and latency over time, services by name."""

    step_seconds: int
    times: Times
    services: list[HealthOfService]
