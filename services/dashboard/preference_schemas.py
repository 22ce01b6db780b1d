"""What the endpoints of preferences take and give. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from services.common.given import Given, LateShown
from services.dashboard.layout_schemas import ETag, LayoutId
from services.dashboard.schemas import Currency, Theme

PREFERENCES_VERSION: Final = 1


class Language(StrEnum):
    """Languages of the front end."""

    de = "de"
    en = "en"


class Preferences(Given):
    """What holds for every layout of one user, on every device."""

    version: Literal[1]
    theme: Annotated[Theme, Field(strict=False)] = Theme.system
    language: Annotated[
        Annotated[Language, Field(strict=False)] | None, Field(description="null: the first that the browser asks for.")
    ] = None
    currency: Annotated[Currency, Field(description="How amounts are labelled; nothing is converted.")] = "EUR"
    open_layout: Annotated[
        LayoutId | None, Field(description="The layout that was open last; it may be gone. null: none was.")
    ] = None


class StoredPreferences(LateShown):
    """A user's preferences, and since when; null where the user never chose any."""

    user_id: str
    preferences: Preferences
    updated_at: datetime | None
    etag: ETag
