from __future__ import annotations

import pytest

from fakes.world import policy, truth
from scaleproof.tuner.sizing import cpu_request_millicores, memory_request_bytes, sized_policy


def calibrated(usage_cores: float = 0.1, memory_mebibytes: int = 100):
    found = truth()
    services = {
        name: service.model_copy(update={"usage_at_capacity_cores": usage_cores, "memory_peak_bytes": memory_mebibytes * 2**20})
        for name, service in found.services.items()
    }
    return found.model_copy(update={"services": services})


@pytest.mark.parametrize(
    ("usage", "millicores"),
    [
        (0.1, 100),
        (0.1001, 105),  # up to the next 5 millicores
        (0.4, 150),  # never above the limit
        (0.0, 5),
    ],
)
def test_cpu_request_is_the_use_at_capacity(usage, millicores):
    assert cpu_request_millicores(calibrated(usage).services["orders"]) == millicores


def test_memory_request_is_the_peak_and_fifteen_percent():
    assert memory_request_bytes(calibrated(memory_mebibytes=100).services["orders"]) == 116 * 2**20


def test_requests_are_sized_and_limits_stay():
    resources = sized_policy(policy(), calibrated(0.1, 60)).services["orders"].resources
    assert (resources.requests.cpu, resources.requests.memory) == ("100m", "72Mi")
    assert (resources.limits.cpu, resources.limits.memory) == ("150m", "256Mi")


def test_sizing_a_sized_policy_changes_nothing():
    sized = sized_policy(policy(), calibrated(0.1, 60))
    assert sized_policy(sized, calibrated(0.1, 60)) == sized


@pytest.mark.parametrize("usage", [0.092, 0.1, 0.108])
def test_a_calibration_that_scatters_does_not_move_the_request(usage):
    sized = sized_policy(policy(), calibrated(0.1, 60))
    assert sized_policy(sized, calibrated(usage, 60)) == sized


def test_repeated_scatter_never_ratchets():
    now = policy()
    for usage in (0.1, 0.106, 0.1, 0.095, 0.108, 0.1):
        now = sized_policy(now, calibrated(usage, 60))
    assert now.services["orders"].resources.requests.cpu == "100m"


def test_a_service_that_was_not_calibrated_stays():
    partly = calibrated(0.1, 60)
    partly = partly.model_copy(update={"services": {"orders": partly.services["orders"]}})
    assert sized_policy(policy(), partly).services["dashboard"] == policy().services["dashboard"]
