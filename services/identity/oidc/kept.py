"""Something fetched from a provider and kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")
SOONEST_SECONDS = 5.0
"""Between two fetches: whoever invents key ids makes a replica ask no more often."""


class Kept(Generic[Value]):
    """Fetched by whoever needs it first, and again once it is too old; all others wait for that one fetch. `clock` is monotonic.

    What is too old is never used: where the provider cannot be asked, nobody can sign in there anyway.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Value]], *, seconds: float, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._entry: tuple[float, Value] | None = None

    async def value(self) -> Value:
        """At most so old. Raises what fetching raises."""
        return await self._at_most(self._seconds)

    async def again(self) -> Value:
        """As it is now, unless it was fetched a moment ago."""
        return await self._at_most(SOONEST_SECONDS)

    async def _at_most(self, seconds: float) -> Value:
        async with self._fetching:
            if self._entry is None or self._clock() - self._entry[0] >= seconds:
                asked_at = self._clock()
                self._entry = (asked_at, await self._fetch())
            return self._entry[1]
