"""One attempt to sign in elsewhere: what is drawn for it, and what of it is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from services.common.tokens.signature import encode

_BYTES = 32
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Every secret is 256 random bits. `state` travels with the browser, `browser` lies in its cookie, the rest stays here."""

    provider: str
    return_to: str
    state: str = field(repr=False)
    browser: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)

    @classmethod
    def drawn(cls, provider: str, *, return_to: str, browser: str | None) -> Self:
        """A new one. The browser's cookie is kept where it has one already: attempts in two tabs both come to their end."""
        return cls(
            provider=provider,
            return_to=return_to,
            state=new_secret(),
            browser=browser if browser is not None and is_secret(browser) else new_secret(),
            nonce=new_secret(),
            code_verifier=new_secret(),
        )

    @property
    def code_challenge(self) -> str:
        """Of the method S256 (RFC 7636, section 4.2)."""
        return encode(digest(self.code_verifier))


def new_secret() -> str:
    """Also a code verifier as RFC 7636 wants it."""
    return secrets.token_urlsafe(_BYTES)


def is_secret(text: str) -> bool:
    """Whether it looks like one."""
    return _SHAPE.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """What is stored of `state` and `browser`."""
    return hashlib.sha256(secret.encode()).digest()
