"""What the dashboard decides: what the overview is made of, and what a user sees who never chose settings."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from services.common.peer import Peer
from services.dashboard.repository import SettingsRepository
from services.dashboard.schemas import Overview, RecentOrders, RevenueOfDay, RevenueOfDays, StoredSettings, UserSettings

NEWEST = 10


class DashboardService:
    """The use cases of the dashboard."""

    def __init__(self, repository: SettingsRepository, orders: Peer) -> None:
        self._repository = repository
        self._orders = orders

    async def overview(self, days: int) -> Overview:
        """Two questions to orders at once, put together. Raises PeerUnavailableError."""
        # Not a TaskGroup: its ExceptionGroup would hide the error that the application answers with 503.
        revenue_body, newest_body = await asyncio.gather(
            self._orders.read("/api/v1/orders/revenue/daily", {"days": days}),
            self._orders.read("/api/v1/orders", {"limit": NEWEST}),
        )
        revenue = RevenueOfDays.model_validate_json(revenue_body)
        newest = RecentOrders.model_validate_json(newest_body).orders
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


def trend_of(days: Sequence[RevenueOfDay]) -> float | None:
    """Revenue of the later half over the earlier half, minus 1; of an odd number of days the middle one is left out."""
    half = len(days) // 2
    earlier = sum(day.revenue_cents for day in days[:half])
    later = sum(day.revenue_cents for day in days[len(days) - half :])
    return round(later / earlier - 1, 4) if earlier else None
