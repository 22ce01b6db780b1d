"""A cache that may be absent: without Redis every look-up is a miss and the service goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import hiredis

from services.common.metrics import Metrics
from services.common.redis_connection import Answer, RedisConnection

ANSWER_SECONDS = 1.0
"""Longest wait for Redis. Well over the 100 ms periods of a CPU limit, in which the whole process stands still."""
RETRY_SECONDS = 1.0
"""After a failure Redis is left alone for that long, so that its absence costs no time a request."""

log = logging.getLogger(__name__)


class Cache:
    """Bytes by key, each with a time to live."""

    def __init__(self, url: str | None, *, metrics: Metrics) -> None:
        self._url = url
        self._metrics = metrics
        self._connection: RedisConnection | None = None
        self._connecting = asyncio.Lock()
        self._retry_at = 0.0

    async def open(self) -> None:
        """Nothing to wait for: the first look-up connects."""

    async def get(self, name: str, key: str) -> bytes | None:
        """The bytes, None where there are none or Redis cannot be asked. `name` labels the metric."""
        answered, answer = await self._ask("GET", key)
        hit = isinstance(answer, bytes)
        self._metrics.looked_up(name, ("hit" if hit else "miss") if answered else "unavailable")
        return answer if isinstance(answer, bytes) else None

    async def put(self, key: str, value: bytes, *, live_seconds: float) -> None:
        """Keep the bytes; without Redis nothing happens."""
        await self._ask("SET", key, value, "PX", round(live_seconds * 1000))

    async def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()

    async def _ask(self, *command: str | bytes | int) -> tuple[bool, Answer]:
        """Whether Redis answered, and what."""
        if self._url is None or time.monotonic() < self._retry_at:
            return False, None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                connection = await self._connected(self._url)
                return True, await connection.ask(*command)
        except hiredis.ReplyError as error:
            self._leave_alone(f"refused: {error}")
        except (OSError, TimeoutError) as error:
            self._leave_alone(f"{type(error).__name__}")
        return False, None

    async def _connected(self, url: str) -> RedisConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await RedisConnection.open(url)
            return self._connection

    def _leave_alone(self, reason: str) -> None:
        if time.monotonic() >= self._retry_at:
            log.warning("working without the cache for %.0f s: %s", RETRY_SECONDS, reason)
        self._retry_at = time.monotonic() + RETRY_SECONDS
        with contextlib.suppress(RuntimeError):  # the loop may be closing
            if self._connection is not None:
                self._connection.close()
        self._connection = None
