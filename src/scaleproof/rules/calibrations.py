"""Whether the calibration still says something about the platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.needs import needs
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.tuner.calibration_file import LONGEST_AGE_SECONDS

_ROUNDING: Final = 1e-9
_AGAIN: Final = "run `scaleproof calibrate` again, and commit the file"
_DAY_SECONDS: Final = 86_400
IDLE_REQUEST_SHARE: Final = 0.5
_BEYOND: Final = 1.25
"""So far beyond the highest measured rate the quota is known to decide; further nothing is."""


def _stale(facts: Facts) -> Iterator[Fault]:
    if facts.calibration is None or facts.now is None:
        return
    age = facts.now - facts.calibration.stamp.measured_at
    if age > LONGEST_AGE_SECONDS:
        yield Fault(
            f"measured {age / _DAY_SECONDS:.0f} days ago; at most {LONGEST_AGE_SECONDS / _DAY_SECONDS:.0f} are trusted",
            at("calibration"),
        )


def _other_limits(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        known, limit = facts.calibrated(workload.name), workload.limits.cpu_millicores
        if known is not None and limit is not None and limit != known.limit_millicores:
            yield Fault(
                f"{workload.name}: measured with a CPU limit of {known.limit_millicores}m, it is {limit}m now",
                workload.resources_spot("limits", "cpu"),
                workload.name,
            )


def _other_machine(facts: Facts) -> Iterator[Fault]:
    if facts.calibration is None or facts.machine is None:
        return
    if facts.calibration.stamp.target == "local" and facts.calibration.stamp.machine != facts.machine:
        yield Fault(
            f"measured on machine {facts.calibration.stamp.machine}, this is {facts.machine}: its figures are true of the other one",
            at("calibration"),
        )


def _other_slo(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        measured = facts.calibration.slo.get(name) if facts.calibration is not None else None
        wanted = (service.slo.latency_seconds, service.slo.share)
        if measured is not None and any(abs(a - b) > _ROUNDING for a, b in zip(measured, wanted, strict=True)):
            yield Fault(
                f"{name}: capacity was measured for {measured[1]:.4g} within {measured[0] * 1000:g} ms, the SLO is {wanted[1]:.4g} within "
                f"{service.slo.latency_ms:g} ms",
                at("platform", "services", name, "slo"),
                name,
            )


def _missing(facts: Facts) -> Iterator[Fault]:
    for name, _ in facts.services:
        if facts.calibration is not None and name not in facts.calibration.services:
            yield Fault(f"{name} was not measured", at("platform", "services", name), name)


def _extrapolated(facts: Facts) -> Iterator[Fault]:
    for need in needs(facts):
        spread = min(need.replicas, need.workload.autoscaling.max_replicas)
        rate = need.peak_rate / spread
        if rate > _BEYOND * need.known.highest_rate_per_replica:
            yield Fault(
                f"{need.workload.name}: at the peak a replica meets {rate:,.0f} requests/s, at most "
                f"{need.known.highest_rate_per_replica:,.0f} were measured",
                need.workload.spot("maxReplicas"),
                need.workload.name,
            )


def _request_below_use(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        known, request = facts.calibrated(workload.name), workload.requests.cpu_millicores
        used = known.usage_at_capacity_cores * 1000 if known is not None else 0.0
        if request is not None and used > 0 and request < IDLE_REQUEST_SHARE * used:
            yield Fault(
                f"{workload.name}: requests {request}m, a replica at capacity uses {used:.0f}m",
                workload.resources_spot("requests", "cpu"),
                workload.name,
            )


RULES: Final = (
    Rule(
        id="calibration-stale",
        title="The calibration is old",
        severity="warning",
        why="Code, data and packages change what a request costs; the policy is then tuned for a service that is gone.",
        fix=_AGAIN,
        check=_stale,
    ),
    Rule(
        id="calibration-of-other-limits",
        title="The calibration was made under another CPU limit",
        severity="error",
        why="Start-up, latency and capacity depend on the limit; nothing of it is known for the new one, and the simulator refuses.",
        fix=_AGAIN,
        check=_other_limits,
    ),
    Rule(
        id="calibration-of-other-machine",
        title="The calibration was made on another machine",
        severity="note",
        why="Another CPU needs other time for the same request. In CI that is meant so: what counts is that both sides use one calibration.",
        fix="nothing, where the calibration's machine is the one that the policy is for; otherwise " + _AGAIN,
        check=_other_machine,
    ),
    Rule(
        id="calibration-of-other-slo",
        title="The calibration was made for another SLO",
        severity="error",
        why="Capacity is the rate that keeps the SLO. For another threshold or share it is another rate.",
        fix=_AGAIN,
        check=_other_slo,
    ),
    Rule(
        id="calibration-without-service",
        title="A service was not measured",
        severity="error",
        why="Nothing is known of what it needs: neither lint nor the simulator can say whether it holds.",
        fix=_AGAIN,
        check=_missing,
    ),
    Rule(
        id="peak-beyond-measured",
        title="The peak is beyond what was measured of a replica",
        severity="note",
        why="Beyond the highest measured rate the simulator knows the CPU's quota, not what else breaks: timeouts, queues, memory.",
        fix="let more replicas share the peak, or calibrate with a higher rate",
        check=_extrapolated,
    ),
    Rule(
        id="cpu-request-below-use",
        title="The CPU request is far below what a replica uses",
        severity="warning",
        why="The scheduler packs nodes by requests: at the peak the replicas of a node take each other's CPU, and all get slower at once.",
        fix="set requests.cpu to a replica's p95 use at capacity: `scaleproof tune` does",
        check=_request_below_use,
    ),
)
