"""Rotating keys every quarter of an hour for an hour and a half, on identity's own code with a clock that jumps.

Who is refused? Two replicas of identity that read the keys at different times, two verifiers whose key sets come out of caches that keep them for as long
as the answer allows. `publish_seconds` is how long a new key is known before it signs.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.common.errors.raised import ServiceError
from services.common.tokens.authenticator import Authenticator
from services.common.tokens.claims import write_claims
from services.common.tokens.expected import Expected
from services.common.tokens.jwks import REFRESH_SECONDS, JwksKeys
from services.common.tokens.principal import Principal, Role
from services.common.tokens.revocations import Revocations
from services.common.tokens.settings import read_expected
from services.common.tokens.verifier import TokenVerifier
from services.identity.key_ring import KeyRing
from services.identity.key_schedule import JWKS_CACHE_SECONDS, RELOAD_SECONDS
from services.identity.policy import TokenPolicy
from services.identity.signing_key import SigningKey

SECONDS = 5400
ROTATE_EVERY = 900
STEP_SECONDS = 5
REPLICAS = 2
READ_APART_SECONDS = 15
FETCHED_APART_SECONDS = 100


@dataclass
class Clock:
    """Jumps to wherever it is told."""

    now: float = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now


@dataclass
class Store:
    """Keys in the order they were made."""

    keys: list[SigningKey]

    async def load(self) -> Sequence[SigningKey]:
        """All of them."""
        return list(self.keys)


@dataclass
class CachedKeySet:
    """A replica's key set, as a cache between it and a verifier gives it."""

    ring: KeyRing
    clock: Clock
    body: bytes = b""
    until: float = -1.0

    async def read(self, path: str) -> bytes:  # noqa: ARG002  there is only one
        """The key set, up to JWKS_CACHE_SECONDS old."""
        if self.clock() >= self.until:
            self.body, self.until = self.ring.jwks(), self.clock() + JWKS_CACHE_SECONDS
        return self.body


@dataclass
class Rotated:
    """What came of it."""

    keys: set[str] = field(default_factory=set)
    verified: int = 0
    refused: int = 0


class Play:
    """Everybody who takes part, and what came of it so far."""

    def __init__(self, *, publish_seconds: float) -> None:
        self.found = Rotated()
        self._publish_seconds = publish_seconds
        self._policy, self._expected, self._clock = TokenPolicy(), read_expected({}), Clock()
        self._store = Store([SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0)])
        concern = self._policy.concern_seconds
        self._rings = [KeyRing(self._store, concern_seconds=concern, clock=self._clock) for _ in range(REPLICAS)]
        self._key_sets = [JwksKeys(CachedKeySet(ring, self._clock), clock=self._clock) for ring in self._rings]
        # Nothing is revoked, and nobody need hear so: what is looked at here are keys.
        revocations = Revocations(silence_seconds=math.inf)
        self._verifiers = [
            Authenticator(TokenVerifier(keys, revocations, self._expected), keys, clock=self._clock) for keys in self._key_sets
        ]
        self._waiting: list[tuple[float, str]] = []

    async def begin(self) -> None:
        """Everybody reads the first key."""
        for ring in self._rings:
            await ring.reload()
        for keys in self._key_sets:
            await keys.look_again()

    async def go_to(self, second: int) -> None:
        """First the tokens that end before, then what happens in this second."""
        while self._waiting and self._waiting[0][0] <= second:
            self._clock.now, token = self._waiting.pop(0)
            await self._verify(token)
        self._clock.now = float(second)
        if second % ROTATE_EVERY == 0:
            new = SigningKey.of(Ed25519PrivateKey.generate(), sign_after=second + self._publish_seconds)
            self._store.keys.append(new)
        await self._read_anew(second)
        for ring in self._rings:
            token = ring.sign(claims_at(second, self._policy.access_seconds, self._expected))
            self.found.keys.add(token.partition(".")[0])
            self._waiting.append((second + self._policy.access_seconds - 1, token))
            await self._verify(token)

    async def _read_anew(self, second: int) -> None:
        for number, ring in enumerate(self._rings):
            if (second + READ_APART_SECONDS * number) % RELOAD_SECONDS == 0:
                await ring.reload()
        for number, keys in enumerate(self._key_sets):
            if (second + FETCHED_APART_SECONDS * number) % REFRESH_SECONDS == 0:
                await keys.look_again()

    async def _verify(self, token: str) -> None:
        for verifier in self._verifiers:
            self.found.verified += 1
            try:
                await verifier.principal([f"Bearer {token}"])
            except ServiceError:
                self.found.refused += 1


def rotate(*, publish_seconds: float) -> Rotated:
    """Play it. A token is issued every STEP_SECONDS by each replica, and verified by each verifier at once and just before its end."""

    async def play() -> Rotated:
        whole = Play(publish_seconds=publish_seconds)
        await whole.begin()
        for second in range(STEP_SECONDS, SECONDS, STEP_SECONDS):
            await whole.go_to(second)
        return whole.found

    return asyncio.run(play())


def claims_at(second: int, access_seconds: int, expected: Expected) -> bytes:
    """Of a token that is issued then."""
    principal = Principal(
        user_id="17",
        session_id="session",
        token_id=f"token-{second}",
        roles=frozenset({Role.customer}),
        version=1,
        issued_at=second,
        expires_at=second + access_seconds,
    )
    return write_claims(principal, issuer=expected.issuer, audience=expected.audience)
