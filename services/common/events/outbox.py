"""All SQL of a producer's table `outbox`. Who changes something writes its event in the same statement: both are there, or neither.

A row waits until it has been published; it is kept for a day after that, as Redis may lose the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg.rows import class_row, scalar_row

from services.common.database import Database
from services.common.events.envelope import Event

LEASE_SECONDS = 10.0
"""So long a row belongs to the replica that took it. More than publishing a batch can take; then another one publishes it."""
BATCH = 100
CLEARED_AT_ONCE = 2_000
"""Rows that one statement deletes: it stays far below the statements' time limit."""


def create_table(schema: LiteralString) -> tuple[LiteralString, ...]:
    """The statements that make the table. Once released, it is changed by migrations, not here."""
    table: LiteralString = schema + ".outbox"
    return (
        "CREATE TABLE "
        + table
        + """ (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            type text NOT NULL,
            data jsonb NOT NULL,
            at timestamptz NOT NULL DEFAULT now(),
            lease uuid,  -- of whoever publishes it at the moment
            leased_until timestamptz,
            published_at timestamptz
        )
        """,
        "CREATE INDEX outbox_waiting ON " + table + " (at) WHERE published_at IS NULL",
        "CREATE INDEX outbox_published ON " + table + " (published_at) WHERE published_at IS NOT NULL",
    )


def written(schema: LiteralString, event: LiteralString, data: LiteralString, *, source: LiteralString) -> LiteralString:
    """A part of the statement that makes the change: an event for each row of `source`, with the JSON that `data` makes of it."""
    return "INSERT INTO " + schema + ".outbox (type, data) SELECT '" + event + "', " + data + " FROM " + source  # noqa: S608  literals


@dataclass(frozen=True)
class Row:
    """An event that is to be published."""

    id: UUID
    type: str
    at: datetime
    data: dict[str, Any]

    def event(self) -> Event:
        """On its way."""
        return Event(id=self.id, type=self.type, at=self.at, data=self.data)


@dataclass(frozen=True)
class Batch:
    """What one replica publishes now. Without events nothing waits that is not another one's."""

    lease: UUID
    events: Sequence[Event]


class OutboxRepository:
    """The table `outbox` of one schema."""

    def __init__(self, database: Database, schema: LiteralString) -> None:
        self._database = database
        table: LiteralString = schema + ".outbox"
        self._waiting: LiteralString = (
            "SELECT extract(epoch FROM clock_timestamp() - min(at))::float8 FROM "  # noqa: S608  literals, as their type says
            + table
            + " WHERE published_at IS NULL"
        )
        self._lease: LiteralString = (
            "UPDATE "  # noqa: S608  literals
            + table
            + """
            SET lease = %(lease)s, leased_until = now() + make_interval(secs => %(lease_seconds)s)
            WHERE id = ANY (ARRAY(SELECT id FROM """
            + table
            + """
                WHERE published_at IS NULL AND (leased_until IS NULL OR leased_until < now())
                ORDER BY at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ))
            RETURNING id, type, at, data
            """
        )
        # Whose lease was taken away meanwhile marks nothing: the row is published again.
        self._mark: LiteralString = (
            "UPDATE "  # noqa: S608  literals
            + table
            + """
            SET published_at = now(), lease = NULL, leased_until = NULL
            WHERE id = ANY (%(ids)s) AND lease = %(lease)s RETURNING id
            """
        )
        # Leased rows too: a replica may have published one to the stream that is gone, and be about to mark it. No condition beside
        # the ids: whatever that replica does while this statement waits for it, the row waits again afterwards.
        self._again: LiteralString = (
            "UPDATE "  # noqa: S608  literals
            + table
            + """
            SET published_at = NULL, lease = NULL, leased_until = NULL
            WHERE id = ANY (ARRAY(
                SELECT id FROM """
            + table
            + """
                WHERE published_at IS NULL AND lease IS NOT NULL
                UNION ALL
                (SELECT id FROM """
            + table
            + """
                WHERE published_at > now() - interval '1 day' ORDER BY published_at DESC LIMIT %(limit)s)
            ))
            RETURNING id
            """
        )
        old: LiteralString = "SELECT id FROM " + table + " WHERE published_at < now() - interval '1 day'"  # noqa: S608  literals
        unread: LiteralString = (
            " UNION ALL SELECT id FROM "  # noqa: S608  literals
            + table
            + " WHERE published_at IS NULL AND at < now() - interval '1 day'"
        )
        limit: LiteralString = " LIMIT %(limit)s"
        clear: LiteralString = "DELETE FROM " + table + " WHERE id = ANY (ARRAY("  # noqa: S608  literals
        self._clear: LiteralString = clear + old + limit + ")) RETURNING id"
        self._clear_all: LiteralString = clear + old + unread + limit + ")) RETURNING id"

    async def waiting_seconds(self) -> float | None:
        """How long the oldest event has been waiting; None where none is."""
        return await self._database.fetch_one(self._waiting, {}, scalar_row)

    async def take(self, limit: int = BATCH) -> Batch:
        """Lease events that nobody else publishes, the oldest ones first."""
        lease = uuid4()
        parameters = {"lease": lease, "lease_seconds": LEASE_SECONDS, "limit": limit}
        rows = await self._database.fetch_all(self._lease, parameters, class_row(Row))
        return Batch(lease, [row.event() for row in sorted(rows, key=lambda row: row.at)])

    async def mark(self, batch: Batch) -> None:
        """They have been published."""
        parameters = {"ids": [event.id for event in batch.events], "lease": batch.lease}
        await self._database.fetch_all(self._mark, parameters, scalar_row)

    async def publish_again(self, most: int) -> int:
        """What was published within a day waits again, the newest `most` of it; how much that is."""
        return len(await self._database.fetch_all(self._again, {"limit": most}, scalar_row))

    async def clear(self, *, unpublished: bool) -> int:
        """Delete some of what was published a day ago; how much it was. `unpublished`: what has been waiting for a day as well."""
        statement = self._clear_all if unpublished else self._clear
        return len(await self._database.fetch_all(statement, {"limit": CLEARED_AT_ONCE}, scalar_row))
