"""The news of invalidations between replicas.

A pub/sub channel rather than CLIENT TRACKING: tracking tells of every change of a key, so each fill by one replica would empty the others,
and it cannot name a tag; a message is sent only where something was invalidated, in the same atomic step, and any Redis or Valkey has it.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Sequence

from services.common.redis_channel import RedisChannel

KEY = "k:"
TAG = "t:"
EVERYTHING = TAG
"""The tag without a name, which every entry has."""

log = logging.getLogger(__name__)


def names_of(keys: Iterable[str], tags: Iterable[str]) -> tuple[str, ...]:
    """What keys and tags are called in messages and, behind the service's name, in Redis."""
    return (*(KEY + key for key in keys), *(TAG + tag for tag in tags))


def message_of(names: Sequence[str]) -> bytes:
    """The message of an invalidation."""
    return json.dumps(names).encode()


def names_in(message: bytes) -> list[str]:
    """The names of a message. What cannot be read may have meant anything, hence everything."""
    try:
        names = json.loads(message)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name.startswith((KEY, TAG)) for name in names):
        log.warning("an invalidation that cannot be read: everything is dropped")
        return [EVERYTHING]
    return names


class Invalidations:
    """Hears what any replica of the service invalidates, its own included. Without a URL there is no news at all."""

    def __init__(self, url: str | None, channel: str) -> None:
        self._url = url
        self._channel_name = channel
        self._channel: RedisChannel | None = None

    @property
    def heard_until(self) -> float:
        """In seconds of the monotonic clock: all news until then has arrived."""
        return -math.inf if self._channel is None else self._channel.heard_until

    def start(self, *, drop: Callable[[Sequence[str]], None], clear: Callable[[], None]) -> None:
        """Listen. `clear` is called whenever news may have been lost."""
        if self._url is not None:
            self._channel = RedisChannel(
                self._url, self._channel_name, heard=lambda message: drop(names_in(message)), subscribed=clear
            )
            self._channel.start()

    async def close(self) -> None:
        """Stop listening."""
        if self._channel is not None:
            await self._channel.close()
