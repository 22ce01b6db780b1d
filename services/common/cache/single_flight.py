"""One load a key at a time in this process: whoever asks meanwhile waits for the same one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Flight:
    """A look-up or load on its way."""

    key: str
    tags: tuple[str, ...]
    started_at: float
    outdated: bool = False
    """Something of it was invalidated meanwhile: it may hold the old value, so it is not kept and nobody joins it any more."""
    task: asyncio.Task[bytes | None] = field(init=False)

    async def result(self) -> bytes | None:
        """Wait for it. Whoever gives up waiting does not end it for the others."""
        return await asyncio.shield(self.task)


Work = Callable[[Flight], Coroutine[Any, Any, bytes | None]]


class SingleFlight:
    """Flights by key."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[bytes | None]] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._flights

    def get(self, key: str) -> Flight | None:
        """The flight that may still be joined."""
        return self._flights.get(key)

    def start(
        self, key: str, tags: tuple[str, ...], started_at: float, work: Work, *, context: Context | None = None
    ) -> Flight:
        """Begin one, which replaces the key's former one.

        It is registered before anything is asked: from now on it is told of invalidations. Without a `context` it runs in the caller's.
        """
        flight = Flight(key, tags, started_at)
        self._flights[key] = flight
        flight.task = asyncio.get_running_loop().create_task(work(flight), context=context)
        self._tasks.add(flight.task)

        def ended(task: asyncio.Task[bytes | None]) -> None:
            self._tasks.discard(task)
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # looked at: nobody may have waited for it

        flight.task.add_done_callback(ended)
        return flight

    def outdate_key(self, key: str) -> None:
        """What is on its way for that key began too early."""
        flight = self._flights.pop(key, None)
        if flight is not None:
            flight.outdated = True

    def outdate_tag(self, tag: str) -> None:
        """The same for every flight with that tag. There are never more than requests in flight."""
        for key in [key for key, flight in self._flights.items() if tag in flight.tags]:
            self.outdate_key(key)

    def outdate_all(self) -> None:
        """The same for every flight."""
        for key in tuple(self._flights):
            self.outdate_key(key)

    async def close(self) -> None:
        """End every flight."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
