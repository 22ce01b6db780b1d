"""All SQL of the dashboard."""

from __future__ import annotations

from typing import LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Json

from services.common.database import Database
from services.dashboard.schemas import StoredSettings, UserSettings

READ: LiteralString = "SELECT user_id, settings, updated_at FROM dashboard.settings WHERE user_id = %(user_id)s"

WRITE: LiteralString = """
    INSERT INTO dashboard.settings (user_id, settings, updated_at) VALUES (%(user_id)s, %(settings)s, now())
    ON CONFLICT (user_id) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at
    RETURNING user_id, settings, updated_at
"""


class SettingsRepository:
    """Users' settings in PostgreSQL, schema `dashboard`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, user_id: str) -> StoredSettings | None:
        """What the user chose, None where the user never did."""
        return await self._database.fetch_one(READ, {"user_id": user_id}, class_row(StoredSettings))

    async def write(self, user_id: str, settings: UserSettings) -> StoredSettings:
        """Insert or replace."""
        parameters = {"user_id": user_id, "settings": Json(settings.model_dump(mode="json"))}
        stored = await self._database.fetch_one(WRITE, parameters, class_row(StoredSettings))
        assert stored is not None, "RETURNING of an upsert always returns its row"
        return stored
