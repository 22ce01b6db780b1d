"""What the cache needs of Redis. The adapters are `remote.py` and `invalidation.py`, the fake is tests/fakes/shared_memory_cache.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from services.common.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to fill one entry; `stamp` holds its tags' versions from before the load."""

    key: str
    stamp: bytes
    token: bytes


class Absent(Enum):
    """Why there is neither an entry nor a lease."""

    HELD = auto()
    """Another one is loading it."""
    UNKNOWN = auto()
    """Redis cannot be asked."""


class Remote(Protocol):
    """L2: what all replicas of a service share."""

    async def look_up(self, key: str, tags: Sequence[str], header: bytes, *, least_left_ms: int = 0) -> Entry | Lease | Absent:
        """The entry, unless no more than `least_left_ms` of its life is left; else the right to load it, if nobody has it yet."""

    async def fill(self, lease: Lease, body: bytes | None, *, fresh_seconds: float, stale_seconds: float) -> None:
        """Keep what was loaded, unless the lease was lost: it took too long, or the key was invalidated meanwhile."""

    async def release(self, lease: Lease) -> None:
        """Let another one load it."""

    async def invalidate(self, names: Sequence[str]) -> bool:
        """Drop entries and tags' versions, and tell all replicas. Returns whether that is done; if not, it will be."""

    async def close(self) -> None:
        """Send what waits, and drop the connection."""


class News(Protocol):
    """What any replica invalidates."""

    @property
    def heard_until(self) -> float:
        """In seconds of the monotonic clock: all news until then has arrived."""

    def start(self, *, drop: Callable[[Sequence[str]], None], clear: Callable[[], None]) -> None:
        """Listen. `clear` is called whenever news may have been lost."""

    async def close(self) -> None:
        """Stop listening."""
