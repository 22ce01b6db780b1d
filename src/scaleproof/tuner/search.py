"""The search: a coarse grid per service, then single moves, always under common random numbers. Pure and deterministic.

The order of preference is: less violation beyond the goal, then less cost. Which policy the stack had before plays no part
in what is found, apart from windows that the search may not exceed, so that tuning a tuned stack finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from scaleproof.simulator.evaluator import Evaluation
from scaleproof.spec.policy import Policy
from scaleproof.tuner.evaluation import Goal, PolicyEvaluator, mean_cost
from scaleproof.tuner.knobs import DOWN_RULES, DOWN_WINDOWS, UP_RULES, UP_WINDOWS, Knobs, with_knobs

TARGET_SHARES: Final = (0.35, 0.45, 0.55, 0.62, 0.69, 0.76, 0.83, 0.9)
"""Coarse grid of targets as shares of the limit: beyond about 0.9 the metric can no longer rise enough to scale up."""
LEAST_TARGET: Final = 5  # per cent of the request
MOST_MINIMA: Final = 6
SWEEPS: Final = 2
MOST_MOVES: Final = 8
MOST_HOPEFUL: Final = 12
WORTH_A_MOVE: Final = 0.005
"""A polishing move must be cheaper by more than this share: less is the seeds' doing."""


@dataclass(frozen=True)
class Bounds:
    """What one service's knobs may be."""

    most_replicas: int
    longest_window_seconds: int
    limit_over_request: float
    """Use per cent of the request can reach 100 times this."""

    def windows(self) -> list[int]:
        """The scale-down windows to try."""
        return [window for window in DOWN_WINDOWS if window <= self.longest_window_seconds]

    def allows(self, knobs: Knobs) -> bool:
        """Within the bounds, and a target that use can reach."""
        reachable = knobs.target is None or LEAST_TARGET <= knobs.target <= 100 * self.limit_over_request
        fits = 1 <= knobs.minimum <= knobs.maximum <= self.most_replicas
        return reachable and fits and knobs.down_window_seconds <= self.longest_window_seconds

    def start(self, base: Knobs) -> Knobs:
        """Kubernetes' defaults within the bounds, from the given service's metric: where every search begins."""
        window = None if self.longest_window_seconds >= 300 else self.longest_window_seconds  # noqa: PLR2004  upstream default
        target = None if base.target is None else self.targets()[4]
        return Knobs(minimum=1, maximum=self.most_replicas, target=target, down_window=window)

    def targets(self) -> list[int]:
        """The coarse grid in per cent of the request, in fives."""
        return [max(LEAST_TARGET, round(share * self.limit_over_request * 20) * 5) for share in TARGET_SHARES]

    def minima(self) -> list[int]:
        """At most six minima from 1 to the most replicas."""
        if self.most_replicas <= MOST_MINIMA:
            return list(range(1, self.most_replicas + 1))
        return sorted({1 + round(i * (self.most_replicas - 1) / (MOST_MINIMA - 1)) for i in range(MOST_MINIMA)})


@dataclass
class Tried:
    """Every policy evaluated so far with its outcome, in the order of the first evaluation."""

    evaluator: PolicyEvaluator
    seeds: Sequence[int]
    """Seeds of the simulated runs that every policy is evaluated over."""
    said: Callable[[int], None] = lambda _: None
    outcomes: dict[str, tuple[Policy, Evaluation]] = field(default_factory=dict)

    def evaluate(self, policies: Iterable[Policy]) -> list[Evaluation]:
        """Evaluations in order; a policy is simulated once."""
        wanted = [(policy.model_dump_json(), policy) for policy in policies]
        new = {key: policy for key, policy in wanted if key not in self.outcomes}
        if new:
            for (key, policy), outcome in zip(
                new.items(), self.evaluator.evaluate(list(new.values()), seeds=self.seeds), strict=True
            ):
                self.outcomes[key] = (policy, outcome)
            self.said(len(self.outcomes))
        return [self.outcomes[key][1] for key, _ in wanted]


def search(base: Policy, bounds: Mapping[str, Bounds], goal: Goal, tried: Tried) -> Policy:
    """The best policy found. `base` gives resources and metrics; its requests are already sized."""
    knobs = {name: bound.start(Knobs.of(base.services[name].autoscaling)) for name, bound in bounds.items()}
    generous = {name: knobs[name].turned(minimum=bounds[name].most_replicas) for name in knobs}
    for name in bounds:
        # The others hold their most replicas meanwhile, so that what happens is this service's doing.
        grid = [
            knobs[name].turned(minimum=minimum, target=target)
            for minimum in bounds[name].minima()
            for target in ([None] if knobs[name].target is None else bounds[name].targets())
        ]
        knobs[name] = _best(base, {**generous}, name, grid, goal, tried)
    for sweep in range(SWEEPS):
        changed = False
        for name in bounds:
            for moves in (_levels, _windows, _rules):
                found = _best(base, knobs, name, [knobs[name], *moves(knobs[name], bounds[name])], goal, tried)
                changed |= found != knobs[name]
                knobs[name] = found
        if not changed and sweep:
            break
    return with_knobs(base, knobs)


def polished(policy: Policy, bounds: Mapping[str, Bounds], goal: Goal, quick: Tried, careful: Tried) -> Policy:
    """Moves of one service from that policy, as long as one is cheaper and keeps the goal under all seeds.

    `quick` has the first of `careful`'s seeds: a policy's upper violation can only grow with more of them, so that what breaks the
    goal there need not be tried on all. Where the policy itself breaks the goal, the best move near it is made, once a service.
    """
    knobs = {name: Knobs.of(policy.services[name].autoscaling) for name in bounds}
    if goal.excess(careful.evaluate([policy])[0]) > 0:
        for name, bound in bounds.items():
            options = [knobs[name], *_roomier(knobs[name], bound), *_levels(knobs[name], bound)]
            knobs[name] = _best(policy, knobs, name, options, goal, careful)
        return with_knobs(policy, knobs)
    for _ in range(MOST_MOVES):
        now = with_knobs(policy, knobs)
        moves = [
            (name, moved)
            for name, bound in bounds.items()
            for moves_of in (_roomier, _levels, _windows, _rules)
            for moved in moves_of(knobs[name], bound)
            if moved != knobs[name]
        ]
        tried = quick.evaluate(with_knobs(policy, {**knobs, name: moved}) for name, moved in moves)
        least = mean_cost(quick.evaluate([now])[0]) * (1 - WORTH_A_MOVE)
        hopeful = sorted(
            (index for index, outcome in enumerate(tried) if goal.excess(outcome) == 0 and mean_cost(outcome) < least),
            key=lambda index: (mean_cost(tried[index]), moves[index][1].set_fields(), index),
        )
        most = mean_cost(careful.evaluate([now])[0]) * (1 - WORTH_A_MOVE)
        for index in hopeful[:MOST_HOPEFUL]:
            name, moved = moves[index]
            outcome = careful.evaluate([with_knobs(policy, {**knobs, name: moved})])[0]
            if goal.excess(outcome) == 0 and mean_cost(outcome) < most:
                knobs[name] = moved
                break
        else:
            return now
    return with_knobs(policy, knobs)


def neighbours(policy: Policy, bounds: Mapping[str, Bounds]) -> list[tuple[str, Policy]]:
    """Policies one move away, with what the move is: for the sensitivity."""
    near: list[tuple[str, Policy]] = []
    for name, bound in bounds.items():
        knobs = Knobs.of(policy.services[name].autoscaling)
        moves: list[tuple[str, Knobs]] = []
        if knobs.target is not None:
            moves += [
                (f"target {knobs.target} % → {knobs.target + step} %", knobs.turned(target=knobs.target + step))
                for step in (-10, 10)
                if knobs.target + step > 0
            ]
        moves += [
            (f"minReplicas {knobs.minimum} → {minimum}", knobs.turned(minimum=minimum))
            for minimum in (knobs.minimum - 1, knobs.minimum + 1)
            if 1 <= minimum <= knobs.maximum
        ]
        window = knobs.down_window_seconds
        moves += [
            (f"scale-down window {window} s → {other} s", knobs.turned(down_window=other))
            for other in (window // 2, window * 2)
            if other != window and other <= bound.longest_window_seconds
        ]
        near += [(f"{name}: {words}", with_knobs(policy, {name: moved})) for words, moved in moves]
    return near


def preference(goal: Goal, outcome: Evaluation) -> tuple[float, float]:
    """Smaller is better: violation beyond the goal (in steps of 0.05 %, below which seeds decide), then cost."""
    return (round(goal.excess(outcome) / 0.0005), mean_cost(outcome))


def _best(base: Policy, knobs: Mapping[str, Knobs], name: str, options: Sequence[Knobs], goal: Goal, tried: Tried) -> Knobs:
    """The first of the best options of one service while the others stay."""
    outcomes = tried.evaluate(with_knobs(base, {**knobs, name: option}) for option in options)
    ranked = sorted(range(len(options)), key=lambda i: (*preference(goal, outcomes[i]), options[i].set_fields(), i))
    return options[ranked[0]]


def _roomier(knobs: Knobs, bounds: Bounds) -> list[Knobs]:
    """Fewer replicas to begin with that are added to sooner."""
    if knobs.target is None or knobs.minimum <= 1:
        return []
    roomy = knobs.turned(minimum=knobs.minimum - 1, maximum=bounds.most_replicas)
    return [roomy.turned(target=target) for target in bounds.targets()]


def _levels(knobs: Knobs, bounds: Bounds) -> list[Knobs]:
    moves = [knobs.turned(minimum=m) for m in (knobs.minimum - 1, knobs.minimum + 1) if 1 <= m <= knobs.maximum]
    moves += [knobs.turned(maximum=m) for m in (knobs.maximum - 1, knobs.maximum + 1) if 1 <= m <= bounds.most_replicas]
    if knobs.target is not None:
        top = int(100 * bounds.limit_over_request)
        moves += [
            knobs.turned(target=knobs.target + step) for step in (-10, -5, 5, 10) if LEAST_TARGET <= knobs.target + step <= top
        ]
        moves += [
            knobs.turned(minimum=m, target=knobs.target + step)
            for m, step in ((knobs.minimum - 1, -5), (knobs.minimum + 1, 5))
            if 1 <= m <= knobs.maximum and LEAST_TARGET <= knobs.target + step <= top
        ]
    return moves


def _windows(knobs: Knobs, bounds: Bounds) -> list[Knobs]:
    moves = [knobs.turned(down_window=window) for window in bounds.windows()]
    return moves + [knobs.turned(up_window=window) for window in UP_WINDOWS]


def _rules(knobs: Knobs, bounds: Bounds) -> list[Knobs]:  # noqa: ARG001  the signature of all moves
    return [knobs.turned(down_rules=rules) for rules in DOWN_RULES] + [knobs.turned(up_rules=rules) for rules in UP_RULES]
