"""What the dashboard decides: what the overview is made of, and what a user sees who never chose settings."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from services.common.errors.raised import ServiceError
from services.dashboard.repository import SettingsRepository
from services.dashboard.schemas import Overview, RecentOrders, RevenueOfDay, RevenueOfDays, StoredSettings, UserSettings

NEWEST = 10

Answer = TypeVar("Answer", bound=BaseModel)


class Orders(Protocol):
    """What the dashboard needs of the service orders."""

    async def read(self, path: str, query: Mapping[str, str | int]) -> bytes:
        """The body of a GET. Raises ServiceError."""
        ...


class DashboardService:
    """The use cases of the dashboard."""

    def __init__(self, repository: SettingsRepository, orders: Orders) -> None:
        self._repository = repository
        self._orders = orders

    async def overview(self, days: int) -> Overview:
        """Two questions to orders at once, put together. Raises ServiceError where either is not answered."""
        try:
            async with asyncio.TaskGroup() as questions:
                asked_revenue = questions.create_task(self._ask("/api/v1/orders/revenue/daily", {"days": days}, RevenueOfDays))
                asked_newest = questions.create_task(self._ask("/api/v1/orders", {"limit": NEWEST}, RecentOrders))
        except ExceptionGroup as group:
            # The other question was called off: alone its answer is of no use. The first error says what the user is told.
            raise group.exceptions[0] from None
        revenue, newest = asked_revenue.result(), asked_newest.result().orders
        orders = sum(day.orders for day in revenue.days)
        return Overview(
            revenue_cents=revenue.total_cents,
            orders=orders,
            mean_order_cents=round(revenue.total_cents / orders) if orders else 0,
            trend=trend_of(revenue.days),
            days=revenue.days,
            by_status=dict(Counter(order.status for order in newest)),
            newest=newest,
        )

    async def read_settings(self, user_id: str) -> StoredSettings:
        """A user's settings; the defaults where none were chosen."""
        stored = await self._repository.read(user_id)
        return stored or StoredSettings(user_id=user_id, settings=UserSettings(), updated_at=None)

    async def write_settings(self, user_id: str, settings: UserSettings) -> StoredSettings:
        """Replace a user's settings."""
        return await self._repository.write(user_id, settings)

    async def _ask(self, path: str, query: Mapping[str, str | int], answer: type[Answer]) -> Answer:
        body = await self._orders.read(path, query)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise ServiceError("dependency_failed") from error


def trend_of(days: Sequence[RevenueOfDay]) -> float | None:
    """Revenue of the later half over the earlier half, minus 1; of an odd number of days the middle one is left out."""
    half = len(days) // 2
    earlier = sum(day.revenue_cents for day in days[:half])
    later = sum(day.revenue_cents for day in days[len(days) - half :])
    return round(later / earlier - 1, 4) if earlier else None
