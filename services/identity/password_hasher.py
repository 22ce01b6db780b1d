"""Argon2id (RFC 9106) with OWASP's parameters: 19 MiB, two passes, one lane."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
NOBODYS_HASH = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$c29tZWJvZHkncyBzYWx0$Tm8gcGFzc3dvcmQgZXZlciBoYXNoZXMgdG8gdGhpcyE"
)
"""Verified where there is no account, so that it takes as long as where there is one. No password fits it."""


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    # Imported by the first sign-in, in a thread: no replica's start waits for it.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def hash_password(password: str) -> str:
    """The hash with its salt and parameters, as text."""
    return _hasher().hash(_normal(password))


def is_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits; takes as long where there is no hash."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  see _hasher

    try:
        return _hasher().verify(hashed or NOBODYS_HASH, _normal(password)) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(hashed: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher().check_needs_rehash(hashed)


def _normal(password: str) -> str:
    """The same characters typed on another keyboard are the same password (NIST SP 800-63B, section 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
