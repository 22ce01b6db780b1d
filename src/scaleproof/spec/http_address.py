"""Where an http(s) URL leads. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_and_port(url: str) -> tuple[str, int]:
    """The host, empty where there is none, and the port, the scheme's where none is written."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
