"""The way to the cache's Redis, which may be gone at any time: it costs an answer, never a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

import hiredis

from services.common.cache.scripts import Script
from services.common.redis_connection import Answer, RedisConnection

ANSWER_SECONDS = 1.0
"""Longest wait for Redis. Well over the 100 ms periods of a CPU limit, in which the whole process stands still."""
RETRY_SECONDS = 1.0
"""After a failure Redis is left alone for that long, so that its absence costs no time a request."""

log = logging.getLogger(__name__)


class RedisLink:
    """Runs scripts over one connection, opened when first needed and again after each failure."""

    def __init__(self, url: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._connection: RedisConnection | None = None
        self._connecting = asyncio.Lock()
        self._retry_at = 0.0
        self._was_reached = True

    async def run(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Answer:
        """The script's answer, None where Redis cannot be asked."""
        if self.url is None or self._clock() < self._retry_at:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                connection = await self._connected(self.url)
                try:
                    answer = await connection.ask("EVALSHA", script.digest, len(keys), *keys, *arguments)
                except hiredis.ReplyError as error:
                    if not str(error).startswith("NOSCRIPT"):
                        raise
                    answer = await connection.ask("EVAL", script.text, len(keys), *keys, *arguments)
        except hiredis.ReplyError as error:
            self._leave_alone(f"refused: {error}")
        except (OSError, TimeoutError) as error:
            self._leave_alone(type(error).__name__)
        else:
            self._was_reached = True
            return answer
        return None

    def close(self) -> None:
        """Drop the connection."""
        with contextlib.suppress(RuntimeError):  # the loop may be closing
            if self._connection is not None:
                self._connection.close()
        self._connection = None

    async def _connected(self, url: str) -> RedisConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await RedisConnection.open(url)
            return self._connection

    def _leave_alone(self, reason: str) -> None:
        if self._was_reached:
            log.warning("working without Redis until it answers again: %s", reason)
        self._was_reached = False
        self._retry_at = self._clock() + RETRY_SECONDS
        self.close()
