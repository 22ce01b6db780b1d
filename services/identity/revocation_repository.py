"""All SQL that reads revocations, and that forgets what is over. Whoever revokes writes them in the same statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from services.common.database import Database
from services.common.tokens.revocation_batch import RevocationBatch, RevokedSession, RevokedUser

# One row at least, which tells PostgreSQL's time even where nothing was revoked.
_READ: LiteralString = """
    SELECT span.since, span.as_of, r.session_id, r.user_id, r.least_version, extract(epoch FROM r.expires_at)::float8 AS expires_at
    FROM span LEFT JOIN identity.revocations r ON r.recorded_at > to_timestamp(span.since) AND r.expires_at > now()
"""

READ_SINCE: LiteralString = (
    """
    WITH span AS (SELECT %(since)s::float8 AS since, extract(epoch FROM statement_timestamp())::float8 AS as_of)
    """  # noqa: S608  literals, as their type says
    + _READ
)

READ_WINDOW: LiteralString = (
    """
    WITH span AS (
        SELECT now.as_of - %(window_seconds)s::float8 AS since, now.as_of
        FROM (SELECT extract(epoch FROM statement_timestamp())::float8 AS as_of) now
    )
    """  # noqa: S608  literals, as their type says
    + _READ
)

# In small bites: nobody waits for it. A used refresh token is kept for a day, to know a thief by; a session until it expires, or
# for a day after it was revoked.
FORGET: tuple[LiteralString, ...] = (
    "DELETE FROM identity.revocations WHERE expires_at < now() - interval '1 minute' RETURNING 1 AS gone",
    "DELETE FROM identity.sign_in_attempts WHERE began_at < now() - interval '1 day' RETURNING 1 AS gone",
    """
    DELETE FROM identity.oidc_attempts WHERE state_hash = ANY (ARRAY(
        SELECT state_hash FROM identity.oidc_attempts WHERE expires_at < now() LIMIT 2000 FOR UPDATE SKIP LOCKED
    )) RETURNING 1 AS gone
    """,
    """
    DELETE FROM identity.refresh_tokens WHERE token_hash = ANY (ARRAY(
        SELECT token_hash FROM identity.refresh_tokens WHERE used_at < now() - interval '1 day' LIMIT 2000 FOR UPDATE SKIP LOCKED
    )) RETURNING 1 AS gone
    """,
    """
    DELETE FROM identity.sessions WHERE id = ANY (ARRAY(
        SELECT id FROM identity.sessions WHERE expires_at < now() OR revoked_at < now() - interval '1 day'
        LIMIT 500 FOR UPDATE SKIP LOCKED
    )) RETURNING 1 AS gone
    """,
)


@dataclass(frozen=True)
class Row:
    """One revocation, or none: then only the times are there."""

    since: float
    as_of: float
    session_id: str | None
    user_id: int | None
    least_version: int | None
    expires_at: float | None


@dataclass(frozen=True)
class Gone:
    """One row that was deleted."""

    gone: int


class RevocationRepository:
    """Revocations in PostgreSQL, schema `identity`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, since: float) -> RevocationBatch:
        """What was recorded since then (seconds since 1970) and still matters."""
        return batch_of(await self._database.fetch_all(READ_SINCE, {"since": since}, class_row(Row)))

    async def window(self, window_seconds: float) -> RevocationBatch:
        """What was recorded within the last so many seconds."""
        return batch_of(await self._database.fetch_all(READ_WINDOW, {"window_seconds": window_seconds}, class_row(Row)))

    async def forget(self) -> int:
        """Delete what is over; how much it was."""
        gone = 0
        for statement in FORGET:
            gone += len(await self._database.fetch_all(statement, {}, class_row(Gone)))
        return gone


def batch_of(rows: list[Row]) -> RevocationBatch:
    """At least one row."""
    sessions, users = [], []
    for row in rows:
        if row.expires_at is None:
            continue
        if row.session_id is not None:
            sessions.append(RevokedSession(session_id=row.session_id, expires_at=row.expires_at))
        elif row.user_id is not None and row.least_version is not None:
            users.append(RevokedUser(user_id=str(row.user_id), least_version=row.least_version, expires_at=row.expires_at))
    return RevocationBatch(since=rows[0].since, as_of=rows[0].as_of, sessions=sessions, users=users)
