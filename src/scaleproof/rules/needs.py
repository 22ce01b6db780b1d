"""Replicas against what the calibration says the spec's users need."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.rules.autoscaling import METRIC_LAG_SECONDS
from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule
from scaleproof.rules.words import percent
from scaleproof.rules.workload import Workload
from scaleproof.simulator.calibration import ServiceCalibration
from scaleproof.spec.autoscaling import HPAScalingPolicy
from scaleproof.spec.shapes import Shape

Floats = NDArray[np.float64]

DEFAULT_DOWN_WINDOW_SECONDS: Final = 300
SLOWEST_RISE_SECONDS: Final = 120.0
"""From minReplicas to the need: a rise that takes longer is one that users wait through."""
FAR_BEYOND: Final = 10


@dataclass(frozen=True)
class Need:
    """A workload with what it must hold."""

    workload: Workload
    known: ServiceCalibration
    peak_rate: float
    """Requests/s."""

    @property
    def replicas(self) -> int:
        """That serve the peak within the SLO."""
        return max(1, math.ceil(self.peak_rate / max(self.known.capacity_per_second.value, 1e-9)))


def needs(facts: Facts) -> Iterator[Need]:
    """Every workload whose peak and calibration are known."""
    for workload in facts.workloads:
        known, rate = facts.calibrated(workload.name), facts.peak_rate(workload.name)
        if known is not None and rate is not None:
            yield Need(workload, known, rate)


def _max_below(facts: Facts) -> Iterator[Fault]:
    for need in needs(facts):
        most, each = need.workload.autoscaling.max_replicas, need.known.capacity_per_second.value
        if most < need.replicas:
            yield Fault(
                f"{need.workload.name}: maxReplicas {most} holds {most * each:,.0f} requests/s, the peak of {facts.users or 0:,} users is "
                f"{need.peak_rate:,.0f} requests/s: needs {need.replicas}",
                need.workload.spot("maxReplicas"),
                need.workload.name,
            )


def _beyond_bottleneck(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        known = facts.calibrated(workload.name)
        most = workload.autoscaling.max_replicas
        if known is not None and known.bottleneck is not None and most > known.highest_replicas:
            yield Fault(
                f"{workload.name}: maxReplicas {most}, but growth stopped at {known.highest_replicas} replicas, which share {known.bottleneck}",
                workload.spot("maxReplicas"),
                workload.name,
            )


def _min_above(facts: Facts) -> Iterator[Fault]:
    for need in needs(facts):
        least = need.workload.autoscaling.min_replicas
        at_target = _replicas_at_target(need, np.array([need.peak_rate]))
        enough = max(2, need.replicas, int(at_target[0]) if at_target is not None else 0)
        if least > enough:
            yield Fault(
                f"{need.workload.name}: minReplicas {least} at all times, but the peak itself needs {enough}",
                need.workload.spot("minReplicas"),
                need.workload.name,
            )


def _unbounded(facts: Facts) -> Iterator[Fault]:
    for need in needs(facts):
        most = need.workload.autoscaling.max_replicas
        if most > FAR_BEYOND * need.replicas:
            yield Fault(
                f"{need.workload.name}: maxReplicas {most}, {most / need.replicas:.0f} times the {need.replicas} that the peak needs",
                need.workload.spot("maxReplicas"),
                need.workload.name,
            )


def _headroom(facts: Facts) -> Iterator[Fault]:
    if facts.shape is None or facts.platform is None:
        return
    for need in needs(facts):
        service = facts.platform.services.get(need.workload.name)
        found = None if service is None else _late_share(need, facts.shape)
        if service is None or found is None or found <= service.slo.budget:
            continue
        index, target = need.workload.cpu_target or (0, 0)
        least, late = need.workload.autoscaling.min_replicas, METRIC_LAG_SECONDS + need.known.start_seconds[1]
        yield Fault(
            f"{need.workload.name}: from minReplicas {least} at a target of {target} % about {percent(found)} of the requests of "
            f"`{facts.shape.name}` come before the replicas that they need ({METRIC_LAG_SECONDS} s of metrics, "
            f"{need.known.start_seconds[1]:.0f} s of start: {late:.0f} s); the SLO allows {percent(service.slo.budget)}",
            need.workload.spot("metrics", index) if need.workload.autoscaling.metrics else need.workload.spot(),
            need.workload.name,
        )


def _slow_rise(facts: Facts) -> Iterator[Fault]:
    for need in needs(facts):
        behavior = need.workload.autoscaling.behavior
        up = behavior.scale_up if behavior is not None else None
        if up is None or up.select_policy == "Disabled" or not up.policies:
            continue
        seconds = _rise_seconds(need, up.policies, fastest=up.select_policy != "Min")
        if seconds > SLOWEST_RISE_SECONDS:
            yield Fault(
                f"{need.workload.name}: the scale-up policies take {seconds:,.0f} s from {need.workload.autoscaling.min_replicas} to the "
                f"{need.replicas} replicas that the peak needs",
                need.workload.spot("behavior", "scaleUp", "policies"),
                need.workload.name,
            )


def _rise_seconds(need: Need, policies: list[HPAScalingPolicy], *, fastest: bool) -> float:
    """From minReplicas to the need, each step as large as one period allows."""
    current, seconds = max(1, need.workload.autoscaling.min_replicas), 0.0
    while current < need.replicas:
        steps = [(_added(policy, current) / policy.period_seconds, policy) for policy in policies]
        steps.sort(key=lambda step: step[0])
        policy = steps[-1 if fastest else 0][1]
        current += _added(policy, current)
        seconds += policy.period_seconds
    return seconds


def _added(policy: HPAScalingPolicy, current: int) -> int:
    return policy.value if policy.type == "Pods" else math.ceil(current * policy.value / 100)


def _late_share(need: Need, shape: Shape) -> float | None:
    """Share of the load's requests beyond what the replicas hold that were ordered in time: a fluid, and an optimistic one.

    Replicas for a rate are there METRIC_LAG and a start-up later, whatever rate limits say; the scale-down window keeps them.
    """
    times = np.arange(0.0, shape.duration_seconds, 1.0)
    shares = shape.users_at(times, 1)
    top = float(shares.max()) if times.size else 0.0
    if top <= 0 or need.peak_rate <= 0:
        return None
    rates = shares / top * need.peak_rate
    wanted = _replicas_at_target(need, rates)
    if wanted is None:
        return None
    bounds = need.workload.autoscaling
    wanted = np.clip(wanted, max(1, bounds.min_replicas), bounds.max_replicas)
    late = math.ceil(METRIC_LAG_SECONDS + need.known.start_seconds[1])
    ordered = np.concatenate([np.full(late, wanted[0]), wanted])[: times.size]
    behavior = need.workload.autoscaling.behavior
    window = (
        behavior.scale_down.stabilization_window_seconds if behavior is not None and behavior.scale_down is not None else None
    )
    held = _window_maximum(ordered, DEFAULT_DOWN_WINDOW_SECONDS if window is None else window)
    capacity = held * need.known.capacity_per_second.value
    return float(np.maximum(rates - capacity, 0.0).sum() / rates.sum())


def _replicas_at_target(need: Need, rates: Floats) -> Floats | None:
    """Replicas at which use is the target, for each rate; None where the workload does not scale on per cent of its CPU request."""
    target, request = need.workload.cpu_target, need.workload.requests.cpu_millicores
    cpu = need.known.cpu_seconds_per_request.value
    if target is None or not request or cpu <= 0:
        return None
    spare = max(target[1] / 100 * request / 1000 - need.known.idle_cores, 1e-6)
    wanted: Floats = np.ceil(rates * cpu / spare)
    return wanted


def _window_maximum(values: Floats, window: int) -> Floats:
    """The highest of each value and the `window` before it."""
    padded = np.concatenate([np.full(window, values[0]), values])
    highest: Floats = np.lib.stride_tricks.sliding_window_view(padded, window + 1).max(axis=1)
    return highest


RULES: Final = (
    Rule(
        id="max-replicas-below-need",
        title="maxReplicas is below what the peak needs",
        severity="error",
        why="At the peak the autoscaler stops at maxReplicas; every replica is beyond its capacity, queues grow, and the SLO is missed for "
        "as long as the peak lasts.",
        fix="raise maxReplicas to the need and some headroom, or make a request cheaper",
        check=_max_below,
    ),
    Rule(
        id="max-replicas-beyond-bottleneck",
        title="maxReplicas is beyond where growth stopped",
        severity="warning",
        why="More replicas wait for the same shared resource, and each of them adds its connections to it: they cost, and may hold less.",
        fix="lift the bottleneck and calibrate again, or set maxReplicas to what was measured",
        check=_beyond_bottleneck,
    ),
    Rule(
        id="min-replicas-above-need",
        title="minReplicas is above what the peak needs",
        severity="warning",
        why="Replicas beyond what the peak needs are paid for day and night, and no user is served better by them.",
        fix="lower minReplicas: `scaleproof tune` finds the least that keeps the SLO",
        check=_min_above,
    ),
    Rule(
        id="max-replicas-far-beyond-need",
        title="maxReplicas is far beyond the need",
        severity="warning",
        why="A retry storm or a slow dependency then scales up to it: the database meets all their connections, and the bill follows.",
        fix="set maxReplicas to the need and some headroom, such as twice the need",
        check=_unbounded,
    ),
    Rule(
        id="target-without-headroom",
        title="The target leaves less headroom than a start-up takes",
        severity="warning",
        why="From the rise to the first request on a new replica pass metrics, a sync and a start-up. Until then the present replicas must "
        "hold what comes.",
        fix="raise minReplicas or lower the target: `scaleproof tune` finds the cheapest that holds",
        check=_headroom,
    ),
    Rule(
        id="scale-up-policies-too-slow",
        title="The scale-up policies are slower than the rise",
        severity="warning",
        why="Policies bound how many replicas a period adds. A flash crowd is over before the count is reached.",
        fix="allow more pods or per cent a period, or remove the policies: Kubernetes' own double the count every 15 s",
        check=_slow_rise,
    ),
)
