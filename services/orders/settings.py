"""What the orders service is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from services.common.settings import ServiceSettings, SettingsError
from services.common.tokens.settings import AccessMode, TokenSettings

CACHEABLE = ("detail", "list", "revenue", "search")
"""As in `caching.py`, which is not imported so early."""
CACHED = "revenue"
"""What paid when it was measured (docs/caching.md)."""


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """And which answers are cached, and whose tokens are taken."""

    cached: frozenset[str]
    access: AccessMode
    tokens: TokenSettings | None
    """None where IDENTITY_URL is not set: closed to everybody then, unless ACCESS is open."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, service: str) -> Self:
        """Read the settings. Raises SettingsError."""
        common = ServiceSettings.from_environment(environment, service=service)
        return cls(
            **vars(common),
            cached=read_cached(environment),
            access=AccessMode.from_environment(environment),
            tokens=TokenSettings.optional_from_environment(environment),
        )


def read_cached(environment: Mapping[str, str]) -> frozenset[str]:
    """CACHED: names with commas between them, `none` for nothing."""
    text = environment.get("CACHED", CACHED)
    names = frozenset() if text == "none" else frozenset(text.split(","))
    if not names <= set(CACHEABLE):
        raise SettingsError(f"CACHED is {text!r}; expected some of {','.join(CACHEABLE)}, or none")
    return names
