"""One reconciliation: upstream's reconcileAutoscaler, from the bounds to the stored scale event. Times in nanoseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scaleproof.hpa.behavior import (
    bound_replicas,
    normalize_desired_replicas,
    normalize_desired_replicas_with_behaviors,
)
from scaleproof.hpa.decision import Decision, Proposal, Step
from scaleproof.hpa.history import History, Recommendations
from scaleproof.hpa.horizontal_spec import HorizontalSpec
from scaleproof.hpa.metrics_client import MetricsClient
from scaleproof.hpa.pods import PodTable
from scaleproof.hpa.proposal import Situation, compute_replicas_for_metric, value_text
from scaleproof.hpa.quantities import NANOSECONDS
from scaleproof.hpa.reasons import MEANINGS, NAMES


@dataclass(frozen=True, slots=True)
class ControllerOptions:
    """Flags of kube-controller-manager and feature gates. Times in nanoseconds."""

    tolerance: float = 0.1
    downscale_stabilization: int = 300 * NANOSECONDS
    cpu_initialization_period: int = 300 * NANOSECONDS
    initial_readiness_delay: int = 30 * NANOSECONDS
    configurable_tolerance: bool = True  # HPAConfigurableTolerance: on since 1.35
    scale_to_zero: bool = False  # HPAScaleToZero: on since 1.37


DEFAULT_OPTIONS: Final = ControllerOptions()


@dataclass(frozen=True, slots=True)
class Observed:
    """What a reconciliation sees. `scaled_to_zero`: the HPA's own condition ScaledToZero is true."""

    now: int
    current_replicas: int
    status_replicas: int
    pods: PodTable
    client: MetricsClient
    scaled_to_zero: bool = False


def reconcile_autoscaler(
    spec: HorizontalSpec, history: History, seen: Observed, options: ControllerOptions = DEFAULT_OPTIONS
) -> Decision:
    """`reconcileAutoscaler`. Changes `history` as upstream does where the new count is applied."""
    if history.recommendations is None:
        history.recommendations = Recommendations([seen.current_replicas], [seen.now])
    current = seen.current_replicas
    from_zero = options.scale_to_zero and seen.scaled_to_zero and current == 0
    if current == 0 and not (from_zero and (spec.min_replicas != 0 or spec.scales_to_zero)):
        return _simple(current, 0, "ScalingDisabled")
    bound, code = (current, 0) if current == 0 else bound_replicas(current, spec.min_replicas, spec.max_replicas)
    if code:
        _store_scale_event(spec, history, seen.now, current, bound)
        return _simple(current, bound, NAMES[code])
    proposals, proposed, winner, error = compute_replicas_for_metrics(spec, seen, options)
    steps = [_metric_step(proposal) for proposal in proposals]
    if proposed < 0:
        return _failed(current, steps, proposals, error or "")
    # A proposal below zero (an overflow upstream) counts as zero.
    desired, stabilized = _normalize(spec, history, seen, options, max(proposed, 0), steps)
    if from_zero and desired < spec.min_replicas:
        desired = spec.min_replicas
        steps.append(Step("fromZero", "BelowMinReplicas", f"from zero at least minReplicas: {desired}", {"replicas": desired}))
    if desired != current:
        _store_scale_event(spec, history, seen.now, current, desired)
    return _decided(current, desired, max(proposed, 0), stabilized, steps, proposals, winner, error)


def compute_replicas_for_metrics(
    spec: HorizontalSpec, seen: Observed, options: ControllerOptions
) -> tuple[tuple[Proposal, ...], int, Proposal | None, str | None]:
    """`computeReplicasForMetrics`: (proposals, the highest, its metric, error). -1 where no metric may decide."""
    down = up = options.tolerance
    if options.configurable_tolerance and spec.scale_up is not None and spec.scale_down is not None:
        down = down if spec.scale_down.tolerance is None else spec.scale_down.tolerance
        up = up if spec.scale_up.tolerance is None else spec.scale_up.tolerance
    at = Situation(
        seen.now,
        seen.current_replicas,
        seen.status_replicas,
        seen.pods,
        seen.client,
        down,
        up,
        options.cpu_initialization_period,
        options.initial_readiness_delay,
    )
    proposals = tuple(compute_replicas_for_metric(metric, at) for metric in spec.metrics)
    replicas = 0
    winner: Proposal | None = None
    invalid = [proposal for proposal in proposals if proposal.replicas is None]
    for proposal in proposals:
        if proposal.replicas is not None and (replicas == 0 or proposal.replicas > replicas):
            replicas = proposal.replicas
            winner = proposal
    error = None
    if invalid:
        error = f"invalid metrics ({len(invalid)} invalid out of {len(proposals)}), first error is: {invalid[0].error}"
    if len(invalid) >= len(proposals) or (invalid and replicas < seen.current_replicas):
        return proposals, -1, None, error
    # -1 is the sign for "no decision"; upstream's own overflow to a negative count ends at zero.
    return proposals, max(replicas, 0), winner, error


def _normalize(
    spec: HorizontalSpec, history: History, seen: Observed, options: ControllerOptions, proposed: int, steps: list[Step]
) -> tuple[int, int]:
    recommendations = history.recommendations or Recommendations()
    count = recommendations.make_room()
    current, up, down = seen.current_replicas, spec.scale_up, spec.scale_down
    if up is None or down is None:
        desired, stabilized, able, limited, count = normalize_desired_replicas(
            seen.now,
            current,
            proposed,
            spec.min_replicas,
            spec.max_replicas,
            options.downscale_stabilization,
            recommendations.values,
            recommendations.times,
            count,
        )
        window = options.downscale_stabilization
    else:
        # maybeInitScaleDownStabilizationWindow: whole seconds
        whole_seconds = options.downscale_stabilization // NANOSECONDS * NANOSECONDS
        down_window = whole_seconds if down.stabilization_window is None else down.stabilization_window
        up_window = up.stabilization_window or 0
        desired, stabilized, able, limited, count = normalize_desired_replicas_with_behaviors(
            seen.now, current, proposed, spec.min_replicas, spec.max_replicas,
            up_window, up.select_policy, up.policy_types, up.policy_values, up.policy_periods,
            down_window, down.select_policy, down.policy_types, down.policy_values, down.policy_periods,
            recommendations.values, recommendations.times, count,
            history.up.changes, history.up.times, len(history.up.changes),
            history.down.changes, history.down.times, len(history.down.changes),
        )  # fmt: skip
        window = up_window if proposed >= current else down_window
    recommendations.keep(count)
    steps.append(_stabilize_step(NAMES[able], proposed, stabilized, window))
    steps.append(_limit_step(NAMES[limited], stabilized, desired, spec))
    return desired, stabilized


def _store_scale_event(spec: HorizontalSpec, history: History, now: int, current: int, desired: int) -> None:
    if spec.scale_up is None or spec.scale_down is None:
        return
    if desired > current:
        history.up.store(now, desired - current, spec.scale_up.policy_periods)
    else:
        history.down.store(now, current - desired, spec.scale_down.policy_periods)


def _simple(current: int, desired: int, reason: str) -> Decision:
    message = f"{_change(current, desired)}: {MEANINGS[reason]}"
    step = Step("bounds", reason, message, {"currentReplicas": current, "replicas": desired})
    return Decision(current, desired, reason, message, (step,))


def _failed(current: int, steps: list[Step], proposals: tuple[Proposal, ...], error: str) -> Decision:
    first = next(proposal for proposal in proposals if proposal.replicas is None)
    message = f"{_change(current, current)}: {error}"
    steps.append(Step("metrics", first.reason, message, {"replicas": current}))
    return Decision(current, current, first.reason, message, tuple(steps), proposals, error=error)


def _metric_step(proposal: Proposal) -> Step:
    return Step("metric", proposal.reason, proposal.text, {} if proposal.replicas is None else {"replicas": proposal.replicas})


def _stabilize_step(reason: str, proposed: int, stabilized: int, window: int) -> Step:
    seconds = window / NANOSECONDS
    text = f"recommended {proposed}, stabilised over the last {seconds:g} s to {stabilized}: {MEANINGS[reason]}"
    return Step("stabilize", reason, text, {"recommended": proposed, "replicas": stabilized, "windowSeconds": seconds})


def _limit_step(reason: str, stabilized: int, desired: int, spec: HorizontalSpec) -> Step:
    text = f"{stabilized} limited to {desired}" if stabilized != desired else f"{desired}"
    text = f"{text} within {spec.min_replicas} to {spec.max_replicas}: {MEANINGS[reason]}"
    numbers = {"stabilized": stabilized, "replicas": desired, "min": spec.min_replicas, "max": spec.max_replicas}
    return Step("limit", reason, text, numbers)


def _decided(
    current: int,
    desired: int,
    proposed: int,
    stabilized: int,
    steps: list[Step],
    proposals: tuple[Proposal, ...],
    winner: Proposal | None,
    error: str | None,
) -> Decision:
    stabilize, limit = (next(step for step in steps if step.step == name) for name in ("stabilize", "limit"))
    if limit.reason != "DesiredWithinRange":
        reason = limit.reason
    elif stabilize.reason != "ReadyForNewScale":
        reason = stabilize.reason
    elif desired > current:
        reason = "MetricAboveTarget"
    elif desired < current:
        reason = "AllMetricsBelowTarget"
    else:
        reason = winner.reason if winner is not None else "ReadyForNewScale"
    utilization = target = math.nan
    message = f"{_change(current, desired)}: {MEANINGS[reason]}"
    if winner is not None and winner.current is not None and winner.target is not None:
        scale = 1 if winner.unit == "%" else 1000
        utilization, target = winner.current / scale, winner.target / scale
        current_text, target_text = (
            f"{value} %" if winner.unit == "%" else value_text(winner.name, value) for value in (winner.current, winner.target)
        )
        message = f"{message}; {winner.title} at {current_text} against {target_text} recommends {proposed}"
    if stabilized != proposed:
        message += f", stabilised to {stabilized}"
    return Decision(current, desired, reason, message, tuple(steps), proposals, utilization, target, error, stabilized)


def _change(current: int, desired: int) -> str:
    return f"stays at {current}" if current == desired else f"{current} → {desired}"
