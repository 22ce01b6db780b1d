"""What a verifier insists on. Imports nothing: settings are read before anybody knows whether tokens will be verified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Of a token's claims. `leeway_seconds` is for clocks that differ, in either direction."""

    issuer: str
    audience: str
    leeway_seconds: float = 5.0
