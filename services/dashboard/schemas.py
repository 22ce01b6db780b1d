"""What the dashboard takes and gives. Money is in cents; times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from services.common.given import Given, InBody, InUrl, Shown

MOST_DAYS = 90
UserId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Currency = Annotated[str, StringConstraints(min_length=3, max_length=3, pattern=r"^[A-Z]+$")]


class Theme(StrEnum):
    """Colours of the front end."""

    light = "light"
    dark = "dark"
    system = "system"


class Widget(StrEnum):
    """Parts of the overview that a user may show."""

    revenue = "revenue"
    trend = "trend"
    newest = "newest"


class UserSettings(Given):
    """How one user wants the dashboard."""

    theme: Annotated[Theme, Field(strict=False)] = Theme.system
    currency: Currency = "EUR"
    days: Annotated[int, Field(ge=1, le=MOST_DAYS), InBody] = 7
    widgets: Annotated[list[Annotated[Widget, Field(strict=False)]], Field(max_length=len(Widget))] = list(Widget)


class OverviewQuery(Given):
    """How far back."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS), InUrl] = 7


class StoredSettings(Shown):
    """A user's settings, and since when; null where the user never chose any."""

    user_id: str
    settings: UserSettings
    updated_at: datetime | None


class RevenueOfDay(Shown):
    """What the dashboard needs of a day in orders' answer."""

    day: date
    orders: int
    revenue_cents: int


class RevenueOfDays(Shown):
    """What the dashboard needs of orders' `/revenue/daily`."""

    days: list[RevenueOfDay]
    total_cents: int


class RecentOrder(Shown):
    """What the dashboard needs of an order in a list."""

    id: int
    reference: str
    customer_name: str
    status: str
    total_cents: int
    created_at: datetime


class RecentOrders(Shown):
    """What the dashboard needs of orders' list."""

    orders: list[RecentOrder]


class Overview(Shown):
    """The first screen."""

    revenue_cents: int
    orders: int
    mean_order_cents: int
    trend: float | None = Field(description="Revenue of the later half of the days over that of the earlier half, minus 1.")
    days: list[RevenueOfDay]
    by_status: dict[str, int]
    newest: list[RecentOrder]
