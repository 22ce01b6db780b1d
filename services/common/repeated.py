"""Work that is done again and again beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

AFTER_FAILURE_SECONDS = 1.0
FIRST_SECONDS = 1.0

log = logging.getLogger(__name__)


class Repeated:
    """Calls `work`, which answers in how many seconds it wants to be called again. Its failures are logged and end nothing."""

    def __init__(self, what: str, work: Callable[[], Awaitable[float]]) -> None:
        self._what = what
        self._work = work
        self._wake = asyncio.Event()
        self._succeeded = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """In the background."""
        self._task = asyncio.create_task(self._run(), name=self._what)

    async def open(self) -> None:
        """Start, and wait for the first success, so that the first request finds its work done; not for longer than a second."""
        self.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await self._succeeded.wait()

    async def close(self) -> None:
        """Stop, in the middle of a call if need be."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def soon(self) -> None:
        """Do not wait for the time that was agreed."""
        self._wake.set()

    async def _run(self) -> None:
        failing = False
        while True:
            self._wake.clear()
            try:
                pause = await self._work()
                self._succeeded.set()
                failing = False
            except Exception as error:  # noqa: BLE001  whatever it is, the next call may succeed
                if not failing:
                    log.warning("%s: %s: %s", self._what, type(error).__name__, error)
                failing = True
                pause = AFTER_FAILURE_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
