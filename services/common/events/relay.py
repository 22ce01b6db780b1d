"""Publishes what waits in the outbox to the service's stream in Redis. Each replica does; a row is leased to one of them.

A replica that dies between publishing and marking leaves rows that are published once more. Redis away: rows wait. A stream that is gone
is made only here, after what it may have held waits again: whoever reads or adds never makes it by the way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import hiredis

from services.common.events.envelope import FIELD, Event, stream_of
from services.common.events.event_metrics import PublishingMetrics
from services.common.events.outbox import BATCH, CLEARED_AT_ONCE, OutboxRepository
from services.common.redis_connection import RedisConnection
from services.common.repeated import Repeated

EVERY_SECONDS = 1.0
CLEAR_EVERY_SECONDS = 60.0
ANSWER_SECONDS = 2.0
MAKE_AGAIN_SECONDS = 0.1
"""Before a stream that went while events were added is made again: one that is evicted at once must not keep this process busy."""
STREAM_LENGTH = 10_000
"""Events that the stream holds, about: Redis cuts off whole nodes. With a few hundred bytes each, some megabytes."""


class OutboxRelay:
    """From the outbox to `events:<service>`. Without Redis, events wait for a day. `clock` is monotonic."""

    def __init__(
        self,
        outbox: OutboxRepository,
        *,
        service: str,
        redis_url: str | None,
        metrics: PublishingMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._stream = stream_of(service)
        self._redis_url = redis_url
        self._metrics = metrics
        self._clock = clock
        self._connection: RedisConnection | None = None
        self._waiting_since: float | None = None
        self._publishing = Repeated(f"publishing to {self._stream}", self.relay)
        self._clearing = Repeated(f"clearing the outbox of {self._stream}", self._clear)
        metrics.watch(waiting_seconds=self.waiting_seconds)

    async def open(self) -> None:
        """Start. Nobody waits for the first success: no request needs it."""
        if self._redis_url is not None:
            self._publishing.start()
        self._clearing.start()

    async def close(self) -> None:
        """Stop; what waits is another replica's."""
        await self._publishing.close()
        await self._clearing.close()
        self._disconnect()

    def soon(self) -> None:
        """Something was written just now."""
        self._publishing.soon()

    def waiting_seconds(self) -> float:
        """How long the oldest event has been waiting, as far as this replica knows."""
        return 0.0 if self._waiting_since is None else self._clock() - self._waiting_since

    async def relay(self) -> float:
        """Publish what waits; answers in how many seconds to do it again. Raises DatabaseUnavailableError, OSError, HiredisError."""
        await self._look()
        try:
            connection = await self._connected()
            if not await self._exists(connection):
                if await self._outbox.publish_again(STREAM_LENGTH):
                    await self._look()
                await self._make(connection)
            while self._waiting_since is not None:
                batch = await self._outbox.take()
                if not batch.events:
                    break
                if not await self._publish(connection, batch.events):
                    return MAKE_AGAIN_SECONDS
                await self._outbox.mark(batch)
                if len(batch.events) < BATCH:
                    self._waiting_since = None
        except BaseException:
            self._disconnect()
            raise
        return EVERY_SECONDS

    async def _look(self) -> None:
        seconds = await self._outbox.waiting_seconds()
        self._waiting_since = None if seconds is None else self._clock() - seconds

    async def _exists(self, connection: RedisConnection) -> bool:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await connection.ask("EXISTS", self._stream) == 1

    async def _make(self, connection: RedisConnection) -> None:
        """An empty stream; one that another replica has made meanwhile stays as it is. Only a group makes one without an entry."""
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                await connection.ask("XGROUP", "CREATE", self._stream, "relay", "$", "MKSTREAM")
            except hiredis.ReplyError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
            await connection.ask("XGROUP", "DESTROY", self._stream, "relay")

    async def _publish(self, connection: RedisConnection, events: Sequence[Event]) -> bool:
        """Whether the stream was there for all of them."""
        added = ("XADD", self._stream, "NOMKSTREAM", "MAXLEN", "~", STREAM_LENGTH, "*", FIELD)
        async with asyncio.timeout(ANSWER_SECONDS):
            answers = await asyncio.gather(*(connection.ask(*added, event.model_dump_json()) for event in events))
        if None in answers:
            return False
        for event in events:
            self._metrics.published(event.type)
        return True

    async def _clear(self) -> float:
        """Without Redis nobody can ever have read them: after a day they go as well."""
        cleared = await self._outbox.clear(unpublished=self._redis_url is None)
        return 0.0 if cleared >= CLEARED_AT_ONCE else CLEAR_EVERY_SECONDS

    async def _connected(self) -> RedisConnection:
        assert self._redis_url is not None, "the relay is not started without Redis"
        if self._connection is None or self._connection.closed:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._connection = await RedisConnection.open(self._redis_url)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
