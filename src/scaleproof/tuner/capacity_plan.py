"""How many replicas a load needs at its peak, and how many the machine allows. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.rollout import with_surge

Floats = NDArray[np.float64]

_WINDOW_SECONDS: Final = 10.0
_CROWD: Final = 2  # replicas beyond twice the need plus this many can only cost


def peak_rates(arrivals: Mapping[str, Floats], calibration: Calibration) -> dict[str, float]:
    """Highest requests/s over 10 s per service, the calls of other services included."""
    direct = {name: _peak(np.asarray(times, dtype=np.float64)) for name, times in arrivals.items()}
    rates = {name: direct.get(name, 0.0) for name in calibration.services}
    for caller, service in calibration.services.items():
        for callee, calls in service.calls.items():
            if callee in rates:
                rates[callee] += calls * direct.get(caller, 0.0)
    return rates


def replicas_needed(calibration: Calibration, rates: Mapping[str, float]) -> dict[str, int]:
    """Replicas that serve these rates within the SLO."""
    return {
        name: max(1, math.ceil(rates.get(name, 0.0) / max(service.capacity_per_second.value, 1e-9)))
        for name, service in calibration.services.items()
    }


def usable_connections(platform: Platform) -> int | None:
    """What PostgreSQL accepts of the services; None where there is no limit to look at."""
    server = platform.postgres
    counted = any(service.postgres_connections for service in platform.services.values())
    return server.max_connections - server.reserved_connections if server is not None and counted else None


def connections_of(platform: Platform, replicas: Mapping[str, int]) -> int:
    """Of all pools of that many replicas while they are rolled out, as the rule `connections-over-database-limit` counts them."""
    return sum(
        (platform.services[name].postgres_connections or 0) * with_surge(count)
        for name, count in replicas.items()
        if name in platform.services
    )


def replicas_allowed(
    calibration: Calibration, policy: Policy, needed: Mapping[str, int], budget_millicores: int, platform: Platform
) -> dict[str, int]:
    """The most replicas per service so that the sum of limits fits the budget: first the need, then headroom in turn.

    And so that all their connections fit the database. Where a shared bottleneck was found, nothing beyond the measured replicas is allowed.
    """
    limits = {name: service.resources.limits.cpu_millicores for name, service in policy.services.items()}
    caps = {}
    for name in limits:
        cap = _CROWD + 2 * needed.get(name, 1)
        service = calibration.services.get(name)
        if service is not None and service.bottleneck is not None:
            cap = min(cap, max(1, service.highest_replicas))
        caps[name] = cap
    allowed = dict.fromkeys(limits, 1)
    spent = sum(limits.values())
    connections = usable_connections(platform)

    def fits(name: str) -> bool:
        if allowed[name] >= caps[name] or spent + limits[name] > budget_millicores:
            return False
        now, then = connections_of(platform, allowed), connections_of(platform, {**allowed, name: allowed[name] + 1})
        return connections is None or then <= max(connections, now)

    while True:
        growing = [name for name in limits if fits(name)]
        if not growing:
            return allowed
        name = min(growing, key=lambda each: (allowed[each] / needed.get(each, 1), each))
        allowed[name] += 1
        spent += limits[name]


def _peak(times: Floats) -> float:
    """Arrivals in the busiest window, a second."""
    if times.size == 0:
        return 0.0
    ordered = np.sort(times)
    inside = np.arange(1, ordered.size + 1) - np.searchsorted(ordered, ordered - _WINDOW_SECONDS, side="right")
    return float(inside.max()) / _WINDOW_SECONDS
