"""All SQL of layouts.

A write is one statement that names the revisions it may replace: of two at once the second waits for the first, finds another
revision, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.common.database import Database
from services.common.tokens.principal import Principal

_SUMMARY: LiteralString = "id::text AS id, owner_id, name, revision, updated_at"
_WHOLE: LiteralString = _SUMMARY + ", document"
_SHARES: LiteralString = (
    "id::text AS layout_id, owner_id, shared_users AS users, shared_roles AS roles, shares_revision AS revision"
)
# Lists are ordered by `layouts.id`: a mere `id` would be the text that is shown, in the order of the database's language.
_SHARED: LiteralString = "(shared_users @> ARRAY[%(user_id)s::text] OR shared_roles && %(roles)s::text[])"

MINE: LiteralString = (
    "SELECT "  # noqa: S608  literals, as their type says
    + _SUMMARY
    + """
    FROM dashboard.layouts WHERE owner_id = %(user_id)s AND id > %(after)s::uuid ORDER BY layouts.id LIMIT %(limit)s
"""
)

SHARED: LiteralString = (
    "SELECT "  # noqa: S608  literals
    + _SUMMARY
    + " FROM dashboard.layouts WHERE "
    + _SHARED
    + " AND owner_id <> %(user_id)s AND id > %(after)s::uuid ORDER BY layouts.id LIMIT %(limit)s"
)

FIND: LiteralString = (
    "SELECT "  # noqa: S608  literals
    + _WHOLE
    + " FROM dashboard.layouts WHERE id = %(layout_id)s::uuid AND (owner_id = %(user_id)s OR "
    + _SHARED
    + ")"
)

# The limit keeps a user from filling the disk; of several that ask at the same moment each may see the same number, and a few more
# than the limit do no harm.
ADD: LiteralString = (
    """
    INSERT INTO dashboard.layouts (owner_id, name, document, updated_at)
    SELECT %(user_id)s::text, %(name)s::text, %(document)s::jsonb, now()
    WHERE (SELECT count(*) FROM dashboard.layouts WHERE owner_id = %(user_id)s) < %(most)s
    RETURNING """  # noqa: S608  literals
    + _WHOLE
)

REPLACE: LiteralString = (
    """
    UPDATE dashboard.layouts SET name = %(name)s, document = %(document)s::jsonb, revision = revision + 1, updated_at = now()
    WHERE id = %(layout_id)s::uuid AND owner_id = %(user_id)s AND revision = ANY (%(revisions)s::int[])
      AND (document ->> 'version')::int <= (%(document)s::jsonb ->> 'version')::int
    RETURNING """  # noqa: S608  literals
    + _WHOLE
)

DELETE: LiteralString = """
    DELETE FROM dashboard.layouts
    WHERE id = %(layout_id)s::uuid AND owner_id = %(user_id)s AND revision = ANY (%(revisions)s::int[])
    RETURNING id
"""

FIND_SHARES: LiteralString = (
    "SELECT " + _SHARES + " FROM dashboard.layouts WHERE id = %(layout_id)s::uuid AND owner_id = %(user_id)s"  # noqa: S608  literals
)

SHARE: LiteralString = (
    """
    UPDATE dashboard.layouts
    SET shared_users = %(users)s::text[], shared_roles = %(roles)s::text[], shares_revision = shares_revision + 1
    WHERE id = %(layout_id)s::uuid AND owner_id = %(user_id)s AND shares_revision = ANY (%(revisions)s::int[])
    RETURNING """  # noqa: S608  literals
    + _SHARES
)


class NameTakenError(Exception):
    """The owner has another layout of that name."""


@dataclass(frozen=True)
class SummaryRow:
    """A layout without its document."""

    id: str
    owner_id: str
    name: str
    revision: int
    updated_at: datetime


@dataclass(frozen=True)
class LayoutRow(SummaryRow):
    """And with it, in the format it was written in."""

    document: dict[str, Any]


@dataclass(frozen=True)
class SharesRow:
    """Who else may read a layout."""

    layout_id: str
    owner_id: str
    users: list[str]
    roles: list[str]
    revision: int


class LayoutRepository:
    """Layouts in PostgreSQL, schema `dashboard`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mine(self, user_id: str, *, after: str, limit: int) -> list[SummaryRow]:
        """The user's own, by id."""
        parameters = {"user_id": user_id, "after": after, "limit": limit}
        return await self._database.fetch_all(MINE, parameters, class_row(SummaryRow))

    async def shared(self, reader: Principal, *, after: str, limit: int) -> list[SummaryRow]:
        """Other users', shared with this one or with one of its roles, by id."""
        parameters = {**_reading(reader), "after": after, "limit": limit}
        return await self._database.fetch_all(SHARED, parameters, class_row(SummaryRow))

    async def find(self, reader: Principal, layout_id: str) -> LayoutRow | None:
        """None where there is no such layout that this user may read."""
        return await self._database.fetch_one(FIND, {**_reading(reader), "layout_id": layout_id}, class_row(LayoutRow))

    async def add(self, user_id: str, *, name: str, document: dict[str, Any], most: int) -> LayoutRow | None:
        """None where the user has `most` already. Raises NameTakenError."""
        parameters = {"user_id": user_id, "name": name, "document": Jsonb(document), "most": most}
        return await self._write(ADD, parameters)

    async def replace(
        self, user_id: str, layout_id: str, *, name: str, document: dict[str, Any], revisions: Sequence[int]
    ) -> LayoutRow | None:
        """None where the user has no such layout in one of these revisions, or has it in a newer format. Raises NameTakenError."""
        parameters = {**_one_of(user_id, layout_id, revisions), "name": name, "document": Jsonb(document)}
        return await self._write(REPLACE, parameters)

    async def delete(self, user_id: str, layout_id: str, *, revisions: Sequence[int]) -> bool:
        """False where the user has no such layout in one of these revisions."""
        rows = await self._database.fetch_all(DELETE, _one_of(user_id, layout_id, revisions), psycopg.rows.tuple_row)
        return bool(rows)

    async def find_shares(self, user_id: str, layout_id: str) -> SharesRow | None:
        """None where the user has no such layout."""
        parameters = {"user_id": user_id, "layout_id": layout_id}
        return await self._database.fetch_one(FIND_SHARES, parameters, class_row(SharesRow))

    async def share(
        self, user_id: str, layout_id: str, *, users: Iterable[str], roles: Iterable[str], revisions: Sequence[int]
    ) -> SharesRow | None:
        """Replace who else may read; each once. None where the user has no such layout with one of these revisions of it."""
        parameters = {**_one_of(user_id, layout_id, revisions), "users": sorted(set(users)), "roles": sorted(set(roles))}
        return await self._database.fetch_one(SHARE, parameters, class_row(SharesRow))

    async def _write(self, statement: LiteralString, parameters: dict[str, Any]) -> LayoutRow | None:
        try:
            return await self._database.fetch_one(statement, parameters, class_row(LayoutRow))
        except psycopg.errors.UniqueViolation:
            # The only unique index beside the key, which the database chooses.
            raise NameTakenError from None


def _reading(reader: Principal) -> dict[str, Any]:
    return {"user_id": reader.user_id, "roles": sorted(role.value for role in reader.roles)}


def _one_of(user_id: str, layout_id: str, revisions: Sequence[int]) -> dict[str, Any]:
    return {"user_id": user_id, "layout_id": layout_id, "revisions": list(revisions)}
