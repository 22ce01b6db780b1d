"""Keeps a replica's revocations up to date: Redis carries them, identity is polled where Redis does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from pydantic import ValidationError

from services.common.redis_channel import RedisChannel
from services.common.repeated import Repeated
from services.common.tokens.identity_reader import Reads
from services.common.tokens.revocation_batch import CHANNEL, REVOCATIONS_PATH, RevocationBatch
from services.common.tokens.revocations import Revocations

POLL_AFTER_SECONDS = 2.0
"""Of silence. Identity publishes every second: two lost messages in a row are a failure."""
LOOK_SECONDS = 0.5

log = logging.getLogger(__name__)


class RevocationFeed:
    """Listens to Redis, and watches the silence: whether Redis, the network or a publisher is the reason, identity is asked."""

    def __init__(
        self, revocations: Revocations, identity: Reads, *, redis_url: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._revocations = revocations
        self._identity = identity
        self._clock = clock
        self._polling = Repeated("polling identity for revocations", self.poll_if_silent)
        # What was missed while Redis could not be heard is found out from the messages themselves: each says since when it tells.
        self._channel = RedisChannel(redis_url, CHANNEL, heard=self.take, subscribed=_no_need_to_know) if redis_url else None

    async def open(self) -> None:
        """Start; without identity a service starts all the same, and answers 503 to every token until it is there."""
        await self._polling.open()
        if self._channel is not None:
            self._channel.start()

    async def close(self) -> None:
        """Stop."""
        await self._polling.close()
        if self._channel is not None:
            await self._channel.close()

    async def poll_if_silent(self) -> float:
        """Ask identity for what is missing; answers in how many seconds to look again. Raises IdentityUnreachableError."""
        if self._revocations.silent_seconds() >= POLL_AFTER_SECONDS:
            asked_at = self._clock()
            body = await self._identity.read(f"{REVOCATIONS_PATH}?since={self._revocations.complete_until!r}")
            self._revocations.apply(RevocationBatch.model_validate_json(body), heard_at=asked_at)
        return LOOK_SECONDS

    def take(self, message: bytes) -> None:
        """What Redis carried here."""
        try:
            batch = RevocationBatch.model_validate_json(message)
        except ValidationError:
            log.warning("something else than revocations on %s", CHANNEL)
            return
        # One that leaves a gap breaks no silence, and after two seconds of it identity is asked for everything since.
        self._revocations.apply(batch, heard_at=self._clock())


def _no_need_to_know() -> None:
    """See RevocationFeed."""
