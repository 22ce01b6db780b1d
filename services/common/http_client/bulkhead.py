"""How many attempts one dependency may occupy at once, so that a slow one does not take the whole service with it."""

from __future__ import annotations

import asyncio

from services.common.http_client.policy import BulkheadPolicy


class Bulkhead:
    """Places for attempts; a few more may wait shortly. Source: resilience4j, "Bulkhead" (semaphore), with a bounded queue."""

    def __init__(self, policy: BulkheadPolicy) -> None:
        self._policy = policy
        self._places = asyncio.Semaphore(policy.most_attempts)
        self._waiting = 0

    async def enter(self, *, longest_seconds: float) -> bool:
        """Whether there was a place in time. Who got one calls `leave`."""
        if not self._places.locked():
            return await self._places.acquire()
        if self._waiting >= self._policy.most_waiting:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(min(self._policy.wait_seconds, longest_seconds)):
                return await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give the place to whoever waits longest."""
        self._places.release()
