"""What the orders service is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Nothing beyond what every service is told."""
