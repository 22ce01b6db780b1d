"""Reads another service's events: each is handled by one replica of this service, at least once, in no promised order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import hiredis
from pydantic import BaseModel, ValidationError

from services.common.events.envelope import Event, stream_of
from services.common.events.event_metrics import HandlingMetrics
from services.common.events.stream_entries import Entry, entries_claimed, entries_read
from services.common.redis_connection import Answer, RedisConnection

AT_ONCE = 4
"""Events taken together: even if each waits for a connection and then for the end of its statement, less than CLAIM_SECONDS."""
BLOCK_SECONDS = 5.0
"""Longest wait for an event; then what others did not finish is looked at."""
CLAIM_SECONDS = 30.0
"""What a replica took and did not finish for so long, another one takes, or the same one again."""
ANSWER_SECONDS = 2.0
RETRY_SECONDS = 1.0
FIRST = b"0-0"

Data = TypeVar("Data", bound=BaseModel)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handler(Generic[Data]):
    """What is done with events of one type. `handle` must be idempotent; an event whose data is not `data` never reaches it."""

    data: type[Data]
    handle: Callable[[Data], Awaitable[object]]

    async def take(self, event: Event) -> None:
        """Raises ValidationError for data that cannot be read, HandlerError for whatever the handler itself raises."""
        data = self.data.model_validate(event.data)
        try:
            await self.handle(data)
        except Exception as error:
            raise HandlerError(type(error).__name__) from error


class HandlerError(Exception):
    """The event was read and not handled: it is tried again."""


class EventConsumer:
    """A consumer group's member. The group is the consuming service; all its replicas have the same name in it.

    One name for all: what was not finished is taken by how long ago it was taken, not by whom, and names of replicas that are gone
    would stay in Redis for good. The stream is the producer's to make: here it is waited for.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        producer: str,
        group: str,
        handlers: Mapping[str, Handler[Any]],
        metrics: HandlingMetrics,
        claim_seconds: float = CLAIM_SECONDS,
        block_seconds: float = BLOCK_SECONDS,
    ) -> None:
        self._redis_url = redis_url
        self._stream = stream_of(producer)
        self._group = group
        self._handlers = handlers
        self._metrics = metrics
        self._claim_milliseconds = round(1000 * claim_seconds)
        self._block_seconds = block_seconds
        self._task: asyncio.Task[None] | None = None
        self._was_reached = True

    async def open(self) -> None:
        """Start; without Redis a service starts all the same."""
        self._task = asyncio.create_task(self._consume_for_good(), name=f"consuming {self._stream}")

    async def close(self) -> None:
        """Stop, in the middle of an event if need be: it was not acknowledged then."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _consume_for_good(self) -> None:
        while True:
            try:
                await self._consume()
            except (OSError, TimeoutError, hiredis.HiredisError) as error:
                # Nothing to worry about where the producer has not made its stream yet.
                if self._was_reached and "XGROUP" not in str(error):
                    log.warning("stream %s is not read: %s: %s", self._stream, type(error).__name__, error)
                    self._was_reached = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _consume(self) -> None:
        """Until the connection or the stream is lost, which raises OSError, TimeoutError or hiredis.HiredisError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await RedisConnection.open(self._redis_url)
        try:
            await self._join(connection)
            if not self._was_reached:
                log.info("stream %s is read again", self._stream)
            self._was_reached = True
            start = FIRST
            while True:
                start, unfinished = entries_claimed(await self._ask(connection, *self._claim(start)))
                await self._take(connection, unfinished)
                block = 0.0 if unfinished or start != FIRST else self._block_seconds
                await self._take(connection, entries_read(await self._read(connection, block)))
        finally:
            connection.close()

    async def _join(self, connection: RedisConnection) -> None:
        """From the first event on that is still there: a service that is new finds what came before it."""
        try:
            await self._ask(connection, "XGROUP", "CREATE", self._stream, self._group, "0")
        except hiredis.ReplyError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _claim(self, start: bytes) -> Sequence[str | bytes | int]:
        return ("XAUTOCLAIM", self._stream, self._group, self._group, self._claim_milliseconds, start, "COUNT", AT_ONCE)

    async def _read(self, connection: RedisConnection, block_seconds: float) -> Answer:
        """`BLOCK 0` would wait for ever: where there is no time to wait, the word is left out."""
        block = ("BLOCK", round(1000 * block_seconds)) if block_seconds else ()
        asked = ("XREADGROUP", "GROUP", self._group, self._group, "COUNT", AT_ONCE, *block, "STREAMS", self._stream, ">")
        async with asyncio.timeout(block_seconds + ANSWER_SECONDS):
            return await connection.ask(*asked)

    async def _take(self, connection: RedisConnection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if await self._is_done(entry):
                await self._ask(connection, "XACK", self._stream, self._group, entry.id)

    async def _is_done(self, entry: Entry) -> bool:
        """Handle it. False: to be tried again. What nobody here waits for is done, and so is what cannot be read: it never will be."""
        event_type = "unknown"
        try:
            event = Event.model_validate_json(entry.body or b"")
            handler = self._handlers.get(event.type)
            if handler is None:
                return True
            event_type = event.type
            await handler.take(event)
        except ValidationError as error:
            # The error's text would repeat what is in the event.
            log.warning("entry %s of %s cannot be read: %d errors", entry.id.decode(), self._stream, error.error_count())
            self._metrics.failed(event_type, "unreadable")
        except HandlerError as error:
            log.warning("entry %s of %s is not handled: %s", entry.id.decode(), self._stream, error)
            self._metrics.failed(event_type, "failed")
            return False
        else:
            self._metrics.handled(event_type)
        return True

    @staticmethod
    async def _ask(connection: RedisConnection, *command: str | bytes | int) -> Answer:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await connection.ask(*command)
