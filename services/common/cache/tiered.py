"""Both levels as one: look up in the process, then in Redis, then load, once for all who ask at the same time.

No old value is kept by a race. In the process a load is registered before anything is asked, and the news of an invalidation marks it;
in Redis the tags' versions are read before the load and compared when the entry is looked up, and a lost lease fills nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from typing import Self

from services.common.cache.cacheable import Cacheable
from services.common.cache.entry import Entry
from services.common.cache.invalidation import EVERYTHING, KEY, TAG, Invalidations, names_of
from services.common.cache.link import RedisLink
from services.common.cache.local import LocalCache, LocalEntry
from services.common.cache.ports import Absent, Lease, News, Remote
from services.common.cache.remote import RemoteCache
from services.common.cache.single_flight import Flight, SingleFlight
from services.common.metrics import Metrics

HIT_L1, HIT_L2, MISS, STALE, JOINED, UNAVAILABLE = "hit_l1", "hit_l2", "miss", "stale", "joined", "unavailable"
"""Results of a look-up. `joined`: waited for another one's; `unavailable`: loaded, since Redis could not be asked."""
REFRESH = "refresh"
"""Not a look-up: a load in the background. Loads are miss + unavailable + refresh."""
WAIT_SECONDS = 1.0
"""Longest wait for another replica's load; then this one loads too."""
PAUSE_SECONDS = (0.01, 0.08)
"""First and longest pause between looks whether the other one is done; each is twice the one before."""
REFRESH_SECONDS = 1.0
"""Between attempts to refresh a stale entry: a failing origin is not asked by every request."""

Loader = Callable[[], Awaitable[bytes | None]]

log = logging.getLogger(__name__)


class TieredCache:
    """The cache of one replica."""

    def __init__(
        self,
        remote: Remote,
        news: News,
        *,
        metrics: Metrics,
        local: LocalCache | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._remote = remote
        self._news = news
        self._metrics = metrics
        self._local = LocalCache() if local is None else local
        self._flights = SingleFlight()
        self._clock = clock
        self._sleep = sleep

    @classmethod
    def connect(cls, url: str | None, *, service: str, metrics: Metrics) -> Self:
        """The cache of a replica of `service`; without a URL it has no L2. Nothing is connected before `open`."""
        remote = RemoteCache(RedisLink(url), service=service)
        return cls(remote, Invalidations(url, remote.channel), metrics=metrics)

    async def open(self) -> None:
        """Begin to listen; does not wait for Redis."""
        self._news.start(drop=self._drop, clear=self._clear)

    async def close(self) -> None:
        """End what is on its way, and the connections."""
        await self._flights.close()
        await self._news.close()
        await self._remote.close()

    async def get_or_load(
        self, what: Cacheable, key: str, loader: Loader, *, scope: str, tags: tuple[str, ...] = ()
    ) -> bytes | None:
        """The answer to `key` for those in `scope`, from the cache or from `loader`, whose None means: there is nothing.

        The same key always has the same tags. Raises what `loader` raises.
        """
        whole = what.key(key, scope=scope)
        now = self._clock()
        entry = self._local.get(whole, now, heard_until=self._news.heard_until)
        if entry is not None:
            if now < entry.fresh_until:
                self._metrics.looked_up(what.name, HIT_L1)
                return entry.body
            self._metrics.looked_up(what.name, STALE)
            if now >= entry.refresh_at and whole not in self._flights:
                entry.refresh_at = now + REFRESH_SECONDS
                self._start_refresh(what, whole, tags, loader)
            return entry.body
        flight = self._flights.get(whole)
        if flight is not None:
            self._metrics.looked_up(what.name, JOINED)
        else:
            flight = self._flights.start(whole, tags, now, lambda started: self._answer(started, what, loader))
        return await flight.result()

    async def invalidate(self, *, keys: Iterable[str] = (), tags: Iterable[str] = ()) -> None:
        """Forget entries (`Cacheable.key`) and whatever has one of the tags, here and in all replicas; after the write was committed.

        When this returns, no later request to this replica gets the old value. Others follow when the message arrives.
        """
        names = names_of(keys, tags)
        try:
            await self._remote.invalidate(names)
        finally:
            # Not before: a look-up meanwhile would have brought the old entry back out of Redis.
            self._drop(names)

    async def clear(self) -> None:
        """Forget everything, in all replicas."""
        await self.invalidate(tags=[EVERYTHING.removeprefix(TAG)])

    async def _answer(self, flight: Flight, what: Cacheable, loader: Loader) -> bytes | None:
        """For a request: a stale entry is served, and a refresh begun."""
        found = await self._look_up(flight, what, least_left_ms=0)
        if not isinstance(found, Entry):
            self._metrics.looked_up(what.name, UNAVAILABLE if found is Absent.UNKNOWN else MISS)
            return await self._load(flight, what, loader, found)
        is_fresh = found.fresh_seconds > 0
        self._metrics.looked_up(what.name, HIT_L2 if is_fresh else STALE)
        self._keep(flight, found)
        if not is_fresh and not flight.outdated:
            self._start_refresh(what, flight.key, flight.tags, loader)
        return found.body

    def _start_refresh(self, what: Cacheable, whole: str, tags: tuple[str, ...], loader: Loader) -> None:
        # In a context of its own: neither the deadline nor the trace of the request that happened to come first is its own.
        self._flights.start(whole, tags, self._clock(), lambda started: self._refresh(started, what, loader), context=Context())

    async def _refresh(self, flight: Flight, what: Cacheable, loader: Loader) -> bytes | None:
        """In the background: a stale entry does not count, but another replica's fresh one does."""
        try:
            found = await self._look_up(flight, what, least_left_ms=what.stale_ms)
            if isinstance(found, Entry):
                self._keep(flight, found)
                return found.body
            self._metrics.looked_up(what.name, REFRESH)
            return await self._load(flight, what, loader, found)
        except Exception as error:
            log.warning("%s could not be refreshed: %s", what.name, type(error).__name__)
            raise

    async def _look_up(self, flight: Flight, what: Cacheable, *, least_left_ms: int) -> Entry | Lease | Absent:
        """As L2 has it; while another replica loads it, wait for that, but not for ever."""
        give_up_at = self._clock() + WAIT_SECONDS
        pause, longest = PAUSE_SECONDS
        while True:
            found = await self._remote.look_up(flight.key, flight.tags, what.header, least_left_ms=least_left_ms)
            if found is not Absent.HELD or self._clock() >= give_up_at:
                return found
            await self._sleep(pause)
            pause = min(2 * pause, longest)

    async def _load(self, flight: Flight, what: Cacheable, loader: Loader, found: Lease | Absent) -> bytes | None:
        lease = found if isinstance(found, Lease) else None
        try:
            body = await loader()
        except Exception:
            if lease is not None:
                await self._remote.release(lease)
            raise
        fresh, stale = (what.negative_seconds, 0.0) if body is None else (what.fresh_seconds, what.stale_seconds)
        if fresh > 0:
            self._keep(flight, Entry(body, fresh, fresh + stale))
        if lease is not None and fresh > 0 and not flight.outdated:
            await self._remote.fill(lease, body, fresh_seconds=fresh, stale_seconds=stale)
        elif lease is not None:
            await self._remote.release(lease)
        return body

    def _keep(self, flight: Flight, found: Entry) -> None:
        """In L1, unless something of it was invalidated since the flight began."""
        if flight.outdated:
            return
        now = self._clock()
        fresh_until = now + found.fresh_seconds
        refresh_at = fresh_until if found.fresh_seconds > 0 else now + REFRESH_SECONDS
        self._local.put(
            flight.key,
            LocalEntry(found.body, flight.tags, flight.started_at, fresh_until, now + found.left_seconds, refresh_at),
        )

    def _drop(self, names: Sequence[str]) -> None:
        for name in names:
            if name == EVERYTHING:
                self._clear()
            elif name.startswith(KEY):
                self._local.drop_key(name.removeprefix(KEY))
                self._flights.outdate_key(name.removeprefix(KEY))
            else:
                self._local.drop_tag(name.removeprefix(TAG))
                self._flights.outdate_tag(name.removeprefix(TAG))

    def _clear(self) -> None:
        self._local.clear()
        self._flights.outdate_all()
