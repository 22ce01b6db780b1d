"""Revocations on their way from identity to the replicas: over Redis, and over HTTP where Redis is down."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

CHANNEL = "identity:revocations"
"""Redis' pub/sub channel."""
REVOCATIONS_PATH = "/internal/v1/revocations"
"""Where identity is polled. No route of the gateway leads there."""
COMMIT_SECONDS = 6.0
"""A revocation may become visible so long after the time it bears: the services' statements end after 5 s."""
WINDOW_SECONDS = 15.0
"""Every message repeats what was recorded so recently: one that is lost is made good by the next."""


class RevokedSession(BaseModel):
    """Every token of this session."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    expires_at: float


class RevokedUser(BaseModel):
    """Every token of this user whose `ver` is less than `least_version`."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    least_version: int
    expires_at: float


class RevocationBatch(BaseModel):
    """What was recorded from `since` to `as_of`. Times are seconds since 1970 by PostgreSQL's clock.

    An entry expires with the last token that it can concern.
    """

    model_config = ConfigDict(frozen=True)

    since: float = Field(description="0: everything that can still matter.")
    as_of: float
    sessions: list[RevokedSession]
    users: list[RevokedUser]
