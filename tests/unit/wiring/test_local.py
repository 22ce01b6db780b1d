from __future__ import annotations

import pytest

from fakes.world import platform
from scaleproof.spec.platform import Platform
from scaleproof.wiring.local import changed_since


def edited(**fields) -> Platform:
    return Platform.model_validate({**platform().model_dump(by_alias=True, exclude_none=True), **fields})


def with_orders(**fields) -> Platform:
    services = platform().model_dump(by_alias=True, exclude_none=True)["services"]
    return edited(services={**services, "orders": {**services["orders"], **fields}})


@pytest.mark.parametrize(
    ("now", "fields"),
    [
        (platform(), []),
        (edited(load={"users": 5, "shape": "ramp"}), []),  # of each load its own
        (with_orders(slo={"latency_ms": 100, "share": 0.9}), []),  # a verdict's
        (with_orders(environment={"POOL": "3"}), ["services.orders"]),
        (edited(redis={"memory": "8Mi"}), ["redis"]),
        (edited(load={"prepare": {"service": "orders", "command": ["true"]}}), ["load.prepare"]),  # the supervisor runs it
        (edited(services={"orders": platform().model_dump(by_alias=True)["services"]["orders"]}), ["services.dashboard"]),
    ],
)
def test_what_differs_from_the_platform_that_was_started(now, fields):
    assert changed_since(platform(), now) == fields
