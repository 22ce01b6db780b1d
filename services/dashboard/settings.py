"""What the dashboard service is told by its environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from services.common.http_client.policy import DependencyPolicy
from services.common.settings import ServiceSettings, SettingsError, read_text, read_url
from services.common.tokens.settings import AccessMode, TokenSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """And where orders is, how it may be called, and whose tokens are taken."""

    orders_url: str
    orders_policy: DependencyPolicy
    access: AccessMode
    runtime_metrics_url: str | None
    """The embedded platform's own metrics."""
    prometheus_url: str | None
    prometheus_namespace: str | None
    """Whose autoscalers are shown; None: all that Prometheus knows."""
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
            runtime_metrics_url=read_metrics_url(environment, "SCALEPROOF_METRICS_URL"),
            prometheus_url=read_metrics_url(environment, "PROMETHEUS_URL"),
            prometheus_namespace=read_namespace(environment),
            tokens=TokenSettings.optional_from_environment(environment),
        )


def read_metrics_url(environment: Mapping[str, str], name: str) -> str | None:
    """None where it is not set. Raises SettingsError."""
    return read_url(environment, name, schemes=("http", "https")) if read_text(environment, name) else None


def read_namespace(environment: Mapping[str, str]) -> str | None:
    """PROMETHEUS_NAMESPACE; None where it is not set. Raises SettingsError."""
    text = environment.get("PROMETHEUS_NAMESPACE")
    if text is not None and re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text) is None:
        raise SettingsError(f"PROMETHEUS_NAMESPACE is {text!r}; expected the name of a namespace")
    return text
