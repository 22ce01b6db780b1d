"""Which key signs, and which are published, by the clock alone: every replica comes to the same answer. Pure.

A key is published, then signs, then only verifies what it signed, then is finished and may be retired. Nobody switches anything:
`sign_after` is written down when the key is made, far enough ahead for every cache to know the key by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

RELOAD_SECONDS = 30.0
"""How often a replica of identity reads the keys."""
JWKS_CACHE_SECONDS = 300
"""`max-age` of the key set; the gateway and the services fetch it anew within that time."""
PUBLISH_SECONDS = 2 * RELOAD_SECONDS + 2 * JWKS_CACHE_SECONDS + 60
"""From a key's making to its first signature: identity's own replicas, then whoever fetches the key set, by way of a cache in
between, then a margin."""


class Scheduled(Protocol):
    """What the schedule needs of a key. `sign_after` is in seconds since 1970."""

    @property
    def key_id(self) -> str:
        """The `kid`."""

    @property
    def sign_after(self) -> float:
        """From when on it signs."""


AnyKey = TypeVar("AnyKey", bound=Scheduled)


class KeyState(StrEnum):
    """Where a key stands that is not retired."""

    published = "published"
    signing = "signing"
    verifying = "verifying"
    finished = "finished"


def in_order(keys: Sequence[AnyKey]) -> list[AnyKey]:
    """By the time they begin to sign."""
    return sorted(keys, key=lambda key: (key.sign_after, key.key_id))


def signing_key(keys: Sequence[AnyKey], now: float) -> AnyKey | None:
    """The last one to have begun; None where none has."""
    begun = [key for key in in_order(keys) if key.sign_after <= now]
    return begun[-1] if begun else None


def states(keys: Sequence[AnyKey], now: float, *, concern_seconds: float) -> list[tuple[AnyKey, KeyState]]:
    """Where each key stands, in order. `concern_seconds` after its last signature no token of a key is taken any more."""
    ordered = in_order(keys)
    successors: list[AnyKey | None] = [*ordered[1:], None]
    # The last one has no successor; where there are no keys, there is one successor too many.
    return [(key, _state(key, after, now, concern_seconds)) for key, after in zip(ordered, successors, strict=False)]


def published_keys(keys: Sequence[AnyKey], now: float, *, concern_seconds: float) -> list[AnyKey]:
    """What the key set holds: all but the finished ones."""
    return [key for key, state in states(keys, now, concern_seconds=concern_seconds) if state is not KeyState.finished]


def _state(key: Scheduled, successor: Scheduled | None, now: float, concern_seconds: float) -> KeyState:
    if key.sign_after > now:
        return KeyState.published
    if successor is None or successor.sign_after > now:
        return KeyState.signing
    return KeyState.verifying if now <= successor.sign_after + concern_seconds else KeyState.finished
