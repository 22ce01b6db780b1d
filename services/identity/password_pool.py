"""Hashing in a few threads: never so many at once that a replica has memory or time for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from services.common.errors.raised import ServiceError

Result = TypeVar("Result")
RETRY_AFTER_SECONDS = 2


class PasswordPool:
    """`threads` hash at once, `most_waiting` more wait. Each holds 19 MiB while it hashes."""

    def __init__(self, *, threads: int, most_waiting: int) -> None:
        self._places = threads + most_waiting
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="argon2")

    async def open(self) -> None:
        """Nothing to do: threads start when they are needed."""

    async def close(self) -> None:
        """Let go of the threads; what waits is given up."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for one caller, from before anything is asked of the database. Raises ServiceError `overloaded`."""
        if self._places == 0:
            raise ServiceError("overloaded", "Too many sign in at once.", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """In a thread, in turn. The caller holds a place."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)
