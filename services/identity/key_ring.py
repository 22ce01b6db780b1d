"""The signing keys that a replica holds in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.common.errors.raised import ServiceError
from services.common.repeated import Repeated
from services.identity.key_schedule import RELOAD_SECONDS, published_keys, signing_key
from services.identity.key_store import KeyStore
from services.identity.signing_key import SigningKey

SOONEST_SECONDS = 5.0
"""Between two readings: whoever invents key ids makes a replica read no more often."""


class KeyRing:
    """Read anew every half minute. Serves identity's own verifier as a source of keys. `clock` tells seconds since 1970."""

    def __init__(self, store: KeyStore, *, concern_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._concern_seconds = concern_seconds
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._by_id: dict[str, SigningKey] = {}
        self._read_at = float("-inf")
        self._succeeded = False
        self._loop = Repeated("reading the signing keys", self.reload)

    async def open(self) -> None:
        """Start reading; without its database a service starts all the same."""
        await self._loop.open()

    async def close(self) -> None:
        """Stop reading."""
        await self._loop.close()

    async def reload(self) -> float:
        """Read the keys; answers in how many seconds to do it again. Raises what the store raises."""
        self._read_at = self._clock()
        try:
            found = await self._store.load()
        except Exception:
            self._succeeded = False
            raise
        self._succeeded = True
        self._by_id = {key.key_id: key for key in found}
        self._keys = list(self._by_id.values())
        return RELOAD_SECONDS

    @property
    def are_current(self) -> bool:
        """Whether the last attempt to read them succeeded, and there are any."""
        return self._succeeded and bool(self._keys)

    def get(self, key_id: str) -> Ed25519PublicKey | None:
        """The public key; also of one that the key set does not hold any more, whose tokens are too old anyway."""
        key = self._by_id.get(key_id)
        return None if key is None else key.public

    async def look_again(self) -> bool:
        """Read the keys now, unless that was done a moment ago. Whether they were read."""
        if self._clock() - self._read_at < SOONEST_SECONDS:
            return False
        await self.reload()
        return True

    def sign(self, payload: bytes) -> str:
        """A token signed by the key whose turn it is. Raises ServiceError where there is none."""
        key = signing_key(self._keys, self._clock())
        if key is None:
            raise ServiceError("temporarily_unavailable", "No key signs yet.")
        return key.sign(payload)

    def jwks(self) -> bytes:
        """The key set as JSON. Raises ServiceError where it would be empty: nobody must remember that."""
        keys = published_keys(self._keys, self._clock(), concern_seconds=self._concern_seconds)
        if not keys:
            raise ServiceError("temporarily_unavailable", "No key is known yet.")
        return json.dumps({"keys": [key.jwk() for key in keys]}, separators=(",", ":")).encode()
