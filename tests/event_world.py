"""A producer and its consumers in the test's own loop, on a real PostgreSQL and a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from psycopg.rows import scalar_row
from pydantic import BaseModel

from services.common.database import Database
from services.common.events.consumer import EventConsumer, Handler
from services.common.events.envelope import Event, stream_of
from services.common.events.event_metrics import HandlingMetrics, PublishingMetrics
from services.common.events.outbox import OutboxRepository, written
from services.common.events.relay import OutboxRelay
from services.common.metrics import Metrics
from services.common.redis_connection import RedisConnection

CLAIM_SECONDS = 0.3
"""Instead of 30: so soon the consumers here take what another one did not finish."""
CHANGE = (
    "WITH placed AS (INSERT INTO shop.things SELECT unnest(%(ids)s::int[]) RETURNING id), event AS ("
    + written("shop", "thing_made", "jsonb_build_object('id', id)", source="placed")
    + ") SELECT id FROM placed"
)


class Thing(BaseModel):
    id: int


class Shop:
    """One replica of a producer."""

    def __init__(
        self, url: str, redis_url: str | None, service: str, outbox: type[OutboxRepository] = OutboxRepository
    ) -> None:
        self.metrics = Metrics()
        self.database = Database(url, name="shop")
        self.outbox = outbox(self.database, "shop")
        self.relay = OutboxRelay(
            self.outbox, service=service, redis_url=redis_url, metrics=PublishingMetrics(self.metrics.registry)
        )

    async def make(self, *ids: int) -> None:
        await self.database.fetch_all(CHANGE, {"ids": list(ids)}, scalar_row)

    async def rows(self, condition: str = "true") -> int:
        return await self.database.fetch_one(f"SELECT count(*) FROM shop.outbox WHERE {condition}", {}, scalar_row)

    async def run(self, statement: str) -> None:
        await self.database.fetch_all(statement + " RETURNING 1", {}, scalar_row)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class Reader:
    """One replica of a consumer, which notes what it handled."""

    def __init__(self, redis_url: str, service: str, handle: Callable[[Thing], Any] | None = None) -> None:
        self.handled: list[int] = []
        self.metrics = Metrics()

        async def note(thing: Thing) -> None:
            await asyncio.sleep(0.005)
            if handle is not None:
                await handle(thing)
            self.handled.append(thing.id)

        self.consumer = EventConsumer(
            redis_url,
            producer=service,
            group="readers",
            handlers={"thing_made": Handler(Thing, note)},
            metrics=HandlingMetrics(self.metrics.registry),
            claim_seconds=CLAIM_SECONDS,
            block_seconds=0.2,
        )

    def failed(self, event_type: str, reason: str) -> float:
        labels = {"type": event_type, "reason": reason}
        return self.metrics.registry.get_sample_value("events_failed_total", labels) or 0.0


@asynccontextmanager
async def running(*parts: Shop | Reader) -> AsyncIterator[None]:
    """Consumers with their loop. Of a shop only the database: the test calls `relay.relay()` itself, or opens the relay."""
    async with AsyncExitStack() as stack:
        for part in parts:
            opened = part.database if isinstance(part, Shop) else part.consumer
            await opened.open()
            stack.push_async_callback(opened.close)
            if isinstance(part, Shop):
                stack.push_async_callback(part.relay.close)
        yield


class Stream:
    """Asks Redis itself."""

    def __init__(self, redis_url: str, service: str) -> None:
        self._url = redis_url
        self.name = stream_of(service)

    async def ask(self, *command: str | int) -> Any:
        connection = await RedisConnection.open(self._url)
        try:
            return await connection.ask(*command)
        finally:
            connection.close()

    async def add(self, **fields: str) -> None:
        await self.ask("XADD", self.name, "*", *(part for field in fields.items() for part in field))

    async def events(self) -> list[Event]:
        return [Event.model_validate_json(fields[1]) for _, fields in await self.ask("XRANGE", self.name, "-", "+")]

    async def ids(self) -> list[int]:
        return [event.data["id"] for event in await self.events()]

    async def all_acknowledged(self, limit_seconds: float = 5) -> None:
        """Return when nothing is pending."""
        async with asyncio.timeout(limit_seconds):
            while await self.pending():  # noqa: ASYNC110  nothing tells when
                await asyncio.sleep(0.02)

    async def pending(self) -> int:
        return (await self.ask("XPENDING", self.name, "readers"))[0]


async def until(holds: Callable[[], bool], limit_seconds: float = 20) -> None:
    async with asyncio.timeout(limit_seconds):
        while not holds():  # noqa: ASYNC110  nothing tells when
            await asyncio.sleep(0.02)
