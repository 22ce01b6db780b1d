"""What the endpoints of layouts take and give. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from services.common.given import Given, InUrl, LateShown
from services.common.tokens.principal import Role
from services.dashboard.layout_document import LayoutDocument
from services.dashboard.schemas import UserId

MOST_READERS: Final = 100
BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"

LayoutId = Annotated[
    str,
    StringConstraints(min_length=36, max_length=36, pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
"""A UUID in its one spelling."""
LayoutName = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
ETag = Annotated[str, Field(description="For If-Match; the same as the header ETag.")]


class LayoutQuery(Given):
    """Which layouts, and from where on."""

    of: Annotated[
        Literal["mine", "shared"], Field(description="The caller's own, or those that others share with the caller.")
    ] = "mine"
    after: Annotated[LayoutId, Field(description="Only layouts with greater ids.")] = BEFORE_ALL
    limit: Annotated[int, Field(ge=1, le=100), InUrl] = 50


class LayoutDraft(Given):
    """A layout as its owner wants it."""

    name: Annotated[LayoutName, Field(description="Each of a user's layouts has another one.")]
    document: LayoutDocument


class LayoutSummary(LateShown):
    """One layout in a list."""

    id: str
    owner_id: str
    name: str
    updated_at: datetime
    etag: ETag


class LayoutPage(LateShown):
    """Layouts by id."""

    layouts: list[LayoutSummary]
    next_after: str | None = Field(description="Pass as `after` for the next page; null on the last one.")


class Layout(LayoutSummary):
    """One layout. Who is not its owner may only read it."""

    document: LayoutDocument


class Shares(Given):
    """Who else may read a layout. Only staff and admins may name roles. Whether there is such a user is not checked."""

    users: Annotated[list[UserId], Field(max_length=MOST_READERS)]
    roles: Annotated[list[Annotated[Role, Field(strict=False)]], Field(max_length=len(Role))]


class StoredShares(LateShown):
    """Who else may read that layout: shown to its owner alone."""

    layout_id: str
    shares: Shares
    etag: ETag
