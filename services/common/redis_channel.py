"""One channel of Redis, listened to for good: a lost connection is opened anew, and heartbeats say how recent the news is.

A published message is delivered at most once. Whoever listens must therefore know two things beside the messages: that some may
have been lost (`subscribed` is called after each reconnection), and until when none was (`heard_until`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hiredis

from services.common.redis_connection import RedisConnection

ANSWER_SECONDS = 2.0
"""Longest wait for an answer; then the connection counts as lost."""
HEARTBEAT_SECONDS = 1.0
RETRY_SECONDS = 1.0
"""Between attempts where Redis cannot be reached."""
FLAP_SECONDS = 0.02
"""Before the first attempt after a connection was lost: a server that hangs up at once must not keep this process busy."""

log = logging.getLogger(__name__)


class Subscription(RedisConnection):
    """A connection in which messages arrive between the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Callable[[bytes], None] = _unheard
        self._lost = asyncio.Event()

    def take(self, answer: Any) -> None:
        """A message is handed over at once, anything else answers a question."""
        if isinstance(answer, list) and answer and answer[0] == b"message":
            self.heard(answer[2])
        else:
            super().take(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """Asyncio's callback."""
        super().connection_lost(error)
        self._lost.set()

    async def wait_lost(self, seconds: float) -> None:
        """Return when the connection is lost, at the latest after that long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lost.wait()


class RedisChannel:
    """Calls `heard` for each message and `subscribed` whenever listening begins (again): what came before may be lost."""

    def __init__(
        self,
        url: str,
        channel: str,
        *,
        heard: Callable[[bytes], None],
        subscribed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.heard_until = -math.inf
        """In seconds of the clock: everything published until then was heard, or `subscribed` was called since."""
        self._url = url
        self._channel = channel
        self._heard = heard
        self._subscribed = subscribed
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._was_reached = True

    def start(self) -> None:
        """Listen in the background."""
        self._task = asyncio.get_running_loop().create_task(self._listen_for_good())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen_for_good(self) -> None:
        while True:
            began = self.heard_until
            try:
                await self._listen()
            except (OSError, TimeoutError, hiredis.HiredisError) as error:
                if self._was_reached:
                    log.warning("channel %s is not heard: %s", self._channel, type(error).__name__)
                self._was_reached = False
            await asyncio.sleep(FLAP_SECONDS if self.heard_until > began else RETRY_SECONDS)

    async def _listen(self) -> None:
        """Until the connection is lost, which raises OSError, TimeoutError or hiredis.HiredisError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await Subscription.open(self._url)
        try:
            connection.heard = self._heard
            asked_at = self._clock()
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.ask("SUBSCRIBE", self._channel)
            self._subscribed()
            self.heard_until = asked_at
            if not self._was_reached:
                log.info("channel %s is heard again", self._channel)
            self._was_reached = True
            while True:
                await connection.wait_lost(HEARTBEAT_SECONDS)
                asked_at = self._clock()
                async with asyncio.timeout(ANSWER_SECONDS):
                    await connection.ask("PING")
                self.heard_until = asked_at
        finally:
            connection.close()


def _unheard(_message: bytes) -> None:
    """Before anybody listens."""
