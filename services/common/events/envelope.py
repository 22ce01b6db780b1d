"""What every event looks like on its way, and where it goes."""

from __future__ import annotations

from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FIELD: Final = "event"
"""The one field of an entry in the stream: an Event as JSON."""


class Event(BaseModel):
    """Something that happened in a service. It may arrive more than once, and before an older one.

    A later version may add fields: they are ignored. What changes the meaning of one gets another `version`.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    id: UUID
    """The same each time the event arrives."""
    type: str = Field(min_length=1)
    at: AwareDatetime
    """By PostgreSQL's clock."""
    data: dict[str, Any]


def stream_of(service: str) -> str:
    """The stream to which that service publishes."""
    return f"events:{service}"
