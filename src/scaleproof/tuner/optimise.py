"""Finding the cheapest policy that keeps the SLO with a margin, and saying why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.calibration import Calibration
from scaleproof.simulator.evaluator import Evaluation
from scaleproof.simulator.intervals import estimate
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.tuner.capacity_plan import peak_rates, replicas_allowed, replicas_needed, usable_connections
from scaleproof.tuner.evaluation import Goal, PolicyEvaluator, mean_cost, upper_violation
from scaleproof.tuner.knobs import Knobs, describe_rules, label_of, with_knobs
from scaleproof.tuner.ports import Progress
from scaleproof.tuner.results import FrontierPoint, Sensitivity, TuningResult
from scaleproof.tuner.search import Bounds, Tried, neighbours, polished, preference, search
from scaleproof.tuner.sizing import sized_policy

Floats = NDArray[np.float64]

SEARCH_SEEDS: Final = 4
FINALISTS: Final = 6
"""Policies of one batch of the final race."""
MOST_FINALISTS: Final = 150
COST_NOISE: Final = 0.01
"""How much the mean cost over a few seeds may differ from that over all."""
WORTH_CHANGING: Final = 0.04
"""A policy that keeps the SLO is replaced only by one that is cheaper by more than this share: what measuring cannot tell apart."""
DEFAULT_TARGET: Final = 80
"""What Kubernetes assumes where a policy has no metric."""
TIE: Final = 0.01
"""Within this share of the cost the simpler policy wins."""
_FRONTIER_POINTS: Final = 40


@dataclass(frozen=True)
class Question:
    """What is to be tuned: the policy now, what was calibrated, the load, and the bounds."""

    before: Policy
    spec: Platform
    calibration: Calibration
    arrivals: Mapping[str, Floats]
    """Arrival times per service in seconds, of one drawing of the load: for the peak's need."""
    budget_millicores: int
    """The most that all replicas' limits may add up to."""
    margin: float = 0.2
    max_window_seconds: int = 300


def optimise(
    question: Question,
    evaluator: PolicyEvaluator,
    progress: Progress,
    *,
    seeds: Sequence[int],
    preview: Callable[[Policy], str] = lambda _: "",
    search_seeds: int = SEARCH_SEEDS,
) -> TuningResult:
    """The result of a search. Deterministic: same question, same evaluator, same answer.

    All policies are tried on the first `search_seeds` of the evaluator's `seeds`, the best ones and the one before on all of
    them. `preview` gives the diff of the stack file.

    Where no policy within the bounds keeps the SLO, the result says which constraint is in the way and the least capacity
    that would do; its policy is then the one with the least violation, if that is less than before.
    """
    slo = Goal.of(question.spec, question.margin)
    before = within_measured(question.before, question.calibration)
    careful = Tried(evaluator, seeds)
    goal = slo.no_worse_than(careful.evaluate([before])[0])
    base = sized_policy(question.before, question.calibration)
    rates = peak_rates(question.arrivals, question.calibration)
    needed = replicas_needed(question.calibration, rates)
    allowed = replicas_allowed(question.calibration, base, needed, question.budget_millicores, question.spec)
    bounds = {
        name: Bounds(
            most_replicas=allowed[name],
            longest_window_seconds=question.max_window_seconds,
            limit_over_request=service.resources.limits.cpu_millicores / max(service.resources.requests.cpu_millicores, 1),
        )
        # The service with the most load first: it decides most of the cost, and the others are tuned around it.
        for name, service in sorted(base.services.items(), key=lambda item: (-needed.get(item[0], 1), item[0]))
    }
    progress.stage("Searching the cheapest policy that keeps the SLO")
    quick = Tried(
        evaluator,
        seeds[:search_seeds],
        said=lambda count: progress.advance(0.0, f"{count} policies simulated"),
    )
    search(base, bounds, goal, quick)
    if all(bounds[name].allows(Knobs.of(service.autoscaling)) for name, service in before.services.items()):
        quick.evaluate([before])
    ranked = sorted(quick.outcomes.values(), key=lambda entry: preference(goal, entry[1]))
    best = _final(before, ranked, goal, [Tried(evaluator, seeds[: 2 * search_seeds]), careful])
    best = polished(best, bounds, goal, quick, careful)
    after = _simplified(best, before, bounds, goal, careful)
    before_outcome, after_outcome = careful.evaluate([before, after])
    if not _worth_changing(goal, before_outcome, after_outcome):
        after, after_outcome = before, before_outcome
    changed = after != before
    feasible = slo.excess(after_outcome) == 0.0
    moves = neighbours(after, bounds)
    beside = quick.evaluate([after, *(policy for _, policy in moves)])
    result = TuningResult(
        before=question.before,
        after=after if changed else question.before,
        changed=changed,
        diff=preview(after) if changed else "",
        before_cost=before_outcome.cost_estimate,
        before_violation=before_outcome.violation_estimate,
        after_cost=after_outcome.cost_estimate,
        after_violation=after_outcome.violation_estimate,
        violation_by_service={name: estimate(shares) for name, shares in after_outcome.violation_by_service.items()},
        frontier=_frontier(before, after, slo, {**quick.outcomes, **careful.outcomes}),
        sensitivity=[
            _sensitivity(words, slo, beside[0], outcome) for (words, _), outcome in zip(moves, beside[1:], strict=True)
        ],
        reasons=_reasons(question, after, slo, goal, changed=changed),
        margin=question.margin,
        feasible=feasible,
        infeasible_reason=None if feasible else _infeasible(question, slo, after_outcome, rates, needed, allowed),
        seeds=list(seeds),
        policies_tried=len(quick.outcomes),
    )
    progress.say(
        f"{result.policies_tried} policies simulated; "
        f"expected cost {result.before_cost.value:.1f} → {result.after_cost.value:.1f} requested core-seconds, "
        f"violation {result.before_violation.value:.1%} → {result.after_violation.value:.1%}"
    )
    return result


def within_measured(policy: Policy, calibration: Calibration) -> Policy:
    """The policy with no more replicas than were measured where a shared bottleneck stops growth: beyond, nothing is known."""
    knobs = {}
    for name, service in policy.services.items():
        known = calibration.services.get(name)
        if known is not None and known.bottleneck is not None and service.autoscaling.max_replicas > known.highest_replicas:
            knobs[name] = Knobs.of(service.autoscaling).turned(maximum=max(1, known.highest_replicas))
    return with_knobs(policy, knobs)


def frontier_table(result: TuningResult) -> list[str]:
    """The frontier as text lines, from the cheapest to the dearest, for a terminal."""
    lines = [f"{'cost':>9}  {'violation (upper)':>18}  policy"]
    for point in result.frontier:
        sign = "→" if point.chosen else "•" if point.starting else " "
        kept = "" if point.keeps_slo else "  breaks the SLO"
        lines.append(
            f"{point.cost.value:9.1f}  {point.violation.value:8.2%} ({point.violation.high:6.2%}) {sign} {point.label}{kept}"
        )
    return lines


def _final(before: Policy, ranked: Sequence[tuple[Policy, Evaluation]], goal: Goal, rounds: Sequence[Tried]) -> Policy:
    """The best of the finalists under all seeds, which the last of `rounds` has; each round has the seeds of the one before.

    A race: a policy's upper violation can only grow with more seeds, so that whatever breaks the goal in a round is out, and
    nothing is lost by it. Batches come from the cheapest on, until the next one cannot be cheaper than the best.
    """
    last = rounds[-1]
    last.evaluate([before])
    best: tuple[tuple[float, float], Policy] | None = None
    for start in range(0, min(len(ranked), MOST_FINALISTS), FINALISTS):
        batch = ranked[start : start + FINALISTS]
        if best is not None and best[0][0] == 0 and mean_cost(batch[0][1]) > (1 + COST_NOISE) * best[0][1]:
            break
        racing = [policy for policy, _ in batch]
        for tried in rounds[:-1]:
            kept = [policy for policy, outcome in zip(racing, tried.evaluate(racing), strict=True) if goal.excess(outcome) == 0]
            # Where all break it, the least violation is looked for among them.
            racing = kept or (racing if best is None else [])
        for policy, outcome in zip(racing, last.evaluate(racing), strict=True):
            rank = preference(goal, outcome)
            if best is None or rank < best[0]:
                best = (rank, policy)
    assert best is not None
    return best[1]


def _simplified(policy: Policy, before: Policy, bounds: Mapping[str, Bounds], goal: Goal, tried: Tried) -> Policy:
    """Fields go back, in turn, to Kubernetes' default or to what they were, where that keeps the goal at (almost) the same cost."""
    outcome = tried.evaluate([policy])[0]
    kept, most = goal.excess(outcome), mean_cost(outcome) * (1 + TIE)
    for name, bound in bounds.items():
        old = Knobs.of(before.services[name].autoscaling)
        changes: tuple[dict[str, object], ...] = (
            {"up_rules": None}, {"down_rules": None}, {"up_window": None}, {"down_window": None},
            {"up_rules": old.up_rules}, {"down_rules": old.down_rules},
            {"up_window": old.up_window}, {"down_window": old.down_window},
            {"maximum": old.maximum}, {"target": DEFAULT_TARGET}, {"target": old.target}, {"minimum": old.minimum},
        )  # fmt: skip
        for change in changes:
            knobs = Knobs.of(policy.services[name].autoscaling)
            simpler = knobs.turned(**change)
            settled = knobs in (old, simpler) or all(getattr(knobs, field) == getattr(old, field) for field in change)
            if settled or not bound.allows(simpler):
                continue
            candidate = with_knobs(policy, {name: simpler})
            result = tried.evaluate([candidate])[0]
            if goal.excess(result) <= kept and mean_cost(result) <= most:
                policy = candidate
    return policy


def _worth_changing(goal: Goal, before: Evaluation, after: Evaluation) -> bool:
    """Less violation beyond the goal, or, where both keep it, a cost below by more than chance and measuring explain."""
    old, new = preference(goal, before)[0], preference(goal, after)[0]
    if old > 0 or new > 0:
        return new < old
    gains = before.cost - after.cost  # paired: the same draws
    certain = float(np.quantile(gains, 0.1)) > 0
    return certain and float(np.mean(gains)) > WORTH_CHANGING * mean_cost(before)


def _frontier(before: Policy, after: Policy, goal: Goal, tried: Mapping[str, tuple[Policy, Evaluation]]) -> list[FrontierPoint]:
    """Policies that no other beats in both, plus the chosen and the starting one."""
    entries = sorted(tried.values(), key=lambda entry: (mean_cost(entry[1]), entry[1].violation_estimate.high))
    front: list[tuple[Policy, Evaluation]] = []
    least = np.inf
    for policy, outcome in entries:
        upper = outcome.violation_estimate.high
        if upper < least:
            least = upper
            front.append((policy, outcome))
    if len(front) > _FRONTIER_POINTS:
        kept = np.unique(np.linspace(0, len(front) - 1, _FRONTIER_POINTS).round().astype(int))
        front = [front[i] for i in kept]
    for policy in (before, after):
        if all(policy != other for other, _ in front):
            front.append((policy, tried[policy.model_dump_json()][1]))
    front.sort(key=lambda entry: mean_cost(entry[1]))
    return [
        FrontierPoint(
            label=label_of(policy),
            cost=outcome.cost_estimate,
            violation=outcome.violation_estimate,
            keeps_slo=goal.excess(outcome) == 0.0,
            chosen=policy == after,
            starting=policy == before,
            policy=policy,
        )
        for policy, outcome in front
    ]


def _sensitivity(words: str, goal: Goal, chosen: Evaluation, outcome: Evaluation) -> Sensitivity:
    return Sensitivity(
        label=words,
        cost_change=mean_cost(outcome) / mean_cost(chosen) - 1 if mean_cost(chosen) else 0.0,
        violation_change=outcome.violation_estimate.value - chosen.violation_estimate.value,
        keeps_slo=goal.excess(outcome) == 0.0,
    )


def _reasons(question: Question, after: Policy, slo: Goal, goal: Goal, *, changed: bool) -> list[str]:
    if not changed:
        worth = f"{WORTH_CHANGING:.0%}"
        return [
            f"The policy stays: no other keeps the SLO and is cheaper by more than {worth}, which measuring can tell apart."
        ]
    lines: list[str] = []
    for name, service in after.services.items():
        old = question.before.services[name]
        requests, past = service.resources.requests, old.resources.requests
        calibrated = question.calibration.services.get(name)
        if calibrated is not None and requests.cpu != past.cpu:
            lines.append(
                f"{name}: CPU request {past.cpu} → {requests.cpu}: a replica at capacity uses "
                f"{calibrated.usage_at_capacity_cores * 1000:.0f}m (95 % quantile)."
            )
        if calibrated is not None and requests.memory != past.memory:
            peak = calibrated.memory_peak_bytes / 2**20
            lines.append(f"{name}: memory request {past.memory} → {requests.memory}: the peak was {peak:.0f}Mi; 15 % on top.")
        lines += _knob_reasons(name, Knobs.of(old.autoscaling), Knobs.of(service.autoscaling))
    if goal != slo:
        most = ", ".join(f"{name} {share:.1%} of {slo.allowed[name]:.1%}" for name, share in goal.allowed.items())
        lines.append(
            f"The SLO's budget is not used up ({most}): the policy before violates no more, and cheaper must not be worse."
        )
    return lines


def _knob_reasons(name: str, old: Knobs, new: Knobs) -> list[str]:
    lines: list[str] = []
    if new.minimum > old.minimum:
        lines.append(
            f"{name}: minReplicas {old.minimum} → {new.minimum}: the load rises faster than new replicas are decided on and started."
        )
    elif new.minimum < old.minimum:
        lines.append(f"{name}: minReplicas {old.minimum} → {new.minimum}: fewer serve the quiet time as well.")
    if new.maximum != old.maximum:
        lines.append(f"{name}: maxReplicas {old.maximum} → {new.maximum}: what the peak needs and the machine's budget allows.")
    if new.target != old.target:
        why = "replicas may be used more fully" if (new.target or 0) > (old.target or 0) else "replicas are added earlier"
        lines.append(f"{name}: CPU target {old.target} % → {new.target} % of the request: {why}.")
    if new.down_window != old.down_window:
        lines.append(
            f"{name}: scale-down window {old.down_window_seconds} s → {new.down_window_seconds} s: "
            + (
                "idle replicas go sooner."
                if new.down_window_seconds < old.down_window_seconds
                else "fewer replicas go too soon."
            )
        )
    if new.up_window != old.up_window:
        lines.append(f"{name}: scale-up window {old.up_window or 0} s → {new.up_window or 0} s.")
    for direction, before, after in (("down", old.down_rules, new.down_rules), ("up", old.up_rules, new.up_rules)):
        if before != after:
            lines.append(f"{name}: scale-{direction} policy {describe_rules(before)} → {describe_rules(after)}.")
    return lines


def _infeasible(
    question: Question,
    goal: Goal,
    outcome: Evaluation,
    rates: Mapping[str, float],
    needed: Mapping[str, int],
    allowed: Mapping[str, int],
) -> str:
    """Which constraint is in the way, and the least capacity that would do."""
    broken: Sequence[str] = [name for name, limit in goal.allowed.items() if upper_violation(outcome, name) > limit]
    parts = [
        f"{name}: at best up to {upper_violation(outcome, name):.1%} of requests violate, {goal.allowed[name]:.1%} may "
        f"(the SLO's budget less the margin of {question.margin:.0%})"
        for name in broken
    ]
    limits = {name: service.resources.limits.cpu_millicores for name, service in question.before.services.items()}
    total = sum(needed.get(name, 1) * limits[name] for name in limits)
    short = [name for name in limits if needed.get(name, 1) > allowed[name]]
    if short:
        counts = ", ".join(
            f"{needed[name]} replicas of {name} for {rates[name]:.0f} requests/s (at most {allowed[name]} fit)"
            for name in short
        )
        connections = usable_connections(question.spec)
        pools = "" if connections is None else f" and PostgreSQL's {connections} connections"
        parts.append(
            f"the constraint is maxReplicas within the machine's budget of {question.budget_millicores}m{pools}; the least capacity "
            f"that would do: {counts}, {total}m of limits in all"
        )
    else:
        parts.append(
            f"the replicas for the peak would fit ({total}m of {question.budget_millicores}m), the constraint is one replica's "
            "latency at its limit or how soon replicas come: raise the CPU limit, the budget or the SLO's threshold"
        )
    return "; ".join(parts)
