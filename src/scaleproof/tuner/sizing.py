"""A replica's requests, sized once from the calibration and never traded against the target. Pure."""

from __future__ import annotations

import math
from typing import Final

from scaleproof.simulator.calibration import Calibration, ServiceCalibration
from scaleproof.spec.policy import Policy, ResourceList, ServicePolicy
from scaleproof.spec.quantity import cpu_quantity, memory_quantity

CPU_STEP_MILLICORES: Final = 5
MEMORY_HEADROOM: Final = 1.15
MEMORY_STEP_BYTES: Final = 4 * 2**20
HYSTERESIS: Final = 0.10
"""A request moves only where the sized one differs by more than this share: calibrations scatter by a few per cent."""


def sized_policy(policy: Policy, calibration: Calibration) -> Policy:
    """The policy with every calibrated service's requests sized; limits stay."""
    services = {
        name: _sized(service, calibration.services[name]) if name in calibration.services else service
        for name, service in policy.services.items()
    }
    return policy.model_copy(update={"services": services})


def cpu_request_millicores(calibration: ServiceCalibration) -> int:
    """A replica's p95 use at capacity, rounded up to 5 millicores, within the limit."""
    millicores = math.ceil(calibration.usage_at_capacity_cores * 1000 / CPU_STEP_MILLICORES) * CPU_STEP_MILLICORES
    return max(CPU_STEP_MILLICORES, min(millicores, calibration.limit_millicores))


def memory_request_bytes(calibration: ServiceCalibration) -> int:
    """Peak and 15 %, rounded up to 4 Mi."""
    return math.ceil(calibration.memory_peak_bytes * MEMORY_HEADROOM / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES


def _sized(service: ServicePolicy, calibration: ServiceCalibration) -> ServicePolicy:
    requests, limits = service.resources.requests, service.resources.limits
    millicores = min(cpu_request_millicores(calibration), limits.cpu_millicores)
    size = min(memory_request_bytes(calibration), limits.memory_bytes)
    cpu = requests.cpu if _near(millicores, requests.cpu_millicores) else cpu_quantity(millicores)
    memory = requests.memory if _near(size, requests.memory_bytes) else memory_quantity(size)
    if cpu == requests.cpu and memory == requests.memory:
        return service
    resources = service.resources.model_copy(update={"requests": ResourceList(cpu=cpu, memory=memory)})
    return service.model_copy(update={"resources": resources})


def _near(new: float, old: float) -> bool:
    return old > 0 and abs(new - old) <= HYSTERESIS * old
