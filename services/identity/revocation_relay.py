"""Tells everybody what was revoked: each replica of identity reads PostgreSQL every second and publishes what it finds.

Each message repeats the last 15 seconds. What a replica wrote before it died, or could not publish, another one's next message
tells; what a subscriber missed, the next one repeats. The messages are the heartbeat as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import hiredis

from services.common.redis_connection import RedisConnection
from services.common.repeated import Repeated
from services.common.tokens.revocation_batch import CHANNEL, WINDOW_SECONDS
from services.common.tokens.revocations import Revocations
from services.identity.revocation_repository import RevocationRepository

EVERY_SECONDS = 1.0
FORGET_EVERY_SECONDS = 60.0
ANSWER_SECONDS = 1.0
LEFT_ALONE_SECONDS = 1.0

log = logging.getLogger(__name__)


class RevocationRelay:
    """Fills this replica's own memory first, then tells the others. `clock` is monotonic."""

    def __init__(
        self,
        repository: RevocationRepository,
        revocations: Revocations,
        *,
        redis_url: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repository = repository
        self._revocations = revocations
        self._redis_url = redis_url
        self._clock = clock
        self._connection: RedisConnection | None = None
        self._retry_at = 0.0
        self._reading = Repeated("reading revocations", self.relay)
        self._forgetting = Repeated("forgetting what is over", self._forget)

    async def open(self) -> None:
        """Start; without its database a service starts all the same."""
        await self._reading.open()
        await self._forgetting.open()

    async def close(self) -> None:
        """Stop."""
        await self._reading.close()
        await self._forgetting.close()
        if self._connection is not None:
            self._connection.close()

    def soon(self) -> None:
        """Something was revoked just now."""
        self._reading.soon()

    async def relay(self) -> float:
        """Read and publish; answers in how many seconds to do it again. Raises DatabaseUnavailableError."""
        began = self._clock()
        batch = await self._repository.window(WINDOW_SECONDS)
        if not self._revocations.apply(batch, heard_at=began):
            # The first time, or after PostgreSQL was away for longer than a window.
            everything = await self._repository.since(self._revocations.complete_until)
            self._revocations.apply(everything, heard_at=began)
        await self._publish(batch.model_dump_json())
        return EVERY_SECONDS

    async def _publish(self, message: str) -> None:
        """Without Redis nothing happens: whoever hears nothing polls."""
        if self._redis_url is None or self._clock() < self._retry_at:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._connection is None or self._connection.closed:
                    self._connection = await RedisConnection.open(self._redis_url)
                await self._connection.ask("PUBLISH", CHANNEL, message)
        except (OSError, TimeoutError, hiredis.HiredisError) as error:
            log.warning("revocations are not published: %s", type(error).__name__)
            self._retry_at = self._clock() + LEFT_ALONE_SECONDS
            if self._connection is not None:
                self._connection.close()

    async def _forget(self) -> float:
        await self._repository.forget()
        return FORGET_EVERY_SECONDS
