"""Who calls, as a verified access token says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may be; a user may be several at once."""

    customer = "customer"
    staff = "staff"
    admin = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One verified token's user. Times are seconds since 1970."""

    user_id: str
    session_id: str
    """The family of refresh tokens that this token comes from."""
    token_id: str
    roles: frozenset[Role]
    version: int
    """Counts what changed about the user. Tokens of an older version than the user's are revoked."""
    issued_at: int
    expires_at: int
