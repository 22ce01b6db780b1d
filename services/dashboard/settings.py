"""What the dashboard service is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from services.common.http_client.policy import DependencyPolicy
from services.common.settings import ServiceSettings, read_url
from services.common.tokens.settings import AccessMode, TokenSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """And where orders is, how it may be called, and whose tokens are taken."""

    orders_url: str
    orders_policy: DependencyPolicy
    access: AccessMode
    tokens: TokenSettings | None
    """None where IDENTITY_URL is not set: layouts and preferences are then closed to everybody, all else unless ACCESS is open."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, service: str) -> Self:
        """Read the settings. Raises SettingsError."""
        common = ServiceSettings.from_environment(environment, service=service)
        return cls(
            **vars(common),
            orders_url=read_url(environment, "ORDERS_URL", schemes=("http", "https")),
            orders_policy=DependencyPolicy.from_environment(environment, dependency="orders"),
            access=AccessMode.from_environment(environment),
            tokens=TokenSettings.optional_from_environment(environment),
        )
