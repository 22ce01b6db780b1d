"""L2: what all replicas of a service share, in Redis. Without Redis nothing is known and nothing is kept; nobody fails."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence

from services.common.cache.entry import VERSION_BYTES, Entry, pack, unpack
from services.common.cache.invalidation import EVERYTHING, KEY, TAG, message_of
from services.common.cache.link import RedisLink
from services.common.cache.ports import Absent, Lease
from services.common.cache.scripts import FILL, INVALIDATE, LOOK_UP, RELEASE

LEASE_SECONDS = 3.0
"""So long a key is one replica's to load. One that dies meanwhile keeps the others from filling the key, not from loading it."""
VERSION_SECONDS = 3600.0
"""Life of a tag's version. It may end, or be evicted, before its entries do: they are misses then."""
MOST_PENDING = 10_000
"""Invalidations that wait for Redis; beyond that everything is invalidated."""
AT_ONCE = 500
"""Invalidations sent in one step, during which Redis serves nobody else: about 1 ms."""
FLUSH_SECONDS = 0.25
"""Between attempts to send what waits."""


class RemoteCache:
    """Entries, leases and tags' versions under `<service>:` in Redis."""

    def __init__(self, link: RedisLink, *, service: str) -> None:
        self.channel = f"{service}:invalidated"
        self._link = link
        self._prefix = f"{service}:"
        self._pending: dict[str, int] = {}
        self._number = 0
        self._flushing = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None

    async def look_up(self, key: str, tags: Sequence[str], header: bytes, *, least_left_ms: int = 0) -> Entry | Lease | Absent:
        """The entry, unless no more than `least_left_ms` of its life is left; else the right to load it, if nobody has it yet."""
        if self._pending and not await self._flush():
            return Absent.UNKNOWN  # what waits to be invalidated would be found
        token = os.urandom(VERSION_BYTES)
        names = [*self._entry_and_lease(key), self._prefix + EVERYTHING, *(self._prefix + TAG + tag for tag in tags)]
        answer = await self._link.run(
            LOOK_UP, names, header, token, _milliseconds(LEASE_SECONDS), _milliseconds(VERSION_SECONDS), least_left_ms
        )
        match answer:
            case [bytes() as data, int() as left_ms]:
                stamp_bytes = VERSION_BYTES * (len(tags) + 1) + len(header)
                return unpack(data, stamp_bytes=stamp_bytes, left_ms=left_ms) or Absent.UNKNOWN
            case [bytes() as stamp]:
                return Lease(key, stamp, token)
            case []:
                return Absent.HELD
        return Absent.UNKNOWN

    async def fill(self, lease: Lease, body: bytes | None, *, fresh_seconds: float, stale_seconds: float) -> None:
        """Keep what was loaded, unless the lease was lost: it took too long, or the key was invalidated meanwhile."""
        stale_ms = _milliseconds(stale_seconds)
        life_ms = max(_milliseconds(fresh_seconds), 1) + stale_ms
        data = pack(lease.stamp, body, stale_ms=stale_ms)
        await self._link.run(FILL, self._entry_and_lease(lease.key), lease.stamp + lease.token, data, life_ms)

    async def release(self, lease: Lease) -> None:
        """Let another one load it."""
        await self._link.run(RELEASE, self._entry_and_lease(lease.key)[1:], lease.stamp + lease.token)

    async def invalidate(self, names: Sequence[str]) -> bool:
        """Drop entries and tags' versions, and tell all replicas. Returns whether it was sent.

        What cannot be sent now is sent as soon as Redis answers, and until then nothing is looked up here.
        """
        if self._link.url is None:
            return True
        self._number += 1
        self._pending.update(dict.fromkeys(names, self._number))
        if len(self._pending) > MOST_PENDING:
            self._pending = {EVERYTHING: self._number}
        return await self._flush()

    async def close(self) -> None:
        """Send what waits, if Redis is there, and drop the connection."""
        if self._later is not None:
            self._later.cancel()
        if self._pending:
            await self._send()
        self._link.close()

    def _entry_and_lease(self, key: str) -> list[str]:
        return [f"{self._prefix}{KEY}{key}", f"{self._prefix}l:{key}"]

    async def _flush(self) -> bool:
        """Send all that waits; if that fails, or whoever asked for it gives up, it is tried again later."""
        try:
            return await self._send()
        finally:
            if self._pending and (self._later is None or self._later.done()):
                self._later = asyncio.get_running_loop().create_task(self._send_later())

    async def _send(self) -> bool:
        async with self._flushing:
            while self._pending:
                # Numbered: a name that comes again while it is being sent has to be sent again.
                batch = dict(itertools.islice(self._pending.items(), AT_ONCE))
                dropped = [each for name in batch for each in self._dropped(name)]
                if await self._link.run(INVALIDATE, dropped, self.channel, message_of([*batch])) is None:
                    return False
                for name, number in batch.items():
                    if self._pending.get(name) == number:
                        del self._pending[name]
        return True

    def _dropped(self, name: str) -> list[str]:
        return self._entry_and_lease(name.removeprefix(KEY)) if name.startswith(KEY) else [self._prefix + name]

    async def _send_later(self) -> None:
        while self._pending:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._send()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
