"""Everything that the dashboard keeps of one user, to be deleted with the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from services.common.database import Database

DELETE: LiteralString = """
    WITH layouts AS (
        DELETE FROM dashboard.layouts WHERE owner_id = %(user_id)s RETURNING 1
    ), withdrawn AS (
        UPDATE dashboard.layouts
        SET shared_users = array_remove(shared_users, %(user_id)s::text), shares_revision = shares_revision + 1
        WHERE shared_users @> ARRAY[%(user_id)s::text] AND owner_id <> %(user_id)s RETURNING 1
    ), preferences AS (
        DELETE FROM dashboard.preferences WHERE user_id = %(user_id)s RETURNING 1
    ), settings AS (
        DELETE FROM dashboard.settings WHERE user_id = %(user_id)s RETURNING 1
    )
    SELECT (SELECT count(*) FROM layouts) AS layouts, (SELECT count(*) FROM withdrawn) AS withdrawn,
        (SELECT count(*) FROM preferences) AS preferences, (SELECT count(*) FROM settings) AS settings
"""


@dataclass(frozen=True)
class Deleted:
    """How much there was. `withdrawn`: layouts of others that were shared with the user by name."""

    layouts: int
    withdrawn: int
    preferences: int
    settings: int


class UserDataRepository:
    """Of all tables of the schema `dashboard`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete(self, user_id: str) -> Deleted:
        """Leave nothing of the user, in one statement; a second time there is nothing left, and nothing happens.

        For identity's event `user_deleted`, which may come more than once.
        """
        deleted = await self._database.fetch_one(DELETE, {"user_id": user_id}, class_row(Deleted))
        assert deleted is not None, "a SELECT without FROM always has one row"
        return deleted
