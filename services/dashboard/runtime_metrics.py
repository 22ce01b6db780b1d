"""The platform's history from the embedded platform itself: the read-only port of its supervisor (`SCALEPROOF_METRICS_URL`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, Self

from pydantic import ValidationError, model_validator

from services.common.errors.raised import ServiceError
from services.common.given import LateShown
from services.dashboard.platform_history import Figure, PlatformHistory

PATH = "/v1/history"


class RuntimeServices(LateShown):
    """What is needed of the port's answer to one service; figures that are not known here are ignored."""

    replicas: list[float | None]
    desired: list[float | None]
    requests_per_second: list[float | None]
    error_share: list[float | None]
    p95_ms: list[float | None]


class RuntimeHistory(LateShown):
    """What is needed of the port's answer."""

    version: Literal[1]
    step_seconds: int
    times: list[int]
    services: dict[str, RuntimeServices]

    @model_validator(mode="after")
    def _have_a_value_a_time(self) -> Self:
        if any(len(series) != len(self.times) for service in self.services.values() for _, series in service):
            raise ValueError("a series is not as long as the times")
        return self


class Reads(Protocol):
    """What is needed of a client."""

    async def read(self, path: str, query: Mapping[str, str | int]) -> bytes:
        """The body of a GET. Raises ServiceError."""
        ...


class RuntimeMetrics:
    """`PlatformMetrics` of the embedded platform."""

    def __init__(self, port: Reads) -> None:
        self._port = port

    async def history(self, minutes: int, figures: Sequence[Figure]) -> PlatformHistory:
        """As `PlatformMetrics`."""
        body = await self._port.read(PATH, {"minutes": minutes})
        try:
            found = RuntimeHistory.model_validate_json(body)
        except ValidationError as error:
            raise ServiceError("dependency_failed") from error
        services = {name: {figure: getattr(each, figure) for figure in figures} for name, each in found.services.items()}
        return PlatformHistory(found.step_seconds, found.times, services)
