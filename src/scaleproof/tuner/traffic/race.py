"""Many policies, few survivors: who is clearly worse after some runs is not played any further."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.question import TrafficQuestion, Trial, duration

Floats = NDArray[np.float64]

FIRST_SECONDS: Final = 60_000
"""The first round plays so much of each trace, in as many runs as that takes: an hour has few scaling events."""
COST_SLACK: Final = (0.1, 0.06, 0.04)
"""After a first, a second … round, a policy goes when it costs this much more than the cheapest that holds so far. Costs hardly
differ between runs, but what holds in the first may be lucky, and what holds in all of them dearer."""
VIOLATION_SLACK: Final = (3.0, 2.0, 1.5)
"""After these rounds, a policy goes when it violates this many times the budget: the worst run only gets worse."""
LEAST_SURVIVORS: Final = 24


@dataclass(frozen=True)
class Score:
    """A policy over some trials."""

    cost: float
    """Relative to the clairvoyant's, mean over trials."""
    violation: float
    """The worst trace's: its worst recorded run, or the asked share of its variations, whichever is more."""
    cost_by_trial: tuple[float, ...]
    violation_by_trial: tuple[float, ...]

    def order(self, budget: float) -> tuple[float, float]:
        """Smaller is better: violation beyond the budget, then cost."""
        return (max(0.0, self.violation - budget), self.cost)


@dataclass
class Judge:
    """Plays policies and remembers what came of it."""

    question: TrafficQuestion
    trials: Sequence[Trial]
    advance: Callable[[int], None] | None = None
    scores: dict[TrafficKnobs, Score] = field(default_factory=dict)
    """Over all trials."""

    def play(self, knobs: Sequence[TrafficKnobs], trials: Sequence[Trial]) -> tuple[Floats, Floats]:
        """(cost relative to the clairvoyant's, violation), each float64[policies, trials]."""
        return self.play_specs([each.spec() for each in knobs], trials, self.question.service)

    def play_specs(
        self, specs: Sequence[AutoscalingSpec], trials: Sequence[Trial], service: ServiceModel
    ) -> tuple[Floats, Floats]:
        """The same of policies that no knobs may express, on any service."""
        packed = pack_policies(specs, service)
        found = evaluate(packed, service, [trial.world for trial in trials], advance=self.advance)
        clairvoyant = np.array([trial.clairvoyant for trial in trials])
        requests = np.array([trial.requests for trial in trials])
        return found[:, :, REPLICA_SECONDS] / clairvoyant, found[:, :, VIOLATED] / requests

    def whole(self, knobs: Sequence[TrafficKnobs]) -> list[Score]:
        """Over all trials; what was played before is not played again."""
        fresh = [each for each in dict.fromkeys(knobs) if each not in self.scores]
        if fresh:
            cost, violation = self.play(fresh, self.trials)
            for row, each in enumerate(fresh):
                self.scores[each] = score(self.trials, self.question.confidence, cost[row], violation[row])
        return [self.scores[each] for each in knobs]

    def best(self, knobs: Sequence[TrafficKnobs]) -> TrafficKnobs:
        """The best of them; of equals the simplest."""
        return self.ranked(knobs)[0]

    def ranked(self, knobs: Sequence[TrafficKnobs]) -> list[TrafficKnobs]:
        """Best first, over all trials; of equals the simplest."""
        budget = self.question.budget
        scored = sorted(
            zip(knobs, self.whole(knobs), strict=True),
            key=lambda entry: (*entry[1].order(budget), len(entry[0].set_fields()), repr(entry[0])),
        )
        return [each for each, _ in scored]


def score(
    trials: Sequence[Trial], confidence: float, cost: Floats, violation: Floats, *, recorded_confidence: float = 1.0
) -> Score:
    """One policy's figures over these trials; float64[trials] each.

    The violation is what `recorded_confidence` of the recorded runs and `confidence` of the variations stay within.
    """
    costs = []
    worst = 0.0
    for trace in sorted({trial.trace for trial in trials}):
        mine = [row for row, trial in enumerate(trials) if trial.trace == trace]
        costs.append(float(cost[mine].mean()))
        recorded = [float(violation[row]) for row in mine if trials[row].recorded]
        others = [float(violation[row]) for row in mine if not trials[row].recorded]
        worst = max(
            worst,
            float(np.quantile(recorded, recorded_confidence)) if recorded else 0.0,
            float(np.quantile(others, confidence)) if others else 0.0,
        )
    return Score(float(np.mean(costs)), worst, tuple(cost.tolist()), tuple(violation.tolist()))


def race(judge: Judge, knobs: Sequence[TrafficKnobs], *, least: int = LEAST_SURVIVORS) -> list[TrafficKnobs]:
    """The survivors, best first. All are played in the first run of every trace, the rest in two, and so on, doubling.

    At least `least` survive every round, the best so far.
    """
    question = judge.question
    most = 1 + max(trial.run for trial in judge.trials)
    alive = list(knobs)
    cost = np.zeros((len(alive), 0))
    violation = np.zeros((len(alive), 0))
    runs = max(1, min(most // 4, math.ceil(FIRST_SECONDS / min(duration(trace) for trace in question.traces))))
    stage = 0
    while runs < most and len(alive) > least:
        played = [trial for trial in judge.trials if trial.run < runs]
        more_cost, more_violation = judge.play(alive, played[cost.shape[1] :])
        cost, violation = np.hstack((cost, more_cost)), np.hstack((violation, more_violation))
        scores = [score(played, question.confidence, cost[row], violation[row]) for row in range(len(alive))]
        allowed = question.budget * VIOLATION_SLACK[min(stage, len(VIOLATION_SLACK) - 1)]
        holding = [each.cost for each in scores if each.violation <= question.budget]
        dearest = min(holding) * (1 + COST_SLACK[min(stage, len(COST_SLACK) - 1)]) if holding else np.inf
        ranked = sorted(range(len(alive)), key=lambda row: (*scores[row].order(question.budget), repr(alive[row])))
        promising = [row for row in ranked if scores[row].violation <= allowed and scores[row].cost <= dearest]
        kept = sorted(set(promising) | set(ranked[:least]))
        alive = [alive[row] for row in kept]
        cost, violation = cost[kept], violation[kept]
        runs *= 2
        stage += 1
    return judge.ranked(alive)
