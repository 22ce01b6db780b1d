"""All SQL of users."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from services.common.database import Database
from services.common.events.outbox import written
from services.common.tokens.principal import Role
from services.identity.schemas import User

_SHOWN: LiteralString = "id, email, name, roles, disabled_at IS NOT NULL AS disabled, created_at"

ADD: LiteralString = (
    """
    INSERT INTO identity.users (email, name, password_hash, roles, created_at)
    VALUES (%(email)s, %(name)s, %(password_hash)s, %(roles)s::text[], %(now)s)
    ON CONFLICT (email) DO NOTHING RETURNING """  # noqa: S608  literals, as their type says
    + _SHOWN
)

FIND: LiteralString = "SELECT " + _SHOWN + " FROM identity.users WHERE id = %(user_id)s"  # noqa: S608  literals, as their type says

PAGE: LiteralString = (
    "SELECT " + _SHOWN + " FROM identity.users WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"  # noqa: S608  literals
)

FIND_ACCOUNT: LiteralString = "SELECT id, email, password_hash FROM identity.users WHERE email = %(email)s"
FIND_ACCOUNT_OF: LiteralString = "SELECT id, email, password_hash FROM identity.users WHERE id = %(user_id)s"

REPLACE_HASH: LiteralString = """
    UPDATE identity.users SET password_hash = %(new_hash)s WHERE id = %(user_id)s AND password_hash = %(old_hash)s RETURNING id
"""

# Whoever is to stay an admin is locked, in the order of ids: of two admins who remove each other at once, the second one waits
# for the first, is not an admin any more when it is its turn, and counts for nothing.
_OTHER_ADMIN: LiteralString = """
    WITH admins AS MATERIALIZED (
        SELECT id FROM identity.users WHERE 'admin' = ANY (roles) AND disabled_at IS NULL ORDER BY id FOR UPDATE
    )
"""
_TOLD: LiteralString = """
    , told AS (
        INSERT INTO identity.revocations (user_id, least_version, recorded_at, expires_at)
        SELECT id, token_version, clock_timestamp(), clock_timestamp() + make_interval(secs => %(concern_seconds)s) FROM changed
    )
"""

ASSIGN_ROLES: LiteralString = (
    _OTHER_ADMIN  # noqa: S608  literals
    + """
    , changed AS (
        UPDATE identity.users SET roles = %(roles)s::text[], token_version = token_version + 1
        WHERE id = %(user_id)s
          AND ('admin' = ANY (%(roles)s::text[]) OR EXISTS (SELECT FROM admins WHERE admins.id <> %(user_id)s))
        RETURNING *
    )
    """
    + _TOLD
    + " SELECT "
    + _SHOWN
    + " FROM changed"
)

SET_DISABLED: LiteralString = (
    _OTHER_ADMIN  # noqa: S608  literals
    + """
    , changed AS (
        UPDATE identity.users
        SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, %(now)s) END,
            token_version = token_version + 1, session_generation = session_generation + 1
        WHERE id = %(user_id)s
          AND (NOT %(disabled)s OR NOT 'admin' = ANY (roles) OR EXISTS (SELECT FROM admins WHERE admins.id <> %(user_id)s))
        RETURNING *
    )
    """
    + _TOLD
    + " SELECT "
    + _SHOWN
    + " FROM changed"
)

DELETE: LiteralString = (
    _OTHER_ADMIN  # noqa: S608  literals
    + """
    , changed AS (
        DELETE FROM identity.users
        WHERE id = %(user_id)s
          AND (NOT 'admin' = ANY (roles) OR EXISTS (SELECT FROM admins WHERE admins.id <> %(user_id)s))
        RETURNING id, token_version + 1 AS token_version
    )
    """
    + _TOLD
    + ", event AS ("
    + written("identity", "user_deleted", "jsonb_build_object('user_id', id::text)", source="changed")
    + ") SELECT id FROM changed"
)


@dataclass(frozen=True)
class Account:
    """What signing in needs. Without a hash only an external identity may sign in."""

    id: int
    email: str
    password_hash: str | None


@dataclass(frozen=True)
class Id:
    """A row that was there."""

    id: int


class UserRepository:
    """Users in PostgreSQL, schema `identity`. `concern_seconds`: so long a revocation of access tokens must be kept."""

    def __init__(self, database: Database, *, concern_seconds: int) -> None:
        self._database = database
        self._concern_seconds = concern_seconds

    async def add(self, *, email: str, name: str, password_hash: str, roles: Iterable[Role], now: datetime) -> User | None:
        """None where the e-mail is taken."""
        parameters = {"email": email, "name": name, "password_hash": password_hash, "roles": names_of(roles), "now": now}
        return await self._database.fetch_one(ADD, parameters, class_row(User))

    async def find(self, user_id: int) -> User | None:
        """None where there is no such user."""
        return await self._database.fetch_one(FIND, {"user_id": user_id}, class_row(User))

    async def page(self, *, after: int, limit: int) -> list[User]:
        """At most `limit` users with greater ids, by id."""
        return await self._database.fetch_all(PAGE, {"after": after, "limit": limit}, class_row(User))

    async def find_account(self, email: str) -> Account | None:
        """Who signs in."""
        return await self._database.fetch_one(FIND_ACCOUNT, {"email": email}, class_row(Account))

    async def find_account_of(self, user_id: int) -> Account | None:
        """Who changes the password."""
        return await self._database.fetch_one(FIND_ACCOUNT_OF, {"user_id": user_id}, class_row(Account))

    async def replace_hash(self, user_id: int, *, old_hash: str, new_hash: str) -> None:
        """The same password hashed with other parameters; nothing where it was changed meanwhile."""
        parameters = {"user_id": user_id, "old_hash": old_hash, "new_hash": new_hash}
        await self._database.fetch_one(REPLACE_HASH, parameters, class_row(Id))

    async def assign_roles(self, user_id: int, roles: Iterable[Role]) -> User | None:
        """Older access tokens are revoked, sessions go on. None: no such user, or nobody would be admin."""
        parameters = {"user_id": user_id, "roles": names_of(roles), "concern_seconds": self._concern_seconds}
        return await self._database.fetch_one(ASSIGN_ROLES, parameters, class_row(User))

    async def set_disabled(self, user_id: int, *, disabled: bool, now: datetime) -> User | None:
        """Every session ends. None: no such user, or nobody would be admin."""
        parameters = {"user_id": user_id, "disabled": disabled, "now": now, "concern_seconds": self._concern_seconds}
        return await self._database.fetch_one(SET_DISABLED, parameters, class_row(User))

    async def delete(self, user_id: int) -> bool:
        """With all sessions. False: no such user, or nobody would be admin."""
        parameters = {"user_id": user_id, "concern_seconds": self._concern_seconds}
        return await self._database.fetch_one(DELETE, parameters, class_row(Id)) is not None


def names_of(roles: Iterable[Role]) -> list[str]:
    """Once each, as they are stored."""
    return sorted({role.value for role in roles})
