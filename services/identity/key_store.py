"""Where the signing keys come from: PostgreSQL, where they lie sealed, or a mounted file (pem_keys.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import class_row

from services.identity.key_repository import LIVE_KEYS, KeyRepository, StoredKey
from services.identity.key_schedule import signing_key
from services.identity.sealing import break_open, seal_up
from services.identity.signing_key import SigningKey


class KeyStore(Protocol):
    """What the key ring is filled from."""

    async def load(self) -> Sequence[SigningKey]:
        """Every key that is not retired."""


class SealedKeys:
    """Keys made by `python -m services.identity.keys`."""

    def __init__(self, repository: KeyRepository, *, seal: bytes) -> None:
        self._repository = repository
        self._seal = seal

    async def load(self) -> Sequence[SigningKey]:
        """Every key that is not retired. Raises DatabaseUnavailableError and SealError."""
        return [unsealed(stored, seal=self._seal) for stored in await self._repository.live_keys()]


def current_key(connection: psycopg.Connection[Any], *, seal: bytes, now: float) -> SigningKey | None:
    """The stored key whose turn it is, for programs that are no service; None where none signs yet. Raises SealError."""
    found = signing_key(connection.cursor(row_factory=class_row(StoredKey)).execute(LIVE_KEYS).fetchall(), now)
    return None if found is None else unsealed(found, seal=seal)


def sealed(key: SigningKey, *, seal: bytes) -> StoredKey:
    """The key as it may be stored."""
    return StoredKey(key.key_id, seal_up(key.private.private_bytes_raw(), purpose=key.key_id, seal=seal), key.sign_after)


def unsealed(stored: StoredKey, *, seal: bytes) -> SigningKey:
    """The key to sign with. Raises SealError."""
    raw = break_open(stored.sealed_private, purpose=stored.key_id, seal=seal)
    return SigningKey.of(Ed25519PrivateKey.from_private_bytes(raw), sign_after=stored.sign_after)
