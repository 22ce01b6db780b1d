"""The cheapest policy that keeps the budget on all traces: a grid, a race, small moves, and back to the defaults.

Every step is deterministic. The answer does not depend on the policy in force, so tuning again changes nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import InfeasibleError
from scaleproof.tuner.optimise import DEFAULT_TARGET
from scaleproof.tuner.ports import Progress
from scaleproof.tuner.traffic import knobs as values
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.outlook import Outlook
from scaleproof.tuner.traffic.question import TrafficQuestion, Trial, rates_by_second, trials_of
from scaleproof.tuner.traffic.race import LEAST_SURVIVORS, Judge, Player, Score, expected_seconds, race, score

TIE: Final = 0.005
"""Within this share of the cost, the policy with fewer knobs set wins."""
WORTH_CHANGING: Final = 0.06
"""A policy in force that holds is replaced only by one that is cheaper by more than this: what measuring cannot tell apart."""
KEPT_CONFIDENCE: Final = 0.5
KEPT_RECORDED: Final = 0.75
"""The shares of variations and of recorded runs in which the policy in force must still hold: to be chosen takes more than to stay."""
PASSES: Final = 6
USUAL_PASSES: Final = 3
"""That a search makes; the last one finds nothing better."""
SPEED_SECONDS: Final = 0.5
SPEED_SHARE: Final = 0.02
"""After so much time, or so much of the search, its speed is known."""
POLISHED: Final = 10
"""Survivors of each round of a race between neighbours."""
_TARGETS: Final = 20
"""Targets of the grid, evenly from half of what a replica holds to all of it."""
_NEAR: Final = (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6)
_NEAR_WITHOUT: Final = range(-16, 9)
_FRONTIER: Final = 16
SHOWN: Final = 10.0
"""The frontier is shown up to this many budgets."""


@dataclass(frozen=True)
class Worth:
    """What one knob is worth: the best policy found with it at Kubernetes' default."""

    knob: str
    chosen: object
    without: TrafficKnobs
    more_cost: float
    """Relative to the clairvoyant's cost; infinite where no policy holds without it."""


@dataclass(frozen=True)
class TrafficTuning:
    """The answer of a search."""

    question: TrafficQuestion
    best: TrafficKnobs
    """The cheapest policy found that holds."""
    score: Score
    kept: Score | None
    """The policy in force's score, where it stays."""
    frontier: tuple[tuple[TrafficKnobs, Score], ...]
    """From the cheapest to the one that violates least."""
    worth: tuple[Worth, ...]
    default: tuple[TrafficKnobs, Score]
    """Kubernetes' default: 80 % and nothing else set."""
    considered: int
    """Policies played at least once."""
    trials: Sequence[Trial]
    """The runs; scores have an entry for each."""

    @property
    def spec(self) -> AutoscalingSpec:
        """The answer: the policy in force where it stays, else the best."""
        current = self.question.current
        return current if current is not None and self.kept is not None else self.best.spec()

    @property
    def answer_score(self) -> Score:
        """The score of `spec`."""
        return self.kept or self.score


def tune_on_traffic(
    question: TrafficQuestion, progress: Progress, clock: Callable[[], float], player: Player = evaluate
) -> TrafficTuning:
    """Raises InfeasibleError where no policy within the bounds keeps the budget; it says what would.

    `player`: a `checkpoint.Checkpoint`, where an interrupted search is to go on.
    """
    trials = trials_of(question)
    whole = grid(question)
    outlook = Outlook()
    judge = Judge(question, trials, player=player, outlook=outlook)
    outlook.current = expected_seconds(judge, len(whole), LEAST_SURVIVORS)
    outlook.coming = _later_steps(judge, whole[0])
    watch_over(judge, "searching the policy", progress, clock)
    ranked = race(judge, whole)
    best = polished(judge, ranked[:1])
    if judge.scores[best].violation > question.budget:
        best = polished(judge, [best, *_with_more_replicas(question, best)])
    if judge.scores[best].violation > question.budget:
        raise _infeasible(judge, judge.scores[best])
    best = simplified(judge, best)
    worth = tuple(_worth(judge, best, knob) for knob in best.set_fields())
    target = target_of(question, DEFAULT_TARGET)
    default = TrafficKnobs(target, question.least_replicas, question.maximum, question.of_requests)
    (default_score,) = judge.whole([default])
    considered = len(set(whole) | set(judge.scores))
    return TrafficTuning(
        question,
        best,
        judge.scores[best],
        _kept(judge, best),
        _frontier(judge),
        worth,
        (default, default_score),
        considered,
        trials,
    )


def watch_over(judge: Judge, title: str, progress: Progress, clock: Callable[[], float]) -> None:
    """Show from now on, as a stage, how far the judge's outlook is. The stage begins when the speed is known."""
    outlook = judge.outlook
    runs = max(1, sum(trial.world.rates.shape[0] for trial in judge.trials if trial.run == 0))
    begun = clock()
    expected: list[float] = []

    def advance(policy_seconds: int) -> None:
        outlook.played(policy_seconds)
        elapsed = clock() - begun
        left = outlook.seconds_left(elapsed)
        if not expected:
            if elapsed < SPEED_SECONDS and outlook.share() < SPEED_SHARE:
                return
            expected.append(max(1.0, elapsed + left))
            progress.stage(title, expected[0])
        # In the stage's own seconds: the better the estimate becomes, the nearer they are to a clock's.
        progress.advance(
            expected[0] * outlook.share(), f"{outlook.done / runs:,.0f} policies' runs simulated, about {left:,.0f} s left"
        )

    judge.advance = advance


def _later_steps(judge: Judge, typical: TrafficKnobs) -> list[tuple[str, float]]:
    """What follows the first race, with the policy-seconds that it usually plays."""
    moves = expected_seconds(judge, len(_moves(judge.question, typical)), POLISHED)
    without_one_knob = len(_NEAR_WITHOUT) * float(judge.whole_seconds)
    return [("polishing", moves)] * USUAL_PASSES + [("simplifying", 3 * without_one_knob)]


def _kept(judge: Judge, best: TrafficKnobs) -> Score | None:
    question = judge.question
    if question.current is None:
        return None
    cost, violation = judge.play_specs([question.current], judge.trials, question.service_in_force or question.service)
    found = score(
        judge.trials, min(KEPT_CONFIDENCE, question.confidence), cost[0], violation[0], recorded_confidence=KEPT_RECORDED
    )
    holds = found.violation <= question.budget and found.cost <= judge.scores[best].cost * (1 + WORTH_CHANGING)
    return found if holds else None


def target_of(question: TrafficQuestion, utilization: float) -> int:
    """A target in the metric's unit that means this CPU utilisation."""
    if not question.of_requests:
        return max(1, round(utilization))
    service = question.service
    cores = utilization * service.request_millicores / 100_000 - service.idle_cores
    return max(1, round(1000 * cores / service.cpu_seconds_per_request))


def grid(question: TrafficQuestion) -> list[TrafficKnobs]:
    """At least 3,000 policies over all knobs but the minimum, which is moved later."""
    top = question.service.utilization_at_capacity
    targets = sorted({target_of(question, share * top) for share in np.linspace(0.45, 1.0, _TARGETS)})
    base = TrafficKnobs(targets[0], question.least_replicas, question.maximum, question.of_requests)
    return [
        base.turned(
            target=target,
            up_tolerance=tolerance,
            down_tolerance=down_tolerance,
            down_window=window,
            up_rules=up_rules,
        )
        for target, (tolerance, down_tolerance), window, up_rules in itertools.product(
            targets,
            ((None, None), (0.0, 0.0), (0.0, None), (0.0, 0.3)),
            (None, 0, 30, 60, 120, 180, 600),
            (
                None,
                (("Pods", 1, 15),),
                (("Percent", 20, 15),),
                (("Percent", 900, 15),),
                (("Pods", 2, 15),),
                (("Percent", 50, 15),),
            ),
        )
    ]


def step_of(question: TrafficQuestion) -> int:
    """A small change of the target: about a 140th of what a replica holds, at least one unit."""
    return max(1, round(target_of(question, question.service.utilization_at_capacity) / 140))


def _moves(question: TrafficQuestion, knobs: TrafficKnobs) -> list[TrafficKnobs]:
    """Every value of every knob, each with some targets around, so that a knob can pay for a higher target."""
    step = step_of(question)
    turned = [knobs]
    turned += [knobs.turned(up_tolerance=each) for each in values.UP_TOLERANCES]
    turned += [knobs.turned(down_tolerance=each) for each in values.DOWN_TOLERANCES]
    turned += [knobs.turned(up_window=each) for each in values.UP_WINDOWS]
    turned += [knobs.turned(down_window=each) for each in values.DOWN_WINDOWS]
    turned += [knobs.turned(up_rules=each) for each in values.UP_RULES]
    turned += [knobs.turned(down_rules=each) for each in values.DOWN_RULES]
    turned += [
        knobs.turned(minimum=each)
        for each in (knobs.minimum - 1, knobs.minimum + 1)
        if question.least_replicas <= each <= question.maximum
    ]
    highest = target_of(question, 1.05 * question.service.utilization_at_capacity)
    found = [
        each.turned(target=each.target + near * step)
        for each in turned
        for near in _NEAR
        if 1 <= each.target + near * step <= highest
    ]
    return list(dict.fromkeys(found))


def polished(judge: Judge, begin: Sequence[TrafficKnobs]) -> TrafficKnobs:
    """Moves from the best of these for as long as one helps."""
    best = judge.best(begin)
    for number in range(PASSES):
        moves = [best, *_moves(judge.question, best)]
        expected = expected_seconds(judge, len(moves), POLISHED)
        judge.outlook.begin("polishing", expected)
        if number + 1 < PASSES:
            judge.outlook.expect_one("polishing", expected)
        better = race(judge, moves, least=POLISHED)[0]
        if better == best:
            break
        best = better
    judge.outlook.drop("polishing")
    return best


def simplified(judge: Judge, best: TrafficKnobs) -> TrafficKnobs:
    """Knobs that gain next to nothing go back to Kubernetes' default, the least useful first."""
    budget = judge.question.budget
    ceiling = judge.scores[best].cost * (1 + TIE)
    judge.outlook.begin("simplifying", len(best.set_fields()) * len(_NEAR_WITHOUT) * float(judge.whole_seconds))
    while best.set_fields():
        options = [_without(judge, best, knob) for knob in best.set_fields()]
        fitting = [each for each in options if judge.scores[each].violation <= budget and judge.scores[each].cost <= ceiling]
        if not fitting:
            break
        best = judge.best(fitting)
    return best


def _without(judge: Judge, best: TrafficKnobs, knob: str) -> TrafficKnobs:
    """The best policy near by that leaves this knob at Kubernetes' default: the target may make up for it."""
    plain = best.turned(**{knob: None})
    step = step_of(judge.question)
    options = [plain.turned(target=plain.target + near * step) for near in _NEAR_WITHOUT if plain.target + near * step >= 1]
    return judge.best(options)


def _worth(judge: Judge, best: TrafficKnobs, knob: str) -> Worth:
    without = _without(judge, best, knob)
    found = judge.scores[without]
    more = found.cost - judge.scores[best].cost if found.violation <= judge.question.budget else math.inf
    return Worth(knob, getattr(best, knob), without, more)


def _with_more_replicas(question: TrafficQuestion, best: TrafficKnobs) -> list[TrafficKnobs]:
    """More replicas all the time: the last resort, for traffic that rises faster than replicas start."""
    return [best.turned(minimum=minimum) for minimum in range(question.least_replicas, question.maximum + 1)]


def _infeasible(judge: Judge, best: Score) -> InfeasibleError:
    question = judge.question
    worst = max(range(len(best.violation_by_trial)), key=lambda row: best.violation_by_trial[row])
    trace = question.traces[judge.trials[worst].trace]
    peak = float(rates_by_second(trace).max())
    needed = math.ceil(peak / question.service.capacity_per_second)
    return InfeasibleError(
        f"no policy with at most {question.maximum} replicas keeps violation within {100 * question.budget:g} % on {trace.name}: "
        f"the best still has {100 * best.violation:.3g} %",
        hint=f"its peak of {peak:.4g} requests/s needs {needed} replicas at all times; with variations of it, more: allow more replicas, "
        "a larger budget, or make replicas start faster",
    )


def _frontier(judge: Judge) -> tuple[tuple[TrafficKnobs, Score], ...]:
    """What no other policy played beats in both cost and violation."""
    shown = [entry for entry in judge.scores.items() if entry[1].violation <= SHOWN * judge.question.budget]
    ordered = sorted(shown, key=lambda entry: (entry[1].cost, entry[1].violation, repr(entry[0])))
    found: list[tuple[TrafficKnobs, Score]] = []
    for knobs, figures in ordered:
        if not found or figures.violation < found[-1][1].violation:
            found.append((knobs, figures))
    if len(found) <= _FRONTIER:
        return tuple(found)
    chosen = np.unique(np.linspace(0, len(found) - 1, _FRONTIER).round().astype(int))
    return tuple(found[index] for index in chosen)
