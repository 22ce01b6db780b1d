"""What is shown of the platform's history."""

from __future__ import annotations

from collections.abc import Sequence

from services.dashboard.platform_history import PlatformMetrics
from services.dashboard.platform_schemas import HealthHistory, HealthOfService, ReplicaHistory, ReplicasOfService


class PlatformService:
    """The use cases of the platform's history. Both raise ServiceError as `PlatformMetrics` does."""

    def __init__(self, metrics: PlatformMetrics) -> None:
        self._metrics = metrics

    async def replicas(self, minutes: int) -> ReplicaHistory:
        """Replicas over time."""
        found = await self._metrics.history(minutes, ("replicas", "desired"))
        services = [
            ReplicasOfService(
                name=name, replicas=_whole(found.series(name, "replicas")), desired=_whole(found.series(name, "desired"))
            )
            for name in sorted(found.services)
        ]
        return ReplicaHistory(step_seconds=found.step_seconds, times=list(found.times), services=services)

    async def health(self, minutes: int) -> HealthHistory:
        """Error rate and latency over time."""
        found = await self._metrics.history(minutes, ("requests_per_second", "error_share", "p95_ms"))
        services = [
            HealthOfService(
                name=name,
                requests_per_second=found.series(name, "requests_per_second"),
                error_share=found.series(name, "error_share"),
                p95_ms=found.series(name, "p95_ms"),
            )
            for name in sorted(found.services)
        ]
        return HealthHistory(step_seconds=found.step_seconds, times=list(found.times), services=services)


def _whole(series: Sequence[float | None]) -> list[int | None]:
    return [None if value is None else round(value) for value in series]
