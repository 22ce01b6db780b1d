"""What the dashboard takes and gives. Money is in cents; times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Given(BaseModel):
    """Something a client sends: unknown fields and loosely typed values are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """Something the service answers with."""

    model_config = ConfigDict(frozen=True)


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
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    days: Annotated[int, Field(ge=1, le=90)] = 7
    widgets: Annotated[list[Annotated[Widget, Field(strict=False)]], Field(max_length=len(Widget))] = list(Widget)


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
