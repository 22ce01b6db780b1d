"""Private keys at rest: AES-256-GCM (NIST SP 800-38D) under a key that only the mounted secret holds."""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEAL_BYTES = 32
_NONCE_BYTES = 12


class SealError(Exception):
    """Sealed with another key, for another purpose, or damaged."""


def read_seal(text: str) -> bytes:
    """The sealing key from its file's text: 32 bytes in base64 (`openssl rand -base64 32`). Raises ValueError."""
    try:
        seal = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        seal = b""
    if len(seal) != SEAL_BYTES:
        raise ValueError(f"expected {SEAL_BYTES} bytes in base64")
    return seal


def seal_up(plain: bytes, *, purpose: str, seal: bytes) -> bytes:
    """The nonce and what is encrypted. `purpose` is bound to it: what was sealed for one key cannot pass for another."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(seal).encrypt(nonce, plain, purpose.encode())


def break_open(sealed: bytes, *, purpose: str, seal: bytes) -> bytes:
    """What was sealed. Raises SealError."""
    try:
        return AESGCM(seal).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError):
        raise SealError(f"{purpose}: sealed with another key, or damaged") from None
