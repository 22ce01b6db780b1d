"""All SQL of preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.common.database import Database

READ: LiteralString = "SELECT document, revision, updated_at FROM dashboard.preferences WHERE user_id = %(user_id)s"

# Revision 0 is that of a user who never chose any: of two first choices at once one finds the other's row and changes nothing.
WRITE: LiteralString = """
    WITH replaced AS (
        UPDATE dashboard.preferences SET document = %(document)s::jsonb, revision = revision + 1, updated_at = now()
        WHERE user_id = %(user_id)s AND revision = ANY (%(revisions)s::int[])
          AND (document ->> 'version')::int <= (%(document)s::jsonb ->> 'version')::int
        RETURNING document, revision, updated_at
    ), added AS (
        INSERT INTO dashboard.preferences (user_id, document, revision, updated_at)
        SELECT %(user_id)s::text, %(document)s::jsonb, 1, now() WHERE 0 = ANY (%(revisions)s::int[])
        ON CONFLICT (user_id) DO NOTHING
        RETURNING document, revision, updated_at
    )
    SELECT * FROM replaced UNION ALL SELECT * FROM added
"""


@dataclass(frozen=True)
class PreferencesRow:
    """One user's, in the format they were written in."""

    document: dict[str, Any]
    revision: int
    updated_at: datetime


class PreferenceRepository:
    """Preferences in PostgreSQL, schema `dashboard`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, user_id: str) -> PreferencesRow | None:
        """None where the user never chose any."""
        return await self._database.fetch_one(READ, {"user_id": user_id}, class_row(PreferencesRow))

    async def write(self, user_id: str, document: dict[str, Any], *, revisions: Sequence[int]) -> PreferencesRow | None:
        """None where they are stored in none of these revisions (0: not at all), or in a newer format."""
        parameters = {"user_id": user_id, "document": Jsonb(document), "revisions": list(revisions)}
        return await self._database.fetch_one(WRITE, parameters, class_row(PreferencesRow))
