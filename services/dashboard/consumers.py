"""Which events of other services the dashboard reads, and what it does with them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from services.common.events.consumer import EventConsumer, Handler
from services.common.events.event_metrics import HandlingMetrics
from services.common.metrics import Metrics
from services.dashboard.settings import Settings
from services.dashboard.user_data import UserDataRepository


class UserDeleted(BaseModel):
    """Identity's `user_deleted`, as far as it is needed here."""

    user_id: str = Field(min_length=1)


def create_consumers(settings: Settings, user_data: UserDataRepository, metrics: Metrics) -> Sequence[EventConsumer]:
    """None where there is no Redis to carry events, or no identity to publish any."""
    if settings.redis_url is None or settings.tokens is None:
        return []

    async def forget(deleted: UserDeleted) -> None:
        await user_data.delete(deleted.user_id)

    return [
        EventConsumer(
            settings.redis_url,
            producer="identity",
            group=settings.service,
            handlers={"user_deleted": Handler(UserDeleted, forget)},
            metrics=HandlingMetrics(metrics.registry),
        )
    ]
