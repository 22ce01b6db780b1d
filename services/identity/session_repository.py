"""All SQL of sessions, their refresh tokens, and attempts to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from services.common.database import Database

# One statement counts and tells the count: of two attempts at once neither is overlooked.
COUNT_ATTEMPT: LiteralString = """
    INSERT INTO identity.sign_in_attempts AS seen (account, attempts, began_at) VALUES (%(account)s, 1, %(now)s)
    ON CONFLICT (account) DO UPDATE SET
        attempts = CASE WHEN seen.began_at <= %(window_began)s THEN 1 ELSE least(seen.attempts + 1, 1000000) END,
        began_at = CASE WHEN seen.began_at <= %(window_began)s THEN %(now)s ELSE seen.began_at END
    RETURNING attempts, began_at
"""

OPENED_SESSION: LiteralString = """
    , session AS (
        INSERT INTO identity.sessions (id, user_id, generation, created_at, expires_at)
        SELECT %(session_id)s::text, id, session_generation, %(now)s, %(expires_at)s FROM account
    ), token AS (
        INSERT INTO identity.refresh_tokens (token_hash, session_id, created_at)
        SELECT %(token_hash)s, %(session_id)s::text, %(now)s FROM account
    )
"""
"""After `WITH account AS (…)`, whose one row tells whose session it is to be; without a row nothing is written."""
_FORGIVEN: LiteralString = """
    , forgiven AS (
        DELETE FROM identity.sign_in_attempts WHERE account = %(account)s AND EXISTS (SELECT FROM account)
    )
"""
OPENED_ROW: LiteralString = """
    SELECT %(session_id)s::text AS session_id, id AS user_id, roles, token_version, %(expires_at)s AS expires_at FROM account
"""
"""An OpenSession."""

# The hash that was verified must still be the one in force: a user who was disabled, deleted or changed the password while
# Argon2 was at work does not get in. A session of an older generation than its user's is worth nothing, so whoever revokes
# all of a user's sessions need not know which ones there are, nor which are just being made.
OPEN: LiteralString = (
    """
    WITH account AS (
        SELECT id, roles, token_version, session_generation FROM identity.users
        WHERE id = %(user_id)s AND password_hash = %(password_hash)s AND disabled_at IS NULL
    )
    """  # noqa: S608  literals, as their type says
    + OPENED_SESSION
    + _FORGIVEN
    + OPENED_ROW
)

CHANGE_PASSWORD: LiteralString = (
    """
    WITH account AS (
        UPDATE identity.users
        SET password_hash = %(new_hash)s, token_version = token_version + 1, session_generation = session_generation + 1
        WHERE id = %(user_id)s AND password_hash = %(password_hash)s AND disabled_at IS NULL
        RETURNING id, roles, token_version, session_generation
    ), told AS (
        INSERT INTO identity.revocations (user_id, least_version, recorded_at, expires_at)
        SELECT id, token_version, clock_timestamp(), clock_timestamp() + make_interval(secs => %(concern_seconds)s) FROM account
    )
    """  # noqa: S608  literals, as their type says
    + OPENED_SESSION
    + _FORGIVEN
    + OPENED_ROW
)

# The UPDATE locks the presented token: of two tabs the second one waits, then sees when the first one used it. Whatever comes
# of it, exactly one of `next` and `ended` is written, or neither.
REFRESH: LiteralString = """
    WITH presented AS (
        UPDATE identity.refresh_tokens SET used_at = coalesce(used_at, %(now)s) WHERE token_hash = %(presented_hash)s
        RETURNING session_id, used_at
    ), judged AS (
        SELECT s.id AS session_id, s.expires_at, u.id AS user_id, u.roles, u.token_version,
               CASE WHEN s.revoked_at IS NOT NULL OR s.generation <> u.session_generation OR u.disabled_at IS NOT NULL THEN 'revoked'
                    WHEN s.expires_at <= %(now)s THEN 'expired'
                    WHEN p.used_at < %(reusable_since)s THEN 'reused'
                    ELSE 'rotated' END AS outcome
        FROM presented p JOIN identity.sessions s ON s.id = p.session_id JOIN identity.users u ON u.id = s.user_id
    ), next AS (
        INSERT INTO identity.refresh_tokens (token_hash, session_id, created_at)
        SELECT %(token_hash)s, session_id, %(now)s FROM judged WHERE outcome = 'rotated'
    ), ended AS (
        UPDATE identity.sessions SET revoked_at = %(now)s, revoked_why = 'refresh token reused'
        WHERE revoked_at IS NULL AND id = (SELECT session_id FROM judged WHERE outcome = 'reused') RETURNING id
    ), told AS (
        INSERT INTO identity.revocations (session_id, recorded_at, expires_at)
        SELECT id, clock_timestamp(), clock_timestamp() + make_interval(secs => %(concern_seconds)s) FROM ended
    )
    SELECT * FROM judged
"""

END: LiteralString = """
    WITH ended AS (
        UPDATE identity.sessions SET revoked_at = %(now)s, revoked_why = 'signed out'
        WHERE revoked_at IS NULL
          AND id = (SELECT session_id FROM identity.refresh_tokens WHERE token_hash = %(presented_hash)s)
        RETURNING id
    ), told AS (
        INSERT INTO identity.revocations (session_id, recorded_at, expires_at)
        SELECT id, clock_timestamp(), clock_timestamp() + make_interval(secs => %(concern_seconds)s) FROM ended
    )
    SELECT id FROM ended
"""


@dataclass(frozen=True)
class Attempts:
    """How often an account was tried since when."""

    attempts: int
    began_at: datetime


@dataclass(frozen=True)
class OpenSession:
    """What a session's access token says."""

    session_id: str
    user_id: int
    roles: list[str]
    token_version: int
    expires_at: datetime


@dataclass(frozen=True)
class Refreshed(OpenSession):
    """And what came of the refresh token: `rotated`, `revoked`, `expired` or `reused`."""

    outcome: str


@dataclass(frozen=True)
class Ended:
    """A session that ended just now."""

    id: str


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """What is drawn for a session before it is written."""

    session_id: str
    token_hash: bytes
    now: datetime
    expires_at: datetime


class SessionRepository:
    """Sessions in PostgreSQL, schema `identity`. `concern_seconds`: so long a revocation of access tokens must be kept."""

    def __init__(self, database: Database, *, concern_seconds: int) -> None:
        self._database = database
        self._concern_seconds = concern_seconds

    async def count_attempt(self, account: bytes, *, now: datetime, window_began: datetime) -> Attempts:
        """Count one more, of a window that begins with the first."""
        parameters = {"account": account, "now": now, "window_began": window_began}
        counted = await self._database.fetch_one(COUNT_ATTEMPT, parameters, class_row(Attempts))
        assert counted is not None, "RETURNING of an upsert always returns its row"
        return counted

    async def open(self, user_id: int, *, password_hash: str, account: bytes, new: NewSession) -> OpenSession | None:
        """None where the user is disabled, or has no longer this hash. Forgets the account's attempts."""
        parameters = {"user_id": user_id, "password_hash": password_hash, "account": account, **vars(new)}
        return await self._database.fetch_one(OPEN, parameters, class_row(OpenSession))

    async def change_password(
        self, user_id: int, *, password_hash: str, new_hash: str, account: bytes, new: NewSession
    ) -> OpenSession | None:
        """Ends every session and opens a new one. None as in `open`."""
        parameters = {
            "user_id": user_id,
            "password_hash": password_hash,
            "new_hash": new_hash,
            "account": account,
            "concern_seconds": self._concern_seconds,
            **vars(new),
        }
        return await self._database.fetch_one(CHANGE_PASSWORD, parameters, class_row(OpenSession))

    async def refresh(
        self, presented_hash: bytes, *, token_hash: bytes, now: datetime, reusable_since: datetime
    ) -> Refreshed | None:
        """Use a refresh token: one that was used before `reusable_since` ends the session. None where there is no such token."""
        parameters = {
            "presented_hash": presented_hash,
            "token_hash": token_hash,
            "now": now,
            "reusable_since": reusable_since,
            "concern_seconds": self._concern_seconds,
        }
        return await self._database.fetch_one(REFRESH, parameters, class_row(Refreshed))

    async def end(self, presented_hash: bytes, *, now: datetime) -> bool:
        """Whether there was a session to end."""
        parameters = {"presented_hash": presented_hash, "now": now, "concern_seconds": self._concern_seconds}
        return await self._database.fetch_one(END, parameters, class_row(Ended)) is not None
