"""Refresh tokens: random, known to nobody but their owner, stored as a hash."""

from __future__ import annotations

import hashlib
import re
import secrets

_BYTES = 32
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(_BYTES)


def new_session_id() -> str:
    """The family's id; also the claim `sid`. 128 random bits."""
    return secrets.token_urlsafe(16)


def new_token_id() -> str:
    """The claim `jti`. 96 random bits."""
    return secrets.token_urlsafe(12)


def is_refresh_token(text: str) -> bool:
    """Whether it looks like one."""
    return _SHAPE.fullmatch(text) is not None


def digest(token: str) -> bytes:
    """What is stored. Plain SHA-256: of 256 random bits nothing can be guessed."""
    return hashlib.sha256(token.encode()).digest()
