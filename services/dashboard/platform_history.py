"""What is known of the platform over time, whoever kept it; and who must be asked where nobody did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from services.common.errors.raised import ServiceError

Figure = Literal["replicas", "desired", "requests_per_second", "error_share", "p95_ms"]
Series = Sequence[float | None]
"""A value a time; None where nothing is known."""


@dataclass(frozen=True)
class PlatformHistory:
    """Figures of every service at the same times."""

    step_seconds: int
    times: Sequence[int]
    """Unix seconds: each is where a step begins."""
    services: Mapping[str, Mapping[Figure, Series]]
    """A figure that is absent is known of no time."""

    def series(self, service: str, figure: Figure) -> list[float | None]:
        """As long as the times."""
        return list(self.services[service].get(figure, [None] * len(self.times)))


class PlatformMetrics(Protocol):
    """Where the history comes from: the embedded platform's own port, or a Prometheus."""

    async def history(self, minutes: int, figures: Sequence[Figure]) -> PlatformHistory:
        """These figures of the last minutes. Raises ServiceError."""
        ...


class NoMetrics:
    """Of a service that was told of neither."""

    async def history(self, minutes: int, figures: Sequence[Figure]) -> PlatformHistory:  # noqa: ARG002  whatever is asked
        """Raises ServiceError `metrics_not_kept`."""
        raise ServiceError("metrics_not_kept")
