"""The cookie that binds attempts to the browser they were begun in: an answer that somebody else's browser brings is worth nothing.

SameSite=Lax, as it must come along when the provider sends the browser back. It opens nothing: for that the provider's code is needed.
"""

from __future__ import annotations

NAME = "__Secure-oidc"
PATH = "/api/v1/identity/oidc"


def cookie_of(browser: str, *, live_seconds: int) -> str:
    """The Set-Cookie header. Not removed at the end of an attempt: another tab may still be at the provider."""
    return f"{NAME}={browser}; Max-Age={live_seconds}; Path={PATH}; Secure; HttpOnly; SameSite=Lax"
