"""Identity's public keys, fetched as a JSON Web Key Set (RFC 7517, RFC 8037) and kept."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.common.repeated import Repeated
from services.common.tokens.identity_reader import IdentityUnreachableError, Reads
from services.common.tokens.signature import ALGORITHM, decode, encode

JWKS_PATH = "/.well-known/jwks.json"
REFRESH_SECONDS = 240.0
"""Below the 300 s for which the answer may be cached: a new key is published for longer before it signs."""
SOONEST_SECONDS = 5.0
"""Between two fetches: whoever invents key ids makes a replica ask identity no more often."""
AFTER_FAILURE_SECONDS = 1.0
MOST_KEYS = 32
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class JwksKeys:
    """The keys by their id. Where identity cannot be reached, those known stay in force."""

    def __init__(self, identity: Reads, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._identity = identity
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._asked_at = float("-inf")
        self._succeeded = False
        self._asking = asyncio.Lock()
        self._loop = Repeated("fetching identity's keys", self._keep_fresh)

    async def open(self) -> None:
        """Start fetching; without identity a service starts all the same."""
        await self._loop.open()

    async def close(self) -> None:
        """Stop fetching."""
        await self._loop.close()

    @property
    def are_current(self) -> bool:
        """Whether the last attempt to fetch them succeeded."""
        return self._succeeded

    def get(self, key_id: str) -> Ed25519PublicKey | None:
        """None where there is no such key."""
        return self._keys.get(key_id)

    async def look_again(self) -> bool:
        """Fetch the keys now, unless that was done a moment ago. Whether there is anything new to look at."""
        arrived = self._clock()
        async with self._asking:
            if self._asked_at >= arrived:
                return self._succeeded  # by somebody who came at the same time
            if arrived - self._asked_at < (SOONEST_SECONDS if self._succeeded else AFTER_FAILURE_SECONDS):
                return False
            self._asked_at = self._clock()
            try:
                self._keys = parse_jwks(await self._identity.read(JWKS_PATH))
            except (IdentityUnreachableError, ValueError):
                self._succeeded = False
            else:
                self._succeeded = True
            return self._succeeded

    async def _keep_fresh(self) -> float:
        if not await self.look_again() and not self._succeeded:
            raise IdentityUnreachableError("no key set")
        return REFRESH_SECONDS


def jwk_of(key_id: str, public: bytes) -> dict[str, str]:
    """One member of a key set. `public` are the 32 bytes of an Ed25519 key."""
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(public), "kid": key_id, "use": "sig", "alg": ALGORITHM}


def parse_jwks(body: bytes) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 keys for signatures; members of other kinds are left out. Raises ValueError where none is left."""
    fields = json.loads(body)
    members = fields.get("keys") if isinstance(fields, dict) else None
    if not isinstance(members, list):
        raise ValueError("not a key set")  # noqa: TRY004  whatever is wrong with an answer is one error to who asked
    found: dict[str, Ed25519PublicKey] = {}
    for member in members[:MOST_KEYS]:
        match member:
            case {"kty": "OKP", "crv": "Ed25519", "kid": str(key_id), "x": str(x)} if (
                _KEY_ID.fullmatch(key_id) and member.get("use", "sig") == "sig" and member.get("alg", ALGORITHM) == ALGORITHM
            ):
                found[key_id] = Ed25519PublicKey.from_public_bytes(decode(x))
    if not found:
        raise ValueError("a key set without a usable key")
    return found
