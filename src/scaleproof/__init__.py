"""Proves a Kubernetes scaling policy under load before users do.

What one's own program uses is found here, and imported when it is asked for: `import scaleproof` itself imports nothing.
__init__.pyi names the same for type checkers.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    # Components of a Pulumi program, and what they take (docs/components.md).
    "ApiGateway": "components.api_gateway",
    "AutoscaledService": "components.autoscaled_service",
    "Container": "components.replica_pod",
    "GatewayArgs": "components.api_gateway",
    "LoadTest": "components.load_test",
    "LoadTestArgs": "components.load_test",
    "Observability": "components.observability",
    "ObservabilityArgs": "components.observability",
    "Postgres": "components.postgres",
    "PostgresArgs": "components.postgres",
    "Redis": "components.redis",
    "RedisArgs": "components.redis",
    "ServiceArgs": "components.autoscaled_service",
    "Serving": "components.replica_pod",
    # The files, read and checked.
    "AutoscalingSpec": "spec.autoscaling",
    "Platform": "spec.platform",
    "Policy": "spec.policy",
    "ResourceRequirements": "spec.policy",
    "read_platform": "spec.platform_file",
    "read_policy": "spec.stack_file",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  names of strings


def __getattr__(name: str) -> Any:
    """PEP 562: the first use of a name imports its module."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    # By its name as text: `from scaleproof import __version__` in a lower layer must not make it depend on a higher one.
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
