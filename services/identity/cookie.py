"""The cookie that carries the refresh token: no script sees it, no other site sends it, no other service gets it.

`__Secure-` and not `__Host-`: the latter would have to be sent to every path, hence to every service.
"""

from __future__ import annotations

NAME = "__Secure-refresh"
PATH = "/api/v1/identity/sessions"
_ATTRIBUTES = f"Path={PATH}; Secure; HttpOnly; SameSite=Strict"

REMOVED = f'{NAME}=""; Max-Age=0; {_ATTRIBUTES}'
"""The header that takes it away."""


def cookie_of(token: str, *, live_seconds: int) -> str:
    """The Set-Cookie header."""
    return f"{NAME}={token}; Max-Age={live_seconds}; {_ATTRIBUTES}"
