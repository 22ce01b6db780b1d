"""All SQL of the signing keys. The statements also serve `keys` and `setup`, which are not services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from services.common.database import Database

LIVE_KEYS: LiteralString = """
    SELECT key_id, sealed_private, extract(epoch FROM sign_after)::float8 AS sign_after
    FROM identity.signing_keys WHERE retired_at IS NULL
"""

ADD_KEY: LiteralString = """
    INSERT INTO identity.signing_keys (key_id, sealed_private, sign_after, created_at)
    VALUES (%(key_id)s, %(sealed_private)s, to_timestamp(%(sign_after)s::float8), now())
"""

# What signed is kept as a name and a time; the key itself is gone.
RETIRE_KEY: LiteralString = """
    UPDATE identity.signing_keys SET retired_at = now(), sealed_private = ''
    WHERE key_id = %(key_id)s AND retired_at IS NULL RETURNING key_id
"""

LOCK_KEYS: LiteralString = "LOCK TABLE identity.signing_keys IN SHARE ROW EXCLUSIVE MODE"


@dataclass(frozen=True)
class StoredKey:
    """A key at rest. `sign_after` is in seconds since 1970."""

    key_id: str
    sealed_private: bytes
    sign_after: float


class KeyRepository:
    """Signing keys in PostgreSQL, schema `identity`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live_keys(self) -> list[StoredKey]:
        """All that are not retired."""
        return await self._database.fetch_all(LIVE_KEYS, {}, class_row(StoredKey))
