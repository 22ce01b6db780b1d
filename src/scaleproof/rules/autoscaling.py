"""Autoscaling that cannot follow: targets that are never reached, windows that flap or delay, metrics that fight."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, Spot
from scaleproof.rules.words import percent
from scaleproof.rules.workload import Workload
from scaleproof.spec.autoscaling import HPAScalingRules
from scaleproof.spec.quantity import parse_quantity

METRIC_LAG_SECONDS: Final = 30
"""metrics-server scrapes every 15 s and takes the rate between two scrapes: what the HPA sees is up to that old."""
LONG_UP_WINDOW_SECONDS: Final = 30
DEFAULT_TOLERANCE: Final = Decimal("0.1")


def _beyond_limit(facts: Facts) -> Iterator[Fault]:
    for workload, index, target, share in _cpu_targets(facts):
        if share <= target:
            yield Fault(
                f"{workload.name}: the target is {target} % of the request, but the CPU limit ends use at {share} %",
                _target_spot(workload, index),
                workload.name,
            )


def _tolerance(facts: Facts) -> Iterator[Fault]:
    for workload, index, target, share in _cpu_targets(facts):
        tolerance = _up_tolerance(workload)
        # The HPA holds while usage / target is within the tolerance, its bound included.
        reached = Decimal(share) / Decimal(target)
        if share > target and reached <= 1 + tolerance:
            yield Fault(
                f"{workload.name}: use ends at {share} % of the request, {percent(float(reached - 1))} above the target of {target} %, but "
                f"only what is more than {percent(float(tolerance))} above it scales up",
                _target_spot(workload, index),
                workload.name,
            )


def _fighting(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        sources = [metric.resource or metric.container_resource for metric in workload.autoscaling.metrics]
        memory = [index for index, source in enumerate(sources) if source is not None and source.name == "memory"]
        if memory and len(sources) > len(memory):
            others = len(sources) - len(memory)
            yield Fault(
                f"{workload.name}: memory beside {others} other metric{'' if others == 1 else 's'}; the highest proposal wins, and "
                "memory does not fall when load does",
                workload.spot("metrics", memory[0]),
                workload.name,
            )


def _no_metric(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        if not workload.autoscaling.metrics and workload.autoscaling.max_replicas > workload.autoscaling.min_replicas:
            yield Fault(
                f"{workload.name}: no metric is given; Kubernetes takes CPU at 80 % of the request",
                workload.spot(),
                workload.name,
            )


def _short_window(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        window = _rules(workload, "down").stabilization_window_seconds
        if window is not None and window < METRIC_LAG_SECONDS:
            yield Fault(
                f"{workload.name}: scales down on the last {window} s, but the HPA sees use that is up to {METRIC_LAG_SECONDS} s old",
                workload.spot("behavior", "scaleDown", "stabilizationWindowSeconds"),
                workload.name,
            )


def _up_window(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        window = _rules(workload, "up").stabilization_window_seconds
        if window is not None and window > LONG_UP_WINDOW_SECONDS:
            yield Fault(
                f"{workload.name}: takes the lowest proposal of the last {window} s before it scales up",
                workload.spot("behavior", "scaleUp", "stabilizationWindowSeconds"),
                workload.name,
            )


def _up_disabled(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        if _rules(workload, "up").select_policy == "Disabled":
            yield Fault(
                f"{workload.name}: stays at {workload.autoscaling.min_replicas} replicas under any load",
                workload.spot("behavior", "scaleUp", "selectPolicy"),
                workload.name,
            )


def _down_disabled(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        if _rules(workload, "down").select_policy == "Disabled":
            yield Fault(
                f"{workload.name}: after a peak it keeps up to {workload.autoscaling.max_replicas} replicas for good",
                workload.spot("behavior", "scaleDown", "selectPolicy"),
                workload.name,
            )


def _cpu_targets(facts: Facts) -> Iterator[tuple[Workload, int, int, int]]:
    """(workload, index of the metric, target in per cent, the limit in per cent of the request) where all are known."""
    for workload in facts.workloads:
        found = workload.cpu_target
        request, limit = workload.requests.cpu_millicores, workload.limits.cpu_millicores
        # What scales on another metric as well is not stuck when CPU's target is out of reach.
        if found is not None and request and limit and len(workload.autoscaling.metrics) <= 1:
            yield workload, *found, limit * 100 // request


def _target_spot(workload: Workload, index: int) -> Spot:
    if not workload.autoscaling.metrics:
        return workload.spot()
    return workload.spot("metrics", index, "resource", "target", "averageUtilization")


def _rules(workload: Workload, direction: str) -> HPAScalingRules:
    behavior = workload.autoscaling.behavior
    found = None if behavior is None else behavior.scale_up if direction == "up" else behavior.scale_down
    return found or HPAScalingRules()


def _up_tolerance(workload: Workload) -> Decimal:
    said = _rules(workload, "up").tolerance
    return DEFAULT_TOLERANCE if said is None else parse_quantity(said)


RULES: Final = (
    Rule(
        id="target-beyond-cpu-limit",
        title="The CPU limit ends below the target",
        severity="error",
        why="Use never reaches the target, so the autoscaler never adds a replica: the replicas are throttled while the HPA sees room.",
        fix="lower averageUtilization below limit / request, or raise the CPU limit",
        check=_beyond_limit,
    ),
    Rule(
        id="tolerance-swallows-target",
        title="The tolerance hides everything above the target",
        severity="error",
        why="The HPA holds while use is within the tolerance of the target (10 % where nothing is said). With a limit just above the target, "
        "full throttling still counts as on target.",
        fix="lower averageUtilization, or set behavior.scaleUp.tolerance (Kubernetes 1.35 and later)",
        check=_tolerance,
    ),
    Rule(
        id="metrics-that-fight",
        title="Memory beside another metric",
        severity="warning",
        why="With several metrics the highest proposal wins. Memory stays after a peak (heaps, caches), so that the service never scales "
        "down again, whatever CPU says.",
        fix="scale on CPU or requests alone, and size memory by the request and limit",
        check=_fighting,
    ),
    Rule(
        id="metric-left-to-default",
        title="No metric is given",
        severity="note",
        why="Kubernetes' default of 80 % CPU leaves little for a rise that is faster than a start-up.",
        fix="say the target that was measured to hold: `scaleproof tune`",
        check=_no_metric,
    ),
    Rule(
        id="scale-down-window-below-metric-lag",
        title="The scale-down window is shorter than the metrics are old",
        severity="warning",
        why="The HPA removes replicas on a quiet moment that is over already, and adds them again: each time requests wait for a start-up.",
        fix="set behavior.scaleDown.stabilizationWindowSeconds to 60 or more (300 is the default)",
        check=_short_window,
    ),
    Rule(
        id="scale-up-window-delays",
        title="A scale-up window delays every rise",
        severity="warning",
        why="Stabilisation takes the lowest proposal of the window: a rise is answered only when it has lasted that long, on top of metrics "
        "and start-up.",
        fix="leave behavior.scaleUp.stabilizationWindowSeconds at 0",
        check=_up_window,
    ),
    Rule(
        id="scale-up-disabled",
        title="Scaling up is disabled",
        severity="error",
        why="The service stays at minReplicas while its load grows: every replica is beyond its capacity, and queues grow until users give up.",
        fix="remove selectPolicy: Disabled from behavior.scaleUp",
        check=_up_disabled,
    ),
    Rule(
        id="scale-down-disabled",
        title="Scaling down is disabled",
        severity="warning",
        why="After the first peak every replica is paid for until somebody removes it by hand.",
        fix="remove selectPolicy: Disabled from behavior.scaleDown; a longer window is careful enough",
        check=_down_disabled,
    ),
)
