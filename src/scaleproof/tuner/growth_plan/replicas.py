"""What a service's replicas need and hold at a rate, by the calibration: the arithmetic that agrees with the simulator. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.simulator import autoscaling
from scaleproof.simulator.autoscaling_spec import pack
from scaleproof.simulator.calibration import Calibration, ServiceCalibration
from scaleproof.simulator.call_graph import callers_first
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy, ServicePolicy
from scaleproof.tuner.bottleneck import GROWTH_SHARE
from scaleproof.tuner.growth_plan.queueing import warm_factor
from scaleproof.tuner.growth_plan.samples import Draws, Floats, drawn, rounded_up

HIDDEN_LOSS: Final = 1 - GROWTH_SHARE**0.5
"""A calibration with 1, 2 and 4 replicas calls it no bottleneck while 4 hold 3 times what one holds: each doubling may lose so much
unseen. As much is drawn for each doubling beyond what was measured."""
_AGAIN: Final = "run `scaleproof calibrate` again"
_SYNC_SECONDS: Final = 15.0
_TINY: Final = 1e-12


@dataclass(frozen=True)
class Replicas:
    """One service under its policy, in all draws."""

    name: str
    known: ServiceCalibration
    policy: ServicePolicy
    rate_per_user: float
    """Requests/s that one user causes here, calls of other services included."""
    cpu_seconds: Floats
    """A request's at capacity."""
    capacity: Floats
    """Requests/s of a replica within the SLO."""
    rate_at_target: Floats
    """Requests/s of a replica at which the policy sees its target."""
    warmth: float
    """CPU of a request at the target relative to `cost_at`: at most 1, since those that queue find warm caches."""
    loss: Floats
    """Share that each doubling of replicas beyond the measured number costs; 0 in the central draw."""

    @property
    def least(self) -> int:
        """Replicas without load."""
        return max(1, self.policy.autoscaling.min_replicas)

    @property
    def held_together(self) -> float:
        """Requests/s that a shared bottleneck lets all replicas hold together; infinite where none was found."""
        most = max(self.known.capacity_by_replicas.values(), default=0.0)
        return most if self.known.bottleneck is not None and most > 0 else float("inf")

    def dearer(self, replicas: Floats) -> Floats:
        """By how much contention beyond the measured number raises the replicas needed: n becomes n times that.

        What n replicas hold grows as n^(1 - b) where each doubling loses 1 - 2^-b.
        """
        exponent = 1 / (1 + np.log2(1 - self.loss)) - 1
        factor: Floats = np.maximum(replicas / max(1, self.known.highest_replicas), 1.0) ** exponent
        return factor

    def for_target(self, rate: Floats) -> Floats:
        """Replicas at which the autoscaler stays under a steady rate, whatever its maximum."""
        continuous = rate / self.rate_at_target
        return np.maximum(rounded_up(continuous * self.dearer(continuous)), float(self.least))

    def for_slo(self, rate: Floats, headroom: float) -> Floats:
        """Replicas that serve the rate and that share more within the SLO."""
        continuous = rate * (1 + headroom) / self.capacity
        return np.maximum(rounded_up(continuous * self.dearer(continuous)), float(self.least))

    def cores_used(self, rate: Floats, replicas: Floats) -> Floats:
        """CPU of all replicas together, evenly loaded."""
        of_requests = rate * self.warmth * cost_at(self.known, self.cpu_seconds, rate / replicas)
        used: Floats = of_requests * self.dearer(rate / self.rate_at_target) + replicas * self.known.idle_cores
        return used

    def busiest(self, rate: Floats) -> Floats:
        """Requests/s of one replica that the policy lets come before it adds another."""
        return np.minimum(rate / self.least, self.rate_at_target)


def cost_at(known: ServiceCalibration, cpu_seconds: Floats, rate: Floats) -> Floats:
    """CPU seconds of a request where a replica gets that many a second: rarer ones find cold caches (`cpu_fit.CpuCurve.at`)."""
    busy = cpu_seconds * known.busy_factor
    cold = cpu_seconds * (known.idle_factor - known.busy_factor)
    cost: Floats = busy + cold / (1 + rate * known.idle_seconds)
    return cost


def rate_at(known: ServiceCalibration, cpu_seconds: Floats, cores: float) -> Floats:
    """Requests/s of a replica that use so many cores beside its idle use: the root of rate x cost_at(rate) = cores."""
    busy = cpu_seconds * known.busy_factor
    square = busy * known.idle_seconds
    line = cpu_seconds * known.idle_factor - cores * known.idle_seconds
    root: Floats = (-line + np.sqrt(line**2 + 4 * square * cores)) / (2 * square)
    return root


def replicas_of(
    platform: Platform, policy: Policy, calibration: Calibration, shares: Mapping[str, float], action_rate: float, draws: Draws
) -> dict[str, Replicas]:
    """Every service, callers first. `shares` are requests to a service an action of a user, `action_rate` actions/s of a user.

    Raises BadInputError where the calibration is not one of this platform under this policy, or a metric is not CPU or requests.
    """
    _check_fits(platform, policy, calibration)
    calls = {name: calibration.services[name].calls for name in platform.services}
    per_user = {name: shares.get(name, 0.0) * action_rate for name in platform.services}
    found = {}
    for name in callers_first(platform.services, calls):
        for callee, count in calls[name].items():
            if callee in per_user:
                per_user[callee] += count * per_user[name]
        known, service = calibration.services[name], policy.services[name]
        sigmas = draws.normal(f"cpu of {name}")
        cpu = drawn(known.cpu_seconds_per_request, sigmas)
        at_target, warmth = _at_target(name, known, service, cpu)
        found[name] = Replicas(
            name=name,
            known=known,
            policy=service,
            rate_per_user=per_user[name],
            cpu_seconds=cpu,
            # Both come from one measurement: where a request needs more CPU, a replica holds fewer.
            capacity=np.maximum(drawn(known.capacity_per_second, -sigmas), _TINY),
            rate_at_target=at_target,
            warmth=warmth,
            loss=HIDDEN_LOSS * draws.uniform(f"contention of {name}"),
        )
    return found


def _at_target(name: str, known: ServiceCalibration, policy: ServicePolicy, cpu: Floats) -> tuple[Floats, float]:
    """(requests/s of a replica at its target, CPU of a request there relative to `cost_at`).

    The least rate over the policy's metrics: the autoscaler follows whichever wants most replicas.
    """
    request = policy.resources.requests.cpu_millicores
    packed = pack(policy.autoscaling, request, sync_seconds=_SYNC_SECONDS, service=name)
    found: list[tuple[Floats, float]] = []
    for kind, target in packed.metrics.tolist():
        if kind == autoscaling.REQUESTS_AVERAGE_VALUE:
            found.append((np.full(cpu.shape, target / 1000), 1.0))
            continue
        cores = (target / 1000 if kind == autoscaling.CPU_AVERAGE_VALUE else target * request / 100_000) - known.idle_cores
        if cores <= _TINY:
            raise BadInputError(
                f"policy: services.{name}: an idle replica uses {known.idle_cores * 1000:.3g}m, and the target is no more: "
                "the autoscaler would never stop adding replicas",
                hint="raise the target or requests.cpu",
            )
        rate = rate_at(known, cpu, cores)
        factor = warm_factor(known, cores, float(rate[0]))
        rate = rate * factor
        found.append((rate, cores / float(rate[0] * cost_at(known, cpu, rate)[0])))
    least: Floats = np.min(np.vstack([rate for rate, _ in found]), axis=0)
    return least, min(found, key=lambda each: float(each[0][0]))[1]


def _check_fits(platform: Platform, policy: Policy, calibration: Calibration) -> None:
    for name, service in platform.services.items():
        if name not in policy.services:
            raise BadInputError(f"policy: service {name} is missing", hint="give every service of platform.yaml a policy")
        known = calibration.services.get(name)
        if known is None:
            raise BadInputError(f"calibration: service {name} was not measured", hint=_AGAIN)
        if not (known.cpu_seconds_per_request.value > 0 and known.capacity_per_second.value > 0):
            raise BadInputError(f"calibration: {name} has no CPU a request, or holds no request within its SLO", hint=_AGAIN)
        limit = policy.services[name].resources.limits.cpu_millicores
        if limit != known.limit_millicores:
            raise BadInputError(
                f"calibration: {name} was measured with a CPU limit of {known.limit_millicores}m, the policy says {limit}m",
                hint=_AGAIN,
            )
        slo, measured = (service.slo.latency_seconds, service.slo.share), calibration.slo.get(name)
        if measured is None or not np.allclose(measured, slo, rtol=0, atol=1e-9):
            raise BadInputError(f"calibration: the SLO of {name} changed since it was measured", hint=_AGAIN)
