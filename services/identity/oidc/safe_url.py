"""Which addresses of a provider identity asks, or sends a browser to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def is_safe_url(text: object, *, local: bool) -> bool:
    """Whether it is an absolute https URL without user and fragment. `local` also takes http to this machine: for development."""
    if not isinstance(text, str) or _VISIBLE.fullmatch(text) is None or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or "#" in text:
        return False
    return parts.scheme == "https" or (local and parts.scheme == "http" and parts.hostname in LOOPBACK)


def is_local(issuer: str) -> bool:
    """Whether a provider runs on this machine: then its endpoints may do so, too. Any other one's may not."""
    return issuer.startswith("http://")
