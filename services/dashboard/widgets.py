"""The kinds of widgets that a layout may hold, each with its own configuration. A new kind is a class here and a name in `Widget`.

Periods are in days or minutes back from now. What a widget shows comes from other endpoints, which check the caller's rights anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from services.common.given import WITHOUT_NUL, InBody, LateGiven
from services.common.tokens.principal import Role
from services.dashboard.schemas import MOST_DAYS

LONGEST_NOTE: Final = 4_000
"""Characters."""
LEAST_MINUTES: Final = 5
MOST_MINUTES: Final = 1_440
MOST_SERVICES: Final = 20

WidgetId = Annotated[str, StringConstraints(min_length=1, max_length=36, pattern=r"^[A-Za-z0-9_-]+$")]
"""Chosen by the front end, as a UUID or shorter; each once in a document."""
Title = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS), InBody]
Minutes = Annotated[int, Field(ge=LEAST_MINUTES, le=MOST_MINUTES), InBody]
ServiceName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")]


class AnyWidget(LateGiven):
    """What every kind has. Without a title the front end shows the kind's name in the user's language."""

    id: WidgetId
    title: Title | None = None


class RevenueByDay(AnyWidget):
    """Revenue of each day, and whether it grows."""

    kind: Literal["revenue_by_day"]
    days: Days = 7
    trend: bool = True


class LatestOrders(AnyWidget):
    """The newest orders."""

    kind: Literal["latest_orders"]
    limit: Annotated[int, Field(ge=1, le=50), InBody] = 10


class TopProducts(AnyWidget):
    """What sells best."""

    kind: Literal["top_products"]
    days: Days = 30
    limit: Annotated[int, Field(ge=1, le=20), InBody] = 5


class PlatformHealth(AnyWidget):
    """Error rate and latency of the platform itself."""

    kind: Literal["platform_health"]
    minutes: Minutes = 60


class ReplicasOverTime(AnyWidget):
    """What the autoscaler did. Without names: every service."""

    kind: Literal["replicas_over_time"]
    minutes: Minutes = 60
    services: Annotated[list[ServiceName], Field(max_length=MOST_SERVICES)] = []


class Note(AnyWidget):
    """The user's own words, plain text."""

    kind: Literal["note"]
    text: Annotated[str, StringConstraints(max_length=LONGEST_NOTE, pattern=WITHOUT_NUL)] = ""


Widget = Annotated[
    RevenueByDay | LatestOrders | TopProducts | PlatformHealth | ReplicasOverTime | Note, Field(discriminator="kind")
]

NEEDED_ROLES: Final[Mapping[str, frozenset[Role]]] = {"replicas_over_time": frozenset({Role.admin})}
"""Kinds that only users with one of these roles may put into a layout. Kinds that are not here: everybody."""
