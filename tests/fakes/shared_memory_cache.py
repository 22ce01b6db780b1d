"""Redis as the cache sees it, in memory: no time passes and no message arrives unless a test says so."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable, Sequence

from services.common.cache.entry import Entry
from services.common.cache.invalidation import EVERYTHING, KEY, TAG
from services.common.cache.ports import Absent, Lease
from services.common.cache.remote import LEASE_SECONDS


class Clock:
    """Stands still until it is moved; whoever sleeps moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class SharedMemory:
    """What all replicas share."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_up = True
        self.entries: dict[str, tuple[bytes, bytes | None, float, float]] = {}
        """Stamp, body, stale seconds, end."""
        self.leases: dict[str, tuple[bytes, bytes, float]] = {}
        self.versions: dict[str, bytes] = {}
        self.listeners: list[FakeNews] = []
        self.numbers = itertools.count(1)

    def fail(self) -> None:
        """Killed, and it remembers nothing."""
        self.is_up = False
        self.entries.clear()
        self.leases.clear()
        self.versions.clear()
        for listener in self.listeners:
            listener.cut()

    def token(self) -> bytes:
        return next(self.numbers).to_bytes(8, "big")


class FakeRemote:
    """One replica's way there."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._pending: set[str] = set()

    async def look_up(self, key: str, tags: Sequence[str], header: bytes, *, least_left_ms: int = 0) -> Entry | Lease | Absent:
        await asyncio.sleep(0)
        memory = self._memory
        if not memory.is_up or (self._pending and not await self.invalidate(())):
            return Absent.UNKNOWN
        token = memory.token()
        stamp = b"".join(memory.versions.setdefault(tag, token) for tag in ("", *tags)) + header
        now = memory.clock()
        if key in memory.entries:
            of, body, stale, end = memory.entries[key]
            if of == stamp and (end - now) * 1000 > least_left_ms:
                return Entry(body, end - now - stale, end - now)
        if key in memory.leases and memory.leases[key][0] == stamp and now < memory.leases[key][2]:
            return Absent.HELD
        memory.leases[key] = (stamp, token, now + LEASE_SECONDS)
        return Lease(key, stamp, token)

    async def fill(self, lease: Lease, body: bytes | None, *, fresh_seconds: float, stale_seconds: float) -> None:
        await asyncio.sleep(0)
        if self._holds(lease):
            del self._memory.leases[lease.key]
            end = self._memory.clock() + fresh_seconds + stale_seconds
            self._memory.entries[lease.key] = (lease.stamp, body, stale_seconds, end)

    async def release(self, lease: Lease) -> None:
        if self._holds(lease):
            del self._memory.leases[lease.key]

    async def invalidate(self, names: Sequence[str]) -> bool:
        self._pending.update(names)
        await asyncio.sleep(0)
        if not self._memory.is_up:
            return False
        names, self._pending = tuple(self._pending), set()
        for name in names:
            if name.startswith(KEY):
                self._memory.entries.pop(name.removeprefix(KEY), None)
                self._memory.leases.pop(name.removeprefix(KEY), None)
            else:
                self._memory.versions.pop(name.removeprefix(TAG), None)
        for listener in self._memory.listeners:
            listener.tell(names)
        return True

    async def close(self) -> None:
        pass

    def _holds(self, lease: Lease) -> bool:
        return self._memory.is_up and self._memory.leases.get(lease.key, ())[:2] == (lease.stamp, lease.token)


class FakeNews:
    """Messages wait until they are delivered; while cut off, they are lost."""

    def __init__(self, memory: SharedMemory) -> None:
        self.heard_until = -math.inf
        self._memory = memory
        self._is_cut = True
        self._waiting: deque[Sequence[str]] = deque()
        memory.listeners.append(self)

    def start(self, *, drop: Callable[[Sequence[str]], None], clear: Callable[[], None]) -> None:
        self._drop, self._clear = drop, clear

    async def close(self) -> None:
        self._memory.listeners.remove(self)

    @property
    def is_current(self) -> bool:
        return not self._is_cut and not self._waiting

    def tell(self, names: Sequence[str]) -> None:
        if not self._is_cut:
            self._waiting.append(names)

    def deliver(self) -> None:
        """Everything that waits, and a heartbeat."""
        while self._waiting:
            self._drop(self._waiting.popleft())
        if not self._is_cut:
            self.heard_until = self._memory.clock()

    def cut(self) -> None:
        self._is_cut = True
        self._waiting.clear()

    def connect(self) -> None:
        if self._memory.is_up and self._is_cut:
            self._is_cut = False
            self._clear()
            self.heard_until = self._memory.clock()


assert EVERYTHING == TAG  # the tag without a name, as `look_up` above takes it
