"""A small platform: `shop`, and `page`, which calls it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration, Stamp
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy


def exactly(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value)


def service_calibration(**changes: object) -> ServiceCalibration:
    known: dict[str, object] = {
        "cpu_seconds_per_request": exactly(0.01),
        "cpu_variation": 0.5,
        "idle_cores": 0.0,
        "wait_seconds": exactly(0.0),
        "capacity_per_second": exactly(15.0),
        "usage_at_capacity_cores": 0.2,
        "memory_peak_bytes": 2**27,
        "request_millicores": 200,
        "limit_millicores": 250,
        "start_seconds": (5.0, 8.0),
        "start_burn_cores": 0.2,
        "start_burn_seconds": 3.0,
        "highest_rate_per_replica": 30.0,
        "highest_replicas": 4,
    }
    return ServiceCalibration.model_validate({**known, **changes})


@pytest.fixture
def calibrated() -> Callable[..., Calibration]:
    def build(*, shop: dict[str, object] | None = None, page: dict[str, object] | None = None) -> Calibration:
        services = {"shop": service_calibration(**(shop or {}))}
        if page is not None:
            services["page"] = service_calibration(**page)
        stamp = Stamp(machine="m", target="local", image="i", limits={}, measured_at=0.0)
        return Calibration(stamp=stamp, slo=dict.fromkeys(services, (0.3, 0.95)), services=services)

    return build


@pytest.fixture
def platform_of() -> Callable[..., Platform]:
    def build(*names: str, timeout: float = 5.0, drain: float = 10.0) -> Platform:
        resources = {"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"cpu": "250m", "memory": "64Mi"}}
        service = {
            "command": ["x"],
            "resources": resources,
            "slo": {"latency_ms": 300, "share": 0.95},
            "drain_seconds": drain,
        }
        return Platform.model_validate(
            {
                "version": 1,
                "name": "small",
                "services": dict.fromkeys(names or ("shop",), service),
                "gateway": {"request_timeout_seconds": timeout},
            }
        )

    return build


@pytest.fixture
def policy_of() -> Callable[..., Policy]:
    def build(
        *names: str,
        low: int = 1,
        high: int = 4,
        target: int = 70,
        behavior: object = None,
        limit: str = "250m",
        metrics: object = None,
    ) -> Policy:
        autoscaling: dict[str, object] = {
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": metrics
            or [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}},
                }
            ],
        }
        if behavior is not None:
            autoscaling["behavior"] = behavior
        resources = {"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"cpu": limit, "memory": "64Mi"}}
        service = {"autoscaling": autoscaling, "resources": resources}
        return Policy.model_validate({"services": dict.fromkeys(names or ("shop",), service)})

    return build


@pytest.fixture
def steady() -> Callable[..., NDArray[np.float64]]:
    def build(rate: float, seconds: float, *, start: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        return start + np.sort(rng.random(int(rate * seconds))) * seconds

    return build
